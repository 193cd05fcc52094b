-- +goose Up

-- Which sealed bytes were deleted, in lower-case hex: an edge gives up the scan of
-- these alone. Empty where nobody knows it any more.
ALTER TABLE gone ADD COLUMN sha256 text COLLATE "C" NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE gone DROP COLUMN sha256;
