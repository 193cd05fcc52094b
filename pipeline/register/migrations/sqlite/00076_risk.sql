-- +goose Up

-- What a reader answered to whether somebody is at risk; empty until then. And to
-- whom a reader has handed the letter over; 0 for nobody.
ALTER TABLE letters ADD COLUMN risk TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN handed_to BIGINT NOT NULL DEFAULT 0;
CREATE INDEX letters_risk_unsaid ON letters (helpline, received, id) WHERE state = 'readable' AND risk = '' AND reason = '';
CREATE INDEX letters_urgent ON letters (helpline, received, id) WHERE risk = 'urgent' AND reason = '';
CREATE INDEX letters_handed ON letters (handed_to) WHERE handed_to <> 0;

-- +goose Down
DROP INDEX letters_handed;
DROP INDEX letters_urgent;
DROP INDEX letters_risk_unsaid;
ALTER TABLE letters DROP COLUMN handed_to;
ALTER TABLE letters DROP COLUMN risk;
