-- +goose Up

-- Who is owed the mail that says where to set up a sign-in; gone once a mail
-- server took it.
CREATE TABLE invitations (
  person     BIGINT PRIMARY KEY REFERENCES people (number) ON DELETE CASCADE,
  message_id TEXT   NOT NULL
);

-- +goose Down
DROP TABLE invitations;
