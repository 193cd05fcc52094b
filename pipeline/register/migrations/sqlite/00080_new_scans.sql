-- +goose Up

-- New scans of papers that were to be scanned again. sent_replaces is the letter
-- that the manifest names, replaces the same once the register agreed; both are
-- empty for other letters. Of a letter with a newer scan, replaced_by is the
-- newest of its paper, replaced_at since when it has one, and asked_again why the
-- paper was to be scanned again: its own row of papers is gone meanwhile.
ALTER TABLE letters ADD COLUMN sent_replaces TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN replaced_by TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN replaced_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE letters ADD COLUMN asked_again TEXT NOT NULL DEFAULT '';
CREATE INDEX letters_replaced ON letters (replaced_by) WHERE replaced_by <> '';
CREATE INDEX letters_replaces ON letters (replaces) WHERE replaces <> '';

-- +goose Down
DROP INDEX letters_replaces;
DROP INDEX letters_replaced;
ALTER TABLE letters DROP COLUMN asked_again;
ALTER TABLE letters DROP COLUMN replaced_at;
ALTER TABLE letters DROP COLUMN replaced_by;
ALTER TABLE letters DROP COLUMN replaces;
ALTER TABLE letters DROP COLUMN sent_replaces;
