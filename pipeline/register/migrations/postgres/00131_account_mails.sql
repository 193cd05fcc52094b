-- +goose Up

-- Who is owed a mail about a sign-in, theirs or of somebody who reads letters, and
-- why; gone once it is sent. The address is the old one of who was given another, and
-- empty where it is the person's. The token is the Message-ID's first half.
CREATE TABLE account_mails (
  token   text   COLLATE "C" PRIMARY KEY,
  person  BIGINT NOT NULL REFERENCES people (number) ON DELETE CASCADE,
  why     text   COLLATE "C" NOT NULL,
  address text   COLLATE "C" NOT NULL
);

-- +goose Down
DROP TABLE account_mails;
