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
	errStray      = errors.New("scan refused: dropped into no helpline's folder")
	errUnreadable = errors.New("scan refused: no right to read it")
)

// refusal is the note for operations if err says that a scan can never be
// taken as it is.
func refusal(err error) (folder.Note, bool) {
	const nothingLost = " Nothing is lost: this file is kept as it is."
	var refused *pdf.Refusal
	switch {
	case errors.As(err, &refused):
		what, next := refused.Code.Sentence()
		return folder.Note{What: what, Next: next}, true
	case errors.Is(err, errStray):
		return folder.Note{
			What: "The file was put beside the helplines' folders and not into one of them, so nobody can know whose letter it is.",
			Next: "Move the file into the folder of its helpline." + nothingLost,
		}, true
	case errors.Is(err, errUnreadable):
		return folder.Note{
			What: "The scanning program has no right to read the file.",
			Next: "Ask the person who looks after the scanner to let the program read what the scanner writes, then move the file back into the folder of its helpline." + nothingLost,
		}, true
	}
	return folder.Note{}, false
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
	is, err := complete(scan, c.Size)
	switch {
	case err != nil:
	case c.Size == 0:
		err = &pdf.Refusal{Code: pdf.Empty}
	case is == folder.Partial:
		err = &pdf.Refusal{Code: pdf.CutOff}
	case is == folder.Foreign:
		err = &pdf.Refusal{Code: pdf.NotAScan}
	}
	if err != nil {
		scan.Close()
		return nil, err
	}
	return scan, nil
}
