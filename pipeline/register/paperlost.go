package register

import (
	"context"
	"database/sql"

	"letterlock/scanner/letter"
)

// LostPaper is what people say of a paper that is not there, of a letter that was
// on record when a backup was restored: the record of what became of it is lost.
type LostPaper string

const (
	DestroyedBefore LostPaper = "destroyed-before" // it was destroyed before the restore, and they know it
	NoSuchPaper     LostPaper = "no-such-paper"    // it was looked for and is not there; nobody knows more
)

// LostPapers lists both.
var LostPapers = []LostPaper{DestroyedBefore, NoSuchPaper}

// WriteOff is what two people say of such a paper.
type WriteOff struct {
	Why         LostPaper
	Witness     int64      // staff number
	WitnessWith SignInWith // by what means the witness has shown who they are
	Authority   Name       // policy and version
}

// MayWriteOff reports whether the paper may be written off: a restore has come to
// its end since its letter came, or was found.
func (r *Register) MayWriteOff(ctx context.Context, id letter.ID) (bool, error) {
	return mayWriteOff(ctx, r.read, id)
}

func mayWriteOff(ctx context.Context, q querier, id letter.ID) (may bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT count(*) > 0 FROM entries WHERE kind = $1
		AND seq > (SELECT min(seq) FROM entries WHERE letter = $2 AND letter <> '')`, Restored{}.kind(), string(id)).Scan(&may)
	return may, err
}

// WriteOffPaper records that the paper is not there any more. Only one that might
// be destroyed can be written off, and only of a letter that was on record at a
// restore; any other is ErrPaperNotFree.
func (r *Register) WriteOffPaper(ctx context.Context, id letter.ID, w WriteOff, person int64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		p, err := freePaper(ctx, tx, id, w.Witness, person)
		if err != nil {
			return err
		}
		if may, err := mayWriteOff(ctx, tx, id); err != nil {
			return err
		} else if !may {
			return ErrPaperNotFree
		}
		if err := r.append(ctx, tx, PaperWrittenOff{Reference: Reference(p.Reference), Why: w.Why, Witness: w.Witness,
			WitnessWith: w.WitnessWith, Authority: w.Authority, LetterAlive: !p.LetterGone}, id, person); err != nil {
			return err
		}
		return r.paperIsGone(ctx, tx, p, "")
	})
}
