-- +goose Up

-- The planner's statistics are to keep no samples of these either (see 00090): an old
-- mail address, whom the organisation's sign-in means, and what a passkey's record
-- says. Naming a column's type again drops those that are there.
ALTER TABLE account_mails ALTER COLUMN address TYPE text COLLATE "C", ALTER COLUMN address SET STATISTICS 0;
ALTER TABLE sso_people ALTER COLUMN subject TYPE text COLLATE "C", ALTER COLUMN subject SET STATISTICS 0;
ALTER TABLE passkeys ALTER COLUMN record TYPE text COLLATE "C", ALTER COLUMN record SET STATISTICS 0;

-- +goose Down
ALTER TABLE account_mails ALTER COLUMN address SET STATISTICS -1;
ALTER TABLE sso_people ALTER COLUMN subject SET STATISTICS -1;
ALTER TABLE passkeys ALTER COLUMN record SET STATISTICS -1;
