-- +goose Up

-- What one person has asked for and another has not yet confirmed or declined.
-- helpline is where a letter belongs; empty where it is to be erased.
CREATE TABLE requests (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  letter   TEXT   NOT NULL UNIQUE REFERENCES letters (id) ON DELETE CASCADE,
  reason   TEXT   NOT NULL,
  helpline TEXT   NOT NULL,
  asked_by BIGINT NOT NULL,
  asked    BIGINT NOT NULL
);

-- Why the letter is erased before its time; empty for one that is not.
ALTER TABLE letters ADD COLUMN erase TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE letters DROP COLUMN erase;
DROP TABLE requests;
