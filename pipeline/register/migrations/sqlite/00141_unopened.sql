-- +goose Up

-- A letter of which not everybody could be told counts for a reminder too: of it
-- somebody must hear all the more.
DROP INDEX letters_unread;
CREATE INDEX letters_unread ON letters (state, received);

-- +goose Down
DROP INDEX letters_unread;
CREATE INDEX letters_unread ON letters (received) WHERE state = 'notified';
