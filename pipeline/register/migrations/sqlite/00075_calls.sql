-- +goose Up

-- Whom a reader's decision calls to a letter, and why; sent is null while the
-- mail is owed. The token is the Message-ID's first half.
CREATE TABLE calls (
  letter TEXT   NOT NULL REFERENCES letters (id) ON DELETE CASCADE,
  person BIGINT NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  why    TEXT   NOT NULL,
  token  TEXT   NOT NULL,
  sent   BIGINT,
  PRIMARY KEY (letter, person, why)
);
CREATE INDEX calls_owed ON calls (letter) WHERE sent IS NULL;

-- +goose Down
DROP TABLE calls;
