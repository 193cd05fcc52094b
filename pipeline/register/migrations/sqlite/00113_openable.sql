-- +goose Up

-- What PostgreSQL must be told of the states; SQLite goes along the list's index
-- without it.
SELECT 1;

-- +goose Down
SELECT 1;
