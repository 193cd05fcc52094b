-- +goose Up

-- The tables as the migrations for SQLite up to this number leave them, where each
-- is explained; from here on each migration is written for both. Text is compared
-- byte by byte, as SQLite does, whatever language the database was made for.

CREATE TABLE meta (
  name  text COLLATE "C" PRIMARY KEY,
  value text COLLATE "C" NOT NULL
);

CREATE TABLE entries (
  seq    bigint PRIMARY KEY,
  at     bigint NOT NULL,
  kind   text COLLATE "C" NOT NULL,
  letter text COLLATE "C" NOT NULL,
  line   text COLLATE "C" NOT NULL
);
CREATE INDEX entries_kind ON entries (kind, seq);
CREATE INDEX entries_letter ON entries (letter, seq) WHERE letter <> '';

CREATE TABLE tree (
  idx  bigint PRIMARY KEY,
  hash bytea NOT NULL
);

CREATE TABLE checkpoint (
  one  bigint PRIMARY KEY CHECK (one = 1),
  size bigint NOT NULL,
  note text COLLATE "C" NOT NULL
);

CREATE TABLE letters (
  id             text COLLATE "C" PRIMARY KEY,
  reference      text COLLATE "C" NOT NULL,
  site           text COLLATE "C" NOT NULL,
  helpline       text COLLATE "C" NOT NULL,
  class          text COLLATE "C" NOT NULL,
  state          text COLLATE "C" NOT NULL,
  version        bigint NOT NULL,
  received       bigint NOT NULL,
  deadline       text COLLATE "C" NOT NULL,
  week           text COLLATE "C" NOT NULL,
  pages          bigint NOT NULL,
  sheets         bigint NOT NULL,
  sides          bigint NOT NULL,
  flags          text COLLATE "C" NOT NULL,
  repaired       bigint NOT NULL,
  size           bigint NOT NULL,
  sha256         text COLLATE "C" NOT NULL,
  object         text COLLATE "C" NOT NULL,
  object_version text COLLATE "C" NOT NULL,
  trouble        text COLLATE "C" NOT NULL,
  attempts       bigint NOT NULL,
  not_before     bigint,
  receipt_due    bigint NOT NULL,
  readable_by    bigint NOT NULL,
  readable_at    bigint NOT NULL,
  found_versions bigint NOT NULL,
  found_markers  bigint NOT NULL,
  found_uploads  bigint NOT NULL,
  sent_class     text COLLATE "C" NOT NULL DEFAULT '',
  sent_helpline  text COLLATE "C" NOT NULL DEFAULT '',
  since          text COLLATE "C" NOT NULL DEFAULT '',
  lies           text COLLATE "C" NOT NULL DEFAULT '',
  coming         text COLLATE "C" NOT NULL DEFAULT '',
  leaving        text COLLATE "C" NOT NULL DEFAULT '',
  been           text COLLATE "C" NOT NULL DEFAULT '',
  moves          bigint NOT NULL DEFAULT 0,
  move_due       bigint NOT NULL DEFAULT 0,
  reason         text COLLATE "C" NOT NULL DEFAULT '',
  told           text COLLATE "C" NOT NULL DEFAULT '',
  review         text COLLATE "C" NOT NULL DEFAULT '',
  named          bigint NOT NULL DEFAULT 0,
  held_since     text COLLATE "C" NOT NULL DEFAULT '',
  erase          text COLLATE "C" NOT NULL DEFAULT '',
  answers        text COLLATE "C" NOT NULL DEFAULT '',
  missing        bigint NOT NULL DEFAULT 0,
  risk           text COLLATE "C" NOT NULL DEFAULT '',
  handed_to      bigint NOT NULL DEFAULT 0,
  sent_replaces  text COLLATE "C" NOT NULL DEFAULT '',
  replaces       text COLLATE "C" NOT NULL DEFAULT '',
  replaced_by    text COLLATE "C" NOT NULL DEFAULT '',
  replaced_at    bigint NOT NULL DEFAULT 0,
  asked_again    text COLLATE "C" NOT NULL DEFAULT '',
  uploaded_by    bigint NOT NULL DEFAULT 0,
  draft_ends     bigint,
  address_check  text COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX letters_answers ON letters (answers) WHERE answers <> '';
CREATE INDEX letters_deadline ON letters (deadline);
CREATE INDEX letters_draft_ends ON letters (draft_ends) WHERE draft_ends IS NOT NULL;
CREATE INDEX letters_drafts ON letters (uploaded_by) WHERE draft_ends IS NOT NULL;
CREATE INDEX letters_due ON letters (not_before) WHERE not_before IS NOT NULL;
CREATE INDEX letters_five_years ON letters (helpline, received, id) WHERE class = 'five-years';
CREATE INDEX letters_handed ON letters (handed_to) WHERE handed_to <> 0;
CREATE INDEX letters_held ON letters (helpline, received, id) WHERE held_since <> '';
CREATE INDEX letters_received ON letters (received, id);
CREATE INDEX letters_replaced ON letters (replaced_by) WHERE replaced_by <> '';
CREATE INDEX letters_replaces ON letters (replaces) WHERE replaces <> '';
CREATE INDEX letters_review ON letters (review) WHERE review <> '';
CREATE INDEX letters_risk_unsaid ON letters (helpline, received, id) WHERE state = 'readable' AND risk = '' AND reason = '';
CREATE INDEX letters_shown ON letters (helpline, state, received, id);
CREATE INDEX letters_trouble ON letters (trouble) WHERE trouble <> '';
CREATE INDEX letters_unread ON letters (helpline) WHERE state = 'notified';
CREATE INDEX letters_urgent ON letters (helpline, received, id) WHERE risk = 'urgent' AND reason = '';
CREATE INDEX letters_week ON letters (week, deadline);

CREATE TABLE erasures (
  letter  text COLLATE "C" PRIMARY KEY,
  line    text COLLATE "C" NOT NULL,
  deleted bigint NOT NULL
);

CREATE TABLE remains (
  letter text COLLATE "C" NOT NULL,
  object text COLLATE "C" NOT NULL,
  kind   text COLLATE "C" NOT NULL,
  trace  text COLLATE "C" NOT NULL,
  PRIMARY KEY (letter, object, kind, trace)
);

CREATE TABLE gone (
  letter text COLLATE "C" PRIMARY KEY,
  site   text COLLATE "C" NOT NULL,
  ended  text COLLATE "C" NOT NULL
);
CREATE INDEX gone_ended ON gone (ended);

CREATE TABLE papers (
  letter         text COLLATE "C" PRIMARY KEY,
  reference      text COLLATE "C" NOT NULL,
  helpline       text COLLATE "C" NOT NULL,
  class          text COLLATE "C" NOT NULL,
  site           text COLLATE "C" NOT NULL,
  received       bigint NOT NULL,
  deadline       text COLLATE "C" NOT NULL,
  pages          bigint NOT NULL,
  sheets         bigint NOT NULL,
  state          text COLLATE "C" NOT NULL,
  reason         text COLLATE "C" NOT NULL,
  checked_by     bigint NOT NULL,
  ledger         text COLLATE "C" NOT NULL,
  letter_gone    bigint NOT NULL,
  letter_gone_at bigint NOT NULL DEFAULT 0,
  checked_too    bigint NOT NULL DEFAULT 0
);
CREATE INDEX papers_desk ON papers (state, received);
CREATE INDEX papers_for_another ON papers (state, received, letter, checked_by) WHERE state = 'kept' AND checked_by <> 0;
CREATE INDEX papers_forgotten ON papers (letter) WHERE letter_gone = 1;

CREATE TABLE people (
  number   bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name     text COLLATE "C" NOT NULL,
  email    text COLLATE "C" NOT NULL,
  role     text COLLATE "C" NOT NULL,
  handle   bytea NOT NULL UNIQUE,
  added    bigint NOT NULL,
  disabled bigint
);

CREATE TABLE people_helplines (
  person   bigint NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  helpline text COLLATE "C" NOT NULL,
  PRIMARY KEY (person, helpline)
);

CREATE TABLE passkeys (
  id     bytea PRIMARY KEY,
  person bigint NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  record text COLLATE "C" NOT NULL,
  added  bigint NOT NULL
);

CREATE TABLE sso_people (
  issuer  text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  person  bigint NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  added   bigint NOT NULL,
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX sso_people_person ON sso_people (person);

CREATE TABLE enrol_codes (
  person  bigint PRIMARY KEY REFERENCES people (number) ON DELETE CASCADE,
  mac     bytea NOT NULL,
  expires bigint NOT NULL,
  tries   bigint NOT NULL
);

CREATE TABLE sessions (
  hash    bytea PRIMARY KEY,
  person  bigint NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  started bigint NOT NULL,
  seen    bigint NOT NULL
);
CREATE INDEX sessions_person ON sessions (person);

CREATE TABLE sent_forms (
  token  text COLLATE "C" NOT NULL,
  person bigint NOT NULL,
  shows  text COLLATE "C" NOT NULL,
  sent   bigint NOT NULL,
  PRIMARY KEY (token, person)
);

CREATE TABLE invitations (
  person     bigint PRIMARY KEY REFERENCES people (number) ON DELETE CASCADE,
  message_id text COLLATE "C" NOT NULL
);

CREATE TABLE reminders (
  person     bigint PRIMARY KEY REFERENCES people (number) ON DELETE CASCADE,
  day        text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  sent       bigint
);

CREATE TABLE mails (
  letter     text COLLATE "C" NOT NULL REFERENCES letters (id) ON DELETE CASCADE,
  person     bigint NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  sent       bigint,
  PRIMARY KEY (letter, person)
);
CREATE INDEX mails_waiting ON mails (letter) WHERE sent IS NULL;

CREATE TABLE calls (
  letter text COLLATE "C" NOT NULL REFERENCES letters (id) ON DELETE CASCADE,
  person bigint NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  why    text COLLATE "C" NOT NULL,
  token  text COLLATE "C" NOT NULL,
  sent   bigint,
  PRIMARY KEY (letter, person, why)
);
CREATE INDEX calls_owed ON calls (letter) WHERE sent IS NULL;

CREATE TABLE openings (
  letter  text COLLATE "C" NOT NULL REFERENCES letters (id) ON DELETE CASCADE,
  session bytea NOT NULL,
  person  bigint NOT NULL,
  at      bigint NOT NULL,
  PRIMARY KEY (letter, session)
);

CREATE TABLE pages_shown (
  letter text COLLATE "C" NOT NULL REFERENCES letters (id) ON DELETE CASCADE,
  person bigint NOT NULL,
  page   bigint NOT NULL,
  PRIMARY KEY (letter, person, page)
);

CREATE TABLE walls (
  letter text COLLATE "C" NOT NULL REFERENCES letters (id) ON DELETE CASCADE,
  person bigint NOT NULL,
  PRIMARY KEY (letter, person)
);

CREATE TABLE held (
  marker text COLLATE "C" PRIMARY KEY,
  reason text COLLATE "C" NOT NULL,
  since  bigint NOT NULL
);

CREATE TABLE edges (
  site     text COLLATE "C" PRIMARY KEY,
  verifier text COLLATE "C" NOT NULL,
  added    bigint NOT NULL,
  revoked  bigint
);

CREATE TABLE reports (
  site text COLLATE "C" PRIMARY KEY,
  at   bigint NOT NULL,
  said text COLLATE "C" NOT NULL
);

CREATE TABLE week_keys (
  week      text COLLATE "C" PRIMARY KEY,
  recipient text COLLATE "C" NOT NULL,
  state     text COLLATE "C" NOT NULL,
  made      bigint NOT NULL
);

CREATE TABLE shares (
  week      text COLLATE "C" NOT NULL,
  custodian bigint NOT NULL,
  made_in   text COLLATE "C" NOT NULL,
  made      bigint NOT NULL,
  old       bigint NOT NULL,
  lost      bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (week, custodian, made_in)
);

CREATE TABLE holds (
  number   bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  letter   text COLLATE "C" NOT NULL,
  helpline text COLLATE "C" NOT NULL,
  reason   text COLLATE "C" NOT NULL,
  owner    bigint NOT NULL,
  placed   bigint NOT NULL,
  since    text COLLATE "C" NOT NULL,
  review   text COLLATE "C" NOT NULL
);

CREATE TABLE requests (
  number   bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  letter   text COLLATE "C" NOT NULL UNIQUE REFERENCES letters (id) ON DELETE CASCADE,
  reason   text COLLATE "C" NOT NULL,
  helpline text COLLATE "C" NOT NULL,
  asked_by bigint NOT NULL,
  asked    bigint NOT NULL,
  withdraw text COLLATE "C" NOT NULL DEFAULT ''
);

CREATE TABLE request_mails (
  request    bigint NOT NULL REFERENCES requests (number) ON DELETE CASCADE,
  person     bigint NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  sent       bigint,
  PRIMARY KEY (request, person)
);

CREATE TABLE policies (
  number bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name   text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  since  bigint NOT NULL
);

CREATE TABLE policy_readers (
  policy bigint NOT NULL REFERENCES policies (number),
  person bigint NOT NULL,
  at     bigint NOT NULL,
  PRIMARY KEY (policy, person)
);

CREATE TABLE alarms (
  kind   text COLLATE "C" PRIMARY KEY,
  count  bigint NOT NULL,
  since  bigint NOT NULL,
  raised bigint NOT NULL
);

CREATE TABLE daily_mails (
  person     bigint PRIMARY KEY,
  day        text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  sent       bigint,
  well       bigint NOT NULL DEFAULT 0
);

-- The planner's statistics keep samples of what rows hold, also of deleted ones. It
-- needs none of columns that say who or which letter.
ALTER TABLE letters ALTER COLUMN id SET STATISTICS 0, ALTER COLUMN reference SET STATISTICS 0, ALTER COLUMN object SET STATISTICS 0, ALTER COLUMN object_version SET STATISTICS 0, ALTER COLUMN sha256 SET STATISTICS 0, ALTER COLUMN lies SET STATISTICS 0, ALTER COLUMN coming SET STATISTICS 0, ALTER COLUMN leaving SET STATISTICS 0, ALTER COLUMN been SET STATISTICS 0, ALTER COLUMN answers SET STATISTICS 0, ALTER COLUMN sent_replaces SET STATISTICS 0, ALTER COLUMN replaces SET STATISTICS 0, ALTER COLUMN replaced_by SET STATISTICS 0;
ALTER TABLE erasures ALTER COLUMN letter SET STATISTICS 0, ALTER COLUMN line SET STATISTICS 0;
ALTER TABLE remains ALTER COLUMN letter SET STATISTICS 0, ALTER COLUMN object SET STATISTICS 0, ALTER COLUMN trace SET STATISTICS 0;
ALTER TABLE gone ALTER COLUMN letter SET STATISTICS 0;
ALTER TABLE papers ALTER COLUMN letter SET STATISTICS 0, ALTER COLUMN reference SET STATISTICS 0;
ALTER TABLE people ALTER COLUMN name SET STATISTICS 0, ALTER COLUMN email SET STATISTICS 0;
ALTER TABLE mails ALTER COLUMN letter SET STATISTICS 0, ALTER COLUMN message_id SET STATISTICS 0;
ALTER TABLE calls ALTER COLUMN letter SET STATISTICS 0, ALTER COLUMN token SET STATISTICS 0;
ALTER TABLE openings ALTER COLUMN letter SET STATISTICS 0, ALTER COLUMN session SET STATISTICS 0;
ALTER TABLE pages_shown ALTER COLUMN letter SET STATISTICS 0;
ALTER TABLE walls ALTER COLUMN letter SET STATISTICS 0;
ALTER TABLE held ALTER COLUMN marker SET STATISTICS 0;
ALTER TABLE holds ALTER COLUMN letter SET STATISTICS 0;
ALTER TABLE requests ALTER COLUMN letter SET STATISTICS 0;

-- +goose Down
DROP TABLE daily_mails, alarms, policy_readers, policies, request_mails, requests, holds, shares, week_keys, reports, edges, held, walls, pages_shown, openings, calls, mails, reminders, invitations, sent_forms, sessions, enrol_codes, sso_people, passkeys, people_helplines, people, papers, gone, remains, erasures, letters, checkpoint, tree, entries, meta;
