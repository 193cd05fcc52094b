package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"letterlock/scanner/letter"
)

// adoptedScans are the letters that this replay has adopted, of which the receipt
// says that they were taken for a new scan, and that are none on record.
const adoptedScans = `SELECT l.id FROM entries e JOIN letters l ON l.id = e.letter
	WHERE e.kind = $1 AND e.seq > $2 AND l.sent_replaces <> '' AND l.replaces = '' ORDER BY e.seq`

// TakeAdoptedScans makes the letters that a replay has adopted the new scans of those
// that they were taken for after the backup was made, as their receipts say. What
// this register does not know any more, like that a paper was to be scanned again, is
// not asked for. One whose old scan cannot be replaced stays a letter of its own,
// behind the same walls. Done again it changes nothing.
func (r *Register) TakeAdoptedScans(ctx context.Context) error {
	begun, under, err := replayIn(ctx, r.read)
	if err != nil || !under {
		return err
	}
	ids, err := r.ids(ctx, adoptedScans, LetterAdopted{}.kind(), begun)
	if err != nil {
		return err
	}
	for len(ids) > 0 {
		// Of three scans of one paper the second takes over before the third.
		var later []letter.ID
		for _, id := range ids {
			wait, err := r.takeAdoptedScan(ctx, id, ids)
			if err != nil {
				return fmt.Errorf("taking a new scan: %w", err)
			}
			if wait {
				later = append(later, id)
			}
		}
		if len(later) == len(ids) {
			return nil // each waits for another, which no true receipts say
		}
		ids = later
	}
	return nil
}

// takeAdoptedScan reports whether the letter must wait, since the one that it
// replaces is among those that have yet to take over themselves.
func (r *Register) takeAdoptedScan(ctx context.Context, id letter.ID, waiting []letter.ID) (wait bool, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		l, err := letterIn(ctx, tx, id)
		if err != nil || l.Replaces != "" {
			return err
		}
		old, err := letterIn(ctx, tx, l.Manifest.Replaces)
		if errors.Is(err, ErrNotFound) {
			return nil // it has ended
		}
		if err != nil {
			return err
		}
		if wait = slices.Contains(waiting, old.ID) && old.Replaces == ""; wait {
			return nil
		}
		if err := keepWalls(ctx, tx, id, old.ID); err != nil {
			return err
		}
		if old.State == Replaced || !old.Open(r.Now()) || old.Erase != "" || old.IsResponse() || old.Helpline != l.Helpline ||
			old.Paper == letter.PaperDestroyed {
			if old.Helpline == l.Helpline && l.Named != nobodyElse {
				l.Named = old.Named
			}
			return r.keep(ctx, tx, &l)
		}
		if old.PaperReason == "" {
			old.PaperReason = AskedUnknown
		}
		return r.replace(ctx, tx, old, &l)
	})
	return wait, err
}
