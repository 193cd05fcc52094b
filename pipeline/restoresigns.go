package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// This file finds out whether the register, or the bucket, is an older copy of
// itself. A restored database believes that letters are alive which are proven
// gone, and that keys live which are dead; a restored bucket shows letters again
// which must not exist. Until the time that is missing has been replayed, nobody
// is shown anything and nothing is done.
//
// What is compared are the memories of those that were not restored with it: the
// keyring, which is kept out of backups, the bucket, and the scanners.

// RestoreSigns are the signs that this register, or the bucket, is an older copy
// of itself: those on record and those that are found now, the surest first. It
// changes nothing. Where the bucket cannot be asked, the others come with an
// error.
func (s *Server) RestoreSigns(ctx context.Context) ([]register.RestoreSign, error) {
	known, err := s.cfg.Register.Closed(ctx)
	if err != nil {
		return nil, err
	}
	near, nearErr := s.keyringSigns(ctx)
	far, farErr := s.bucketSigns(ctx)
	known = slices.Concat(known, near, far)
	var signs []register.RestoreSign
	for _, sign := range register.RestoreSigns {
		if slices.Contains(known, sign) {
			signs = append(signs, sign)
		}
	}
	return signs, errors.Join(nearErr, farErr)
}

// keyringSigns compares the register with what the keyring remembers of it. A
// keyring that remembers nothing, or something that this register's key has
// never signed, is a sign of nothing.
func (s *Server) keyringSigns(ctx context.Context) ([]register.RestoreSign, error) {
	// Read before the register is, which goes on meanwhile.
	seen, err := s.remembered()
	if err != nil || seen.Checkpoint == "" {
		return nil, err
	}
	if _, err := s.cfg.Register.OpenStatement(ctx, seen); err != nil {
		return nil, notWrong(err)
	}
	return s.unless(ctx, seen.Checkpoint, register.SignKeyring)
}

// unless is that sign where the register does not hold the checkpoint.
func (s *Server) unless(ctx context.Context, checkpoint string, sign register.RestoreSign) ([]register.RestoreSign, error) {
	err := s.cfg.Register.Holds(ctx, checkpoint)
	if _, is := errors.AsType[*register.Wrong](err); is {
		return []register.RestoreSign{sign}, nil
	}
	return nil, err
}

// notWrong is err, unless it only says that what was read is wrong.
func notWrong(err error) error {
	if _, is := errors.AsType[*register.Wrong](err); is {
		return nil
	}
	return err
}

// bucketSigns compares the register with the bucket. One that is not this
// server's at all, or is not mounted, is BucketDoubt's business and no sign.
func (s *Server) bucketSigns(ctx context.Context) ([]register.RestoreSign, error) {
	b, err := s.compareList(ctx)
	if err != nil || !b.ours {
		return nil, err
	}
	var signs []register.RestoreSign
	if b.older {
		signs = append(signs, register.SignRecipients)
	}
	anchors, err := s.anchorSigns(ctx)
	if err != nil {
		return signs, err
	}
	edges, err := s.edgeSigns(ctx)
	return slices.Concat(signs, anchors, edges), err
}

// anchorSigns compares the register with the checkpoints in the bucket.
func (s *Server) anchorSigns(ctx context.Context) (signs []register.RestoreSign, err error) {
	// Asked before the bucket is listed: another process may leave one meanwhile.
	last, err := s.cfg.Register.Anchored(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := s.checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	if last != "" && !slices.Contains(keys, last) {
		signs = append(signs, register.SignAnchorsMissing)
	}
	newest, err := s.newestAnchor(ctx, keys)
	if err != nil || newest.Note == "" {
		return signs, err
	}
	older, err := s.unless(ctx, newest.Note, register.SignBucket)
	return append(signs, older...), err
}

// checkpoints are the keys of the checkpoints in the bucket, the newest last.
func (s *Server) checkpoints(ctx context.Context) (keys []string, err error) {
	for key, err := range s.cfg.Store.List(ctx, letter.CheckpointsPrefix) {
		if err != nil {
			return nil, fmt.Errorf("listing checkpoints: %w", err)
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, nil
}

// newestAnchor is the newest of these checkpoints that this register's key has
// signed: whoever can write to the bucket must not be able to close Letterlock,
// or to hide a true one, by what anybody could write.
func (s *Server) newestAnchor(ctx context.Context, keys []string) (register.Head, error) {
	for _, key := range slices.Backward(keys) {
		body, err := s.readSmall(ctx, key)
		if err != nil {
			return register.Head{}, fmt.Errorf("reading a checkpoint: %w", err)
		}
		var statement register.Statement
		if json.Unmarshal(body, &statement) != nil {
			continue
		}
		head, err := s.cfg.Register.OpenStatement(ctx, statement)
		if notWrong(err) != nil {
			return register.Head{}, err
		}
		if err == nil {
			return head, nil
		}
	}
	return register.Head{}, nil
}

// NewestSeen is the checkpoint with the most entries that the keyring or the
// bucket remembers of this register, whether or not it holds it; the zero Head
// where neither does.
func (s *Server) NewestSeen(ctx context.Context) (newest register.Head, err error) {
	keys, err := s.checkpoints(ctx)
	if err != nil {
		return newest, err
	}
	if newest, err = s.newestAnchor(ctx, keys); err != nil {
		return newest, err
	}
	seen, err := s.remembered()
	if err != nil || seen.Checkpoint == "" {
		return newest, err
	}
	head, err := s.cfg.Register.OpenStatement(ctx, seen)
	if err == nil && head.Entries > newest.Entries {
		newest = head
	}
	return newest, notWrong(err)
}

// edgeSigns asks for what the enrolled scanners remember.
func (s *Server) edgeSigns(ctx context.Context) ([]register.RestoreSign, error) {
	highest, err := s.SeenByEdges(ctx)
	if err != nil {
		return nil, err
	}
	if given, _, err := s.cfg.Register.Serials(ctx); err != nil || highest <= given {
		return nil, err
	}
	return []register.RestoreSign{register.SignEdge}, nil
}

// SeenByEdges is the highest serial of a recipients list that an enrolled
// scanner says it has seen, and that the bucket did not have then; 0 for none.
func (s *Server) SeenByEdges(ctx context.Context) (highest uint64, err error) {
	sites, err := s.cfg.Register.Sites(ctx)
	if err != nil {
		return 0, err
	}
	for _, site := range sites {
		seen, err := s.seenBy(ctx, site)
		if err != nil {
			return 0, err
		}
		highest = max(highest, seen)
	}
	return highest, nil
}

// seenBy is what one site's scanner says; 0 where it says nothing, or nothing
// that it has signed, or nothing that can be believed.
func (s *Server) seenBy(ctx context.Context, site string) (serial uint64, err error) {
	edge, err := s.edgeKey(ctx, site)
	if err != nil || edge == nil {
		return 0, err
	}
	msg, err := s.readSmall(ctx, letter.SeenKey(site))
	if errors.Is(err, deposit.ErrNotFound) {
		return 0, nil
	}
	if isItsOwn(err) {
		// Where it is the storage's refusal, Admit says so of what lies there. It keeps
		// nothing else from being done: what is due lies elsewhere.
		if s.isAnObjectsOwn(ctx, letter.SeenKey(site), err) {
			s.noteOdd(site, oddUnreadable)
		}
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading what a scanner has seen: %w", err)
	}
	said, err := letter.OpenSeen(msg, edge)
	if err != nil {
		return 0, nil
	}
	believed, err := s.believesSeen(ctx, said)
	if err != nil || believed {
		return said.Serial, err
	}
	s.noteOdd(site, oddSeen)
	return 0, nil
}

// mostSerials is more than the lists that a server gives out in a day, which has one for
// each day, each start and each act of an administrator.
const mostSerials = 100

// believesSeen reports whether what a scanner says can be a sign that this server has
// forgotten something: with the list, which only this server can have signed. Without
// it, it is the word of whoever holds the scanner's key, which closes Letterlock for all:
// it counts only from a scanner that has never been heard of in a version that proves it,
// and only up to what can have been given out since.
func (s *Server) believesSeen(ctx context.Context, said letter.Seen) (bool, error) {
	given, _, err := s.cfg.Register.Serials(ctx)
	if err != nil || said.Serial <= given {
		return err == nil, err // no sign of anything
	}
	if said.List != "" {
		keys, err := s.ownKeys(ctx)
		if err != nil {
			return false, err
		}
		list, notOwn := letter.ByAny(seal.OpenRecipients, []byte(said.List), keys)
		return notOwn == nil && list.Serial == said.Serial, nil
	}
	proves, err := s.cfg.Register.Meta(ctx, register.MetaProves+said.Site)
	if err != nil || proves != "" {
		return false, err
	}
	listed, err := s.cfg.Register.KeptTime(ctx, register.MetaListed)
	days := uint64(max(0, s.cfg.Now().Sub(listed)/(24*time.Hour))) + 1
	return said.Serial <= given+days*mostSerials, err
}

// noteProves notes that a site's scanner is of a version that proves what it has seen: an
// earlier one is believed without.
func (s *Server) noteProves(ctx context.Context, said letter.Report) error {
	switch said.Program.Apart(s.cfg.Program) {
	case letter.SkewOne, letter.SkewMore:
		return nil
	}
	noted, err := s.cfg.Register.Meta(ctx, register.MetaProves+said.Site)
	if err != nil || noted != "" {
		return err
	}
	return s.cfg.Register.SetMeta(ctx, register.MetaProves+said.Site, "yes")
}

// edgeKey is the public key of the site's scanner; nil if it was revoked
// meanwhile, or never enrolled.
func (s *Server) edgeKey(ctx context.Context, site string) (note.Verifier, error) {
	key, err := s.cfg.Register.Edge(ctx, site)
	if errors.Is(err, register.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	edge, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("reading an edge's public key: %w", err)
	}
	return edge, nil
}

// dismissSeen removes what a scanner says it has seen once that is no sign any
// more: lists as new have been given out. Anything else that lies there is left
// alone, and goes with what is brief.
func (s *Server) dismissSeen(ctx context.Context, site string) error {
	key := letter.SeenKey(site)
	s.noteLook(key, true) // once a minute is enough
	// Listed before it is read: what is put after this stays.
	traces, err := s.cfg.Store.Traces(ctx, key)
	if err != nil {
		return fmt.Errorf("looking at what a scanner has seen: %w", err)
	}
	seen, err := s.seenBy(ctx, site)
	if err != nil || seen == 0 {
		return err
	}
	if given, _, err := s.cfg.Register.Serials(ctx); err != nil || seen > given {
		return err
	}
	return s.removeAll(ctx, s.cfg.Store, key, traces)
}
