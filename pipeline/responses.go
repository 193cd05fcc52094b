package pipeline

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/seal"
)

// filingTime is how long a response may take from being on record to being in
// the storage. What is not there by then was cut off.
const filingTime = time.Hour

// How many files are taken at once, each of which needs up to twice
// portal.MaxUpload in memory, and how long somebody waits for their turn.
const (
	takenAtOnce = 3
	takingWait  = 20 * time.Second
)

// File takes the copy of an answer to a letter through the same normalise, seal
// and deposit as a scan, and returns its id. It is then a draft, which its
// uploader looks at and keeps, or not. Its plaintext is in memory only, here and
// while it is looked at; at rest it is sealed like a letter, so that a draft
// outlives a restart and a new sign-in, is opened on record, and ends with the
// proof of a letter and, whatever becomes of Letterlock, with the storage's rules.
// What cannot be taken is a *portal.NotTaken.
//
// A crash before the register's line leaves nothing. One after it leaves a
// response on record that is not in the storage: verify gives it up after
// filingTime, with proof, and whoever uploaded it, and was never shown it, uploads
// it again. One after the deposit leaves a response that the next start reads back
// into a draft, for what is left of its hour.
func (s *Server) File(ctx context.Context, to register.Letter, upload io.Reader, person int64) (letter.ID, error) {
	done, err := s.takesTurn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	clean, pages, err := normalised(ctx, upload)
	if err != nil {
		return "", err
	}
	defer func() { _ = clean.Close() }()
	m := letter.Manifest{ID: letter.NewID(), Site: register.ResponseSite, Helpline: to.Helpline, Class: letter.SixMonths,
		Received: s.cfg.Now().UTC().Truncate(time.Second), Pages: pages}
	recipient, err := s.recipient(ctx, m.Week())
	if err != nil {
		return "", err
	}
	spool, err := newSpool(s.cfg.Spool)
	if err != nil {
		return "", err
	}
	defer spool.remove()
	size, sum, err := seal.Seal(spool, io.MultiReader(clean, markOf(to.ID, person)), recipient)
	if err != nil {
		return "", err
	}
	m.Size, m.SHA256 = size, hex.EncodeToString(sum[:])
	if err := s.cfg.Register.FileResponse(ctx, m, to.ID, person); err != nil {
		return "", err
	}
	s.cfg.Step("response-filed", m.ID)
	if _, err := s.cfg.Store.Put(ctx, m.ObjectKey(), spool, size, sum, deposit.CreateOnly); err != nil {
		// It may be there all the same. The person is told that nothing was filed,
		// so nothing stays.
		lost := context.WithoutCancel(ctx)
		return "", errors.Join(err, s.cfg.Register.ResponseLost(lost, m.ID))
	}
	s.cfg.Step("response-put", m.ID)
	// Read back now, so that its uploader need not wait for the queue; what cannot
	// be is tried again by that.
	if err := s.Advance(ctx, m.ID); err != nil {
		s.cfg.Log.Warn("the copy of an answer waits to be read back and is tried again", "error", err)
	}
	return m.ID, nil
}

// takesTurn waits until few enough files are being taken, until done is called.
func (s *Server) takesTurn(ctx context.Context) (done func(), err error) {
	late := time.NewTimer(s.takingWait)
	defer late.Stop()
	select {
	case s.taking <- struct{}{}:
		return func() { <-s.taking }, nil
	case <-late.C:
		return nil, &portal.NotTaken{Says: texts.Say("response.others-are-taken")}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// endDrafts ends the responses that nobody has kept within their time. While the
// clock is in doubt they stay, and are shown to nobody.
func (s *Server) endDrafts(ctx context.Context) error {
	waiting, err := s.cfg.Register.DraftsOver(ctx)
	if err != nil || !waiting {
		return err
	}
	if may, err := s.mayDestroy(ctx, s.doubt); err != nil || !may {
		return err
	}
	return s.cfg.Register.EndDrafts(ctx)
}

// normalised is the clean PDF of an upload, at its beginning, and its pages.
func normalised(ctx context.Context, upload io.Reader) (clean *os.File, pages int, err error) {
	scan, err := inMemory()
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = scan.Close() }()
	n, err := io.Copy(scan, io.LimitReader(upload, portal.MaxUpload+1))
	if err != nil {
		return nil, 0, fmt.Errorf("%w: reading an upload", portal.ErrUpload)
	}
	if n > portal.MaxUpload {
		return nil, 0, &portal.NotTaken{Says: texts.Say("response.too-large", "megabytes", portal.MaxUpload>>20)}
	}
	if clean, err = inMemory(); err != nil {
		return nil, 0, err
	}
	made, err := pdf.Normaliser{}.Normalise(ctx, scan, clean)
	if err == nil {
		_, err = clean.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = clean.Close()
		if refused, ok := errors.AsType[*pdf.Refusal](err); ok {
			err = &portal.NotTaken{Says: texts.Word("refused", refused.Code), Anew: true}
		}
		return nil, 0, err
	}
	return clean, made.Pages, nil
}
