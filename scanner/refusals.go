package scanner

import (
	"errors"
	"io"
	"io/fs"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/texts"
)

// Reasons to refuse a scan that have nothing to do with what is in it.
var (
	errStray      = errors.New("dropped into no helpline's folder")
	errUnreadable = errors.New("no right to read it")
	errNotSame    = errors.New("said to be taken before, but nothing like it was")
)

// tooLate is the error for a claimed scan for which the server has no key left, since it
// was not sealed for so long: its key may have died with its week.
type tooLate struct {
	day  letter.Date // as received on which it would have been sealed
	part bool        // other letters of its stack were sealed before
}

func (*tooLate) Error() string {
	return "the server has no key any more for the day on which it was received"
}

// next is what to do with the scan.
func (t *tooLate) next(l *texts.Language) string {
	if t.part {
		return say(l, "late.next-part")
	}
	return say(l, "late.next")
}

// The words for these, beside pdf.Codes.
const (
	whyStray      = "stray"
	whyUnreadable = "unreadable"
	whyLinked     = "linked"
	whyNotSame    = "not-same"
	whyNotAgain   = "not-again"
	whyTooLate    = "too-late"
	whyGrew       = "grew" // after it was taken
	whyOtherSite  = "other-site"
)

// RefusalWords are all words in which a scan's refusal is reported to the server.
func RefusalWords() []string {
	words := []string{whyStray, whyUnreadable, whyLinked, whyNotSame, whyNotAgain, whyTooLate, whyGrew, whyOtherSite}
	for _, code := range pdf.Codes {
		words = append(words, string(code))
	}
	return words
}

// outcome is what becomes of a scan that does not become a letter, for now.
type outcome struct {
	dir       string      // of the helpline: where it is given back
	note      folder.Note // beside it
	drop      bool        // it is deleted, because a person has said so
	unsettled bool        // it was put back to settle anew: nothing is to be done
	log       string      // one sentence, without a name
	why       string      // it is refused, in a word that the server knows
}

// verdict is the outcome if err says that a scan cannot be taken as it is,
// however often it is tried, after what a person has answered before.
func verdict(l *texts.Language, err error, c folder.Claim) (outcome, bool) {
	out, ok := verdictOf(l, err, c.Answer)
	if ok && c.Answer == folder.Again && out.dir == folder.RefusedDir {
		out.note.Next = againNext(l, err, c.Again) // elsewhere it would be taken as a letter of its own
	}
	out.note.Language = l
	return out, ok
}

func verdictOf(l *texts.Language, err error, answer folder.Answer) (outcome, bool) {
	nothingLost := " " + say(l, "note.kept")
	refused := func(why, what, next string) (outcome, bool) {
		return outcome{dir: folder.RefusedDir, why: why, note: folder.Note{What: what, Next: next},
			log: "A scan is refused: " + err.Error() + "."}, true
	}
	var flaw *pdf.Refusal
	var again *duplicate
	var unclear *unclearStack
	var same *againSame
	var wrong *againWrong
	var late *tooLate
	switch {
	case err == nil:
		return outcome{}, false
	case errors.Is(err, folder.ErrUnsettled):
		return outcome{unsettled: true, log: "A scan changed when it was about to be taken, and is waited for again."}, true
	case errors.Is(err, errSameAgain):
		return outcome{drop: true, log: "A scan is deleted: a person said that it is a letter which was taken before."}, true
	case errors.As(err, &again):
		return outcome{dir: again.dir(), note: again.note(l), log: "A scan waits for an answer: " + err.Error() + "."}, true
	case errors.As(err, &late):
		return refused(whyTooLate, say(l, "late.what", "day", late.day), late.next(l)+nothingLost)
	case errors.As(err, &wrong):
		return refused(whyNotAgain, l.Text(wrong.what), "")
	case errors.As(err, &same):
		return refused(whyNotAgain, same.what(l), "")
	case errors.Is(err, errAgainStack):
		return refused(whyNotAgain, say(l, "again.separator"), "")
	case errors.As(err, &unclear):
		return outcome{dir: folder.StacksDir, note: unclear.note(l), log: "A stack waits for an answer: " + err.Error() + "."}, true
	case errors.As(err, &flaw):
		what, next := refusedSays(l, flaw.Code)
		switch {
		case answer == folder.Repair: // not offered again: it would end here again
			what = say(l, "repair.failed", "what", what)
			next = say(l, "repair.failed-next") + nothingLost + " " + say(l, "note.delete-it")
		case repairable(flaw):
			next += " " + say(l, "repair.offer")
		}
		return refused(string(flaw.Code), what, next)
	case errors.Is(err, errStray):
		return refused(whyStray, say(l, "refused.stray.what"), say(l, "refused.stray.next")+nothingLost)
	case errors.Is(err, errUnreadable):
		return refused(whyUnreadable, say(l, "refused.unreadable.what"), say(l, "refused.unreadable.next")+nothingLost)
	case errors.Is(err, folder.ErrLinked):
		return refused(whyLinked, say(l, "refused.linked.what"), say(l, "refused.linked.next")+nothingLost)
	case errors.Is(err, errNotSame):
		return refused(whyNotSame, say(l, "refused.not-same.what"), say(l, "refused.not-same.next")+nothingLost)
	}
	return outcome{}, false
}

// refusedSays says what is wrong with a scan that is refused with that code, and what
// to do next, which ends by saying that nothing is lost, and when the file is to go. An unknown code gets the
// texts for a damaged scan.
func refusedSays(l *texts.Language, code pdf.Code) (what, next string) {
	if !l.Has("refused." + string(code) + ".what") {
		code = pdf.Damaged
	}
	return say(l, "refused."+string(code)+".what"), say(l, "refused."+string(code)+".next") + " " + say(l, "note.kept-paper") + " " + say(l, "note.delete-it")
}

// repairable says whether a scan was refused for a reason for which a less strict
// program may draw it all the same. Drawing it anew is a person's choice, and goes
// with the letter. What was cut off is never drawn.
func repairable(flaw *pdf.Refusal) bool {
	switch flaw.Code {
	case pdf.Damaged, pdf.Unsupported:
		return flaw.Format != pdf.PNG // of which a decoder takes no more
	case pdf.Protected, pdf.FormOrComments, pdf.LeftOver:
		return flaw.Format == pdf.PDF || flaw.Format == ""
	}
	return false
}

// Complete judges the structure of a scan for the folder.
func Complete(r io.ReaderAt, size int64) (folder.Completeness, error) {
	switch _, err := pdf.Complete(r, size); {
	case errors.Is(err, pdf.ErrIncomplete):
		return folder.Partial, nil
	case errors.Is(err, pdf.ErrUnknown):
		return folder.Foreign, nil
	default:
		return folder.Whole, err
	}
}

// whole opens a claimed scan if it is a whole one of a known helpline. The
// folder has judged it before, but a crash may have come since, and what a
// broken-off scan still shows must never pass for a letter.
func (e *Edge) whole(c folder.Claim) (disk.File, error) {
	if c.Helpline == "" {
		return nil, errStray
	}
	scan, err := e.folder.Scan(c)
	if errors.Is(err, fs.ErrPermission) {
		return nil, errUnreadable
	}
	if err != nil {
		return nil, err
	}
	if err := judge(scan, c.Size); err != nil {
		scan.Close()
		return nil, err
	}
	return scan, nil
}

// judge is why a claimed scan is refused that is not a whole one.
func judge(scan io.ReaderAt, size int64) error {
	format, err := pdf.Complete(scan, size)
	code := pdf.NotAScan
	if errors.Is(err, pdf.ErrIncomplete) {
		code, err = pdf.Unfinished(scan, size, format)
	} else if errors.Is(err, pdf.ErrUnknown) {
		err = nil
	} else if err == nil {
		return nil
	}
	if err != nil {
		return disk.Plain("reading a claimed scan", err)
	}
	return &pdf.Refusal{Code: code}
}
