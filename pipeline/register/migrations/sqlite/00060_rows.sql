-- +goose Up

-- In SQLite an INTEGER key is the row's own number, while any other has an index
-- of its own that each new row is written to as well.
CREATE TABLE entries_by_row (
  seq    INTEGER PRIMARY KEY,
  at     BIGINT NOT NULL,
  kind   TEXT   NOT NULL,
  letter TEXT   NOT NULL,
  line   TEXT   NOT NULL
);
INSERT INTO entries_by_row SELECT seq, at, kind, letter, line FROM entries ORDER BY seq;
DROP TABLE entries;
ALTER TABLE entries_by_row RENAME TO entries;
CREATE INDEX entries_letter ON entries (letter, seq) WHERE letter <> '';
CREATE INDEX entries_kind ON entries (kind, seq);

CREATE TABLE tree_by_row (
  idx  INTEGER PRIMARY KEY,
  hash BLOB    NOT NULL
);
INSERT INTO tree_by_row SELECT idx, hash FROM tree ORDER BY idx;
DROP TABLE tree;
ALTER TABLE tree_by_row RENAME TO tree;

-- +goose Down
CREATE TABLE entries_by_key (
  seq    BIGINT PRIMARY KEY,
  at     BIGINT NOT NULL,
  kind   TEXT   NOT NULL,
  letter TEXT   NOT NULL,
  line   TEXT   NOT NULL
);
INSERT INTO entries_by_key SELECT seq, at, kind, letter, line FROM entries ORDER BY seq;
DROP TABLE entries;
ALTER TABLE entries_by_key RENAME TO entries;
CREATE INDEX entries_letter ON entries (letter, seq) WHERE letter <> '';
CREATE INDEX entries_kind ON entries (kind, seq);

CREATE TABLE tree_by_key (
  idx  BIGINT PRIMARY KEY,
  hash BLOB   NOT NULL
);
INSERT INTO tree_by_key SELECT idx, hash FROM tree ORDER BY idx;
DROP TABLE tree;
ALTER TABLE tree_by_key RENAME TO tree;
