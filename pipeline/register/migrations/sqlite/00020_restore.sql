-- +goose Up

-- 1 for a living letter that was found nowhere in the storage when a restore was
-- replayed.
ALTER TABLE letters ADD COLUMN missing BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE letters DROP COLUMN missing;
