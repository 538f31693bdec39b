-- One row is one product recommended to a user, the first position first; at most ten. They are written by whoever
-- works them out. User 0 is everyone who has none of their own.
CREATE TABLE recommendations (
    user_id  INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position BETWEEN 1 AND 10),
    product  TEXT    NOT NULL,
    PRIMARY KEY (user_id, position)
) STRICT, WITHOUT ROWID;

INSERT INTO recommendations (user_id, position, product)
VALUES (0, 1, 'candle'), (0, 2, 'tea'), (0, 3, 'chocolate'), (0, 4, 'puzzle'), (0, 5, 'socks');
