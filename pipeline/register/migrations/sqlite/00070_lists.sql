-- +goose Up

-- Every list of letters is read in the order of an index: by state, or by what
-- few letters have in common.
DROP INDEX letters_list;
CREATE INDEX letters_shown ON letters (helpline, state, received, id);
CREATE INDEX letters_five_years ON letters (helpline, received, id) WHERE class = 'five-years';
DROP INDEX letters_held;
CREATE INDEX letters_held ON letters (helpline, received, id) WHERE held_since <> '';

-- +goose Down
DROP INDEX letters_held;
CREATE INDEX letters_held ON letters (held_since) WHERE held_since <> '';
DROP INDEX letters_five_years;
DROP INDEX letters_shown;
CREATE INDEX letters_list ON letters (helpline, received, id);
