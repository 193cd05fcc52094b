package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/scanner/letter"
)

// RestoreSign is by what it is recognised that this register, or the bucket, is
// an older copy of what it was: one that was restored from a backup.
type RestoreSign string

const (
	SignKeyring        RestoreSign = "keyring"         // the keyring remembers a checkpoint that this register does not hold
	SignBucket         RestoreSign = "bucket"          // the newest checkpoint in the bucket is not held by this register
	SignRecipients     RestoreSign = "recipients"      // the bucket's recipients list is newer than any that was given out, or older than the one that was published
	SignEdge           RestoreSign = "edge"            // a scanner has seen a newer recipients list than any that was given out
	SignAnchorsMissing RestoreSign = "anchors-missing" // the checkpoint that was last left in the bucket is not there
	SignPerson         RestoreSign = "person"          // a person says so: a witness has found it
)

// RestoreSigns lists every sign, the surest first.
var RestoreSigns = []RestoreSign{SignKeyring, SignBucket, SignRecipients, SignEdge, SignAnchorsMissing, SignPerson}

// Closed are the signs because of which nobody is shown anything and nothing is
// done, from when they were first found until a replay has ended; none while
// all is well.
func (r *Register) Closed(ctx context.Context) ([]RestoreSign, error) {
	return closedFor(ctx, r.read)
}

// ClosedSince is when the first sign was found, or the zero time.
func (r *Register) ClosedSince(ctx context.Context) (time.Time, error) {
	return r.KeptTime(ctx, metaClosedSince)
}

func closedFor(ctx context.Context, q querier) (signs []RestoreSign, err error) {
	var said string
	err = q.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaClosed).Scan(&said)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading whether Letterlock is closed: %w", err)
	}
	for _, sign := range strings.Fields(said) {
		signs = append(signs, RestoreSign(sign))
	}
	return signs, nil
}

// KeepClosed adds to the signs because of which Letterlock is closed, so that a
// restart finds them though what they were seen by has changed meanwhile. It
// puts nothing on the register, which may be the wrong one: the replay will.
func (r *Register) KeepClosed(ctx context.Context, signs []RestoreSign) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		known, err := closedFor(ctx, tx)
		if err != nil {
			return err
		}
		var all []string
		for _, sign := range RestoreSigns {
			if slices.Contains(known, sign) || slices.Contains(signs, sign) {
				all = append(all, string(sign))
			}
		}
		if len(all) == len(known) {
			return nil
		}
		if len(known) == 0 {
			if err := setMeta(ctx, tx, metaClosedSince, r.Now().UTC().Format(time.RFC3339)); err != nil {
				return err
			}
			// What custodians do before the replay is recorded after these.
			entries, _, err := head(ctx, tx)
			if err != nil {
				return err
			}
			if err := setMeta(ctx, tx, metaClosedOver, strconv.FormatInt(entries, 10)); err != nil {
				return err
			}
		}
		return setMeta(ctx, tx, metaClosed, strings.Join(all, " "))
	})
}

// OlderCopy is how many entries are from before Letterlock was closed, and so from the
// older copy: all of them where it is not closed, or was by a program that did not
// note it.
func (r *Register) OlderCopy(ctx context.Context) (entries int64, err error) {
	return olderCopy(ctx, r.read)
}

func olderCopy(ctx context.Context, q querier) (entries int64, err error) {
	if entries, _, err = head(ctx, q); err != nil {
		return 0, err
	}
	var noted string
	err = q.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaClosedOver).Scan(&noted)
	if errors.Is(err, sql.ErrNoRows) {
		return entries, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading how many entries there were: %w", err)
	}
	then, err := strconv.ParseInt(noted, 10, 64)
	return min(then, entries), err
}

// mayRecordClosed reports whether the event may be recorded while Letterlock is
// closed: a replay's are. The others come before any replay: a register that was
// lost whole begins anew, a person vouches for the clock that the replay goes
// by, and custodians bring back a lost keyring, without which the replay reads
// nothing: keys whose week is not over, so that none of them can be a dead one.
func mayRecordClosed(ctx context.Context, ev Event) bool {
	switch ev := ev.(type) {
	case FolderMade, ClockConfirmed, KeyRestored:
		return true
	case KeysRecombined:
		return ev.For == ForRestore
	case SigningKeyChanged: // a lost key, without which no replay could be recorded
		return ev.Lost
	}
	return IsReplaying(ctx)
}

// open ends what KeepClosed began. It belongs to the transaction that records
// the end of a replay.
func open(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE name IN ($1, $2, $3)`, metaClosed, metaClosedSince, metaClosedOver)
	return err
}

// Anchored is the key in the bucket of the last checkpoint that is known to
// have been left there; "" for none.
func (r *Register) Anchored(ctx context.Context) (key string, err error) {
	return r.Meta(ctx, metaAnchored)
}

// KeepAnchored notes that a checkpoint is in the bucket under that key.
func (r *Register) KeepAnchored(ctx context.Context, key string) error {
	if known, err := r.Anchored(ctx); err != nil || known == key {
		return err
	}
	return r.SetMeta(ctx, metaAnchored, key)
}

// RestoreSaid is what a register says of its own restore. It was signed with the
// same key as all else: it explains why the register does not continue a
// checkpoint of the branch that is lost, and excuses nobody.
type RestoreSaid struct {
	On    letter.Date // in London
	Entry int64       // the number of the first entry that is not from the backup
	Lost  int64       // entries that were known to be missing; 0 where nobody knew of any
}

// restoreIn is what an entry says of a restore, if that is what it is about.
func restoreIn(e Entry) (said RestoreSaid, ok bool) {
	var ev RestoreBegun
	if e.Kind != ev.kind() || json.Unmarshal(e.Data, &ev) != nil {
		return said, false
	}
	from := max(0, min(ev.Entries, e.N))
	return RestoreSaid{letter.DateOf(e.At), from, max(0, ev.Seen-from)}, true
}

// String is a sentence for people.
func (s RestoreSaid) String() string {
	says := fmt.Sprintf("The register says that it was restored on %s at entry %d", s.On.Start().Format("2 January 2006"), s.Entry)
	switch s.Lost {
	case 0:
		return says + "."
	case 1:
		return says + ", having lost about 1 entry."
	}
	return fmt.Sprintf("%s, having lost about %d entries.", says, s.Lost)
}

// MayExplain reports whether what the head was signed over goes beyond what that
// restore has kept. Below it nothing has changed by a restore.
func (s RestoreSaid) MayExplain(h Head) bool { return h.Entries > s.Entry }
