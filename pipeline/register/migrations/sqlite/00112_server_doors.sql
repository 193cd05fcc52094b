-- +goose Up

-- exposed is the address at which other machines reach the server's portal without
-- TLS, empty where they do not; lacks is how many keys live on record that are not
-- in its keyring.
ALTER TABLE servers ADD COLUMN exposed TEXT NOT NULL DEFAULT '';
ALTER TABLE servers ADD COLUMN lacks BIGINT NOT NULL DEFAULT 0;
DELETE FROM meta WHERE name = 'exposed';

-- +goose Down
ALTER TABLE servers DROP COLUMN lacks;
ALTER TABLE servers DROP COLUMN exposed;
