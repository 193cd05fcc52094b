-- +goose Up

-- Which pages of a letter each person was shown, so that nobody finds a letter
-- readable that they have not seen whole.
CREATE TABLE pages_shown (
  letter TEXT   NOT NULL REFERENCES letters (id) ON DELETE CASCADE,
  person BIGINT NOT NULL,
  page   BIGINT NOT NULL,
  PRIMARY KEY (letter, person, page)
);

-- +goose Down
DROP TABLE pages_shown;
