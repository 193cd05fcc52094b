-- +goose Up

-- Of what nobody has opened only that counts for a reminder which came before a
-- moment: what came since is not looked at, however much it is.
DROP INDEX letters_unread;
CREATE INDEX letters_unread ON letters (received) WHERE state = 'notified';

-- +goose Down
DROP INDEX letters_unread;
CREATE INDEX letters_unread ON letters (helpline) WHERE state = 'notified';
