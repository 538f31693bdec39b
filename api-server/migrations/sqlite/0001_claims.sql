-- One row is one gift claimed. The primary key is the rule "one claim per user and day"; the second key
-- makes a repeated request find the claim that its first sending made.
CREATE TABLE claims (
    user_id         INTEGER NOT NULL,
    day             INTEGER NOT NULL,
    idempotency_key TEXT    NOT NULL,
    claimed_at_ms   INTEGER NOT NULL,
    PRIMARY KEY (user_id, day),
    UNIQUE (user_id, idempotency_key)
) STRICT, WITHOUT ROWID;
