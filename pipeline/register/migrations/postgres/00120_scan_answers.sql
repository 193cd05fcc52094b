-- +goose Up

-- What people have answered of scanners' questions: see the SQLite one of this number.
CREATE TABLE scan_answers (
  site   text COLLATE "C" NOT NULL,
  token  text COLLATE "C" NOT NULL,
  at     bigint NOT NULL,
  answer text COLLATE "C" NOT NULL,
  PRIMARY KEY (site, token)
);

-- +goose Down
DROP TABLE scan_answers;
