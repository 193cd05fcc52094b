-- +goose Up

-- Invitations to scanners. key is the public half of a key that was made for this
-- one purpose; used_by is the key of the scanner that has used it. storage_user is
-- whom the scanner is to the storage, where Letterlock has made that user.
CREATE TABLE edge_invitations (
  key          TEXT   PRIMARY KEY,
  site         TEXT   NOT NULL,
  made         BIGINT NOT NULL,
  expires      BIGINT NOT NULL,
  replaces     BIGINT NOT NULL,
  storage_user TEXT   NOT NULL,
  used_by      TEXT   NOT NULL DEFAULT ''
);

-- Keys of scanners that sign no more, and why.
CREATE TABLE edge_keys (
  verifier TEXT   PRIMARY KEY,
  site     TEXT   NOT NULL,
  ended    BIGINT NOT NULL,
  why      TEXT   NOT NULL
);

-- Users of the storage that Letterlock has made for scanners. ends is from when on
-- one is to be removed; null while its scanner needs it.
CREATE TABLE storage_users (
  name TEXT   PRIMARY KEY,
  site TEXT   NOT NULL,
  ends BIGINT
);

-- +goose Down
DROP TABLE storage_users;
DROP TABLE edge_keys;
DROP TABLE edge_invitations;
