-- One row is one gift claimed. The primary key is the rule "one claim per user and day"; the second key
-- makes a repeated request find the claim that its first sending made.
CREATE TABLE claims (
    user_id         BIGINT           NOT NULL,
    day             TINYINT UNSIGNED NOT NULL,
    idempotency_key VARCHAR(64)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    claimed_at_ms   BIGINT           NOT NULL,
    PRIMARY KEY (user_id, day),
    UNIQUE KEY claims_by_key (user_id, idempotency_key)
) ENGINE = InnoDB;
