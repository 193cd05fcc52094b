package register

import (
	"context"
	"database/sql"
	"errors"

	"letterlock/scanner/letter"
)

// BeginDay writes the day's entry, once a day, and reports whether this call
// was the one that did.
func (r *Register) BeginDay(ctx context.Context) (began bool, err error) {
	today := letter.DateOf(r.Now()).String()
	if last, err := r.Meta(ctx, metaDay); err != nil || last == today {
		return false, err
	}
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		began = false
		var ev DayBegun
		var last string
		err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaDay).Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) || last == today {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE deadline <= $1) FROM letters`, today).
			Scan(&ev.Living, &ev.Overdue); err != nil {
			return err
		}
		if err := setMeta(ctx, tx, metaDay, today); err != nil {
			return err
		}
		began = true
		if err := r.append(ctx, tx, ev, "", 0); err != nil {
			return err
		}
		return keepDayHead(ctx, tx)
	})
	return began && err == nil, err
}

// keepDayHead keeps the head as the day's checkpoint: the one that is published.
func keepDayHead(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) SELECT $1, value FROM meta WHERE name = $2
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, metaDayBefore, metaDayHead); err != nil {
		return err
	}
	_, signed, err := head(ctx, tx)
	if err != nil {
		return err
	}
	return setMeta(ctx, tx, metaDayHead, signed)
}

// Statement is a checkpoint as it is published: with the proof that it
// continues an earlier one, so that whoever has a row of them needs nothing else.
type Statement struct {
	Checkpoint string  `json:"checkpoint"`       // signed
	Growth     *Growth `json:"growth,omitempty"` // since the checkpoint of the day before; nil on the first day

	Keys []KeyChange `json:"keys,omitempty"` // every change of the signing key, the first one first
}

// Today is the last day that was begun and its statement, which anybody may
// see; ErrNotFound before the first. It stays the same all day, so that nobody
// can tell from it when something happens here.
func (r *Register) Today(ctx context.Context) (day letter.Date, st Statement, err error) {
	var said, before string
	err = r.read.QueryRowContext(ctx, `SELECT d.value, h.value, COALESCE((SELECT value FROM meta WHERE name = $1), '')
		FROM meta d, meta h WHERE d.name = $2 AND h.name = $3`, metaDayBefore, metaDay, metaDayHead).Scan(&said, &st.Checkpoint, &before)
	if errors.Is(err, sql.ErrNoRows) {
		return day, st, ErrNotFound
	}
	if err == nil {
		day, err = letter.ParseDate(said)
	}
	if err == nil {
		st.Keys, err = r.KeyChanges(ctx)
	}
	if err != nil || before == "" {
		return day, st, err
	}
	to, err := r.OpenHead(ctx, st.Checkpoint)
	if err != nil {
		return day, st, err
	}
	from, err := r.OpenHead(ctx, before)
	if err != nil {
		return day, st, err
	}
	growth, err := r.ProveGrowth(ctx, from.Entries, to.Entries)
	st.Growth = &growth
	return day, st, err
}
