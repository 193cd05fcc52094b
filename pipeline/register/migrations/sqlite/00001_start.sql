-- +goose Up

-- Facts about this data folder: what kind it is, the sample's clock, serials.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- The register. line is the entry exactly as exported; letter is kept beside
-- it so that an id is never admitted twice, even after the letter is gone.
CREATE TABLE entries (
  seq    BIGINT PRIMARY KEY,
  at     BIGINT NOT NULL,
  kind   TEXT   NOT NULL,
  letter TEXT   NOT NULL,
  line   TEXT   NOT NULL
);
CREATE INDEX entries_letter ON entries (letter, seq) WHERE letter <> '';
CREATE INDEX entries_kind ON entries (kind, seq);
CREATE TABLE tree (
  idx  BIGINT PRIMARY KEY,
  hash BLOB   NOT NULL
);
CREATE TABLE checkpoint (
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  size BIGINT NOT NULL,
  note TEXT   NOT NULL
);

-- Letters that live. The row is erased on the deadline.
CREATE TABLE letters (
  id             TEXT PRIMARY KEY,
  reference      TEXT   NOT NULL,
  site           TEXT   NOT NULL,
  helpline       TEXT   NOT NULL,
  class          TEXT   NOT NULL,
  state          TEXT   NOT NULL,
  version        BIGINT NOT NULL,
  received       BIGINT NOT NULL,
  deadline       TEXT   NOT NULL,
  week           TEXT   NOT NULL,
  pages          BIGINT NOT NULL,
  sheets         BIGINT NOT NULL,
  sides          BIGINT NOT NULL,
  flags          TEXT   NOT NULL,
  repaired       BIGINT NOT NULL,
  size           BIGINT NOT NULL,
  sha256         TEXT   NOT NULL,
  object         TEXT   NOT NULL,
  object_version TEXT   NOT NULL,
  trouble        TEXT   NOT NULL,
  attempts       BIGINT NOT NULL,
  not_before     BIGINT,
  receipt_due    BIGINT NOT NULL,
  readable_by    BIGINT NOT NULL,
  readable_at    BIGINT NOT NULL,
  found_versions BIGINT NOT NULL,
  found_markers  BIGINT NOT NULL,
  found_uploads  BIGINT NOT NULL
);
CREATE INDEX letters_due ON letters (not_before) WHERE not_before IS NOT NULL;
CREATE INDEX letters_deadline ON letters (deadline);
CREATE INDEX letters_week ON letters (week);
CREATE INDEX letters_list ON letters (helpline, received, id);
CREATE INDEX letters_received ON letters (received, id);
CREATE INDEX letters_trouble ON letters (trouble) WHERE trouble <> '';

-- Deletions whose proof is not yet on the register: the rows are deleted, but
-- not yet gone from the database's files.
CREATE TABLE erasures (
  letter   TEXT PRIMARY KEY,
  line     TEXT   NOT NULL,
  deleted  BIGINT NOT NULL
);

-- Paper originals. A paper outlives its letter's row until its destruction is
-- recorded: a forgotten sheet is an alarm, not an oversight.
CREATE TABLE papers (
  letter    TEXT PRIMARY KEY,
  reference TEXT   NOT NULL,
  helpline  TEXT   NOT NULL,
  class     TEXT   NOT NULL,
  site      TEXT   NOT NULL,
  received  BIGINT NOT NULL,
  deadline  TEXT   NOT NULL,
  pages     BIGINT NOT NULL,
  sheets    BIGINT NOT NULL,
  state     TEXT   NOT NULL,
  reason    TEXT   NOT NULL,
  checked_by BIGINT NOT NULL,
  ledger    TEXT   NOT NULL,
  letter_gone BIGINT NOT NULL
);
CREATE INDEX papers_desk ON papers (state, received);
CREATE INDEX papers_forgotten ON papers (letter) WHERE letter_gone = 1;

CREATE TABLE mails (
  letter     TEXT   NOT NULL REFERENCES letters (id) ON DELETE CASCADE,
  person     BIGINT NOT NULL,
  message_id TEXT   NOT NULL,
  sent       BIGINT,
  PRIMARY KEY (letter, person)
);
CREATE INDEX mails_waiting ON mails (letter) WHERE sent IS NULL;

CREATE TABLE openings (
  letter  TEXT   NOT NULL REFERENCES letters (id) ON DELETE CASCADE,
  session BLOB   NOT NULL,
  person  BIGINT NOT NULL,
  at      BIGINT NOT NULL,
  PRIMARY KEY (letter, session)
);

-- Manifests that a person must look at; gone when the manifest is.
CREATE TABLE held (
  marker TEXT PRIMARY KEY,
  reason TEXT   NOT NULL,
  since  BIGINT NOT NULL
);

CREATE TABLE edges (
  site     TEXT PRIMARY KEY,
  verifier TEXT   NOT NULL,
  added    BIGINT NOT NULL,
  revoked  BIGINT
);

CREATE TABLE week_keys (
  week      TEXT PRIMARY KEY,
  recipient TEXT   NOT NULL,
  state     TEXT   NOT NULL,
  made      BIGINT NOT NULL
);

-- People. Names and addresses live here and nowhere else.
CREATE TABLE people (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  name     TEXT   NOT NULL,
  email    TEXT   NOT NULL,
  role     TEXT   NOT NULL,
  handle   BLOB   NOT NULL UNIQUE,
  added    BIGINT NOT NULL,
  disabled BIGINT
);
CREATE TABLE people_helplines (
  person   BIGINT NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  helpline TEXT   NOT NULL,
  PRIMARY KEY (person, helpline)
);
CREATE TABLE passkeys (
  id     BLOB PRIMARY KEY,
  person BIGINT NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  record TEXT   NOT NULL,
  added  BIGINT NOT NULL
);
CREATE TABLE enrol_codes (
  person  BIGINT PRIMARY KEY REFERENCES people (number) ON DELETE CASCADE,
  mac     BLOB   NOT NULL,
  expires BIGINT NOT NULL,
  tries   BIGINT NOT NULL
);
CREATE TABLE sessions (
  hash    BLOB PRIMARY KEY,
  person  BIGINT NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  started BIGINT NOT NULL,
  seen    BIGINT NOT NULL
);
CREATE INDEX sessions_person ON sessions (person);

-- +goose Down
DROP TABLE sessions;
DROP TABLE enrol_codes;
DROP TABLE passkeys;
DROP TABLE people_helplines;
DROP TABLE people;
DROP TABLE week_keys;
DROP TABLE edges;
DROP TABLE held;
DROP TABLE openings;
DROP TABLE mails;
DROP TABLE papers;
DROP TABLE erasures;
DROP TABLE letters;
DROP TABLE checkpoint;
DROP TABLE tree;
DROP TABLE entries;
DROP TABLE meta;
