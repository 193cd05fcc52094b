-- +goose Up

-- From which letters a person is walled off, because they know somebody in them.
CREATE TABLE walls (
  letter TEXT   NOT NULL REFERENCES letters (id) ON DELETE CASCADE,
  person BIGINT NOT NULL,
  PRIMARY KEY (letter, person)
);

-- +goose Down
DROP TABLE walls;
