-- +goose Up

-- Shares of keys that custodians keep: a row for each share that may still
-- exist. It goes when the share does; the register keeps what happened. old is
-- 1 once the key was shared anew.
CREATE TABLE shares (
  week      TEXT   NOT NULL,
  custodian BIGINT NOT NULL,
  made_in   TEXT   NOT NULL,
  made      BIGINT NOT NULL,
  old       BIGINT NOT NULL,
  PRIMARY KEY (week, custodian, made_in)
);

-- Whether a letter outlives its key is asked every few seconds.
DROP INDEX letters_week;
CREATE INDEX letters_week ON letters (week, deadline);

-- +goose Down
DROP INDEX letters_week;
CREATE INDEX letters_week ON letters (week);
DROP TABLE shares;
