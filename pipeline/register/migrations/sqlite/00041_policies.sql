-- +goose Up

-- Each text of the confidentiality policy that was ever in force here, and who
-- has read and understood it.
CREATE TABLE policies (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name   TEXT   NOT NULL,
  digest TEXT   NOT NULL,
  since  BIGINT NOT NULL
);
CREATE TABLE policy_readers (
  policy BIGINT NOT NULL REFERENCES policies (number),
  person BIGINT NOT NULL,
  at     BIGINT NOT NULL,
  PRIMARY KEY (policy, person)
);

-- +goose Down
DROP TABLE policy_readers;
DROP TABLE policies;
