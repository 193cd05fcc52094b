-- +goose Up

-- What the portal tells, with each look at their letters, of answers to letters that
-- their uploaders may not read any more: which wait, and what became of others.
CREATE INDEX letters_to_confirm ON letters (uploaded_by) WHERE state = 'to-confirm';
CREATE INDEX calls_away ON calls (person) WHERE why = 'away-kept' OR why = 'away-unkept';

-- +goose Down
DROP INDEX calls_away;
DROP INDEX letters_to_confirm;
