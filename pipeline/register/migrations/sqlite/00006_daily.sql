-- +goose Up

-- The day's mail goes out on every day. well is 1 where nothing was wrong: what
-- goes wrong later on the same day is one more mail.
ALTER TABLE alarm_mails RENAME TO daily_mails;
ALTER TABLE daily_mails ADD COLUMN well BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE daily_mails DROP COLUMN well;
ALTER TABLE daily_mails RENAME TO alarm_mails;
