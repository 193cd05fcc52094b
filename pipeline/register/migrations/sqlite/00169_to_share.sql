-- +goose Up

-- The letters that an agency should be told of, in the order of their list.
CREATE INDEX letters_to_share ON letters (helpline, received, id) WHERE risk = 'share' AND reason = '';

-- +goose Down
DROP INDEX letters_to_share;
