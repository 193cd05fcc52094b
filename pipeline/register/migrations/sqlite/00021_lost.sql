-- +goose Up

-- A share that nobody can find is no share that is gone: lost is 1.
ALTER TABLE shares ADD COLUMN lost BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE shares DROP COLUMN lost;
