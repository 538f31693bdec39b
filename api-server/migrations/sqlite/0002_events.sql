-- One row is one thing that a client reported. The primary key makes a report that is sent or written twice one row.
CREATE TABLE events (
    user_id INTEGER NOT NULL,
    id      TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    at_ms   INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
