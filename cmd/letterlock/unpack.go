package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/pipeline/backup"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/register"
)

// unpacked is what came out of a backup.
type unpacked struct {
	backup.About
	took time.Duration
}

// says is a sentence for people.
func (u unpacked) says() string {
	return fmt.Sprintf("The backup of %s is whole, and its register verifies: %d entries. This took %s.", u.Made.Format("2 January 2006 15:04 UTC"), u.Entries, brief(u.took))
}

// brief is a duration as people read it.
func brief(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

// unpack puts a backup's files into their places. The database is the last, and
// has its name only once the backup is known to be whole, the register in it
// verifies, and it is on record in it that it is an older copy: a crash before
// leaves no Letterlock in the folder, and one after it a closed one.
func (w *world) unpack(d dataDir, from, keyFile string) (u unpacked, err error) {
	began := time.Now()
	if exists(d.database()) {
		return u, configfile.Wrong("there is a Letterlock in %s already: a backup is restored into an empty folder. Name another with --data, or move this one away", d.path)
	}
	for _, dir := range []string{d.path, d.edgeState(), filepath.Dir(d.config)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return u, fmt.Errorf("the data folder cannot be made: %s", configfile.Reason(err))
		}
	}
	unlock, err := d.lock()
	if err != nil {
		return u, err
	}
	defer unlock()
	for _, path := range d.restoring() {
		if err := durable.Destroy(path); err != nil { // of one that was cut off
			return u, err
		}
	}
	if u.About, err = d.readBackup(w, from, keyFile); err != nil {
		return u, err
	}
	crashPoint("unpacked", "")
	if err := d.keepClosed(w, u.About); err != nil {
		return u, err
	}
	crashPoint("unpacked-closed", "")
	if err := os.Rename(d.restoring()[0], d.database()); err != nil {
		return u, err
	}
	u.took = time.Since(began)
	return u, durable.SyncDir(filepath.Dir(d.database()))
}

// restoring are the names under which a database lies that is not yet restored.
func (d dataDir) restoring() []string {
	path := d.in("state", ".restoring.db")
	return []string{path, path + "-wal", path + "-shm"}
}

func (d dataDir) readBackup(w *world, from, keyFile string) (backup.About, error) {
	key, err := os.Open(keyFile)
	if err != nil {
		return backup.About{}, configfile.Wrong("the key cannot be read: %s", configfile.Reason(err))
	}
	keys, err := age.ParseIdentities(key)
	if err = errors.Join(err, key.Close()); err != nil {
		return backup.About{}, configfile.Wrong("%s holds no key that opens backups: it is the file that 'letterlock key backup' has written", keyFile)
	}
	f, err := os.Open(from)
	if err != nil {
		return backup.About{}, configfile.Wrong("the backup cannot be read: %s", configfile.Reason(err))
	}
	defer func() { _ = f.Close() }()
	work := w.reading("Reading the backup", f)
	defer work.End()
	about, err := backup.Read(work.Reader(f), keys, d.place)
	var use configfile.Mistake
	var other *age.NoIdentityMatchError
	switch {
	case errors.As(err, &other):
		return about, configfile.Wrong("%s is not the key of this backup", keyFile)
	case errors.As(err, &use):
		return about, use
	case errors.Is(err, backup.ErrNotOurs):
		return about, configfile.Wrong("%s is no backup that this version can read", from)
	case err != nil:
		return about, fmt.Errorf("this backup is damaged or cut off, and is not used: take another (%w)", err)
	case !exists(d.restoring()[0]):
		return about, configfile.Wrong("%s holds no register", from)
	}
	return about, nil
}

// maxSmall bounds every file of a backup but the database, in bytes.
const maxSmall = 4 << 20

// place puts one file of a backup where it belongs. What is there already must be
// the same.
func (d dataDir) place(name string, content io.Reader) error {
	if name == "data/"+databaseName {
		f, err := os.OpenFile(d.restoring()[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		return errors.Join(err, f.Sync(), f.Close())
	}
	path := d.config
	if below, ok := strings.CutPrefix(name, "data/"); ok {
		path = d.in(filepath.FromSlash(below))
	} else if below, ok := strings.CutPrefix(name, "config/"); !ok {
		return backup.ErrNotOurs
	} else if below != "letterlock.toml" {
		path = configfile.Beside(d.config, filepath.FromSlash(below))
	}
	text, err := io.ReadAll(io.LimitReader(content, maxSmall))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := writeNew(path, text, 0o600); err != nil {
		return fmt.Errorf("a file of the backup cannot be written: %s", configfile.Reason(err))
	}
	if there, err := os.ReadFile(path); err != nil || !bytes.Equal(there, text) {
		return configfile.Wrong("%s is there already, and is not what the backup holds: move it away, or restore into another folder", path)
	}
	return nil
}

// keepClosed verifies the register that was unpacked, entry by entry, and puts in it
// that it is an older copy.
func (d dataDir) keepClosed(w *world, about backup.About) (err error) {
	key, err := signingKey(d.in("state", "register.key"), "letterlock-register")
	if err != nil {
		return err
	}
	r, err := register.Open(w.ctx, register.Config{Path: d.restoring()[0], Signer: key.signer, Verifier: key.verifier, Now: time.Now, Program: commandline.Version()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	read, write := io.Pipe()
	go func() { write.CloseWithError(r.Export(w.ctx, write)) }()
	work := w.screen.Begin("Verifying the register in it", progress.Entries, about.Entries)
	defer work.End()
	head, err := register.Verify(work.Lines(read), key.public())
	_ = read.CloseWithError(err)
	switch bad, wrong := errors.AsType[*register.Wrong](err); {
	case wrong:
		return fmt.Errorf("the register in this backup does not verify, and is not used: %w. Take another backup, and ask who has handled this one", bad)
	case err != nil:
		return err
	case head.Entries != about.Entries || head.Note != about.Checkpoint:
		return errors.New("this backup holds another register than it says, and is not used: take another, and ask who has handled this one")
	}
	return r.KeepClosed(w.ctx, []register.RestoreSign{register.SignPerson})
}
