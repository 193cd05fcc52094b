package scanner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
)

// ServerKeysFile, in the state folder, holds what this edge has learnt of the keys that
// took over from the one with which it was enrolled. Whoever enrols it anew removes it.
const ServerKeysFile = "server-keys"

// serverKeys is what the edge believes of the server's keys. Config.Server stays the key
// with which it was enrolled, from which all others follow.
type serverKeys struct {
	letter.ServerKeys
	heard time.Time // when it last looked
}

// recallServerKeys reads what was learnt before. What is of another server, with which
// the edge was enrolled since, is nothing; neither is what the disk has lost: it is
// learnt anew.
func (e *Edge) recallServerKeys() error {
	text, err := disk.ReadFile(e.state, ServerKeysFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the server's keys: %w", err)
	}
	known, err := letter.ReadServerKeys(text)
	if err != nil {
		e.Log.Warn("What was known of the server's keys is damaged, and is learnt anew.", "error", err)
		return nil
	}
	if known.Holds(e.Server) {
		e.keys.ServerKeys = known
	}
	return nil
}

// fromServer opens what the server has said under a key that it has now. is is false for
// what it said before its key was changed: it says that anew.
func fromServer[T any](e *Edge, msg []byte, open func([]byte, note.Verifier) (T, error)) (said T, is bool, err error) {
	if said, err = letter.ByAny(open, msg, e.keys.Believed(e.Server)); err == nil {
		return said, true, nil
	}
	if _, ended := letter.ByAny(open, msg, e.keys.Ended()); ended == nil {
		return said, false, nil
	}
	return said, false, err
}

// hearServerKeys follows a change of the server's key, once a round over the slips. What is learnt is
// on disk before anything is believed by it, and before the server is told: a crash in
// between learns the same once more. What is no true word of the server's keys changes
// nothing.
func (e *Edge) hearServerKeys(ctx context.Context) {
	if !e.keys.heard.IsZero() && e.Now().Sub(e.keys.heard).Abs() < e.SlipEvery {
		return
	}
	msg, err := e.get(ctx, "", letter.ServerKeysKey)
	if errors.Is(err, errWaits) && e.call != nil {
		return // the next pass goes on here
	}
	if err == nil && msg != nil {
		err = e.learnServerKeys(msg)
	}
	if errors.Is(err, errWaits) || ctx.Err() != nil || e.foundNoRoom(err) {
		return
	}
	e.keys.heard = e.Now()
	switch {
	case err == nil:
		e.tell("server-key", "")
	case errors.Is(err, letter.ErrKeysFork), errors.Is(err, letter.ErrKeysOver):
		e.tell("server-key", "The key with which the server signs is changed otherwise than this scanner can follow: "+err.Error()+". Tell the administrator, who may have to invite this scanner again. Nothing is lost.")
	default:
		e.tell("server-key", "A change of the key with which the server signs is not followed: "+err.Error()+". The one before is believed on.")
	}
}

func (e *Edge) learnServerKeys(msg []byte) error {
	next, err := e.keys.Follow(e.Server, msg, e.Now())
	if err != nil {
		return err
	}
	text, err := next.Text()
	if err != nil {
		return err
	}
	if known, err := e.keys.Text(); err != nil || string(known) == string(text) {
		return err
	}
	e.step("keys-heard", "")
	if err := disk.WriteBytes(e.state, ServerKeysFile, 0o600, text); err != nil {
		return disk.Plain("writing down the server's keys", err)
	}
	e.step("keys-learnt", "")
	e.keys.ServerKeys = next
	e.reporting.at = time.Time{} // the server waits for nothing else
	return nil
}

// serverKey is the newest key of the server's that the edge believes, for the server to
// hear; "" while there was never another than that of its enrolment.
func (e *Edge) serverKey() string {
	last, _ := e.keys.Last()
	return last.To
}
