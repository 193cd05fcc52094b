package scanner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/texts"
)

// slipName is a name that no other letter's slip has: two letters may share a
// reference.
func (e *Edge) slipName(r record) string {
	name := r.slipBase()
	for n := 1; ; n++ {
		slip := name + ".txt"
		if n > 1 {
			slip = fmt.Sprintf("%s (%d).txt", name, n)
		}
		if !e.slipTaken(r, slip) {
			return slip
		}
	}
}

// The first words of the names of slips that ask for something.
const (
	overdueSlip   = "OVERDUE "
	handOverSlip  = "HAND OVER "
	scanAgainSlip = "SCAN AGAIN "
)

// slipBase is the slip's name without its number and ending.
func (r record) slipBase() string {
	ref := r.ID.Reference()
	switch {
	case r.Paper == paperOverdue:
		return overdueSlip + ref
	case r.Moved != "": // whoever gets the paper scans it again, if that is to be done
		return handOverSlip + ref
	case r.Paper == letter.PaperScanAgain:
		return scanAgainSlip + ref
	}
	return ref
}

func (e *Edge) slipTaken(r record, slip string) bool {
	r.Slip = slip
	other, ok := e.shelf.whose[r.place()]
	return ok && other != r.ID
}

// taken is when the scan itself was taken: the paper of a new one came before.
func (r record) taken() time.Time { return cmp.Or(r.Taken, r.Received) }

// slip is the file for operations, in their words. The title is that of the
// helpline to which the letter was moved, if it was.
func (r record) slip(l *texts.Language, moved string) string {
	received, reference, marks := letter.DateOf(r.Received), r.ID.Reference(), ""
	write := say(l, "slip.write", "reference", reference)
	if r.Replaces != "" {
		write = say(l, "slip.replaces", "old", r.Replaces.Reference(), "reference", reference)
		if r.Apart {
			write = say(l, "slip.apart", "old", r.Replaces.Reference(), "reference", reference)
		}
	}
	until := say(l, "slip.until", "until", letter.OpenUntil(received, r.Class), "gone", letter.Deadline(received, r.Class))
	if r.Gone {
		until = say(l, "slip.deleted")
	}
	lines := []string{
		write,
		say(l, "slip.pages", "pages", r.Pages) + r.inStack(l),
		say(l, "slip.taken", "when", stampWeekday(l, r.taken(), "15:04:05")),
		say(l, "slip.paper", "what", r.paper(l)),
		until,
		say(l, "slip.removed"),
	}
	if r.Moved != "" {
		marks += say(l, "slip.mark-hand-over")
		lines = slices.Insert(lines, 0, handOver(l, moved)+" "+say(l, "slip.hand-over-why"))
	}
	switch r.Paper {
	case letter.PaperScanAgain:
		marks += say(l, "slip.mark-scan-again")
	case paperOverdue:
		marks += say(l, "slip.mark-overdue")
		lines[len(lines)-1] = say(l, "slip.delete-it")
	}
	lines = slices.Insert(lines, 0, say(l, "slip.title", "reference", reference, "marks", marks))
	return strings.Join(lines, "\r\n\r\n") + "\r\n"
}

// handOver says whose the paper of a letter is that was moved to that helpline.
func handOver(l *texts.Language, title string) string {
	return say(l, "slip.hand-over", "helpline", title)
}

// inStack tells the letters apart that were scanned together, and those of stacks
// that were scanned in the same second. It begins with a space.
func (r record) inStack(l *texts.Language) string {
	if r.Of < 2 {
		return ""
	}
	where := ""
	switch {
	case r.From <= 0: // of a slip that an earlier version wrote this is not known
	case r.To == r.From:
		where = say(l, "slip.in-stack-page", "page", r.From)
	default:
		where = say(l, "slip.in-stack-pages", "from", r.From, "to", r.To)
	}
	if r.Cover != "" {
		where += say(l, "slip.in-stack-cover", "stack", r.Cover)
	}
	says := " " + say(l, "slip.in-stack", "place", r.Place, "of", r.Of, "where", where)
	if r.Place > 1 && r.First != "" {
		says += " " + say(l, "slip.in-stack-first", "reference", r.First.Reference())
	}
	return says
}

// paper says what to do with the original.
func (r record) paper(l *texts.Language) string {
	switch r.Paper {
	case letter.PaperMayGo:
		return say(l, "paper.may-go")
	case letter.PaperScanAgain:
		at := folder.AgainDir + "/" + againName(r)
		into := say(l, "paper.into-here", "folder", at)
		if r.Moved != "" {
			into = say(l, "paper.into-theirs", "folder", at)
		}
		return say(l, "paper.scan-again", "why", r.because(l, say(l, "paper.not-readable")), "into", into)
	case paperOverdue:
		// The scanner is not told of a hold, nor of a letter that is kept for years.
		return say(l, "paper.overdue")
	default:
		return say(l, "paper.keep")
	}
}

// paperOverdue is this edge's own word for a paper of which no destruction is
// known although its letter's time is over.
const paperOverdue = "overdue"

// place is where the slip lies.
func (r record) place() string { return path.Join(r.Helpline, folder.TakenDir, r.Slip) }

// writeSlip makes the folder of slips as well, where it is missing: at the first
// slip after a start, since nobody knows whether whoever made it has come so far
// as to sync it, and when somebody has removed it.
func (e *Edge) writeSlip(r record) error {
	d := e.folder.Disk()
	if e.slipDirs[r.Helpline] && !disk.Exists(d, path.Dir(r.place())) {
		e.slipDirs[r.Helpline] = false
	}
	if !e.slipDirs[r.Helpline] {
		if err := disk.MakeDir(d, path.Dir(r.place()), 0o770); err != nil {
			return fmt.Errorf("making the folder of slips: %w", err)
		}
		e.slipDirs[r.Helpline] = true
	}
	return e.folder.Ours(path.Dir(r.place()), func() error {
		return disk.WriteBytes(d, r.place(), 0o660, []byte(r.slip(e.Language, e.title(r.Moved))))
	})
}

// dropStraySlips removes what a crash between a slip and its record has left:
// slips of this reference that are no letter's.
func (e *Edge) dropStraySlips(r record) error {
	return e.folder.Ours(path.Dir(r.place()), func() error {
		for _, asks := range []string{"", scanAgainSlip, handOverSlip, overdueSlip} {
			stray := r
			stray.Slip = asks + r.ID.Reference() + ".txt"
			if _, known := e.shelf.whose[stray.place()]; known {
				continue
			}
			if err := e.remove(stray.place()); err != nil {
				return err
			}
		}
		return nil
	})
}

// slipsAtOnce bounds how many slips one round looks after, so that years of
// them cost no more than a few.
const slipsAtOnce = 20

// tendSlips looks after some slips every SlipEvery, each in its turn: what the
// server says of the paper may have changed, or the letter's time may be over.
func (e *Edge) tendSlips(ctx context.Context) {
	if e.Now().Sub(e.slipsTended).Abs() < e.SlipEvery {
		return
	}
	for _, list := range []struct {
		about string
		hear  func(context.Context) error
		fails func(why string)
	}{
		{"gone", e.hearGone, func(why string) {
			e.tell("gone", "Which letters have ended before their time cannot be taken in: "+why+". Trying again.")
		}},
		{"awaited", e.hearAgain, func(why string) {
			e.tell("awaited", "Which papers are to be scanned again after six months cannot be taken in: "+why+". Trying again.")
		}},
	} {
		switch err := list.hear(ctx); {
		case errors.Is(err, errWaits) && e.call != nil:
			return // the next pass goes on here
		case errors.Is(err, errWaits) || ctx.Err() != nil || e.foundNoRoom(err):
		case err != nil:
			list.fails(err.Error())
		default:
			e.tell(list.about, "")
		}
	}
	e.slipsTended = e.Now()
	for _, id := range e.shelf.next(e.slipLast, slipsAtOnce) {
		err := e.tendSlip(ctx, e.shelf.records[id])
		if errors.Is(err, errWaits) && e.call != nil {
			e.slipsTended = time.Time{} // the next pass goes on here
			return
		}
		if err != nil && !e.foundNoRoom(err) {
			e.report(ctx, id, "a slip could not be brought up to date", err)
		}
		e.slipLast = id
	}
	e.tendAgain()
}

// tendSlip brings one slip up to date: first the new slip, then the record, and
// then the old slip goes. A crash in between leads here again, or leaves a slip
// too many, which the first round after a start removes.
func (e *Edge) tendSlip(ctx context.Context, r record) error {
	if e.dimmed(r.ID) {
		return nil // its slip may be the other's
	}
	if slices.ContainsFunc(e.jobs, func(j *job) bool { return j.id == r.ID && !j.end }) {
		return nil // only its record says that what is left of it may go
	}
	if !e.tidy[r.ID] {
		if err := e.dropStraySlips(r); err != nil {
			return err
		}
		e.tidy[r.ID] = true
	}
	if e.gone[r.ID].Paper == letter.PaperDestroyed || r.Paper == letter.PaperDestroyed {
		return e.endSlip(r)
	}
	past := !letter.DateOf(e.Now()).Before(letter.Deadline(letter.DateOf(r.Received), r.Class))
	if r.Paper == paperOverdue && past {
		return e.dropOverdue(r)
	}
	if r.Paper == letter.PaperReplaced && disk.Exists(e.folder.Disk(), r.place()) {
		// A crash came between its record and this, or the disk has failed.
		if err := e.unslip(r); err != nil {
			return err
		}
	}
	receipt, err := e.receipt(ctx, r.Site, r.ID, r.SHA256)
	if err != nil {
		return err
	}
	next := r
	over := past && !e.ranOut()
	_, gone := e.gone[r.ID]
	switch {
	case receipt != nil && receipt.Paper == letter.PaperDestroyed:
		return e.endSlip(r)
	case over && r.Paper == letter.PaperReplaced:
		return e.removeSlip(r)
	case gone && !r.Gone:
		next.Paper, next.Reason, next.Gone = letter.PaperMayGo, "", true
	case over: // the server says nothing any more of a letter that is gone
		next.Was, next.WasFor = r.Paper, r.Reason
		next.Paper, next.Reason = paperOverdue, ""
	case r.Paper == paperOverdue && receipt == nil: // by a clock that was ahead
		next.Paper, next.Reason = r.Was, r.WasFor
		if r.Was == "" { // by an earlier version
			if next.Paper = letter.PaperKept; r.Gone {
				next.Paper = letter.PaperMayGo
			}
		}
		next.Was, next.WasFor = "", ""
	case receipt == nil || receipt.Paper == r.Paper && receipt.Reason == r.Reason && receipt.Helpline == r.Moved:
		return nil
	default:
		next.Paper, next.Reason, next.Moved = receipt.Paper, receipt.Reason, receipt.Helpline
		next.Was, next.WasFor = "", ""
	}
	if next.Paper == letter.PaperReplaced {
		// It has no slip, and its record goes on naming the one that is to go.
		if err := e.saveRecord(next); err != nil {
			return err
		}
		return e.unslip(next)
	}
	next.Slip = e.slipName(next)
	e.shelf.plan(next)
	if err := e.writeSlip(next); err != nil {
		return err
	}
	if err := e.saveRecord(next); err != nil {
		return err
	}
	if next.Slip != r.Slip {
		return e.unslip(r)
	}
	return nil
}

// dropOverdue forgets a letter once a person has deleted its last slip.
func (e *Edge) dropOverdue(r record) error {
	_, err := e.folder.Disk().Lstat(r.place())
	if errors.Is(err, fs.ErrNotExist) {
		return e.removeSlip(r)
	}
	return nil
}

// endSlip removes the slip of a paper that is destroyed. The record says so first: a
// crash may come between the slip and the record, and the store keeps what the
// server has said for two weeks only.
func (e *Edge) endSlip(r record) error {
	if r.Paper != letter.PaperDestroyed {
		r.Paper, r.Reason = letter.PaperDestroyed, ""
		if err := e.saveRecord(r); err != nil {
			return err
		}
	}
	return e.removeSlip(r)
}

func (e *Edge) removeSlip(r record) error {
	if err := e.unslip(r); err != nil {
		return err
	}
	if err := e.remove(recordPath(r.ID)); err != nil {
		return err
	}
	e.shelf.drop(r)
	e.printed[r.Helpline] = false
	return nil
}

// unslip removes a slip, or finds it gone, so that no power cut brings it back once
// no record knows it any more.
func (e *Edge) unslip(r record) error {
	dir := path.Dir(r.place())
	return e.folder.Ours(dir, func() error {
		if err := e.remove(r.place()); err != nil {
			return err
		}
		err := e.folder.Disk().SyncDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a person has removed the folder
		}
		return disk.Plain("syncing a folder", err)
	})
}
