-- +goose Up

-- What PostgreSQL's statistics are to keep no samples of; SQLite's keep none.
SELECT 1;

-- +goose Down
SELECT 1;
