-- +goose Up

-- Who has asked for the end of a hold that a second person must confirm, and when;
-- 0 for nobody.
ALTER TABLE holds ADD COLUMN release_by BIGINT NOT NULL DEFAULT 0;
ALTER TABLE holds ADD COLUMN release_asked BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE holds DROP COLUMN release_asked;
ALTER TABLE holds DROP COLUMN release_by;
