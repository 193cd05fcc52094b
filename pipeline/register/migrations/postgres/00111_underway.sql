-- +goose Up

-- What people are in the midst of at the portal: see the SQLite one of this number.
CREATE TABLE underway (
  kind    text COLLATE "C" NOT NULL,
  token   bytea NOT NULL,
  session bytea NOT NULL,
  person  bigint NOT NULL,
  body    text COLLATE "C" NOT NULL,
  ends    bigint NOT NULL,
  PRIMARY KEY (kind, token, session)
);
CREATE INDEX underway_ends ON underway (ends);
CREATE INDEX underway_session ON underway (session);

-- A tray's body names letters.
ALTER TABLE underway ALTER COLUMN body SET STATISTICS 0, ALTER COLUMN session SET STATISTICS 0;

-- +goose Down
DROP TABLE underway;
