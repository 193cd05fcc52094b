package register

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

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
		return r.append(ctx, tx, ev, "", 0)
	})
	return began && err == nil, err
}

// Serials are the last serial that was given out, and the last whose recipients
// list is known to be in the bucket; 0 for none.
func (r *Register) Serials(ctx context.Context) (given, published uint64, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = $1), 0),
		COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = $2), 0)`, metaSerial, metaPublished).Scan(&given, &published)
	return given, published, err
}

// Published notes that the list of that serial is in the bucket.
func (r *Register) Published(ctx context.Context, serial uint64) error {
	return r.SetMeta(ctx, metaPublished, strconv.FormatUint(serial, 10))
}

// NextSerial gives out the serial of the next recipients list, each once.
func (r *Register) NextSerial(ctx context.Context) (uint64, error) {
	return r.changeSerial(ctx, func(last uint64) uint64 { return last + 1 })
}

// RaiseSerial makes the next serial higher than one that was seen.
func (r *Register) RaiseSerial(ctx context.Context, seen uint64) error {
	_, err := r.changeSerial(ctx, func(last uint64) uint64 { return max(last, seen) })
	return err
}

func (r *Register) changeSerial(ctx context.Context, change func(uint64) uint64) (serial uint64, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		var last string
		err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaSerial).Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if last != "" {
			if serial, err = strconv.ParseUint(last, 10, 64); err != nil {
				return err
			}
		}
		serial = change(serial)
		return setMeta(ctx, tx, metaSerial, strconv.FormatUint(serial, 10))
	})
	return serial, err
}
