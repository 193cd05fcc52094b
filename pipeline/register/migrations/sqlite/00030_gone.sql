-- +goose Up

-- Of which letters their edges are still to be told that they are gone: those
-- erased before their time, and those whose paper was destroyed after them. ended
-- is the day of the last of it; a month later nobody needs to be told any more.
CREATE TABLE gone (
  letter TEXT NOT NULL PRIMARY KEY,
  site   TEXT NOT NULL,
  ended  TEXT NOT NULL
);
CREATE INDEX gone_ended ON gone (ended);

-- +goose Down
DROP TABLE gone;
