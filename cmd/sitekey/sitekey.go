// Package sitekey keeps a scanner's own signing key in its file, and has it changed beside
// the scanner that runs.
package sitekey

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/configfile"
	"letterlock/scanner"
	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
)

// NextExt ends the name of the file, beside the site's key, with the one that is to take
// its place. It is there from when a command has made it until the server believes it.
const NextExt = ".next"

// Own reads this machine's signing key, or makes it. A next key that lies beside one
// that was moved away is no successor of the one that is made: it may be in other hands
// just as its former is. It goes first, so that a crash never leaves it beside the new one.
func Own(path, site string) (own note.Signer, public string, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := DropNext(path); err != nil {
			return nil, "", err
		}
		text, err = Make(path, site)
		if err != nil {
			return nil, "", err
		}
	} else if err != nil {
		return nil, "", fmt.Errorf("the scanner's key cannot be read: %s", configfile.Reason(err))
	}
	own, public, err = parse(text)
	if err != nil {
		return nil, "", configfile.Wrong("%s holds no signing key: remove it, and run this again", path)
	}
	if own.Name() != site {
		return nil, "", configfile.Wrong("%s is the key of the site %q, and the invitation is to %q: move it away first, or ask for another invitation", path, own.Name(), site)
	}
	return own, public, nil
}

// DropNext removes the key that was to take the place of the one in path, if there is any.
func DropNext(path string) error {
	if err := os.Remove(path + NextExt); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the next key of before cannot be removed: %s", configfile.Reason(err))
	}
	return nil
}

// Make makes a signing key in a file of its own, and returns what is in it: of two
// that make it at once, the first one's, which the running scanner may have named already.
// A crash leaves a file beside it that nothing reads.
func Make(path, site string) ([]byte, error) {
	secret, verifier, err := note.GenerateKey(rand.Reader, site)
	if err != nil {
		return nil, err
	}
	text, err := firstTo(path, []byte(secret+"\n"+verifier+"\n"))
	if err != nil {
		return nil, fmt.Errorf("the new key cannot be written: %s", configfile.Reason(err))
	}
	return text, nil
}

// firstTo gives a file its whole text for its owner's eyes, unless there is one, and
// returns what it has then.
func firstTo(path string, text []byte) ([]byte, error) {
	d, err := disk.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".unfinished-*") // 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := disk.SyncDir(d, "."); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// parse reads what Make writes.
func parse(text []byte) (own note.Signer, public string, err error) {
	own, err = letter.SignerOf(string(text))
	lines := bytes.SplitN(bytes.TrimSpace(text), []byte("\n"), 2)
	if err != nil || len(lines) != 2 {
		return nil, "", errors.New("it holds no signing key")
	}
	return own, string(bytes.TrimSpace(lines[1])), nil
}

// Read is the site's key as that file has it. Which file that is the error leaves to the
// caller.
func Read(path, site string) (own note.Signer, public string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	own, public, err = parse(text)
	if err == nil && own.Name() != site {
		err = errors.New("it is the key of another site")
	}
	return own, public, err
}

// Next finds the key that is to take the place of the site's, as scanner.Config.NextKey
// does. take puts it there; see Take.
func Next(path, site string, take func() error) func() (*scanner.NextKey, error) {
	return func() (*scanner.NextKey, error) {
		own, public, err := Read(path+NextExt, site)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if _, unread := errors.AsType[*fs.PathError](err); unread {
			return nil, fmt.Errorf("the next key cannot be read: %s", configfile.Reason(err))
		}
		if err != nil {
			return nil, errors.New("what lies beside site.key as site.key.next is no key of this site's: remove it, and change the key again")
		}
		return &scanner.NextKey{Signer: own, Public: public, Take: take}, nil
	}
}

// Take puts the next key in the place of the former, which is nothing any more: the
// server has ended it.
func Take(path string) error {
	d, err := disk.Open(filepath.Dir(path))
	if err != nil {
		return errors.New(configfile.Reason(err))
	}
	defer d.Close()
	if err := d.Rename(filepath.Base(path)+NextExt, filepath.Base(path)); err != nil {
		return errors.New(configfile.Reason(err))
	}
	return disk.SyncDir(d, ".")
}

// Begin makes the next key, unless one lies there, and returns what is in its file: the
// scanner that runs does the rest. A crash leaves the next key lying there, and the scanner
// goes on with it whether or not this is called again.
func Begin(path, site string) (text []byte, underWay bool, err error) {
	text, err = os.ReadFile(path + NextExt)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = Make(path+NextExt, site)
		return text, false, err
	}
	if err != nil {
		return nil, false, fmt.Errorf("the next key cannot be read: %s", configfile.Reason(err))
	}
	return text, true, nil
}

// askEvery is between two looks whether the key is changed; the server looks every two
// seconds.
const askEvery = time.Second

// Await waits until that text lies in the place of the former key, and reports whether it
// does after so long. Its only error is the context's.
func Await(ctx context.Context, path string, text []byte, wait time.Duration) (bool, error) {
	for end := time.Now().Add(wait); ; {
		if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, text) {
			return true, nil
		}
		if time.Now().After(end) {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(askEvery):
		}
	}
}
