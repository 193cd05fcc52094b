// Package folder is the scanner folder: where operations staff drop scans, and
// where they find what was refused and what was taken.
//
//	ROOT/<helpline>/           drop here; sub-folders are looked into as well
//	ROOT/<helpline>/refused/     what could not be taken, each with NAME.txt beside it
//	ROOT/<helpline>/duplicates/  what may have been taken before, likewise
//	ROOT/<helpline>/other helpline/  what was taken before for another, likewise
//	ROOT/<helpline>/stacks/      several letters that nobody can tell apart, likewise
//	ROOT/<helpline>/scan again/REFERENCE/  drop a new scan of that paper here
//	ROOT/<helpline>/taken/       one slip a letter
//	ROOT/<helpline>/STATUS.txt   how many of its scans are where
//	ROOT/<helpline>/SLIPS.html   its slips on one sheet
//	ROOT/refused/                what was dropped into no helpline's folder
//	ROOT/.letterlock/            claimed scans, sealed letters under way, records (0700)
//
// In the folders of what was given back, a person answers by moving a scan into
// the folder of an answer, which is looked into like the helpline's own.
//
// A scan settles (Look), is claimed (Claim), and then either given back with a
// note (GiveBack) or, once the server has it, deleted (Release). Each of these
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
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
)

// Names inside the scanner folder, relative to it.
const (
	TakenDir   = "taken"      // below a helpline's folder: the slips
	StatusFile = "STATUS.txt" // in a helpline's folder: how many of its scans are where
	SlipsFile  = "SLIPS.html" // likewise: its slips on one sheet, to print and cut up

	PrivateDir = ".letterlock"
	ClaimedDir = PrivateDir + "/claimed" // one folder a letter, named by its id
	LooksDir   = ClaimedDir + "/looks"   // one folder a look at a scan that waits: no claim, and cleared away by Open
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

	// Self tells this edge from every other that may work on the folder, on any
	// machine. With it an edge whose machine is started anew after a power cut
	// knows its own trace, and need not wait until that is surely nobody's.
	Self string

	// Disk is nil for the folder at Path. A simulated disk is nobody else's:
	// it has no lock, no events, and cannot be replaced.
	Disk disk.Disk

	Now   func() time.Time
	NewID func() letter.ID // of claims; default letter.NewID
	// Step, if not nil, is told of the boundaries inside Claim and GiveBack.
	Step func(step string, id letter.ID)

	// For tests of shares whose locks do not reach other machines.
	noLock  bool
	noPulse bool             // signs of life are given by nothing but Beat and Look
	steady  func() time.Time // by which signs of life are awaited; default time.Now
}

// Folder is a scanner folder held by this process. It is for one goroutine.
type Folder struct {
	cfg     Config
	disk    disk.Disk
	real    *disk.Real        // the same; nil for a simulated disk
	lock    *os.File          // nil for a simulated disk
	watched *fsnotify.Watcher // nil where the system grants none
	hints   chan struct{}
	owner   *ownership // nil for a simulated disk
	fresh   bool       // the private part was made by Open
	empty   bool       // and so were the folders of all helplines
	blind   bool       // a scan was met of which nobody can know whether it is open
	mem     memory
	corners map[string]cornerSeen // by path
}

// Open takes the folder for this process and makes what is missing in it. If
// another process has it, the error is a *HeldError that says who.
func Open(cfg Config) (*Folder, error) {
	if cfg.NewID == nil {
		cfg.NewID = letter.NewID
	}
	if cfg.steady == nil {
		cfg.steady = time.Now
	}
	f := &Folder{cfg: cfg, disk: cfg.Disk, hints: make(chan struct{}, 1), mem: memory{seen: map[string]*sight{}}, corners: map[string]cornerSeen{}}
	if f.disk != nil {
		return f, errors.Join(f.prepare(), f.endLooks())
	}
	if err := os.MkdirAll(cfg.Path, 0o770); err != nil {
		return nil, disk.Plain(fmt.Sprintf("the scanner folder %s is not there and cannot be made: make it, and let the account that takes scans own it", cfg.Path), err)
	}
	var err error
	if f.real, err = disk.Open(cfg.Path); err != nil {
		return nil, disk.Plain(fmt.Sprintf("the scanner folder %s cannot be opened: let the account that takes scans own it", cfg.Path), err)
	}
	f.disk = f.real
	if err = f.prepare(); err == nil {
		err = f.take()
	}
	if err == nil {
		if err = f.endLooks(); err != nil {
			f.letGo()
		}
	}
	if err != nil {
		f.real.Close()
		return nil, err
	}
	f.watch()
	return f, nil
}

func (f *Folder) prepare() error {
	if err := f.sureOfArrivals(); err != nil {
		return err
	}
	f.fresh = !disk.Exists(f.disk, ClaimedDir)
	f.empty = f.fresh && !slices.ContainsFunc(f.cfg.Helplines, func(h string) bool { return disk.Exists(f.disk, h) })
	for _, dir := range []string{PrivateDir, ClaimedDir, SpoolDir, RecordDir} {
		if err := disk.MakeDir(f.disk, dir, 0o700); err != nil {
			return fmt.Errorf("preparing the private part of the scanner folder: %w", err)
		}
	}
	for _, helpline := range f.cfg.Helplines {
		if err := disk.MakeDir(f.disk, helpline, 0o770); err != nil {
			return fmt.Errorf("preparing the folder of %s: %w", helpline, err)
		}
	}
	return nil
}

// endLooks clears away what a crash has left of looks at scans. No sooner than the
// folder is this process's: another may have one under way.
func (f *Folder) endLooks() error {
	return disk.Plain("clearing away what was looked at", disk.Discard(f.disk, LooksDir))
}

// sureOfArrivals makes sure of all claimed scans where they are before anything
// makes sure that they have left where they were: the process may have been
// killed between the two, and some lay in the folder that prepare syncs. A claim
// that its scan has left again is not touched: a sync of it makes sure of the
// departure, and GiveBack makes sure of the arrival first.
func (f *Folder) sureOfArrivals() error {
	list, err := f.disk.List(ClaimedDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return disk.Plain("listing claims", err)
	}
	for _, e := range list {
		id, err := letter.ParseID(e.Name())
		if err != nil || !e.IsDir() {
			continue // nothing of ours
		}
		c := Claim{ID: id}
		if _, err = f.scan(c); err == nil {
			err = f.disk.SyncDir(c.Path(scanDir))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return disk.Plain("making sure of a claimed scan", err)
		}
	}
	return nil
}

// take closes the private part of the folder to everybody else: an older or a
// copied folder may stand open to others, and another process may be at work.
func (f *Folder) take() (err error) {
	if err := f.real.Chmod(PrivateDir, 0o700); err != nil {
		return disk.Plain("closing the private part of the scanner folder to others", err)
	}
	lock := lockNow
	if f.cfg.noLock {
		lock = func(*os.File) error { return nil }
	}
	if f.lock, err = takeLock(f.real, f.cfg.Now(), lock); err != nil {
		return err
	}
	if f.owner, err = takeOver(f.real, &f.cfg); err != nil {
		unlock(f.lock)
		f.lock.Close()
		return err
	}
	// A disk that is too full for that is believed, as before it was asked.
	_ = f.real.TryWriting(PrivateDir + "/trial")
	return nil
}

// writing is Disk.Writing, and remembers where it is not known, for check.
func (f *Folder) writing(file disk.File) (is, known bool) {
	is, known = f.disk.Writing(file)
	if !known && !f.blind {
		f.blind = true
		if f.owner != nil {
			f.owner.isBlind()
		}
	}
	return is, known
}

// Close gives the folder up. Whatever was under way is found by the next Open.
func (f *Folder) Close() error {
	if f.real == nil {
		return nil
	}
	if f.watched != nil {
		f.watched.Close()
	}
	f.letGo()
	return f.real.Close()
}

// letGo is the end of take.
func (f *Folder) letGo() {
	f.owner.leave()
	unlock(f.lock)
	f.lock.Close()
}

// Fresh reports whether Open has found no private part, and made one.
func (f *Folder) Fresh() bool { return f.fresh }

// Empty is Fresh of a folder in which there was none of the helplines' folders either.
func (f *Folder) Empty() bool { return f.empty }

// Disk gives access to everything below the scanner folder, and to nothing else.
func (f *Folder) Disk() disk.Disk { return f.disk }

// present fails with ErrGone when the path no longer leads to the folder that
// is open, or somebody cleared away the lock that this process believes in.
func (f *Folder) present() error {
	if f.real == nil {
		return nil
	}
	there, err := os.Stat(f.cfg.Path)
	if err != nil {
		return ErrGone
	}
	here, err := f.real.Stat(".")
	if err != nil || !os.SameFile(here, there) {
		return ErrGone
	}
	there, err = f.real.Lstat(lockFile)
	if err != nil {
		return ErrGone
	}
	here, err = f.lock.Stat()
	if err != nil || !os.SameFile(here, there) {
		return ErrGone
	}
	return nil
}

// Beat says to other machines that this process is still at work on the folder,
// if it is time for that, and fails with a *HeldError if another has taken it
// over meanwhile. It also happens by itself every ten seconds, and in Look; it
// may be called from any goroutine.
func (f *Folder) Beat() error {
	if f.owner == nil {
		return nil
	}
	return f.owner.beat()
}

func (f *Folder) step(step string, id letter.ID) {
	if f.cfg.Step != nil {
		f.cfg.Step(step, id)
	}
}
