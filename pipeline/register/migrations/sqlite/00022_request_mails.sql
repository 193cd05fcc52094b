-- +goose Up

-- Who is told of a request that waits for a second person; sent is null while
-- the mail is owed.
CREATE TABLE request_mails (
  request    BIGINT NOT NULL REFERENCES requests (number) ON DELETE CASCADE,
  person     BIGINT NOT NULL,
  message_id TEXT   NOT NULL,
  sent       BIGINT,
  PRIMARY KEY (request, person)
);

-- +goose Down
DROP TABLE request_mails;
