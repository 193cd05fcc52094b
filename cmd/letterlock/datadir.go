package main

import (
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/durable"
)

// dataDir is the folder that holds all of an installation's state. Its layout
// is what scripts rely on; see the README.
type dataDir struct {
	path   string
	config string // path of letterlock.toml
	public string // the file with a public key of the register where register.pub is lost; "" for that
}

func (d dataDir) in(parts ...string) string {
	return filepath.Join(append([]string{d.path}, parts...)...)
}

// named is the path that a key of the configuration names, which counts from
// the configuration's file, or the standard one where the key is absent.
func (d dataDir) named(path, standard string) string {
	if path == "" {
		return standard
	}
	return configfile.Beside(d.config, path)
}

// The files of a data folder that this program itself reads and writes.
func (d dataDir) database() string    { return d.in(filepath.FromSlash(databaseName)) }
func (d dataDir) lockName() string    { return d.in("state", "lock") }
func (d dataDir) edgeState() string   { return d.in("state", "edge") }
func (d dataDir) cache() string       { return d.in("state", "cache") }
func (d dataDir) policy() string      { return d.in("policy.md") }
func (d dataDir) registerPub() string { return d.in("register.pub") }

// examplePolicy is a policy to be replaced by the organisation's own.
//
//go:embed policy.md
var examplePolicy []byte

// create makes what a data folder needs and is missing. What is there already
// is never changed.
func (d dataDir) create() error { return d.createWith(template()) }

// createWith is create with that text for a new configuration, or for one in which nobody
// has filled in anything yet. Whenever it is cut off, either is there whole.
func (d dataDir) createWith(config string) error {
	if err := d.notAsRoot(); err != nil {
		return err
	}
	if err := d.notHalf(); err != nil {
		return err
	}
	for _, dir := range []string{d.path, d.in("state"), d.edgeState(), d.cache(), d.in("outbox")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("the data folder cannot be made: %s", configfile.Reason(err))
		}
	}
	if err := writable(d.path); err != nil {
		return fmt.Errorf("the data folder cannot be written to: %s", configfile.Reason(err))
	}
	if !exists(d.config) {
		if err := writeNew(d.config, []byte(config), 0o600); err != nil {
			return fmt.Errorf("the configuration cannot be written: %s", configfile.Reason(err))
		}
	} else if config != "" && config != template() && d.untouched() {
		if err := durable.Replace(d.config, []byte(config), 0o600); err != nil {
			return fmt.Errorf("the configuration cannot be written: %s", configfile.Reason(err))
		}
	}
	if !exists(d.policy()) {
		if err := writeNew(d.policy(), examplePolicy, 0o644); err != nil {
			return fmt.Errorf("the policy cannot be written: %s", configfile.Reason(err))
		}
	}
	return nil
}

// untouched reports whether the configuration is as 'setup --settings' has written it, and
// nothing has gone by it yet: 'up' writes the same.
func (d dataDir) untouched() bool {
	text, err := os.ReadFile(d.config)
	return err == nil && string(text) == template() && !exists(d.database())
}

func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// exists reports whether there is a file or folder of that name.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// lock keeps a second process from playing a role on the same folder. The
// kernel drops it with the process, however that ends.
func (d dataDir) lock() (unlock func(), err error) {
	unlock, err = lockFile(d.lockName())
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("another Letterlock is at work in %s: stop it first, or choose another folder with --data", d.path)
	}
	return unlock, err
}

// errLocked says that another process holds a lock.
var errLocked = errors.New("another process is at work")

// lockFile holds a lock, which the kernel drops with the process.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the data folder cannot be locked: %s", configfile.Reason(err))
	}
	if err := hold(f); err != nil {
		_ = f.Close()
		return nil, errLocked
	}
	return func() { _ = errors.Join(letGo(f), f.Close()) }, nil
}

// keypair is a signing key in a file of its own and its public half.
type keypair struct {
	signer   note.Signer
	verifier string // as golang.org/x/mod/sumdb/note writes it
}

// public is the verifier, ready for use: signingKey has seen that it is one. It is nil
// where nothing is known of the key.
func (k keypair) public() note.Verifier {
	if k.verifier == "" {
		return nil
	}
	v, err := note.NewVerifier(k.verifier)
	if err != nil {
		panic(err)
	}
	return v
}

// signingKey reads the key in the file, or makes one for that name.
func signingKey(path, name string) (keypair, error) {
	text, err := secretFile(path, func() (string, error) {
		secret, public, err := note.GenerateKey(rand.Reader, name)
		return secret + "\n" + public, err
	})
	if err != nil {
		return keypair{}, err
	}
	return parseSigningKey(text, path, name)
}

// readSigningKey reads one that is there; the error is fs.ErrNotExist where it is not.
func readSigningKey(path, name string) (keypair, error) {
	text, err := readSecret(path)
	if err != nil {
		return keypair{}, err
	}
	return parseSigningKey(text, path, name)
}

func parseSigningKey(text, path, name string) (keypair, error) {
	secret, public, _ := strings.Cut(text, "\n")
	signer, err := note.NewSigner(secret)
	if err == nil {
		_, err = note.NewVerifier(public)
	}
	if err != nil {
		return keypair{}, fmt.Errorf("%s holds no signing key", path)
	}
	if signer.Name() != name {
		return keypair{}, configfile.Wrong("%s is the key of %q and not of %q: a site's name cannot be changed once it has scanned", path, signer.Name(), name)
	}
	return keypair{signer, public}, nil
}

// secretFile reads a small secret file, or makes it for its owner's eyes only. Of two
// processes that make it at once, both have the first one's.
func secretFile(path string, fresh func() (string, error)) (string, error) {
	text, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	made, err := fresh()
	if err != nil {
		return "", err
	}
	if err := writeNew(path, []byte(made+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("a key file cannot be written: %s", configfile.Reason(err))
	}
	return readSecret(path)
}

// readSecret reads one that is there; the error is fs.ErrNotExist where it is not.
func readSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("a key file cannot be read: %s", configfile.Reason(err))
	}
	return strings.TrimSpace(string(b)), err
}

// writeNew makes a file, unless it is there already.
func writeNew(path string, text []byte, mode os.FileMode) error {
	if err := durable.New(path, text, mode); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// locate finds the data folder and its configuration from the flags.
func locate(data, config string) (dataDir, error) {
	path, err := filepath.Abs(data)
	if err != nil {
		return dataDir{}, err
	}
	if config == "" {
		config = filepath.Join(path, "letterlock.toml")
	}
	return dataDir{path: path, config: config}, nil
}

// notAsRoot keeps root from leaving files that the server's own account cannot read.
func (d dataDir) notAsRoot() error {
	return configfile.NotAsRoot("letterlock", d.in("state", ofRegister.file), d.path)
}

// mustExist tells a missing data folder from a broken one, and from another account's.
func (d dataDir) mustExist() error {
	if err := d.notAsRoot(); err != nil {
		return err
	}
	if err := d.notHalf(); err != nil {
		return err
	}
	if !d.found() {
		if _, err := os.Stat(d.database()); errors.Is(err, fs.ErrPermission) {
			return configfile.Wrong("this account may not enter the data folder %s: run this as the account whose it is", d.path)
		}
		return configfile.Wrong("there is no Letterlock in %s yet: make one with 'letterlock setup' (a server) or 'letterlock up' (all on this machine), or name its folder with --data", d.path)
	}
	return nil
}
