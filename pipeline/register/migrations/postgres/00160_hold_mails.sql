-- +goose Up

-- Who is told of a hold whose end waits for a second person; sent is null while the
-- mail is owed. Gone once the hold ends, or goes on.
CREATE TABLE hold_mails (
  hold       bigint NOT NULL REFERENCES holds (number) ON DELETE CASCADE,
  person     bigint NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  sent       bigint,
  PRIMARY KEY (hold, person)
);

-- +goose Down
DROP TABLE hold_mails;
