-- +goose Up

-- That the storage was seen not to hold the letter before its time: on its deadline
-- nothing may be left of it, and it was not the storage's own rule that removed it.
ALTER TABLE letters ADD COLUMN lost BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE letters DROP COLUMN lost;
