package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

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

// Serials are the last serial that was given out, and the last whose recipients
// list is known to be in the bucket; 0 for none.
func (r *Register) Serials(ctx context.Context) (given, published uint64, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = $1), 0),
		COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = $2), 0)`, metaSerial, metaPublished).Scan(&given, &published)
	return given, published, err
}

// UnderWay reports whether the recipients list of that serial was given out and is not
// known to have come into the bucket before a newer one: it may be there although a newer
// one was published, since two servers can put theirs at once, and one can die before it
// has seen to it that the newer one lies above.
func (r *Register) UnderWay(ctx context.Context, serial uint64) (bool, error) {
	underWay, err := serialsUnderWay(ctx, r.read)
	given, is := underWay[serial]
	return is && !r.overdue(given), err
}

// underWayFor is for how long a serial counts as under way. No put takes as long.
const underWayFor = 24 * time.Hour

func (r *Register) overdue(given int64) bool {
	return r.Now().Sub(time.UnixMilli(given)).Abs() > underWayFor
}

// serialsUnderWay is when each was given out, in milliseconds since 1970.
func serialsUnderWay(ctx context.Context, q querier) (map[uint64]int64, error) {
	underWay := map[uint64]int64{}
	var said string
	err := q.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaUnderWay).Scan(&said)
	if errors.Is(err, sql.ErrNoRows) {
		return underWay, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(said), &underWay)
	}
	if err != nil {
		return nil, fmt.Errorf("reading which recipients lists are under way: %w", err)
	}
	return underWay, nil
}

// changeUnderWay changes which serials are under way.
func changeUnderWay(ctx context.Context, tx *sql.Tx, change func(map[uint64]int64)) error {
	underWay, err := serialsUnderWay(ctx, tx)
	if err != nil {
		return err
	}
	change(underWay)
	said, err := json.Marshal(underWay)
	if err != nil {
		return err
	}
	return setMeta(ctx, tx, metaUnderWay, string(said))
}

// Published notes that the list of that serial is in the bucket. Where no other was given
// out meanwhile it came after all others, and is under way no longer.
func (r *Register) Published(ctx context.Context, serial uint64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := setMeta(ctx, tx, metaPublished, strconv.FormatUint(serial, 10)); err != nil {
			return err
		}
		given, err := lastSerial(ctx, tx)
		if err != nil {
			return err
		}
		if given == serial {
			err = changeUnderWay(ctx, tx, func(underWay map[uint64]int64) { delete(underWay, serial) })
		}
		if err != nil {
			return err
		}
		return changeLost(ctx, tx, func(lost *LostServerKey) { lost.Unsigned = false })
	})
}

// NextSerial gives out the serial of the next recipients list, each once. It is under way
// from here on, before anything is put.
func (r *Register) NextSerial(ctx context.Context) (serial uint64, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		last, err := lastSerial(ctx, tx)
		if err != nil {
			return err
		}
		serial = last + 1
		if err := setSerial(ctx, tx, serial); err != nil {
			return err
		}
		return changeUnderWay(ctx, tx, func(underWay map[uint64]int64) {
			maps.DeleteFunc(underWay, func(_ uint64, given int64) bool { return r.overdue(given) })
			underWay[serial] = millis(r.Now())
		})
	})
	return serial, err
}

// RaiseSerial makes the next serial higher than one that was seen.
func (r *Register) RaiseSerial(ctx context.Context, seen uint64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		last, err := lastSerial(ctx, tx)
		if err != nil || last >= seen {
			return err
		}
		return setSerial(ctx, tx, seen)
	})
}

// lastSerial is the last serial that was given out; 0 for none.
func lastSerial(ctx context.Context, tx *sql.Tx) (serial uint64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT CAST(value AS BIGINT) FROM meta WHERE name = $1`, metaSerial).Scan(&serial)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return serial, err
}

func setSerial(ctx context.Context, tx *sql.Tx, serial uint64) error {
	return setMeta(ctx, tx, metaSerial, strconv.FormatUint(serial, 10))
}
