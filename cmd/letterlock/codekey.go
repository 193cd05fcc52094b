package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/register"
)

// errNoCodeKey says that this server cannot tell whether an enrolment code is right.
var errNoCodeKey = errors.New("state/codes.key is missing, by which enrolment codes are known: where this is the only server, start it anew, and another is made; of several servers copy it from one of the others, since a code that one makes is to be good at each. If those have died, it is made ten minutes later")

// codesPath is the file with the HMAC key for enrolment codes.
func (d dataDir) codesPath() string { return d.in("state", "codes.key") }

// codeKey reads the HMAC key for enrolment codes, each time: beside a running server it
// may have been made anew.
func (d dataDir) codeKey() ([]byte, error) {
	text, err := os.ReadFile(d.codesPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoCodeKey
	}
	if err != nil {
		return nil, fmt.Errorf("the key of enrolment codes cannot be read: %s", configfile.Reason(err))
	}
	return bytes.TrimSpace(text), nil
}

// openCodeKey makes the key for enrolment codes where there is none. In a data folder that
// is not new it was lost, which costs no more than the codes that nobody has used yet: they
// are void, since no key knows them any more, and that is said and on record first. Beside
// other servers none is made, and of several that begin at once one makes it: each would
// refuse what the others hand out. Where nothing can be recorded none is made either: who
// only looks goes on without, and no server begins.
//
// A crash in between leaves no key, and the next start makes one.
func (in *installation) openCodeKey(ctx context.Context) error {
	if exists(in.dir.codesPath()) || in.dir != in.beside { // a drill makes nothing
		return nil
	}
	begun, err := in.register.Begun(ctx)
	if err != nil {
		return err
	}
	if begun {
		if alone, err := in.alone(ctx, listenFor); err != nil || !alone {
			return err
		}
	}
	n, err := in.register.MakeCodeKey(ctx, in.serverName(), heardWithin)
	switch {
	case errors.Is(err, register.ErrMoved):
		return nil // hasCodeKey says that it is to be copied
	case err != nil:
		in.log.Warn("state/codes.key is missing, by which enrolment codes are known, and no other is made: that could not be recorded", "error", err)
		return nil
	}
	crashPoint("code-key-recorded", "")
	if _, err := secretFile(in.dir.codesPath(), func() (string, error) { return rand.Text() + rand.Text(), nil }); err != nil || !begun {
		return err
	}
	in.log.Warn("state/codes.key was missing, by which enrolment codes are known, and another one is made: codes that were not used yet are void. Whoever waits with one needs another: 'letterlock user code NUMBER', or \"People\" at the portal", "codes", n)
	return nil
}

// heardWithin is for how long a server counts as at work that has died without a word, by
// its own clock.
const heardWithin = 10 * time.Minute

// alone reports whether no other server is at work on the register: none has said anything
// for ten minutes by its own clock, and none gives a beat while this listens. The clock
// alone says nothing: that of a living server may be wrong.
func (in *installation) alone(ctx context.Context, listen time.Duration) (bool, error) {
	all, err := in.register.Running(ctx)
	if err != nil {
		return false, err
	}
	unheard := map[string]int64{}
	for _, s := range all {
		switch {
		case s.Name == in.serverName():
		case in.clock.Now().Sub(s.Clock).Abs() < heardWithin:
			return false, nil
		default:
			unheard[s.ID()] = s.Beat
		}
	}
	others := len(unheard)
	if others == 0 {
		return true, nil
	}
	err = in.listen(ctx, unheard, others-1, listen) // one that is heard is enough
	return len(unheard) == others, err
}

// hasCodeKey is errNoCodeKey where the key of enrolment codes is to be copied from another
// server.
func (in *installation) hasCodeKey() error {
	if !exists(in.dir.codesPath()) {
		return errNoCodeKey
	}
	return nil
}
