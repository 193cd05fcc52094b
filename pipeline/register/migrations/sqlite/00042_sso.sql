-- +goose Up

-- Who signs in with the organisation's own sign-in: the provider's name for a
-- person. Never an address, which may be given to somebody else.
CREATE TABLE sso_people (
  issuer  TEXT   NOT NULL,
  subject TEXT   NOT NULL,
  person  BIGINT NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  added   BIGINT NOT NULL,
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX sso_people_person ON sso_people (person);

-- +goose Down
DROP TABLE sso_people;
