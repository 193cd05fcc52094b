-- +goose Up

-- The servers that are at work on this register: see the SQLite one of this number.
CREATE TABLE servers (
  name    text COLLATE "C" PRIMARY KEY,
  boot    text COLLATE "C" NOT NULL,
  beat    bigint NOT NULL,
  clock   bigint NOT NULL,
  program text COLLATE "C" NOT NULL,
  setup   text COLLATE "C" NOT NULL,
  silent  bigint,
  apart   bigint NOT NULL DEFAULT 0
);

-- +goose Down
DROP TABLE servers;
