-- +goose Up

-- A response is a letter's row that says which letter it answers, and that has
-- no paper; empty for a letter.
ALTER TABLE letters ADD COLUMN answers TEXT NOT NULL DEFAULT '';
CREATE INDEX letters_answers ON letters (answers) WHERE answers <> '';

-- +goose Down
DROP INDEX letters_answers;
ALTER TABLE letters DROP COLUMN answers;
