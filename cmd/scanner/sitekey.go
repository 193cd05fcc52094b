package main

import (
	"bytes"
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
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

// nextExt ends the name of the file, beside the site's key, with the one that is to take
// its place. It is there from when the command has made it until the server believes it.
const nextExt = ".next"

// siteKey reads this machine's signing key, or makes it. A next key that lies beside one
// that was moved away is no successor of the one that is made: it may be in other hands
// just as its former is. It goes first, so that a crash never leaves it beside the new one.
func siteKey(path, site string) (own note.Signer, public string, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Remove(path + nextExt); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, "", fmt.Errorf("the next key of before cannot be removed: %s", configfile.Reason(err))
		}
		text, err = makeKey(path, site)
		if err != nil {
			return nil, "", err
		}
	} else if err != nil {
		return nil, "", fmt.Errorf("the scanner's key cannot be read: %s", configfile.Reason(err))
	}
	own, public, err = parseKey(text)
	if err != nil {
		return nil, "", configfile.Wrong("%s holds no signing key: remove it, and run this again", path)
	}
	if own.Name() != site {
		return nil, "", configfile.Wrong("%s is the key of the site %q, and the invitation is to %q: move it away first, or ask for another invitation", path, own.Name(), site)
	}
	return own, public, nil
}

// makeKey makes a signing key in a file of its own, and returns what is in it: of two
// that make it at once, the first one's, which the running scanner may have named already.
// A crash leaves a file beside it that nothing reads.
func makeKey(path, site string) ([]byte, error) {
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

// parseKey reads what makeKey writes.
func parseKey(text []byte) (own note.Signer, public string, err error) {
	own, err = letter.SignerOf(string(text))
	lines := bytes.SplitN(bytes.TrimSpace(text), []byte("\n"), 2)
	if err != nil || len(lines) != 2 {
		return nil, "", errors.New("it holds no signing key")
	}
	return own, string(bytes.TrimSpace(lines[1])), nil
}

// nextKey finds the key that is to take the place of the site's.
func (c *Config) nextKey(config string) func() (*scanner.NextKey, error) {
	path := configfile.Beside(config, c.SiteKeyFile)
	return func() (*scanner.NextKey, error) {
		text, err := os.ReadFile(path + nextExt)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the next key cannot be read: %s", configfile.Reason(err))
		}
		own, public, err := parseKey(text)
		if err != nil || own.Name() != c.Site {
			return nil, errors.New("what lies beside site.key as site.key.next is no key of this site's: remove it, and run 'scanner key rotate' again")
		}
		return &scanner.NextKey{Signer: own, Public: public, Take: func() error { return takeKey(path) }}, nil
	}
}

// takeKey puts the next key in the place of the former, which is nothing any more: the
// server has ended it.
func takeKey(path string) error {
	d, err := disk.Open(filepath.Dir(path))
	if err != nil {
		return errors.New(configfile.Reason(err))
	}
	defer d.Close()
	if err := d.Rename(filepath.Base(path)+nextExt, filepath.Base(path)); err != nil {
		return errors.New(configfile.Reason(err))
	}
	return disk.SyncDir(d, ".")
}

type keyCmd struct {
	Rotate keyRotateCmd `cmd:"" help:"Change the signing key, beside the running scanner: the server believes the new one from then on, and the old one no more." example:"scanner key rotate --config /var/lib/letterlock-scanner/scanner.toml"`
}

type keyRotateCmd struct {
	Wait time.Duration `help:"For how long to wait until it is done." default:"2m" placeholder:"SPAN"`
}

// Run makes the next key; the running scanner does the rest. A crash leaves the next key
// lying there, and the scanner goes on with it whether or not this runs again.
func (c *keyRotateCmd) Run(w *world) error {
	if err := w.notAsRoot(); err != nil {
		return err
	}
	cfg, err := readConfig(w.config)
	if err != nil {
		return err
	}
	path := configfile.Beside(w.config, cfg.SiteKeyFile)
	if _, err := configfile.Secret(w.config, cfg.SiteKeyFile, "site's private key"); err != nil {
		return err
	}
	text, err := os.ReadFile(path + nextExt)
	switch {
	case err == nil:
		fmt.Fprintln(w.out, "A change of this scanner's key is under way, and goes on.")
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the next key cannot be read: %s", configfile.Reason(err))
	default:
		if text, err = makeKey(path+nextExt, cfg.Site); err != nil {
			return err
		}
	}
	crashPoint("key-made", "")
	return c.await(w, path, text)
}

// await waits until the key lies in the place of the former.
func (c *keyRotateCmd) await(w *world, path string, text []byte) error {
	work := w.screen.Begin("Waiting for the scanner and the server", "", 0)
	defer work.End()
	for end := time.Now().Add(c.Wait); ; {
		if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, text) {
			_, err = fmt.Fprintln(w.out, "Another key signs what this scanner announces. The server believes nothing more that the old one signs.")
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the new key is made, and the old one goes on signing: nothing is lost. The scanner changes over by itself once 'scanner run' and the server's 'letterlock serve' both run, and both are of a version that can; 'scanner check' says whether it has. Waited %s", words.Lasted(c.Wait))
		}
		select {
		case <-w.ctx.Done():
			return w.ctx.Err()
		case <-time.After(askEvery):
		}
	}
}

// keyPatience is after how long a change of the key wants somebody's look: it takes
// seconds where scanner and server run.
const keyPatience = 20 * time.Minute

// checkKey is a line about a change of the site's key that is under way; none without.
func (c *Config) checkKey(config string, now time.Time) []folder.Line {
	next, err := os.Stat(configfile.Beside(config, c.SiteKeyFile) + nextExt)
	if err != nil {
		return nil
	}
	since := next.ModTime().In(letter.London).Format("2 January 2006, 15:04")
	if now.Sub(next.ModTime()) < keyPatience {
		return []folder.Line{{Name: "key", OK: true, Says: fmt.Sprintf("Another key is to sign for this scanner, since %s. The old one signs until the server believes the new one.", since)}}
	}
	return []folder.Line{{Name: "key", Says: fmt.Sprintf("Another key is to sign for this scanner, since %s, and the server has not said yet that it believes it. The old one goes on signing. See whether this scanner and the server run, and are of the same version.", since)}}
}
