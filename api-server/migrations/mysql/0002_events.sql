-- One row is one thing that a client reported. The primary key makes a report that is sent or written twice one row.
CREATE TABLE events (
    user_id BIGINT      NOT NULL,
    id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at_ms   BIGINT      NOT NULL,
    PRIMARY KEY (user_id, id)
) ENGINE = InnoDB;
