package scanner

import (
	"errors"
	"io"
	"io/fs"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/pdf"
)

// Reasons to refuse a scan that have nothing to do with what is in it.
var (
	errStray      = errors.New("dropped into no helpline's folder")
	errUnreadable = errors.New("no right to read it")
	errNotSame    = errors.New("said to be taken before, but nothing like it was")
)

// The words for these, beside pdf.Codes.
const (
	whyStray      = "stray"
	whyUnreadable = "unreadable"
	whyLinked     = "linked"
	whyNotSame    = "not-same"
	whyNotAgain   = "not-again"
)

// RefusalWords are all words in which a scan's refusal is reported to the server.
func RefusalWords() []string {
	words := []string{whyStray, whyUnreadable, whyLinked, whyNotSame, whyNotAgain}
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
func verdict(err error, c folder.Claim) (outcome, bool) {
	out, ok := verdictOf(err, c.Answer)
	if ok && c.Answer == folder.Again && out.dir == folder.RefusedDir {
		out.note.Next = againNext(err, c.Again) // elsewhere it would be taken as a letter of its own
	}
	return out, ok
}

func verdictOf(err error, answer folder.Answer) (outcome, bool) {
	const nothingLost = " Nothing is lost: this file is kept as it is."
	refused := func(why, what, next string) (outcome, bool) {
		return outcome{dir: folder.RefusedDir, why: why, note: folder.Note{What: what, Next: next},
			log: "A scan is refused: " + err.Error() + "."}, true
	}
	var flaw *pdf.Refusal
	var again *duplicate
	var unclear *unclearStack
	var same *againSame
	var wrong *againWrong
	switch {
	case err == nil:
		return outcome{}, false
	case errors.Is(err, folder.ErrUnsettled):
		return outcome{unsettled: true, log: "A scan changed when it was about to be taken, and is waited for again."}, true
	case errors.Is(err, errSameAgain):
		return outcome{drop: true, log: "A scan is deleted: a person said that it is a letter which was taken before."}, true
	case errors.As(err, &again):
		return outcome{dir: again.dir(), note: again.note(), log: "A scan waits for an answer: " + err.Error() + "."}, true
	case errors.As(err, &wrong):
		return refused(whyNotAgain, wrong.what, "")
	case errors.As(err, &same):
		return refused(whyNotAgain, same.what(), "")
	case errors.Is(err, errAgainStack):
		return refused(whyNotAgain, "A separator sheet was seen in this scan, or something like one. A new scan is of one paper alone.", "")
	case errors.As(err, &unclear):
		return outcome{dir: folder.StacksDir, note: unclear.note(), log: "A stack waits for an answer: " + err.Error() + "."}, true
	case errors.As(err, &flaw):
		what, next := flaw.Code.Sentence()
		switch {
		case answer == folder.Repair: // not offered again: it would end here again
			what = "This scan cannot be repaired: drawing its pages anew was tried, and failed. " + what
			next = "Scan the paper again. If it cannot be scanned again, keep the paper and tell the helplines' manager." + nothingLost
		case repairable(flaw):
			next += " If the letter cannot be scanned again: move this file into the folder \"repair\" here. Its pages are then drawn anew as pictures, and the reader is told."
		}
		return refused(string(flaw.Code), what, next)
	case errors.Is(err, errStray):
		return refused(whyStray, "The file was put beside the helplines' folders and not into one of them, so nobody can know whose letter it is.",
			"Move the file into the folder of its helpline."+nothingLost)
	case errors.Is(err, errUnreadable):
		return refused(whyUnreadable, "The scanning program has no right to read the file.",
			"Ask the person who looks after the scanner to let the program read what the scanner writes, then move the file back into the folder of its helpline."+nothingLost)
	case errors.Is(err, folder.ErrLinked):
		return refused(whyLinked, "Another name leads to this file (a hard link), so deleting it here would not delete it there.",
			"Remove the other one, or copy this file, delete it, and put the copy into the folder of the helpline."+nothingLost)
	case errors.Is(err, errNotSame):
		return refused(whyNotSame, "It was said of this file that it was taken before, but no letter with exactly these bytes was taken, so it is not deleted.",
			"If it is a letter that was not taken yet, move it into the folder of its helpline. If it is not needed, delete it yourself."+nothingLost)
	}
	return outcome{}, false
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

// complete judges the structure of a scan for the folder.
func complete(r io.ReaderAt, size int64) (folder.Completeness, error) {
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
