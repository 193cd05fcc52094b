// Package pipeline is the server's half of a letter's way. It meets the edge
// only in the bucket, even when one process plays both.
//
// This file is the flow, from the admission of a manifest (step 6) to the
// proof that nothing is left (step 10), in the order in which it happens.
// letters.state in the register is the truth; jobs only call Advance, which
// does whatever the state says is next. Every step may be cut off anywhere and
// done again: each says what a crash leaves.
package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// Admit (step 6) takes in what the edges have left in incoming/. The listing
// is the truth: whatever an earlier pass or another server left is found again. Where
// more lies there than one pass lists, each site has a portion of it.
func (s *Server) Admit(ctx context.Context) error {
	p := &pass{Server: s, shown: map[string]bool{}, part: map[string]bool{}}
	keys, whole, err := s.listSome(ctx, letter.IncomingPrefix)
	if err != nil {
		return err
	}
	if whole {
		p.take(ctx, keys, len(keys), heldRest)
	} else if err := p.takeBySite(ctx); err != nil {
		return err
	}
	for _, site := range p.joins { // last: what a scanner has deposited is admitted before another takes its place
		p.note(s.takeJoin(ctx, site))
	}
	s.forgetLooks()
	return errors.Join(p.failed, s.cfg.Register.KeepHeld(ctx, p.mayBeThere))
}

// admit takes in one manifest, or says why it is not believed.
func (s *Server) admit(ctx context.Context, marker string) (why register.HeldReason, err error) {
	// First of all: what nobody has signed costs one request, and of a stranger none.
	if _, why, err := s.believe(ctx, marker); err != nil || why != "" {
		return why, err
	}
	// Listed before it is read again: a manifest that is put after this stays for the next pass.
	traces, err := s.cfg.Store.Traces(ctx, marker)
	if err != nil {
		return "", err
	}
	m, why, err := s.believe(ctx, marker)
	if err != nil || why != "" {
		return why, err
	}
	switch err := s.cfg.Register.Admit(ctx, m); {
	case errors.Is(err, register.ErrSameIDOther):
		return register.SameIDOther, nil
	case errors.Is(err, register.ErrAlreadyDeleted):
		// Its edge has missed its receipt and waits, with the scan.
		switch err := s.cfg.Register.NoteGone(ctx, m); {
		case errors.Is(err, register.ErrSameIDOther):
			return register.SameIDOther, nil
		case err != nil:
			return "", err
		}
		return register.AlreadyDeleted, s.endReturnedOf(ctx, []string{m.ObjectKey()}, strayDay{class: m.Class, day: m.ReceivedOn()})
	case err != nil:
		return "", err
	}
	// A crash here leaves the marker of a letter that is known. The next pass
	// finds the manifest known word for word and comes back to this line.
	s.cfg.Step("admitted", m.ID)
	return "", s.removeAll(ctx, s.cfg.Store, marker, traces)
}

// Advance does whatever is next for the letter, step after step, until it
// waits for a person, a moment or the deadline. A letter that is not on record
// (any more) needs nothing.
func (s *Server) Advance(ctx context.Context, id letter.ID) error {
	if s.mustRest(ctx) {
		return nil
	}
	const enough = 100 // steps; a letter has a dozen
	for range enough {
		l, err := s.cfg.Register.Letter(ctx, id)
		if errors.Is(err, register.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		before := l
		err = s.step(ctx, &l)
		if errors.Is(err, register.ErrMoved) {
			continue // another worker, or a person, was first: look again
		}
		if err != nil {
			return fmt.Errorf("advancing a letter from %s: %w", before.State, err)
		}
		if l.State == before.State && !l.MovedSince(before) {
			return nil
		}
		if l.State != before.State {
			s.cfg.Step(string(l.State), id)
		}
	}
	return errors.New("advancing a letter: it moves without end")
}

// step is one step of one letter.
func (s *Server) step(ctx context.Context, l *register.Letter) error {
	if s.isDue(*l) {
		return s.expire(ctx, l)
	}
	if l.State.CanBeOpened() && l.MoveDue() {
		return s.move(ctx, l)
	}
	switch l.State {
	case register.Admitted:
		return s.verify(ctx, l)
	case register.Verified:
		return s.receipt(ctx, l)
	case register.Receipted:
		return s.notify(ctx, l)
	case register.Notified, register.Opened, register.Readable, register.ScanAgain:
		// Step 9 is people's: the portal records what they do, and each of their
		// acts is one transaction. What they leave to do is a newer receipt, and
		// mails that a dead mail server still owes.
		return errors.Join(s.receipt(ctx, l), s.sendMails(ctx, l))
	case register.Replaced:
		return errors.Join(s.receipt(ctx, l), s.rest(ctx, l))
	case register.Draft, register.ToConfirm, register.Filed:
		return s.rest(ctx, l)
	case register.Unverifiable, register.Expiring:
		return nil // for a person; or due, but the clock is in doubt
	}
	return fmt.Errorf("a letter in a state that this version does not know")
}

// verify (step 7) reads the sealed object back and accepts it only if it has
// the manifest's hash, opens with the week's key and shows every page. A crash
// leaves the letter Admitted, put off as after a failure, and nothing else: plaintext
// was in memory only.
func (s *Server) verify(ctx context.Context, l *register.Letter) error {
	done, err := s.beginCheck(ctx, l)
	if done == nil {
		return err
	}
	defer done()
	version, plain, trouble, err := s.readBack(ctx, l)
	if plain != nil {
		defer func() { _ = plain.close() }()
	}
	if errors.Is(err, errKeyMissing) {
		return s.later(ctx, l, register.KeyMissing, err) // another server may have it
	}
	if err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	}
	if trouble == register.ObjectMissing && l.IsResponse() && s.cfg.Now().Sub(l.Received) > filingTime {
		return s.cfg.Register.ResponseLost(ctx, l.ID)
	}
	if trouble == register.ObjectMissing {
		// The manifest may have overtaken the object, or the edge will put both again.
		return s.later(ctx, l, trouble, nil)
	}
	if trouble == "" {
		if trouble, err = s.render(ctx, l, plain); err != nil {
			return s.later(ctx, l, register.RendererBroken, err)
		}
	}
	if trouble == register.CannotRender && l.Attempts < rendererTries {
		// A child may have died of this machine's want of memory, not of the letter.
		return s.later(ctx, l, register.RendererBroken, nil)
	}
	if trouble != "" {
		s.cfg.Log.Error("a deposit is not what its manifest says; its scan is kept at the edge", "reason", trouble)
		return s.cfg.Register.Unverifiable(ctx, l, trouble)
	}
	return s.cfg.Register.Verified(ctx, l, version, s.cfg.DestroyAfter == "verified")
}

// rendererTries is how often a page that cannot be drawn is tried again before
// it is taken for the letter's own fault.
const rendererTries = 4

// receipt gives the edge the server's word, in the words of the paper's state
// now. It is put before it is recorded: a crash in between has it put again,
// the same, and an edge may believe it either way, since Verified is on record.
func (s *Server) receipt(ctx context.Context, l *register.Letter) error {
	if l.State != register.Verified && !l.ReceiptDue {
		return nil
	}
	word := letter.Receipt{ID: l.ID, Version: l.ObjectVersion, SHA256: l.SHA256, Paper: l.Paper, Reason: string(l.PaperReason), Replaces: l.Replaces}
	if l.Helpline != l.Manifest.Helpline {
		word.Helpline = l.Helpline // its paper lies with the wrong people
	}
	if l.State == register.Replaced {
		word.Paper = letter.PaperReplaced // it goes on under the new scan's reference
	}
	signer, err := s.signer(ctx)
	if err != nil {
		return err
	}
	msg, err := word.Sign(signer)
	if err != nil {
		return err
	}
	if err := s.put(ctx, letter.ReceiptKey(l.Site, l.ID), msg); err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	}
	noted := s.cfg.Register.ReceiptRenewed
	if l.State == register.Verified {
		noted = s.cfg.Register.Receipted
	}
	err = noted(ctx, l)
	if errors.Is(err, register.ErrMoved) {
		// Another server was first, and perhaps with a newer word, over which this
		// one lies now: it is put once more.
		err = errors.Join(s.cfg.Register.OweReceipt(ctx, l.ID), err)
	}
	return err
}

// notify (step 8) writes down whom to tell before telling anyone.
func (s *Server) notify(ctx context.Context, l *register.Letter) error {
	if err := s.receipt(ctx, l); err != nil {
		return err
	}
	return s.tell(ctx, l)
}

// tell writes down whom to tell, and tells them.
func (s *Server) tell(ctx context.Context, l *register.Letter) error {
	people, err := s.cfg.Register.QueueMails(ctx, *l, s.cfg.MailDomain)
	if err != nil {
		return err
	}
	if people == 0 {
		if l.Named == 0 { // else its helpline may have leaders, who may not open it
			s.sayNobody(l.Helpline)
		} else if l.State != register.Receipted { // it was read, and the manager names another: see NamedMayNotOpen
			return s.cfg.Register.Rest(ctx, l)
		}
		return s.later(ctx, l, register.NobodyToTell, nil)
	}
	// A crash here leaves mails on record that nobody has sent: the next pass sends them.
	s.cfg.Step("mails-queued", l.ID)
	return s.sendMails(ctx, l)
}

// sayNobody says once a day, and not for each letter, that a helpline has
// nobody to tell.
func (s *Server) sayNobody(helpline string) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, said := s.nobody[helpline]; said && now.Sub(last).Abs() < 24*time.Hour {
		return
	}
	if s.nobody == nil {
		s.nobody = map[string]time.Time{}
	}
	s.nobody[helpline] = now
	s.cfg.Log.Warn("letters wait and nobody is told of them: the helpline has no team leader; 'letterlock check' says what to do", "helpline", helpline)
}

// sendMails sends what is still owed. Between a server's taking a mail and the
// note of it a crash makes a second one, with the same Message-ID.
func (s *Server) sendMails(ctx context.Context, l *register.Letter) error {
	owed, err := s.cfg.Register.UnsentMails(ctx, l.ID)
	if err != nil {
		return err
	}
	if len(owed) == 0 && l.State != register.Receipted {
		return s.rest(ctx, l)
	}
	var failed error
	for _, m := range owed {
		link := s.cfg.Origin.JoinPath("l", string(l.ID)).String()
		if err := s.send(ctx, mail.Message{To: m.Address, MessageID: m.MessageID, Link: link}); err != nil {
			failed = err
			if errors.Is(err, mail.ErrUnreachable) {
				break // the rest is owed still
			}
			continue // one address that is refused must not keep the mail from the others
		}
		s.cfg.Step("mail-sent", l.ID)
		if err := s.cfg.Register.MailSent(ctx, l.ID, m.Person); err != nil {
			return err
		}
	}
	if failed != nil {
		return s.later(ctx, l, register.MailDown, failed)
	}
	return s.cfg.Register.Notified(ctx, l)
}

// rest ends what was under way for a letter that is with people, unless nobody
// was ever told of it: the one who was to be told may have left.
func (s *Server) rest(ctx context.Context, l *register.Letter) error {
	if l.NotBefore == nil || l.ReceiptDue {
		return nil
	}
	if l.IsResponse() || l.State == register.Replaced { // whose new scan they are told of
		return s.cfg.Register.Rest(ctx, l)
	}
	told, err := s.cfg.Register.Told(ctx, l.ID)
	if err != nil {
		return err
	}
	if told == 0 {
		return s.tell(ctx, l)
	}
	return s.cfg.Register.Rest(ctx, l)
}

// isDue reports whether the letter must go now.
func (s *Server) isDue(l register.Letter) bool {
	return l.DueOn(letter.DateOf(s.cfg.Now()))
}

// expire (step 10) ends a due letter: list, remove, list again over a new
// connection and ask for what was seen by its name, demand nothing, delete the
// rows. The proof is written by ProveErased once the rows are gone from the
// database's files too.
func (s *Server) expire(ctx context.Context, l *register.Letter) error {
	may, err := s.mayDestroy(ctx, s.doubt)
	if err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	}
	if !may {
		return nil
	}
	seen, err := s.remains(ctx, l)
	if err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	}
	if l.State != register.Expiring {
		// From here on nobody is shown the letter. A crash leaves it Expiring, and
		// on record what was found before anything was removed.
		return s.cfg.Register.ExpiryBegun(ctx, l, seen.count())
	}
	// Noted before it is removed, so that the proof counts it wherever a crash
	// cuts this off, and it can be asked for by its name afterwards.
	if err := s.cfg.Register.NoteRemains(ctx, l, seen.noted()); err != nil {
		return err
	}
	if err := s.emptyStore(ctx, l, seen); err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	}
	s.cfg.Step("store-emptied", l.ID)
	left, err := s.left(ctx, l)
	if err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	}
	if left != (register.Found{}) {
		s.cfg.Log.Error("the storage still shows a letter that was removed; it is removed again", "left", left)
		return s.later(ctx, l, register.StillShown, nil)
	}
	// A crash before this finds the letter Expiring and the storage empty, and
	// comes back here; after it, the deletion waits in the register for its proof.
	if err := s.cfg.Register.DeleteRows(ctx, *l, s.removedBy(l), s.cfg.Now()); err != nil {
		return err
	}
	s.closeLetter(l.ID)
	s.cfg.Step("rows-deleted", l.ID)
	return nil
}

// restAfter is how long a letter rests after so many attempts: a second, then twice
// as long each time, an hour at most.
func restAfter(attempts int) time.Duration { return min(time.Second<<min(attempts, 12), time.Hour) }

// later notes why a step did not succeed and when it is tried again.
func (s *Server) later(ctx context.Context, l *register.Letter, why register.Trouble, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	wait := restAfter(l.Attempts)
	about := []any{"why", why, "in", wait}
	if cause != nil {
		about = append(about, "error", cause)
	}
	// Once for each trouble: 'letterlock check' counts the letters and says what to do.
	level := slog.LevelWarn
	if l.Trouble == why || why == register.NobodyToTell && l.Named == 0 { // which sayNobody has said
		level = slog.LevelDebug
	}
	s.cfg.Log.Log(ctx, level, "a letter waits and is tried again", about...)
	return s.cfg.Register.Defer(ctx, *l, why, s.cfg.Now().Add(wait))
}

func (s *Server) put(ctx context.Context, key string, msg []byte) error {
	_, err := s.cfg.Store.Put(ctx, key, bytes.NewReader(msg), int64(len(msg)), sha256.Sum256(msg), deposit.Replace)
	return err
}
