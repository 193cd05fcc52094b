-- +goose Up

-- What people are in the midst of at the portal, whichever server they are at: a
-- passkey that is being shown, papers that wait for their signatures, and who has
-- just shown anew who they are. token is a hash; a row is of use for minutes.
CREATE TABLE underway (
  kind    TEXT   NOT NULL,
  token   BLOB   NOT NULL,
  session BLOB   NOT NULL,
  person  BIGINT NOT NULL,
  body    TEXT   NOT NULL,
  ends    BIGINT NOT NULL,
  PRIMARY KEY (kind, token, session)
);
CREATE INDEX underway_ends ON underway (ends);
CREATE INDEX underway_session ON underway (session);

-- +goose Down
DROP TABLE underway;
