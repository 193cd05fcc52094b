-- +goose Up

-- When the letter of a paper went, so that an alarm of papers that outlived
-- theirs is as old as the oldest of them; 0 where it has not, or went before
-- this was kept.
ALTER TABLE papers ADD COLUMN letter_gone_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE papers DROP COLUMN letter_gone_at;
