package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner/pdf"
)

// PDF opens the letter for a person who asks for its file. The opening must be on
// record before. A letter that the storage's own lifecycle has taken is portal.ErrGone,
// one that it should still hold portal.ErrLost.
//
// The file is made anew of what the scanner has sealed, as the scanner has made that of
// the scan: somebody who holds a scanner's key could have sealed a file that runs
// programs, or calls home, when it is opened. What cannot be made anew is
// portal.ErrNotClean; its pages can be shown all the same, as pictures.
func (s *Server) PDF(ctx context.Context, l register.Letter) ([]byte, error) {
	done, err := s.takesTurn(ctx) // it takes as much memory as an upload
	if err != nil {
		return nil, err
	}
	defer done()
	sealed, err := s.forReader(ctx, l)
	if err != nil {
		return nil, err
	}
	given, err := madeAnew(ctx, sealed)
	refused, is := errors.AsType[*pdf.Refusal](err)
	_, none := errors.AsType[*portal.NotTaken](err) // this system has no such files
	switch {
	case none || is && refused.Code != pdf.TooHeavy: // which it may be for a busy machine alone
		s.cfg.Log.Error("a letter's file is not given out: it cannot be made anew", "letter", l.ID, "error", err)
		return nil, portal.ErrNotClean
	case err != nil:
		return nil, fmt.Errorf("making a letter's file anew: %w", err)
	}
	return given, nil
}

// madeAnew is the clean PDF of one that lies in memory, and is wiped there.
func madeAnew(ctx context.Context, sealed []byte) ([]byte, error) {
	defer clear(sealed)
	var files [2]*os.File
	for i := range files {
		file, err := inMemory()
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		files[i] = file
	}
	from, to := files[0], files[1]
	if _, err := from.Write(sealed); err != nil {
		return nil, err
	}
	// Whether shapes may be repeated was decided where it was scanned.
	if _, err := (pdf.Normaliser{Limits: pdf.Limits{AllowSymbols: true}}).Normalise(ctx, from, to); err != nil {
		return nil, err
	}
	info, err := to.Stat()
	if err != nil {
		return nil, err
	}
	given := make([]byte, info.Size())
	_, err = io.ReadFull(to, given)
	return given, err
}
