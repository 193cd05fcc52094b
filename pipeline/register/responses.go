package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// A response's way: its uploader's FileResponse puts it on record, the pipeline
// deposits it and reads it back (Verified), and it is a Draft. Its uploader looks
// at it and keeps it (KeepResponse), which makes it Filed, or ToConfirm where
// somebody else must confirm its address first (ConfirmResponse); or throws it
// away (DropResponse). A draft that nobody keeps ends by itself (EndDrafts).
// Wherever a crash cuts this off, it goes on from the state that it has.

// ResponseSite stands in a response's row where a letter has the site of its
// scanner: it came through the portal.
const ResponseSite = "portal"

// DraftLives is how long an uploaded response waits to be kept.
const DraftLives = time.Hour

// MostDrafts is how many uploaded responses of one person wait at most.
const MostDrafts = 5

// ErrDrafts is returned to whoever uploads more than MostDrafts.
var ErrDrafts = errors.New("too many uploaded responses wait to be kept")

// IsResponse reports whether this is the kept copy of an answer, and no letter.
func (l Letter) IsResponse() bool { return l.Answers != "" }

// Unkept reports whether it is a response that is not kept yet.
func (l Letter) Unkept() bool { return !l.DraftEnds.IsZero() || l.State == ToConfirm }

// FileResponse records that the person uploads the sealed copy m of the answer to
// a letter, which they can open. It is recorded before the copy is deposited;
// the pipeline then reads it back like any letter. It has six months of its own
// from today, and ends after DraftLives if it is not kept. What the person was
// told of an earlier one that was not kept is settled with it.
// Refused with ErrDrafts, ErrBadDecision, or as ErrNotRead says.
func (r *Register) FileResponse(ctx context.Context, m letter.Manifest, to letter.ID, person int64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, to, person)
		if err != nil {
			return err
		}
		if l.IsResponse() || m.Helpline != l.Helpline || m.Site != ResponseSite || m.Class != letter.SixMonths {
			return ErrBadDecision
		}
		waiting, err := drafts(ctx, tx, person)
		if err != nil {
			return err
		}
		if waiting >= MostDrafts {
			return ErrDrafts
		}
		if err := r.insertLetter(ctx, tx, m); err != nil {
			return err
		}
		// Who may open the letter may open what was answered.
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET answers = $1, named = $2, uploaded_by = $3, draft_ends = $4 WHERE id = $5`,
			string(to), l.Named, person, millis(r.Now().Add(DraftLives)), string(m.ID)); err != nil {
			return err
		}
		if err := keepWalls(ctx, tx, m.ID, to); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM calls WHERE letter = $1 AND person = $2 AND why IN ($3, $4, $5)`,
			string(to), person, string(CalledUnkept), string(CalledDeclined), string(CalledConfirmed)); err != nil {
			return err
		}
		if err := r.append(ctx, tx, ResponseFiled{Answers: to, Helpline: Name(m.Helpline), Class: m.Class, Deadline: m.Deadline(),
			Week: m.Week(), Pages: m.Pages}, m.ID, person); err != nil {
			return err
		}
		return r.due(ctx, tx, m.ID)
	})
}

// Drafts counts the responses that the person has uploaded, and that wait to be
// kept.
func (r *Register) Drafts(ctx context.Context, person int64) (int, error) {
	return drafts(ctx, r.read, person)
}

func drafts(ctx context.Context, q querier, person int64) (n int, err error) {
	err = q.QueryRowContext(ctx, `SELECT count(*) FROM letters WHERE draft_ends IS NOT NULL AND uploaded_by = $1 AND erase = ''`, person).Scan(&n)
	if err != nil {
		err = fmt.Errorf("counting drafts: %w", err)
	}
	return n, err
}

// KeepResponse records that the person, who has uploaded the draft and looked at
// it, found it safe to write to its address, and wants it kept. With second it
// then waits for somebody else to confirm that, and all who may are owed a mail.
// ErrMoved is for what is no draft of theirs any more.
func (r *Register) KeepResponse(ctx context.Context, id letter.ID, check AddressCheck, second bool, person int64) error {
	if !check.valid() {
		return ErrBadDecision
	}
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, id, person)
		if err != nil {
			return err
		}
		if l.State != Draft || l.UploadedBy != person {
			return ErrMoved
		}
		l.Address, l.DraftEnds = check, time.Time{}
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET address_check = $1, draft_ends = NULL WHERE id = $2`, string(check), string(id)); err != nil {
			return err
		}
		if !second {
			return r.file(ctx, tx, &l, person)
		}
		if err := r.move(ctx, tx, &l, change{to: ToConfirm}, ResponseToConfirm{Answers: l.Answers, Check: check}, person); err != nil {
			return err
		}
		return callConfirmers(ctx, tx, l)
	})
}

// ConfirmResponse records that the person, who has opened the response, confirms
// that it is safe to write to its address: it is kept, and its uploader, who waits to
// post it, is told. ErrSameTwo is for who
// uploaded it, ErrMoved for what does not wait for this any more.
func (r *Register) ConfirmResponse(ctx context.Context, id letter.ID, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, id, person)
		if err != nil {
			return err
		}
		may, err := mayRead(ctx, tx, l, person)
		switch {
		case err != nil:
			return err
		case l.State != ToConfirm:
			return ErrMoved
		case l.UploadedBy == person:
			return ErrSameTwo
		case !may:
			return ErrMayNotRead
		}
		if err := callUploader(ctx, tx, l, CalledConfirmed, CalledAwayKept); err != nil {
			return err
		}
		return r.file(ctx, tx, &l, person)
	})
}

// file has the response be kept, under whatever holds its letter.
func (r *Register) file(ctx context.Context, tx *sql.Tx, l *Letter, person int64) error {
	if err := r.move(ctx, tx, l, change{to: Filed}, ResponseKept{Answers: l.Answers, Check: l.Address, FoundBy: l.UploadedBy}, person); err != nil {
		return err
	}
	return r.underHolds(ctx, tx, l)
}

// DropResponse records that the person does not have the response kept: it is
// erased at once, with proof. Of a draft its uploader may say so, because it is
// the wrong copy or its address is not known to be safe; of one that waits for
// somebody else its uploader takes it back, and anybody else who has opened it
// declines, of which the uploader is told. All else is ErrMoved.
func (r *Register) DropResponse(ctx context.Context, id letter.ID, why DropReason, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, id, person)
		if err != nil {
			return err
		}
		own := l.UploadedBy == person
		switch {
		case l.State == Draft && own && (why == DroppedWrong || why == DroppedUnsafe):
		case l.State == ToConfirm && own && why == DroppedTakenBack:
		case l.State == ToConfirm && !own && why == DroppedDeclined:
			if err := callUploader(ctx, tx, l, CalledDeclined, CalledAwayUnkept); err != nil {
				return err
			}
		default:
			return ErrMoved
		}
		return r.drop(ctx, tx, &l, why, person)
	})
}

// DraftsOver reports whether EndDrafts has anything to end.
func (r *Register) DraftsOver(ctx context.Context) (bool, error) {
	over, err := r.draftsOver(ctx)
	return len(over) > 0, err
}

// A draft that was not read back yet is the pipeline's to read back or to give up.
func (r *Register) draftsOver(ctx context.Context) ([]letter.ID, error) {
	return r.ids(ctx, draftsOver, millis(r.Now()), string(Draft), string(Unverifiable))
}

// EndDrafts ends the responses that nobody has kept within their time, with proof,
// and has their uploaders told.
func (r *Register) EndDrafts(ctx context.Context) error {
	over, err := r.draftsOver(ctx)
	if err != nil {
		return err
	}
	for _, id := range over {
		if err := r.inTx(ctx, func(tx *sql.Tx) error {
			l, err := letterIn(ctx, tx, id)
			if errors.Is(err, ErrNotFound) || err == nil && (l.DraftEnds.IsZero() || l.Erase != "") {
				return nil // kept, or thrown away, in this moment
			}
			if err != nil {
				return err
			}
			if err := callUploader(ctx, tx, l, CalledUnkept, CalledUnkept); err != nil {
				return err
			}
			return r.drop(ctx, tx, &l, DroppedUnkept, 0)
		}); err != nil {
			return fmt.Errorf("ending a draft: %w", err)
		}
	}
	return nil
}

const draftsOver = `SELECT id FROM letters WHERE draft_ends <= $1 AND erase = '' AND state || '' IN ($2, $3)`

// drop has the response end at once.
func (r *Register) drop(ctx context.Context, tx *sql.Tx, l *Letter, why DropReason, person int64) error {
	l.Erase = NotKept
	return r.shorten(ctx, tx, l, ResponseDropped{Answers: l.Answers, Reason: why}, person)
}

// draftsBack is how long what came back with a restore waits to be kept: longer
// than a weekend with a holiday, since it may have been kept already.
const draftsBack = 7 * 24 * time.Hour

// DraftsCameBack has every response that waited to be kept when the backup was
// made wait anew, and its uploader told: whether it was kept since is on no record. Of
// an uploader who may not read it any more nobody can ask that: it is kept, as by
// AdoptAnswer. So is one that was found where answers on hold lie: no draft does.
func (r *Register) DraftsCameBack(ctx context.Context) error {
	ids, err := r.ids(ctx, `SELECT id FROM letters WHERE draft_ends IS NOT NULL AND erase = ''`)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := r.inTx(ctx, func(tx *sql.Tx) error {
			l, err := letterIn(ctx, tx, id)
			if err != nil {
				return err
			}
			may, err := mayRead(ctx, tx, l, l.UploadedBy)
			if err != nil {
				return err
			}
			if !may || l.Held() {
				return r.keepUnasked(ctx, tx, &l)
			}
			if _, err := tx.ExecContext(ctx, `UPDATE letters SET draft_ends = $1 WHERE id = $2`, millis(r.Now().Add(draftsBack)), string(id)); err != nil {
				return err
			}
			return call(ctx, tx, id, l.UploadedBy, CalledBack)
		}); err != nil {
			return fmt.Errorf("having drafts wait anew: %w", err)
		}
	}
	return nil
}

// keepUnasked keeps a draft about which nobody can be asked, under whatever holds its
// letter. One that was not read back yet is kept once it is: see Verified.
func (r *Register) keepUnasked(ctx context.Context, tx *sql.Tx, l *Letter) error {
	l.DraftEnds = time.Time{}
	if _, err := tx.ExecContext(ctx, `UPDATE letters SET draft_ends = NULL WHERE id = $1`, string(l.ID)); err != nil {
		return err
	}
	ev := ResponseKeptUnasked{Answers: l.Answers, UploadedBy: l.UploadedBy}
	var err error
	if l.State == Draft {
		err = r.move(ctx, tx, l, change{to: Filed}, ev, 0)
	} else {
		err = r.append(ctx, tx, ev, l.ID, 0)
	}
	if err != nil {
		return err
	}
	return r.underHolds(ctx, tx, l)
}

// ResponseBecame returns what became of the last response to the letter that the person
// uploaded, unless they did so themselves: CalledUnkept, CalledDeclined or
// CalledConfirmed, or empty. Of several, what is not kept, and must not be posted, is
// said first. call names this word of it, for AnswerSeen.
func (r *Register) ResponseBecame(ctx context.Context, to letter.ID, person int64) (why CallReason, call string, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT why, token FROM calls WHERE letter = $1 AND person = $2 AND why IN ($3, $4, $5)
		ORDER BY CASE WHEN why = $5 THEN 1 ELSE 0 END LIMIT 1`,
		string(to), person, string(CalledUnkept), string(CalledDeclined), string(CalledConfirmed)).Scan(&why, &call)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("reading what became of an answer: %w", err)
	}
	return why, call, nil
}

// ResponseLost records that a response was filed and never reached the storage,
// or not surely: it is taken away with proof, and must be filed again.
func (r *Register) ResponseLost(ctx context.Context, id letter.ID) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		l, err := letterIn(ctx, tx, id)
		if err != nil {
			return err
		}
		if !l.IsResponse() || l.State != Admitted {
			return ErrMoved
		}
		l.Erase = NeverStored
		if err := r.keep(ctx, tx, &l); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET not_before = $1, trouble = '', attempts = 0 WHERE id = $2`, millis(r.Now()), string(id)); err != nil {
			return err
		}
		if err := r.append(ctx, tx, ResponseLost{Answers: l.Answers}, id, 0); err != nil {
			return err
		}
		return r.due(ctx, tx, id)
	})
}

// eachWith does f to whatever goes with the letter and is not on its way out: its
// kept answers, and older scans of the same paper. What is decided of a letter
// holds for them.
func (r *Register) eachWith(ctx context.Context, tx *sql.Tx, to letter.ID, f func(*Letter) error) error {
	return r.eachOf(ctx, tx, f, `SELECT id FROM letters WHERE (`+goesWith+`) AND erase = '' AND state <> $2`, string(to), string(Expiring))
}

// eachOf does f to each letter whose id the query finds.
func (r *Register) eachOf(ctx context.Context, tx *sql.Tx, f func(*Letter) error, query string, args ...any) error {
	ids, err := idsIn(ctx, tx, query, args...)
	if err != nil {
		return err
	}
	for _, id := range ids {
		l, err := letterIn(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(&l); err != nil {
			return err
		}
	}
	return nil
}

// goesWith picks what goes with the letter $1.
const goesWith = `answers = $1 AND answers <> '' OR replaced_by = $1 AND replaced_by <> ''`

// Responses returns the answers to a letter, oldest first: those that are kept,
// and those that are being stored or wait to be kept.
func (r *Register) Responses(ctx context.Context, to letter.ID) ([]Letter, error) {
	return r.letters(ctx, `WHERE l.answers = $1 AND l.answers <> '' AND l.erase = '' ORDER BY l.received, l.id`, string(to))
}
