-- +goose Up

-- What people have answered of the scans that scanners on other machines ask about,
-- as JSON of page numbers and words, until the scanner asks no more.
CREATE TABLE scan_answers (
  site   TEXT   NOT NULL,
  token  TEXT   NOT NULL,
  at     BIGINT NOT NULL,
  answer TEXT   NOT NULL,
  PRIMARY KEY (site, token)
);

-- +goose Down
DROP TABLE scan_answers;
