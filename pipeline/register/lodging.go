package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"letterlock/scanner/letter"
)

// Lodging is one sealed copy of a letter in the bucket. Its first three fields
// say where it lies, and with that to which week's key it is sealed; the others
// say what it is, once it was read back.
type Lodging struct {
	Class    letter.Class `json:"class"`
	Helpline string       `json:"helpline"`
	Since    letter.Date  `json:"since"` // the day from which the class counts; it stands in the object's key
	Size     int64        `json:"size,omitempty"`
	SHA256   string       `json:"sha256,omitempty"`  // of the sealed object, lower-case hex
	Version  string       `json:"version,omitempty"` // of the object; empty until it was read back
}

// Deadline is the day after which nothing may lie there.
func (p Lodging) Deadline() letter.Date { return letter.Deadline(p.Since, p.Class) }

// Week is the expiry week to whose key the copy is sealed.
func (p Lodging) Week() letter.Week { return letter.WeekOf(p.Deadline()) }

// Key is the object's place in the bucket.
func (p Lodging) Key(id letter.ID) string { return letter.ObjectKey(p.Class, p.Helpline, p.Since, id) }

// place is the lodging without what lies there.
func (p Lodging) place() Lodging {
	return Lodging{Class: p.Class, Helpline: p.Helpline, Since: p.Since}
}

// Wanted is where the letter must lie. It follows from what was decided of the
// letter and from nothing else: the pipeline compares it with where the letter
// does lie, and moves it. What is held lies among the five-year letters from
// the hold's first day, whatever its own class: neither the storage nor the
// death of a key may end it there.
func (l Letter) Wanted() Lodging {
	if l.Held() {
		return Lodging{Class: letter.FiveYears, Helpline: l.Helpline, Since: l.HeldSince}
	}
	return Lodging{Class: l.Class, Helpline: l.Helpline, Since: l.Since}
}

// MoveDue reports whether the bucket differs from what was decided.
func (l Letter) MoveDue() bool {
	return l.Coming != nil || len(l.Leaving) > 0 || l.Lies.place() != l.Wanted()
}

// MovedSince reports whether anything was recorded about where the letter lies
// since it was read as before.
func (l Letter) MovedSince(before Letter) bool { return l.moves != before.moves }

// Places are all places in which something of the letter may lie.
func (l Letter) Places() []Lodging {
	all := []Lodging{l.Lies.place()}
	for _, p := range l.Been {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// lastKey is the week of the key that dies last of all to which the letter was
// ever sealed: until then an old copy of the bucket may still be read.
func (l Letter) lastKey() letter.Week {
	last := l.Lies
	for _, p := range l.Places() {
		if last.Deadline().Before(p.Deadline()) {
			last = p
		}
	}
	return last.Week()
}

// Deadline is the day on which the letter must be gone, unless it is held.
func (l Letter) Deadline() letter.Date { return letter.Deadline(l.Since, l.Class) }

// Week is the expiry week to whose key the copy that people open is sealed.
func (l Letter) Week() letter.Week { return l.Lies.Week() }

// ObjectKey is the place of the copy that people open.
func (l Letter) ObjectKey() string { return l.Lies.Key(l.ID) }

// readKeeping fills in how the letter is kept from its row's columns.
func (l *Letter) readKeeping(since, lies, coming, leaving, been, review, held string) (err error) {
	l.Since = l.ReceivedOn()
	for _, d := range []struct {
		text string
		into *letter.Date
	}{{since, &l.Since}, {review, &l.Review}, {held, &l.HeldSince}} {
		if d.text == "" {
			continue
		}
		if *d.into, err = letter.ParseDate(d.text); err != nil {
			return err
		}
	}
	l.Lies = Lodging{Class: l.Manifest.Class, Helpline: l.Manifest.Helpline, Since: l.ReceivedOn(),
		Size: l.Size, SHA256: l.SHA256, Version: l.ObjectVersion}
	for _, c := range []struct {
		text string
		into any
	}{{lies, &l.Lies}, {coming, &l.Coming}, {leaving, &l.Leaving}, {been, &l.Been}} {
		if c.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(c.text), c.into); err != nil {
			return fmt.Errorf("reading where a letter lies: %w", err)
		}
	}
	if l.Lies.Version == "" {
		l.Lies.Version = l.ObjectVersion // decided on before it was verified, and not moved yet
	}
	return nil
}

// keep writes how and where the letter is kept, if nobody has changed that
// since it was read, and makes the letter due where something is to be moved.
func (r *Register) keep(ctx context.Context, tx *sql.Tx, l *Letter) error {
	text := func(v any, empty bool) string {
		if empty {
			return ""
		}
		out, err := json.Marshal(v)
		if err != nil {
			panic(err) // our own structs can always be written
		}
		return string(out)
	}
	day := func(d letter.Date) string {
		if d == (letter.Date{}) {
			return ""
		}
		return d.String()
	}
	deadline := l.Deadline().String()
	switch today := letter.DateOf(r.Now()); {
	case l.Erase != "" && today.Before(l.Deadline()):
		deadline = today.String()
	case l.Erase == "" && l.Held():
		deadline = never
	}
	due := l.MoveDue()
	res, err := tx.ExecContext(ctx, `UPDATE letters SET class = $1, helpline = $2, since = $3, deadline = $4, week = $5, object = $6,
		lies = $7, coming = $8, leaving = $9, been = $10, moves = moves + 1, move_due = $11,
		reason = $12, told = $13, review = $14, named = $15, held_since = $16, erase = $17
		WHERE id = $18 AND moves = $19 AND state <> $20`,
		string(l.Class), l.Helpline, l.Since.String(), deadline, string(l.Week()), l.ObjectKey(),
		text(l.Lies, false), text(l.Coming, l.Coming == nil), text(l.Leaving, len(l.Leaving) == 0), text(l.Been, len(l.Been) == 0), due,
		string(l.Reason), string(l.Told), day(l.Review), l.Named, day(l.HeldSince), string(l.Erase), string(l.ID), l.moves, string(Expiring))
	if err := oneRow(res, err); err != nil {
		return err
	}
	l.moves++
	if err := r.handBack(ctx, tx, l); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE papers SET class = $1, helpline = $2, deadline = $3 WHERE letter = $4`,
		string(l.Class), l.Helpline, l.Deadline().String(), string(l.ID)); err != nil {
		return err
	}
	if !due {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE letters SET not_before = $1, trouble = '', attempts = 0 WHERE id = $2`,
		millis(r.Now()), string(l.ID)); err != nil {
		return err
	}
	return r.due(ctx, tx, l.ID)
}

// rehouse changes where the letter lies, with its entry.
func (r *Register) rehouse(ctx context.Context, l *Letter, change func(*Letter), ev Event) error {
	next := *l
	next.Leaving, next.Been = slices.Clone(l.Leaving), slices.Clone(l.Been)
	change(&next)
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		if err := r.keep(ctx, tx, &next); err != nil {
			return err
		}
		return r.append(ctx, tx, ev, l.ID, 0)
	})
	if err == nil {
		*l = next
	}
	return err
}

// MoveBegun records that a copy of the letter is about to be sealed anew and
// deposited where the letter must lie. Nothing else may be under way.
func (r *Register) MoveBegun(ctx context.Context, l *Letter) error {
	to := l.Wanted()
	return r.rehouse(ctx, l, func(l *Letter) {
		l.Coming = &to
		for _, p := range []Lodging{l.Lies.place(), to} {
			if !slices.Contains(l.Been, p) {
				l.Been = append(l.Been, p)
			}
		}
	}, LetterMoveBegun{Class: to.Class, Helpline: Name(to.Helpline), Week: to.Week()})
}

// Moved records that the new copy was read back and is the letter. From here on
// people open that one, and the old one is to be removed.
func (r *Register) Moved(ctx context.Context, l *Letter, to Lodging) error {
	return r.rehouse(ctx, l, func(l *Letter) {
		l.Leaving = append(l.Leaving, l.Lies) // with its version, by which it is asked for when it is gone
		l.Lies, l.Coming = to, nil
	}, LetterMoved{Class: to.Class, Helpline: Name(to.Helpline), Week: to.Week(), KeyDies: to.Week().Over()})
}

// MoveGivenUp records that the place of the copy that was under way is to be
// emptied: what was decided has changed, or something lies there of which it
// is not on record that it is this letter.
func (r *Register) MoveGivenUp(ctx context.Context, l *Letter) error {
	to := *l.Coming
	return r.rehouse(ctx, l, func(l *Letter) {
		l.Leaving, l.Coming = append(l.Leaving, to), nil
	}, LetterMoveGivenUp{Class: to.Class, Helpline: Name(to.Helpline)})
}

// MayHaveLeft notes that a worker who lost a race may have left a copy at that
// place. It is no step of the letter: where the place is in use, nothing is noted.
func (r *Register) MayHaveLeft(ctx context.Context, id letter.ID, at Lodging) error {
	l, err := r.Letter(ctx, id)
	if err != nil {
		return err
	}
	at = at.place()
	if l.Lies.place() == at || l.Coming != nil && *l.Coming == at ||
		slices.ContainsFunc(l.Leaving, func(p Lodging) bool { return p.place() == at }) {
		return nil
	}
	return r.rehouse(ctx, &l, func(l *Letter) { l.Leaving = append(l.Leaving, at) },
		LetterMoveGivenUp{Class: at.Class, Helpline: Name(at.Helpline)})
}

// OldCopyRemoved records that the first of the places that the letter has left
// is empty: what was found there, and when a listing showed nothing.
func (r *Register) OldCopyRemoved(ctx context.Context, l *Letter, found Found, listingEmpty time.Time) error {
	from := l.Leaving[0]
	return r.rehouse(ctx, l, func(l *Letter) { l.Leaving = l.Leaving[1:] },
		OldCopyRemoved{Class: from.Class, Helpline: Name(from.Helpline), Versions: found.Versions, Markers: found.Markers, Uploads: found.Uploads,
			ListingEmpty: listingEmpty.UTC().Truncate(time.Millisecond), Week: from.Week(), KeyDies: from.Week().Over()})
}

// Unmoved reports ErrMoved if anything was changed about where the letter lies
// since it was read.
func (r *Register) Unmoved(ctx context.Context, l Letter) error {
	var moves int64
	if err := r.read.QueryRowContext(ctx, `SELECT moves FROM letters WHERE id = $1 AND state <> $2`,
		string(l.ID), string(Expiring)).Scan(&moves); err != nil || moves != l.moves {
		return ErrMoved
	}
	return nil
}
