-- +goose Up

-- Why a decision to keep the letter for five years is to be withdrawn; empty
-- for a request of another kind.
ALTER TABLE requests ADD COLUMN withdraw TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE requests DROP COLUMN withdraw;
