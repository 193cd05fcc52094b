package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
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
// are ended, since no key knows them any more, and that is said. Beside other servers none
// is made: each would refuse what the others hand out.
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
	n := 0
	if begun {
		if alone, err := in.alone(ctx); err != nil || !alone {
			return err
		}
		if n, err = in.register.EndCodes(ctx); err != nil {
			return err
		}
	}
	if _, err := secretFile(in.dir.codesPath(), func() (string, error) { return rand.Text() + rand.Text(), nil }); err != nil || !begun {
		return err
	}
	in.log.Warn("state/codes.key was missing, by which enrolment codes are known, and another one is made: codes that were not used yet are void. Whoever waits with one needs another: 'letterlock user code NUMBER', or \"People\" at the portal", "codes", n)
	return nil
}

// heardWithin is for how long a server counts as at work that has died without a word, by
// its own clock.
const heardWithin = 10 * time.Minute

// alone reports whether no other server is at work on the register.
func (in *installation) alone(ctx context.Context) (bool, error) {
	all, err := in.register.Running(ctx)
	return !slices.ContainsFunc(all, func(s register.Running) bool {
		return s.Name != in.serverName() && in.clock.Now().Sub(s.Clock).Abs() < heardWithin
	}), err
}

// hasCodeKey is errNoCodeKey where the key of enrolment codes is to be copied from another
// server.
func (in *installation) hasCodeKey() error {
	if !exists(in.dir.codesPath()) {
		return errNoCodeKey
	}
	return nil
}
