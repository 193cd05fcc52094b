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
)

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
