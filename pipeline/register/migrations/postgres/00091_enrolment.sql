-- +goose Up

-- Invitations to scanners. key is the public half of a key that was made for this
-- one purpose; used_by is the key of the scanner that has used it. storage_user is
-- whom the scanner is to the storage, where Letterlock has made that user.
CREATE TABLE edge_invitations (
  key          text COLLATE "C" PRIMARY KEY,
  site         text COLLATE "C" NOT NULL,
  made         bigint NOT NULL,
  expires      bigint NOT NULL,
  replaces     bigint NOT NULL,
  storage_user text COLLATE "C" NOT NULL,
  used_by      text COLLATE "C" NOT NULL DEFAULT ''
);

-- Keys of scanners that sign no more, and why.
CREATE TABLE edge_keys (
  verifier text COLLATE "C" PRIMARY KEY,
  site     text COLLATE "C" NOT NULL,
  ended    bigint NOT NULL,
  why      text COLLATE "C" NOT NULL
);

-- Users of the storage that Letterlock has made for scanners. ends is from when on
-- one is to be removed; null while its scanner needs it.
CREATE TABLE storage_users (
  name text COLLATE "C" PRIMARY KEY,
  site text COLLATE "C" NOT NULL,
  ends bigint
);

-- +goose Down
DROP TABLE storage_users;
DROP TABLE edge_keys;
DROP TABLE edge_invitations;
