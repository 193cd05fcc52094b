package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/invitation"
	"letterlock/cmd/sitekey"
	"letterlock/scanner"
	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

type enrolCmd struct {
	Invitation string        `arg:"" help:"The file that 'letterlock edge invite' has written." type:"path"`
	Code       string        `help:"The code that opens it; asked for when it is absent." placeholder:"CODE"`
	Scans      string        `help:"The scanner folder on this machine, in the place of the one that the invitation names." type:"path" placeholder:"DIR"`
	Again      bool          `help:"This machine is enrolled, and is to be so anew: its server's register was lost, or its scanner.toml or storage.key was. Its signing key stays, and what was set in scanner.toml for this machine."`
	Wait       time.Duration `help:"For how long to wait for the server's answer." default:"2m" placeholder:"SPAN"`
}

// The scanner's keys, beside its scanner.toml.
const (
	siteKey    = "site.key"
	storageKey = "storage.key"
)

// exists reports whether something may be there.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Run makes this machine's signing key, asks the server to believe it, and writes
// scanner.toml last. Whatever a crash leaves, the same command goes on from there:
// the key is found again, and the server answers the same key the same.
func (c *enrolCmd) Run(w *world) error {
	dir := filepath.Dir(w.config)
	if err := w.notAsRoot(); err != nil {
		return err
	}
	if exists(filepath.Join(dir, "letterlock.toml")) { // whose storage.key and state/ have other owners
		return configfile.Wrong("%s is a server's data folder: name a scanner.toml in a folder of its own with --config", dir)
	}
	info, err := os.Stat(w.config)
	if err == nil && info.IsDir() {
		return configfile.Wrong("%s is a folder: name the scanner.toml in it with --config", w.config)
	}
	if err == nil && !c.Again {
		return configfile.Wrong("this machine is a scanner already: %s is there. If it is to be enrolled anew, add --again; if it is to be another site's, move %s away first", w.config, dir)
	}
	if err != nil && c.Again && !exists(filepath.Join(dir, siteKey)) && !exists(filepath.Join(dir, storageKey)) {
		// In another folder a new key would be made, and the machine's own one end.
		return configfile.Wrong("there is no scanner here: in %s is no scanner.toml and no key of one. Name the scanner's own scanner.toml with --config, or leave out --again where this machine is to be one for the first time", dir)
	}
	inv, err := c.open(w)
	if err != nil {
		return err
	}
	kept := c.keep(w.config, &inv.Edge)
	if !inv.Until.After(time.Now().Add(-maxSkew)) {
		fmt.Fprintf(w.out, "By this machine's clock the invitation was valid until %s. It is tried all the same.\n", inv.Until.In(letter.London).Format("2 January 2006, 15:04"))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the scanner's folder cannot be made: %s", configfile.Reason(err))
	}
	signing := configfile.Beside(w.config, cmp.Or(inv.SiteKeyFile, siteKey))
	hadKey := exists(signing)
	own, public, err := sitekey.Own(signing, inv.Site)
	if err != nil {
		return err
	}
	crashPoint("enrol-key", "")
	if err := c.join(w, inv, own, public); err != nil {
		return err
	}
	crashPoint("enrol-answered", "")
	// What was learnt from another key than the invitation's is learnt anew from that one.
	if err := os.Remove(filepath.Join(configfile.Beside(w.config, cmp.Or(inv.State, "state")), scanner.ServerKeysFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("what was known of the server's keys cannot be removed: %s", configfile.Reason(err))
	}
	for _, file := range []struct{ name, text string }{
		{storageKey, inv.SecretKey + "\n"}, {filepath.Base(w.config), inv.Config("scanner enrol")},
	} {
		if err := writePrivate(dir, file.name, file.text); err != nil {
			return err
		}
		crashPoint("enrol-"+file.name, "")
	}
	fmt.Fprintf(w.out, "This machine is the scanner of %s. Look whether folder and endpoint in %s are right as seen from here, then start it:\n  scanner run --config %s\n",
		inv.Site, w.config, commandline.Word(w.config))
	if len(kept) > 0 {
		fmt.Fprintf(w.out, "As they were in it: %s.\n", strings.Join(kept, ", "))
	}
	// Whoever enrols it anew after a theft moves the key away, which may lie elsewhere than
	// they think.
	if hadKey {
		fmt.Fprintf(w.out, "Its signing key stays: %s.\n", signing)
	} else {
		fmt.Fprintf(w.out, "A new signing key was made: %s.\n", signing)
	}
	if c.Again {
		fmt.Fprintln(w.out, "A scanner that runs here by that file, and is of this version, goes on as this within seconds, and says so; any other is started anew.")
	}
	_, err = fmt.Fprintf(w.out, "The invitation is worth nothing any more: delete %s.\n", c.Invitation)
	return err
}

// keep takes over what was set for this machine in the scanner.toml that is here, of
// which the server that invites knows nothing, and names it. A folder that somebody has
// named now comes before that of before. Of a file that is damaged nothing is kept: it may
// be why the machine is enrolled anew.
func (c *enrolCmd) keep(config string, e *invitation.Edge) (kept []string) {
	var was Config
	if c.Again && configfile.Read(config, &was) == nil && was.Site == e.Site {
		kept = []string{"state", "language", "site_key_file", "duplex", "arriving_limit", "allow_symbols"}
		e.State, e.Language, e.SiteKeyFile, e.Duplex, e.ArrivingLimit, e.AllowSymbols = was.State, was.Language, was.SiteKeyFile, was.Duplex, time.Duration(was.ArrivingLimit), was.AllowSymbols
		if !e.FolderSaid && c.Scans == "" && was.Folder != "" {
			kept, e.Folder = append([]string{"folder"}, kept...), was.Folder
		}
	}
	if c.Scans != "" {
		e.Folder = c.Scans
	}
	return kept
}

// codeTries is how often a person at the keyboard may mistype.
const codeTries = 3

func (c *enrolCmd) open(w *world) (inv invitation.Invitation, err error) {
	file, err := os.ReadFile(c.Invitation)
	if err != nil {
		return inv, configfile.Wrong("the invitation cannot be read: %s", configfile.Reason(err))
	}
	in := bufio.NewReader(commandline.Input(w.ctx, os.Stdin))
	for range codeTries {
		code := c.Code
		if code == "" {
			fmt.Fprint(w.out, "Code: ")
			var end error
			if code, end = in.ReadString('\n'); end != nil && code == "" {
				return inv, configfile.Wrong("no code was given: it was said to whoever made the invitation; give it with --code where nobody can be asked")
			}
		}
		inv, err = invitation.Open(file, code)
		switch {
		case errors.Is(err, invitation.ErrFile):
			return inv, configfile.Wrong("%s is no invitation, or it is damaged: have it written anew with 'letterlock edge invite'", c.Invitation)
		case err == nil:
			return inv, c.agree(inv)
		}
		if c.Code != "" {
			break
		}
		fmt.Fprintln(w.out, "That code does not open this invitation.")
	}
	return inv, configfile.Wrong("the code does not open this invitation: ask for it again, or whether this is the file that belongs to it")
}

// agree refuses an invitation that this program cannot use.
func (c *enrolCmd) agree(inv invitation.Invitation) error {
	if err := configfile.CheckEndpoint(inv.Endpoint, inv.WithoutTLS); err != nil {
		return configfile.Wrong("the invitation names %s", err)
	}
	return nil
}

// writePrivate makes a file for its owner's eyes, whole and durable or not at all, in
// the place of an older one.
func writePrivate(dir, name, text string) error {
	d, err := disk.Open(dir)
	if err != nil {
		return fmt.Errorf("the scanner's folder cannot be opened: %s", configfile.Reason(err))
	}
	defer d.Close()
	if err := disk.WriteBytes(d, name, 0o600, []byte(text)); err != nil {
		return fmt.Errorf("%s cannot be written: %s", filepath.Join(dir, name), configfile.Reason(err))
	}
	return nil
}

// join asks the server by way of the bucket, and waits for its answer.
func (c *enrolCmd) join(w *world, inv invitation.Invitation, own note.Signer, public string) error {
	server, err := note.NewVerifier(inv.ServerKey)
	if err != nil {
		return configfile.Wrong("the invitation names no server's key")
	}
	by, err := note.NewSigner(inv.Key)
	if err != nil {
		return configfile.Wrong("the invitation holds no key to ask with")
	}
	store, err := deposit.OpenS3(deposit.S3Config{Endpoint: inv.Endpoint, Bucket: inv.Bucket, Region: inv.Region, AccessKey: inv.AccessKey, SecretKey: inv.SecretKey})
	if err != nil {
		return configfile.Wrong("the invitation: %s", err)
	}
	defer func() { _ = store.Close() }()
	asking := w.screen.Begin("Asking the storage", "", 0)
	defer asking.End()
	if err := clockAgrees(w.ctx, store); err != nil {
		return err
	}
	asked := letter.Joined{Site: inv.Site, Invitation: inv.Public, Key: public, At: time.Now().UTC().Truncate(time.Second)}
	// An answer may be there already: of an enrolment that was broken off.
	if answer, err := answerTo(w.ctx, store, server, asked); err == nil && answer == letter.JoinedEnrolled {
		return nil
	}
	msg, err := letter.Join{Site: inv.Site, Key: public, At: asked.At}.Sign(by, own)
	if err != nil {
		return err
	}
	if _, err := store.Put(w.ctx, letter.JoinKey(inv.Site), bytes.NewReader(msg), int64(len(msg)), sha256.Sum256(msg), deposit.Replace); err != nil {
		return joinRefused(err)
	}
	asking.End()
	crashPoint("enrol-asked", "")
	fmt.Fprintln(w.out, "Asked the server; waiting for its answer.")
	return c.await(w, store, server, asked)
}

// clockAgrees refuses to ask anything while this machine's clock is not right.
func clockAgrees(ctx context.Context, store *deposit.S3) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	there, err := store.Clock(ctx)
	if err != nil {
		return fmt.Errorf("not enrolled: the storage cannot be reached from this machine (%w). Look at its network, and whether the invitation names the storage as it is seen from here", err)
	}
	if apart := time.Since(there).Abs(); apart > maxSkew {
		return fmt.Errorf("not enrolled: this machine's clock differs from the storage's by %s. Set the one that is wrong, and run this again", words.Lasted(apart))
	}
	return nil
}

// joinRefused says why the storage does not take the question.
func joinRefused(err error) error {
	if errors.Is(err, deposit.ErrRefused) {
		return fmt.Errorf("the storage does not let this machine in: the invitation is over, was used, or another was made after it. Have a new one made with 'letterlock edge invite' (%w)", err)
	}
	return fmt.Errorf("the storage cannot be asked; run this again: %w", err)
}

// await waits for the answer to what was asked.
func (c *enrolCmd) await(w *world, store *deposit.S3, server note.Verifier, asked letter.Joined) error {
	ctx, cancel := context.WithTimeout(w.ctx, c.Wait)
	defer cancel()
	work := w.screen.Begin("Waiting for the server", "", 0)
	defer work.End()
	for {
		answer, err := answerTo(ctx, store, server, asked)
		if err == nil && answer != "" {
			return sayAnswer(answer)
		}
		select {
		case <-ctx.Done():
			if w.ctx.Err() != nil {
				return w.ctx.Err()
			}
			return fmt.Errorf("the server has not answered for %s: see whether 'letterlock serve' is running and its 'letterlock check' is well, then run this again; nothing is lost", words.Lasted(c.Wait))
		case <-time.After(askEvery):
		}
	}
}

// askEvery is between two looks for the answer; the server looks every two seconds.
const askEvery = time.Second

// answerTo is the server's answer to what was asked; "" while there is none to it.
func answerTo(ctx context.Context, store *deposit.S3, server note.Verifier, asked letter.Joined) (string, error) {
	msg, err := store.Get(ctx, letter.JoinedKey(asked.Site))
	if err != nil {
		return "", err // an edge, which may not list, is told "refused" of what is not there
	}
	said, err := letter.ByAny(letter.OpenJoined, msg, believed(ctx, store, server, ""))
	if err != nil || said.Site != asked.Site || said.Invitation != asked.Invitation || said.Key != asked.Key {
		return "", err // to another
	}
	if said.Answer != letter.JoinedEnrolled && !said.At.Equal(asked.At) {
		return "", nil // to an earlier question, as of the time when the clock was wrong
	}
	return said.Answer, nil
}

func sayAnswer(answer string) error {
	switch answer {
	case letter.JoinedEnrolled:
		return nil
	case letter.JoinedUsed:
		return errors.New("not enrolled: this invitation was used by another machine. If that was not you, revoke it at once with 'letterlock edge revoke', and have a new invitation made")
	case letter.JoinedExpired:
		return errors.New("not enrolled: the invitation's time is over, or a newer one was made. Have a new one made with 'letterlock edge invite'")
	case letter.JoinedClock:
		return errors.New("not enrolled: this machine's clock differs from the server's by more than five minutes. Set the one that is wrong, and run this again")
	case letter.JoinedRevoked:
		return errors.New("not enrolled: the key in site.key was revoked or replaced, and is never believed again. If site.key.next lies beside it, a change of the key was under way: start the scanner, and it ends that by itself. If not, move the key away that site_key_file in scanner.toml names (as a rule site.key), and run this again")
	}
	return fmt.Errorf("not enrolled: the server answers %q, which this version does not know; install the server's version here", answer)
}
