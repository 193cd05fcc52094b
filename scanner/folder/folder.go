// Package folder is the scanner folder: where operations staff drop scans, and
// where they find what was refused and what was taken.
//
//	ROOT/<helpline>/           drop here; sub-folders are looked into as well
//	ROOT/<helpline>/refused/   what could not be taken, each with NAME.txt beside it
//	ROOT/<helpline>/taken/     one slip a letter
//	ROOT/refused/              what was dropped into no helpline's folder
//	ROOT/.letterlock/          claimed scans, sealed letters under way, records (0700)
//
// A scan settles (Look), is claimed (Claim), and then either given back with a
// note (Refuse) or, once the server has it, deleted (Release). Each of these
// says what a crash leaves behind, and Claims finds it again. Everything
// happens below one os.Root, so that no link leads out of the folder, and no
// error names a file: file names may hold people's names.
package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/fsnotify/fsnotify"

	"letterlock/scanner/letter"
)

// Names inside the scanner folder, relative to it.
const (
	RefusedDir = "refused" // below a helpline's folder, and below the root for strays
	TakenDir   = "taken"   // below a helpline's folder: the slips

	PrivateDir = ".letterlock"
	ClaimedDir = PrivateDir + "/claimed" // one folder a letter, named by its id
	SpoolDir   = PrivateDir + "/spool"   // ID.age and ID.manifest until the receipt
	RecordDir  = PrivateDir + "/taken"   // ID.json for every slip

	lockFile = PrivateDir + "/lock"
)

// ErrGone says that the folder was removed, replaced or unmounted while it was
// open. Close it and open it again.
var ErrGone = errors.New("the scanner folder was removed or replaced")

// Completeness is what the structure of a file that has stopped changing says.
type Completeness int

const (
	Whole   Completeness = iota // a scan from its first byte to its last
	Partial                     // a scan that breaks off, or nothing at all yet
	Foreign                     // no scan, and more bytes would not make it one
)

// Config says which folder, for whom, and how patient to be.
type Config struct {
	Path      string   // of the scanner folder; made if it is missing
	Helplines []string // their folders are made if they are missing

	// Settle is the least time between two looks that count; a scan is still
	// after three of them.
	Settle time.Duration
	// Arriving is how long a scan that is still but not whole, or that cannot
	// be read, is waited for after its last change.
	Arriving time.Duration
	// Complete judges a file that is still. An error means that it could not
	// be read just now.
	Complete func(r io.ReaderAt, size int64) (Completeness, error)

	Now func() time.Time
	// Step, if not nil, is told of the boundaries inside Claim and Refuse.
	Step func(step string, id letter.ID)
}

// Folder is a scanner folder held by this process. It is for one goroutine.
type Folder struct {
	cfg     Config
	root    *os.Root
	lock    *os.File
	watched *fsnotify.Watcher // nil where the system grants none
	hints   chan struct{}
	seen    map[string]*sight // by path: what earlier looks saw
}

// Open takes the folder for this process and makes what is missing in it. If
// another process has it, the error is a *HeldError that says who.
func Open(cfg Config) (*Folder, error) {
	if err := os.MkdirAll(cfg.Path, 0o770); err != nil {
		return nil, plain("making the scanner folder", err)
	}
	root, err := os.OpenRoot(cfg.Path)
	if err != nil {
		return nil, plain("opening the scanner folder", err)
	}
	f := &Folder{cfg: cfg, root: root, hints: make(chan struct{}, 1), seen: map[string]*sight{}}
	if err := f.prepare(); err != nil {
		root.Close()
		return nil, err
	}
	f.watch()
	return f, nil
}

func (f *Folder) prepare() (err error) {
	for _, dir := range []string{PrivateDir, ClaimedDir, SpoolDir, RecordDir} {
		if err := f.root.MkdirAll(dir, 0o700); err != nil {
			return plain("making the private part of the scanner folder", err)
		}
	}
	// An older or a copied folder may stand open to others.
	if err := f.root.Chmod(PrivateDir, 0o700); err != nil {
		return plain("closing the private part of the scanner folder to others", err)
	}
	for _, helpline := range f.cfg.Helplines {
		if err := f.root.MkdirAll(helpline, 0o770); err != nil {
			return plain("making the folder of "+helpline, err)
		}
	}
	f.lock, err = takeLock(f.root, f.cfg.Now())
	return err
}

// Close gives the folder up. Whatever was under way is found by the next Open.
func (f *Folder) Close() error {
	if f.watched != nil {
		f.watched.Close()
	}
	f.lock.Close() // the lock goes with it
	return f.root.Close()
}

// Root gives access to everything below the scanner folder, and to nothing else.
func (f *Folder) Root() *os.Root { return f.root }

// present fails with ErrGone when the path no longer leads to the folder that
// is open, or somebody cleared away the lock that this process believes in.
func (f *Folder) present() error {
	there, err := os.Stat(f.cfg.Path)
	if err != nil {
		return ErrGone
	}
	here, err := f.root.Stat(".")
	if err != nil || !os.SameFile(here, there) {
		return ErrGone
	}
	there, err = f.root.Lstat(lockFile)
	if err != nil {
		return ErrGone
	}
	here, err = f.lock.Stat()
	if err != nil || !os.SameFile(here, there) {
		return ErrGone
	}
	return nil
}

func (f *Folder) step(step string, id letter.ID) {
	if f.cfg.Step != nil {
		f.cfg.Step(step, id)
	}
}

// entries lists a directory in order of name. Unlike fs.ReadDir it takes names
// that are not UTF-8.
func entries(root *os.Root, dir string) ([]fs.DirEntry, error) {
	d, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.ReadDir(-1)
}

// exists reports whether anything has that name, a dangling link included.
func exists(root *os.Root, name string) bool {
	_, err := root.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// home is the folder that belongs to a helpline, or the root for strays.
func home(helpline string) string { return path.Join(".", helpline) }

// plain says what failed and why, but not on which file.
func plain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var onPath *fs.PathError
	var onLink *os.LinkError
	switch {
	case errors.As(err, &onPath):
		err = onPath.Err
	case errors.As(err, &onLink):
		err = onLink.Err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
