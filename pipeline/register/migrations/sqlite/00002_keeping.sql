-- +goose Up

-- A letter can come to lie elsewhere than its manifest said. class, helpline,
-- since, deadline and week say how it is kept now; sent_class and
-- sent_helpline are the manifest's own. since is the day from which the class
-- counts; empty is the day of receipt. lies is the copy that people open
-- (empty: as deposited), coming the place of one that is being made, leaving
-- the places that are to be emptied, been every place that was ever chosen, as
-- JSON. moves counts every change of these, for the compare-and-set.
ALTER TABLE letters ADD COLUMN sent_class TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN sent_helpline TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN since TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN lies TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN coming TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN leaving TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN been TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN moves BIGINT NOT NULL DEFAULT 0;
ALTER TABLE letters ADD COLUMN move_due BIGINT NOT NULL DEFAULT 0;
UPDATE letters SET sent_class = class, sent_helpline = helpline;

-- What was decided for safeguarding: why, what the service user knows, when it
-- is looked at again, and the leader who may open the letter.
ALTER TABLE letters ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN told TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN review TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN named BIGINT NOT NULL DEFAULT 0;
CREATE INDEX letters_review ON letters (review) WHERE review <> '';

-- +goose Down
DROP INDEX letters_review;
ALTER TABLE letters DROP COLUMN named;
ALTER TABLE letters DROP COLUMN review;
ALTER TABLE letters DROP COLUMN told;
ALTER TABLE letters DROP COLUMN reason;
ALTER TABLE letters DROP COLUMN move_due;
ALTER TABLE letters DROP COLUMN moves;
ALTER TABLE letters DROP COLUMN been;
ALTER TABLE letters DROP COLUMN leaving;
ALTER TABLE letters DROP COLUMN coming;
ALTER TABLE letters DROP COLUMN lies;
ALTER TABLE letters DROP COLUMN since;
ALTER TABLE letters DROP COLUMN sent_helpline;
ALTER TABLE letters DROP COLUMN sent_class;
