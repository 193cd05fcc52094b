package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/pipeline/backup"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/register"
)

// unpacked is what came out of a backup.
type unpacked struct {
	backup.About
	took   time.Duration
	living bool     // the register on the server is not lost, and stays
	moved  []string // files that the configuration names by a path which is another now
}

// says is a sentence for people.
func (u unpacked) says() string {
	if u.living {
		return fmt.Sprintf("The backup of %s is whole. The register on the server holds all of its %d entries, and is used as it is: settings and keys alone were restored, and nothing is to be replayed. To go back to the backup's register all the same, name an empty database with --database.", u.Made.Format("2 January 2006 15:04 UTC"), u.Entries)
	}
	return fmt.Sprintf("The backup of %s is whole, and its register verifies: %d entries. This took %s.", u.Made.Format("2 January 2006 15:04 UTC"), u.Entries, brief(u.took))
}

// brief is a duration as people read it.
func brief(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

// unpack puts a backup's files into their places, and its register into a file, or
// into the PostgreSQL that the configuration names: the backup's own, with the database
// that into names, where it does (see databaseAt). In a drill it goes into a file in
// any case.
//
// The database and the configuration come last, once the backup is known to be whole,
// the register in it verifies, and it is on record in it that it is an older copy. From
// before the first file is placed to after the last a mark says that the folder is not
// whole: a crash in between leaves no Letterlock that starts, and the same restore is
// done again; one after it leaves a closed Letterlock.
func (w *world) unpack(d dataDir, from, keyFile, into string, drill bool) (u unpacked, err error) {
	began := time.Now()
	if err := d.notAsRoot(); err != nil {
		return u, err
	}
	whole := !exists(d.restoringMark())
	if whole && d.found() {
		emptied, err := w.isEmptied(d)
		if err != nil {
			return u, err
		}
		if !emptied {
			return u, configfile.Wrong("there is a Letterlock in %s already: a backup is restored into an empty folder. Name another with --data, or move this one away", d.path)
		}
	}
	// A folder that has keys of its own may be a Letterlock whose database was moved away,
	// and is as it was after a refusal: what was there is, and what was placed was missing.
	whole = whole && exists(d.in("state", ofRegister.file))
	refused := func(err error) error {
		if whole {
			err = errors.Join(err, d.wipeRestoring(), d.takeMarkAway())
		}
		return err
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
	if err := d.wipeHalf(); err != nil {
		return u, err
	}
	var settings configText
	if u.About, settings, u.moved, err = d.readBackup(w, from, keyFile, into); err != nil {
		return u, refused(err)
	}
	if there, err := os.ReadFile(d.config); err == nil && string(there) != settings.text {
		return u, refused(isThere(d.config))
	}
	crashPoint("unpacked", "")
	if err := d.keepClosed(w, u.About); err != nil {
		return u, err
	}
	crashPoint("unpacked-closed", "")
	if u.living, err = d.settle(w, u.About, settings, drill); err != nil {
		return u, err
	}
	u.took = time.Since(began)
	return u, d.wipeRestoring()
}

// isEmptied reports whether of the Letterlock in the folder nothing is lost but its
// register, which was in a PostgreSQL: nothing is in that which the configuration names.
// Its keys and its settings stay, and must be those of the backup: see place.
func (w *world) isEmptied(d dataDir) (bool, error) {
	c, err := readConfig(d.config)
	if err != nil || c.Database == nil {
		return false, err
	}
	address, err := c.address(d.config)
	if err != nil {
		return false, err
	}
	asking := w.screen.Begin("Asking the database", "", 0)
	err = register.Vacant(w.ctx, register.Config{URL: address})
	asking.End()
	switch {
	case errors.Is(err, register.ErrNotEmpty):
		return false, nil
	case err == nil && exists(d.database()):
		return false, configfile.Wrong("nothing is in the database that the configuration names, and %s, from before the register was moved there, is in the way: move it out of the folder, and give the same command again", d.database())
	}
	return err == nil, err
}

// restoringMark says that a restore is placing its files in the folder, or was cut off.
// It holds the sign of the database's file that the restore has placed, once it has.
func (d dataDir) restoringMark() string { return d.in("state", ".restoring") }

// notHalf refuses a folder in which a restore was cut off: whoever starts there would
// begin an empty register under the keys of the lost one, or read the restored one by
// other settings.
func (d dataDir) notHalf() error {
	if !exists(d.restoringMark()) {
		return nil
	}
	if err := d.notAnother(); err != nil {
		return err
	}
	return configfile.Wrong("there is no Letterlock in %s yet: a restore into this folder has not come to its end. If it was cut off, nothing is lost by that: go on with the same command, letterlock restore --from FILE --key FILE, which begins anew. Or name another folder with --data", d.path)
}

// takeMarkAway makes the folder whole.
func (d dataDir) takeMarkAway() error {
	if err := os.Remove(d.restoringMark()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncDir(filepath.Dir(d.restoringMark()))
}

// notAnother refuses a folder in which a restore was cut off and a register lies that it
// has not placed: somebody has put theirs back, and it may be the only one.
func (d dataDir) notAnother() error {
	info, err := os.Stat(d.database())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mark, err := os.ReadFile(d.restoringMark())
	if err != nil || string(mark) == fileSign(info) {
		return err
	}
	return configfile.Wrong("a restore into %s was cut off, and the register %s is not the one that it has placed there. If you have put your own back, delete %s: that takes the restore back. If the restore is to begin anew, move that register away first", d.path, d.database(), d.restoringMark())
}

// fileSign tells a file from another that takes its name.
func fileSign(info fs.FileInfo) string {
	return fmt.Sprintf("%d %d\n", info.Size(), info.ModTime().UnixNano())
}

// wipeHalf destroys the database that a restore which was cut off has left, under
// either name. Nobody has used it: see notHalf.
func (d dataDir) wipeHalf() error {
	if exists(d.restoringMark()) {
		if err := d.notAnother(); err != nil {
			return err
		}
		if err := durable.Destroy(d.database()); err != nil {
			return err
		}
	}
	return d.wipeRestoring()
}

// wipeRestoring destroys what a restore has left of a database that has no name yet.
func (d dataDir) wipeRestoring() error {
	for _, path := range d.restoring() {
		if err := durable.Destroy(path); err != nil {
			return err
		}
	}
	return nil
}

// restoring are the names under which a database lies that is not yet restored.
func (d dataDir) restoring() []string {
	path := d.in("state", ".restoring.db")
	return []string{path, path + "-wal", path + "-shm"}
}

// readBackup puts the files into their places, but for the configuration and the
// register. moved are those whose paths the configuration named, which names where they
// lie now.
func (d dataDir) readBackup(w *world, from, keyFile, into string) (about backup.About, settings configText, moved []string, err error) {
	settings.path = d.config
	about, err = d.placeAll(w, from, keyFile, func(name string, content io.Reader) error {
		if name != "config/letterlock.toml" {
			return d.place(name, content)
		}
		text, err := io.ReadAll(io.LimitReader(content, maxSmall))
		settings.text = string(text)
		return err
	})
	if err != nil {
		return about, settings, moved, err
	}
	if into != "" {
		to, err := d.databaseAt(into, false)
		if err != nil {
			return about, settings, moved, err
		}
		if settings, err = settings.named(to); err != nil {
			return about, settings, moved, err
		}
	}
	settings, moved = settings.moved(about.Folder, d.path)
	if there, err := os.ReadFile(d.config); err == nil && string(there) != settings.text {
		return about, settings, moved, isThere(d.config)
	}
	return about, settings, moved, nil
}

func isThere(path string) error {
	return configfile.Wrong("%s is there already, and is not what the backup holds: move it away, or restore into another folder", path)
}

func (d dataDir) placeAll(w *world, from, keyFile string, place func(name string, content io.Reader) error) (backup.About, error) {
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
	about, err := backup.Read(work.Reader(f), keys, place)
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
	if err := writeNew(d.restoringMark(), nil, 0o600); err != nil {
		return fmt.Errorf("the data folder cannot be written to: %s", configfile.Reason(err))
	}
	if name == "data/"+databaseName {
		f, err := os.OpenFile(d.restoring()[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		return errors.Join(err, f.Sync(), f.Close())
	}
	var path string
	if below, ok := strings.CutPrefix(name, "data/"); ok {
		path = d.in(filepath.FromSlash(below))
	} else if below, ok := strings.CutPrefix(name, "config/"); ok {
		path = configfile.Beside(d.config, filepath.FromSlash(below))
	} else {
		return backup.ErrNotOurs
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
		return isThere(path)
	}
	return nil
}

// keepClosed verifies the register that was unpacked, entry by entry, and puts in it
// that it is an older copy.
func (d dataDir) keepClosed(w *world, about backup.About) (err error) {
	r, key, err := d.openRestoring(w, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	head, err := w.verified(r, key, about.Entries)
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

// openRestoring opens the register that was unpacked, or with an address the one
// there, with the key that was unpacked.
func (d dataDir) openRestoring(w *world, address string) (*register.Register, keypair, error) {
	key, err := d.registerKey()
	if err != nil {
		return nil, key, err
	}
	r, err := register.Open(w.ctx, register.Config{Path: d.restoring()[0], URL: address, Signer: key.signer, Verifier: key.verifier, SignerOf: d.signerOf,
		Now: time.Now, Program: commandline.Version(), Step: func(step string) { crashPoint(step, "") }})
	return r, key, err
}

// settle puts the register into its place, writes the configuration and takes the mark
// away, which makes a Letterlock of the folder. living says that the register on the
// server is not lost: it is used as it is.
func (d dataDir) settle(w *world, about backup.About, settings configText, drill bool) (living bool, err error) {
	c, err := parseConfig(d.config, settings.text)
	if err != nil {
		return false, err
	}
	name := func() error {
		if err := writeNew(d.config, []byte(settings.text), 0o600); err != nil {
			return fmt.Errorf("the configuration cannot be written: %s", configfile.Reason(err))
		}
		if there, err := os.ReadFile(d.config); err != nil || string(there) != settings.text {
			return isThere(d.config)
		}
		crashPoint("unpacked-named", "")
		return d.takeMarkAway()
	}
	address := ""
	if !drill { // which looks at the file, never at the server that the backup is of
		if address, err = c.address(d.config); err != nil {
			return false, err
		}
	}
	if address != "" {
		return d.settleOnServer(w, about, address, name)
	}
	for _, left := range []string{d.database() + "-wal", d.database() + "-shm"} { // of one that was moved away: it would be read into this one
		if err := durable.Destroy(left); err != nil {
			return false, err
		}
	}
	info, err := os.Stat(d.restoring()[0])
	if err != nil {
		return false, err
	}
	if err := durable.Replace(d.restoringMark(), []byte(fileSign(info)), 0o600); err != nil {
		return false, err
	}
	if err := os.Rename(d.restoring()[0], d.database()); err != nil {
		return false, err
	}
	if err := durable.SyncDir(filepath.Dir(d.database())); err != nil {
		return false, err
	}
	crashPoint("unpacked-placed", "")
	return false, name()
}

// settleOnServer copies the register into the PostgreSQL, in one transaction, before
// the configuration names it.
func (d dataDir) settleOnServer(w *world, about backup.About, address string, name func() error) (living bool, err error) {
	cfg := register.Config{URL: address}
	where := d.sayPlace(cfg)
	asking := w.screen.Begin("Asking the database", "", 0)
	err = register.Vacant(w.ctx, cfg)
	asking.End()
	switch {
	case errors.Is(err, register.ErrNotEmpty):
		if err := d.isLiving(w, about, address, where); err != nil {
			return false, err
		}
		return true, name()
	case err != nil:
		return false, err
	}
	from, key, err := d.openRestoring(w, "")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	opening := w.screen.Begin("Opening the database", "", 0)
	to, _, err := d.openRestoring(w, address)
	opening.End()
	if err != nil {
		return false, ofNewer(err, where)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	copying := w.screen.Begin("Copying the register", "row", 0)
	defer copying.End()
	_, _, err = from.MoveTo(w.ctx, to, register.Moving{Far: copying.Set, Then: func() error {
		if _, err := w.verified(to, key, about.Entries); err != nil {
			return fmt.Errorf("the register does not verify in %s: %w", where, err)
		}
		return name()
	}})
	return false, err
}

// isLiving refuses a register on the server that does not go on from the backup's.
func (d dataDir) isLiving(w *world, about backup.About, address, where string) (err error) {
	there, _, err := d.openRestoring(w, address)
	if err == nil {
		err = errors.Join(there.Holds(w.ctx, about.Checkpoint), there.Close())
	}
	if _, wrong := errors.AsType[*register.Wrong](err); wrong {
		return configfile.Wrong("there is a register in %s that is older than this backup, or another: name an empty database with --database", where)
	}
	return ofNewer(err, where)
}

// ofNewer says what to do where a newer program has used that database: whoever goes
// back to this one needs another.
func ofNewer(err error, where string) error {
	newer, is := errors.AsType[*register.TooNewError](err)
	if !is {
		return err
	}
	return configfile.Wrong("in %s are the tables of a newer program (%s), which this one (%s) cannot read: to go back to this one with the backup, name an empty database with --database. Nothing was changed there",
		where, cmp.Or(newer.Program, "of a version that is not on record"), commandline.Version())
}
