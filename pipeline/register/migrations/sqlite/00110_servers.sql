-- +goose Up

-- The servers that are at work on this register, by a name that each keeps over
-- its restarts. beat grows while a server lives; silent is since when the leading
-- server has heard none of it, null where it hears it; apart is by how much its
-- clock was ahead of the leading one's when that differed, in milliseconds.
CREATE TABLE servers (
  name    TEXT   NOT NULL PRIMARY KEY,
  boot    TEXT   NOT NULL,
  beat    BIGINT NOT NULL,
  clock   BIGINT NOT NULL,
  program TEXT   NOT NULL,
  setup   TEXT   NOT NULL,
  silent  BIGINT,
  apart   BIGINT NOT NULL DEFAULT 0
);

-- +goose Down
DROP TABLE servers;
