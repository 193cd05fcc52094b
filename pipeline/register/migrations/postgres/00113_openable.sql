-- +goose Up

-- How often each state is, and how often a letter is an answer, for what lists ask
-- of them in such a way that no index serves (canBeOpened): without this the planner
-- takes letters that can be opened for the exception, and sorts all of them for each
-- page. A length tells nothing of any letter.
CREATE STATISTICS letters_openable ON (state || ''), (length(answers)) FROM letters;

-- +goose Down
DROP STATISTICS letters_openable;
