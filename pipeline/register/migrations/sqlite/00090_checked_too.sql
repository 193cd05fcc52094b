-- +goose Up

-- Who found the scan readable beside the first who did, where one is not enough
-- for the paper to go; 0 for nobody.
ALTER TABLE papers ADD COLUMN checked_too BIGINT NOT NULL DEFAULT 0;
CREATE INDEX papers_for_another ON papers (state, received, letter, checked_by) WHERE state = 'kept' AND checked_by <> 0;

-- +goose Down
DROP INDEX papers_for_another;
ALTER TABLE papers DROP COLUMN checked_too;
