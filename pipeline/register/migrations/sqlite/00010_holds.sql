-- +goose Up

-- Holds that are in force; a hold that was released is on the register alone.
-- letter is empty where everything of the helpline is held.
CREATE TABLE holds (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  letter   TEXT   NOT NULL,
  helpline TEXT   NOT NULL,
  reason   TEXT   NOT NULL,
  owner    BIGINT NOT NULL,
  placed   BIGINT NOT NULL,
  since    TEXT   NOT NULL,
  review   TEXT   NOT NULL
);

-- The first day of the holds that a letter is under; empty for none. While it is
-- set, the deadline column holds 9999-12-31: no day on which it is due.
ALTER TABLE letters ADD COLUMN held_since TEXT NOT NULL DEFAULT '';
CREATE INDEX letters_held ON letters (held_since) WHERE held_since <> '';

-- +goose Down
DROP INDEX letters_held;
ALTER TABLE letters DROP COLUMN held_since;
DROP TABLE holds;
