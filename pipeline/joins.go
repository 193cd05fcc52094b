package pipeline

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// takeJoin enrols a scanner that comes with an invitation, or has the scanner that is
// there change its own key; answers it, and removes what it asked with. What nobody was
// invited to put there gets no answer, is left alone, and goes with what is brief.
//
// A crash after the register has it leaves the question where it is: it is asked
// again, and answered the same. A crash after the answer leaves the question too.
func (s *Server) takeJoin(ctx context.Context, site string) error {
	key := letter.JoinKey(site)
	// Listed before it is read: what is put after this stays for the next pass.
	traces, err := s.cfg.Store.Traces(ctx, key)
	if err != nil {
		return fmt.Errorf("looking at a scanner's enrolment: %w", err)
	}
	msg, err := s.readSmall(ctx, key)
	if errors.Is(err, deposit.ErrNotFound) {
		return nil
	}
	if s.isAnObjectsOwn(ctx, key, err) {
		s.noteOdd(site, oddUnreadable)
		s.noteLook(key, true)
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading a scanner's enrolment: %w", err)
	}
	says, err := s.joins(ctx, site, msg)
	if err == nil && says.Answer == "" {
		says, err = s.succeeds(ctx, site, msg)
	}
	if err != nil {
		return err
	}
	if says.Answer == "" {
		s.noteLook(key, true)
		return nil
	}
	s.cfg.Step("joined", "")
	signer, err := s.signer(ctx)
	if err != nil {
		return err
	}
	word, err := says.Sign(signer)
	if err != nil {
		return err
	}
	if err := s.put(ctx, letter.JoinedKey(site), word); err != nil {
		return fmt.Errorf("answering a scanner's enrolment: %w", err)
	}
	s.cfg.Step("join-answered", "")
	s.cfg.Log.Info("a scanner asked to be enrolled", "site", site, "answer", says.Answer)
	s.forgetHeld(site)
	return s.removeAll(ctx, s.cfg.Store, key, traces)
}

// joins enrols whoever has signed msg with an invitation, and is the answer; its Answer
// is empty for nobody who was invited.
func (s *Server) joins(ctx context.Context, site string, msg []byte) (says letter.Joined, err error) {
	inv, join, err := s.invited(ctx, site, msg)
	if err != nil || inv == nil {
		return says, err
	}
	says = letter.Joined{Site: site, Invitation: inv.Key, Key: join.Key, At: join.At, Answer: letter.JoinedClock}
	if join.At.Sub(s.cfg.Now()).Abs() <= clockSlack || inv.UsedBy == join.Key {
		says.Answer, err = s.cfg.Register.JoinEdge(ctx, inv.Key, join.Key)
	}
	return says, err
}

// succeeds has the key that the site's scanner has named with the one that it has take
// that one's place, and is the answer; its Answer is empty where it has named none. What
// was signed with the key so far and listed before is admitted by then.
func (s *Server) succeeds(ctx context.Context, site string, msg []byte) (says letter.Joined, err error) {
	from, err := s.cfg.Register.Edge(ctx, site)
	if errors.Is(err, register.ErrNotFound) {
		return says, nil
	}
	if err != nil {
		return says, err
	}
	now, err := note.NewVerifier(from)
	if err != nil {
		return says, fmt.Errorf("reading an edge's public key: %w", err)
	}
	join, notItsOwn := letter.OpenJoin(msg, now)
	if notItsOwn != nil || join.Site != site {
		return says, nil
	}
	says = letter.Joined{Site: site, Key: join.Key, At: join.At, Answer: letter.JoinedClock}
	if age := s.cfg.Now().Sub(join.At); age >= -clockSlack && age <= brief {
		says.Answer, err = s.cfg.Register.ChangeEdgeKey(ctx, site, from, join.Key)
	}
	return says, err
}

// invited finds the invitation with which msg was signed; nil for none.
func (s *Server) invited(ctx context.Context, site string, msg []byte) (*register.EdgeInvitation, letter.Join, error) {
	all, err := s.cfg.Register.EdgeInvitations(ctx, site)
	if err != nil {
		return nil, letter.Join{}, err
	}
	for _, inv := range all {
		by, err := note.NewVerifier(inv.Key)
		if err != nil {
			return nil, letter.Join{}, fmt.Errorf("reading an invitation's public key: %w", err)
		}
		if join, err := letter.OpenJoin(msg, by); err == nil && join.Site == site {
			return &inv, join, nil
		}
	}
	return nil, letter.Join{}, nil
}

// StorageUsers is what can remove a user of the storage.
type StorageUsers interface {
	RemoveUser(ctx context.Context, name string) error
}

// endStorageUsers removes users of the storage that no scanner needs any more. Where
// that cannot be done, check says whom to remove by hand.
func (s *Server) endStorageUsers(ctx context.Context) error {
	if s.cfg.StorageUsers == nil {
		return nil
	}
	names, err := s.cfg.Register.StorageUsersToEnd(ctx, "")
	if err != nil {
		return err
	}
	for _, name := range names {
		err := s.cfg.StorageUsers.RemoveUser(ctx, name)
		if errors.Is(err, deposit.ErrRefused) {
			return nil // a server need not have the right, and where it has not is refused each of them
		}
		if err != nil {
			return fmt.Errorf("removing a scanner's storage user: %w", err)
		}
		// A crash here removes one that is not there, which does no harm.
		if err := s.cfg.Register.StorageUserEnded(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
