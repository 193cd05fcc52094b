-- +goose Up

-- Who is reminded of letters that nobody has opened, and on which day last; sent
-- is null while the mail is owed.
CREATE TABLE reminders (
  person     BIGINT NOT NULL PRIMARY KEY REFERENCES people (number) ON DELETE CASCADE,
  day        TEXT   NOT NULL,
  message_id TEXT   NOT NULL,
  sent       BIGINT
);
CREATE INDEX letters_unread ON letters (helpline) WHERE state = 'notified';

-- +goose Down
DROP INDEX letters_unread;
DROP TABLE reminders;
