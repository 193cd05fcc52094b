-- +goose Up

-- Who uploaded the copy of an answer, 0 for a letter; until when it waits to be
-- kept, null for what is kept; and how it was found that it is safe to write to
-- the answer's address. An answer that was filed before is kept.
ALTER TABLE letters ADD COLUMN uploaded_by BIGINT NOT NULL DEFAULT 0;
ALTER TABLE letters ADD COLUMN draft_ends BIGINT;
ALTER TABLE letters ADD COLUMN address_check TEXT NOT NULL DEFAULT '';
CREATE INDEX letters_draft_ends ON letters (draft_ends) WHERE draft_ends IS NOT NULL;
CREATE INDEX letters_drafts ON letters (uploaded_by) WHERE draft_ends IS NOT NULL;

-- +goose Down
DROP INDEX letters_drafts;
DROP INDEX letters_draft_ends;
ALTER TABLE letters DROP COLUMN address_check;
ALTER TABLE letters DROP COLUMN draft_ends;
ALTER TABLE letters DROP COLUMN uploaded_by;
