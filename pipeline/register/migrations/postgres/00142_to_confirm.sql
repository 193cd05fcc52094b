-- +goose Up

-- In the order in which they are asked for, or what lists letters by their state is
-- taken for the shorter way, and everybody's answers are read.
DROP INDEX letters_to_confirm;
CREATE INDEX letters_to_confirm ON letters (uploaded_by, received) WHERE state = 'to-confirm';

-- +goose Down
DROP INDEX letters_to_confirm;
CREATE INDEX letters_to_confirm ON letters (uploaded_by) WHERE state = 'to-confirm';
