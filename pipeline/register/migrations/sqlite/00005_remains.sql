-- +goose Up

-- What the storage was ever seen to hold of a letter that is being ended, noted
-- before it is removed. It goes with the letter's row.
CREATE TABLE remains (
  letter TEXT NOT NULL,
  object TEXT NOT NULL,
  kind   TEXT NOT NULL,
  trace  TEXT NOT NULL,
  PRIMARY KEY (letter, object, kind, trace)
);

-- +goose Down
DROP TABLE remains;
