-- +goose Up

-- What somebody must see to. A row is there from when it was first found until
-- it is found no longer; raised is 1 once it is loud.
CREATE TABLE alarms (
  kind   TEXT PRIMARY KEY,
  count  BIGINT NOT NULL,
  since  BIGINT NOT NULL,
  raised BIGINT NOT NULL
);

-- The last day's mail about alarms to each person; sent is null while it is owed.
CREATE TABLE alarm_mails (
  person     BIGINT PRIMARY KEY,
  day        TEXT   NOT NULL,
  message_id TEXT   NOT NULL,
  sent       BIGINT
);

-- +goose Down
DROP TABLE alarm_mails;
DROP TABLE alarms;
