package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/pipeline"
	"letterlock/pipeline/backup"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/register"
	"letterlock/scanner/words"
)

type backupCmd struct {
	SameDisk bool `help:"Make it although the folder for backups is now on a disk of this machine's own, and the last one went to another."`
}

// Run makes a backup, beside a running server, and removes those whose time is over.
func (c *backupCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		to, err := in.mayBackUp()
		if err != nil {
			return err
		}
		unlock, err := in.dir.lockBackups()
		if err != nil {
			return err
		}
		defer unlock()
		on, err := in.refuseUnmounted(w.ctx, c.SameDisk)
		if err != nil {
			return err
		}
		if err := in.dir.wipeDrills(); err != nil { // of one that was killed
			return err
		}
		began := in.clock.Now()
		former, err := in.noteBackupFolder(w.ctx)
		if err != nil {
			return err
		}
		before := backup.Before(began, time.Duration(in.cfg.Backup.Keep))
		why, err := in.register.ClockDoubt(w.ctx)
		if err != nil {
			return err
		}
		if why != "" {
			before = time.Time{} // nothing is removed by a clock that may be wrong
		}
		path, err := in.backUp(w, to)
		if err != nil {
			// What is kept for too long goes all the same, which may make the room
			// that was missing; but for the newest, while there is no other.
			_, failed := backup.Rotate(in.backups(), before, "")
			return errors.Join(err, failed)
		}
		fmt.Fprintf(w.out, "Written: %s\n", path)
		if err := in.register.SetMeta(w.ctx, in.metaBackupDisk(), on); err != nil {
			return err
		}
		removed, err := backup.Rotate(in.backups(), before, path)
		if err != nil {
			return fmt.Errorf("the backup is made, but older ones stay: %w", err)
		}
		if removed > 0 {
			fmt.Fprintf(w.out, "Removed, so that none is kept for longer than %s: %s\n", words.Lasted(time.Duration(in.cfg.Backup.Keep)), words.Number(removed, "backup"))
		}
		if err := in.sayFormerFolders(w, former); err != nil {
			return err
		}
		if _, outside := in.namedFiles(); len(outside) > 0 {
			fmt.Fprintf(w.out, "Not in it, since they lie outside the data folder and the configuration's, or in the keyring: %s. Keep what they hold elsewhere.\n", list(outside))
		}
		return nil
	})
}

// mayBackUp refuses what would not be a backup.
func (in *installation) mayBackUp() ([]age.Recipient, error) {
	b := in.cfg.Backup
	if b.Folder == "" {
		return nil, configfile.Wrong("no backups are set up: set [backup] folder and recipients in %s. 'letterlock key backup' makes the key", in.dir.config)
	}
	if info, err := os.Stat(in.backups()); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("the folder for backups, %s, is not there: is its disk mounted? Nothing was made", in.backups())
	}
	if within(in.backups(), in.dir.path) {
		return nil, configfile.Wrong("[backup] folder is in the data folder: what takes the one takes the other. Name one on another disk")
	}
	lines, err := b.recipients(in.dir.config)
	if err != nil {
		return nil, err
	}
	to, err := recipientsOf(lines)
	if err != nil {
		return nil, configfile.Wrong("%s", err)
	}
	return to, nil
}

func (in *installation) backups() string {
	return filepath.Clean(configfile.Beside(in.dir.config, in.cfg.Backup.Folder))
}

// backUp makes one backup. It is on record before it is made; a crash at any step
// leaves the backups that there were.
func (in *installation) backUp(w *world, to []age.Recipient) (path string, err error) {
	if err := in.register.Record(w.ctx, register.BackupMade{Recipients: len(to)}, 0); err != nil {
		return "", err
	}
	crashPoint("backup-recorded", "")
	if err := in.dir.wipeCopy(); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, in.dir.wipeCopy()) }()
	work := w.screen.Watch("Copying the database", progress.Bytes, in.dir.copying)
	entries, checkpoint, err := in.register.Snapshot(w.ctx, in.dir.copied())
	work.End()
	if err != nil {
		return "", err
	}
	// A crash here leaves the copy beside the database. It is wiped at the next start.
	crashPoint("backup-copied", "")
	made := in.clock.Now().UTC().Truncate(time.Second)
	about := backup.About{Program: commandline.Version(), Folder: in.dir.path, Made: made, Entries: entries, Checkpoint: checkpoint}
	files := in.backupFiles()
	work = w.screen.Begin("Writing the backup", progress.Bytes, sizeOf(files))
	defer work.End()
	switch path, err = backup.Make(in.backups(), about, to, files, work.Add); {
	case register.IsFull(err):
		return "", fmt.Errorf("the disk of the backups, %s, is full: none was made, and those that are there stay. Make room there, and run this again", in.backups())
	case err != nil:
		return "", err
	}
	// A crash here leaves a good backup of which 'check' does not know.
	crashPoint("backup-written", "")
	return path, in.register.KeepTime(w.ctx, register.MetaBackup, made)
}

// copied is where the database's copy lies while a backup is made.
func (d dataDir) copied() string { return d.in("state", ".backup.db") }

// copying is how many bytes of the database's copy there are, and of the database.
// The copy of one on a server may become of any size.
func (d dataDir) copying() (done, of int64) {
	return sizeOf([]backup.File{{Path: d.copied()}}), sizeOf([]backup.File{{Path: d.database()}})
}

// sizeOf is how many bytes all these files have, as far as they are there.
func sizeOf(files []backup.File) (bytes int64) {
	for _, f := range files {
		if info, err := os.Stat(f.Path); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// wipeCopy overwrites and removes a copy of the database: it names people.
func (d dataDir) wipeCopy() error {
	for _, path := range register.CopyFiles(d.copied()) {
		if err := durable.Destroy(path); err != nil {
			return fmt.Errorf("a copy of the database cannot be removed: %s", configfile.Reason(err))
		}
	}
	return nil
}

// lockBackups lets one backup, or one drill, be at work at a time.
func (d dataDir) lockBackups() (unlock func(), err error) {
	unlock, err = lockFile(d.in("state", "backup.lock"))
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("a backup or a drill is at work already: let it end (%w)", err)
	}
	return unlock, err
}

// unlessAtWork does f under the lock of backups, and nothing while another has it.
func (d dataDir) unlessAtWork(f func() error) error {
	unlock, err := d.lockBackups()
	if errors.Is(err, errLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}

// wipeLeft wipes what a backup or a drill that was cut off has left, unless one is at work.
func (d dataDir) wipeLeft() error {
	return d.unlessAtWork(func() error { return errors.Join(d.wipeDrills(), d.wipeCopy(), d.wipeRestoring()) })
}

func (d dataDir) wipeDrills() error {
	drills, err := filepath.Glob(d.in("state", ".drill-*"))
	for _, path := range drills {
		err = errors.Join(err, wipeAll(path))
	}
	return err
}

// keptBackups is what a check must know of the backups; nil where none are made.
func (in *installation) keptBackups() *pipeline.Backups {
	if in.cfg.Backup.Folder == "" {
		return nil
	}
	return &pipeline.Backups{Keep: time.Duration(in.cfg.Backup.Keep), Former: in.oldestFormer, Lacks: in.lacksRecipient, Made: func() (oldest, newest time.Time, err error) {
		all, err := backup.List(in.backups())
		if err != nil || len(all) == 0 {
			return oldest, newest, err
		}
		return all[0].Made, all[len(all)-1].Made, nil
	}}
}

// lacksRecipient is pipeline.Backups.Lacks.
func (in *installation) lacksRecipient() string {
	for _, file := range in.cfg.Backup.files() {
		if _, err := os.ReadFile(configfile.Beside(in.dir.config, file)); err != nil {
			return file
		}
	}
	return ""
}

type keyBackupCmd struct {
	Out string `help:"The file to write, on a memory stick that is then kept away from this machine." required:"" type:"path" placeholder:"FILE"`
}

// Run makes the key pair that opens backups. Its private half is never on the
// server's disk, unless somebody has it written there. The public half, too long a
// line to copy by eye, goes into a file beside the configuration, which names it. A
// crash leaves a private half that opens nothing yet.
func (c *keyBackupCmd) Run(w *world) error {
	if err := w.dir.notAsRoot(); err != nil {
		return err
	}
	if within(c.Out, w.dir.path) {
		return configfile.Wrong("the key that opens backups cannot be in the data folder: who has the one would have the other")
	}
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(c.Out), filepath.Ext(c.Out)) + recipientFile
	folder := filepath.Dir(w.dir.config)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		folder = filepath.Dir(c.Out) // no Letterlock is here: it is to be carried there
	}
	if exists(filepath.Join(folder, name)) {
		return configfile.Wrong("the public half cannot be written: there is a %s already. Give --out another name", filepath.Join(folder, name))
	}
	for _, half := range []struct{ path, text string }{
		{c.Out, fmt.Sprintf("# Letterlock: opens its backups, and no letter. Keep it away from the server.\n# public key: %s\n%s\n", id.Recipient(), id)},
		{filepath.Join(folder, name), fmt.Sprintf("# Letterlock: its backups are sealed to this public key. %s opens them.\n%s\n", filepath.Base(c.Out), id.Recipient())},
	} {
		if err := writeNewKey(half.path, half.text); err != nil {
			return err
		}
	}
	backups := "/mnt/backup"
	if cfg, err := readConfig(w.dir.config); err == nil && cfg.Backup.Folder != "" {
		backups = cfg.Backup.Folder
	}
	_, err = fmt.Fprintf(w.out, "Written: %s. Keep it where the server is not, and a second one elsewhere.\nWritten: %s, its public half.%s\nInto letterlock.toml:\n\n[backup]\nfolder = %q\nrecipients = [%q]\n",
		c.Out, filepath.Join(folder, name), map[bool]string{true: " Put it beside letterlock.toml."}[folder != filepath.Dir(w.dir.config)], backups, name)
	return err
}

// writeNewKey writes half of the key that opens backups, never in the place of another file.
func writeNewKey(path, text string) error {
	err := writeAway(path, text)
	switch opening, is := errors.AsType[*fs.PathError](err); {
	case is && opening.Op == "open":
		return configfile.Wrong("the key cannot be written: %s", configfile.Reason(err))
	case err != nil:
		return fmt.Errorf("the key cannot be written: %s", configfile.Reason(err))
	}
	return nil
}

// writeAway writes a file for somebody to carry away, never in the place of another. Unlike
// durable.New it asks for nothing that a memory stick cannot do, which knows no second
// name for a file; so a crash may leave a part of it, under its name.
func writeAway(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		if err = durable.SyncDir(filepath.Dir(path)); errors.Is(err, fs.ErrPermission) {
			err = nil // a folder into which one may only put
		}
	}
	if err != nil {
		_ = os.Remove(path) // room, and the name, for the next try
	}
	return err
}

// recipientFile is how the name of a file ends that holds the public half of a key
// which opens backups.
const recipientFile = ".pub"

// files are the files that recipients name.
func (b Backup) files() (names []string) {
	for _, r := range b.Recipients {
		if strings.HasSuffix(r, recipientFile) {
			names = append(names, r)
		}
	}
	return names
}

// recipients are who can open a backup, those included whom a file beside the
// configuration holds.
func (b Backup) recipients(config string) (lines []string, err error) {
	for _, r := range b.Recipients {
		if slices.Contains(b.files(), r) {
			text, err := os.ReadFile(configfile.Beside(config, r))
			if err != nil {
				return nil, configfile.Wrong("[backup] recipients: %s cannot be read: %s. 'letterlock key backup' makes such a file", r, configfile.Reason(err))
			}
			r = string(text)
		}
		lines = append(lines, strings.TrimSpace(r))
	}
	return lines, nil
}

// check refuses settings of backups that cannot be meant. What a file holds that
// they name is looked at when a backup is made: a lost one must not keep the server
// from starting.
func (b Backup) check() error {
	if (b.Folder == "") != (len(b.Recipients) == 0) {
		return errors.New("[backup] folder and recipients belong together: set both, or neither")
	}
	if keep := time.Duration(b.Keep); keep < 24*time.Hour || keep > backup.MaxAge {
		return fmt.Errorf("[backup] keep is between 24h and %dh: a backup tells of letters that end the day after it was made, and may not outlive their keys", backup.MaxAge/time.Hour)
	}
	var written []string
	for _, r := range b.Recipients {
		if !slices.Contains(b.files(), r) {
			written = append(written, r)
		}
	}
	if b.Folder == "" || len(written) == 0 {
		return nil
	}
	_, err := recipientsOf(written)
	return err
}

// recipientsOf reads who can open a backup.
func recipientsOf(lines []string) ([]age.Recipient, error) {
	for _, r := range lines {
		if strings.Contains(r, "AGE-SECRET-KEY") {
			return nil, errors.New("[backup] recipients holds a private key: it belongs on a memory stick, and here only the age1... that is beside it")
		}
	}
	to, err := backup.Recipients(lines)
	if err != nil {
		return nil, fmt.Errorf("[backup] recipients: %w", err)
	}
	return to, nil
}
