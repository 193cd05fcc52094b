-- +goose Up

-- What each site's scanner said last of what is in its folder: counts, times and
-- reasons, as JSON.
CREATE TABLE reports (
  site TEXT   PRIMARY KEY,
  at   BIGINT NOT NULL,
  said TEXT   NOT NULL
);

-- +goose Down
DROP TABLE reports;
