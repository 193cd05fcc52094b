-- +goose Up

-- Forms that have done what they were sent for, by the token of the page they
-- were on, and where whoever sent it was led. It names no letter, and a row is of
-- use for a day.
CREATE TABLE sent_forms (
  token  TEXT   NOT NULL,
  person BIGINT NOT NULL,
  shows  TEXT   NOT NULL,
  sent   BIGINT NOT NULL,
  PRIMARY KEY (token, person)
);

-- +goose Down
DROP TABLE sent_forms;
