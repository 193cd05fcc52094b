package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// anchor leaves the day's checkpoint of the register in the bucket, for good:
// whoever writes the register anew, or brings back an old one, would have to
// change it there too, in the daily mails, and at every witness. A crash leaves
// it undone, and the next start does it; what is there already stays. A
// register that does not continue the last one leaves none: the next would hide it.
func (s *Server) anchor(ctx context.Context) error {
	differs, err := s.anchorsDiffer(ctx)
	if err != nil {
		return err
	}
	if differs != "" {
		s.cfg.Log.Error("the register is not what its last checkpoint in the bucket says; no other is left there", "says", differs)
		return nil
	}
	day, statement, err := s.cfg.Register.Today(ctx)
	if err != nil {
		return fmt.Errorf("reading the day's checkpoint: %w", err)
	}
	body, err := json.Marshal(statement)
	if err != nil {
		return err
	}
	key := letter.CheckpointKey(day)
	_, err = s.cfg.Store.Put(ctx, key, bytes.NewReader(body), int64(len(body)), sha256.Sum256(body), deposit.CreateOnly)
	if err != nil && !errors.Is(err, deposit.ErrExists) {
		return fmt.Errorf("leaving the day's checkpoint in the bucket: %w", err)
	}
	// A crash before this leaves one that is not missed if the bucket loses it.
	return s.cfg.Register.KeepAnchored(ctx, key)
}

// anchorsDiffer says in what the register is not what the newest checkpoint in
// the bucket was signed over; "" when it is, or when there is none.
func (s *Server) anchorsDiffer(ctx context.Context) (string, error) {
	keys, err := s.checkpoints(ctx)
	if err != nil || len(keys) == 0 {
		return "", err
	}
	newest := keys[len(keys)-1]
	body, err := s.readSmall(ctx, newest)
	if err != nil {
		return "", fmt.Errorf("reading a checkpoint: %w", err)
	}
	var statement register.Statement
	if json.Unmarshal(body, &statement) != nil {
		return "the checkpoint " + newest + " in the bucket cannot be read", nil
	}
	err = s.cfg.Register.Holds(ctx, statement.Checkpoint)
	if wrong, is := errors.AsType[*register.Wrong](err); is {
		return wrong.Says, nil
	}
	return "", err
}
