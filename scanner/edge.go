package scanner

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
	"letterlock/scanner/separator"
	"letterlock/scanner/texts"
)

// Config is everything an edge knows. Zero durations take their defaults.
type Config struct {
	Folder    string   // the scanner folder; made if it is missing
	StateDir  string   // the edge's own memory, outside the share; made if it is missing
	Site      string   // the name of this edge
	Helplines []string // each has a folder of that name in the scanner folder
	// Titles are what people call the helplines, by name; one without is called
	// by its name, which is its folder's.
	Titles   map[string]string
	Language *texts.Language // of what people read in the folder; default texts.English
	Portal   bool            // what the folder asks is answered in the portal too, see OpenQuestions
	// Asks has what the folder asks put to the server, which is on another machine and
	// shows it in the portal there; see asking.go.
	Asks bool
	// Reports has the server told what is in the folder, at most once a minute.
	Reports bool
	Program letter.Program // the version that the server is told of
	Signer  note.Signer    // the site's private key, of the site's name
	Server  note.Verifier  // the server's public key with which this edge was enrolled
	// NextKey, if not nil, finds the key that is to take the place of Signer; a nil one
	// while there is none.
	NextKey func() (*NextKey, error)
	Rotate  string // the command with which a person has the key changed; default "scanner key rotate"

	Store    Store
	Workshop Workshop

	// Duplex is how the scanner scans stacks; default separator.DuplexAuto.
	Duplex separator.Duplex

	Settle    time.Duration // between two looks at a scan that may be arriving; default 1 s
	Rescan    time.Duration // between two looks without a hint; default 3 s
	Arriving  time.Duration // until a scan counts as cut off after its last change; default 30 min
	SlipEvery time.Duration // between two rounds over the slips; default 15 s

	Now   func() time.Time // default time.Now
	NewID func() letter.ID // default letter.NewID
	// Steady is a clock that nobody can set; default the system's monotonic one,
	// since the program's start.
	Steady func() time.Duration
	Log    *slog.Logger // never told a file's name; default slog.Default
	// Step, if not nil, is told of each of Steps, StackSteps and RefusalSteps. It
	// is for tests that end the process there.
	Step func(step string, id letter.ID)

	// Simulated disks, in place of Folder and StateDir; nil outside simulations.
	folderDisk, stateDisk disk.Disk
	// How calls of the store are made, and how long a pass waits for them; see
	// calls.go. Only tests set them.
	beside   func(work, end func())
	patience time.Duration
}

// Edge works on one scanner folder. Its methods are for one goroutine, except
// Status.
type Edge struct {
	Config
	passed     atomic.Int64   // when Run last ended a look at the folder, in Unix time; 0 before it has
	folder     *folder.Folder // nil while it is gone
	elsewhere  bool           // it is not the one from before, see otherfolder.go
	claims     fs.FileInfo    // the folder of claims, when the scanner folder was opened
	lost       []Lost         // letters that were on their way in another one
	lostAt     time.Time      // when they were last looked for
	lostKept   bool           // they are in their file
	state      disk.Disk
	closeState func() error // nil for a simulated disk
	jobs       []*job
	shelf      shelf
	tidy       map[letter.ID]bool // whose stray slips were looked for since the start
	againMade  map[string]bool    // by helpline and name: whether the folder of a paper outlives a power cut
	slipDirs   map[string]bool    // by helpline: whether its folder of slips outlives a power cut

	reach        reach
	call         *call         // of the store, under way or answered; nil if there is none
	patienceLeft time.Duration // in this pass
	clockRight   bool          // what the last comparison said
	clockAsked   time.Time     // when that was
	clockOff     time.Duration // and by how much it is said to be wrong
	validUntil   time.Time     // until when the newest list is valid that was seen; zero if that is not known
	behindAsked  time.Time     // when a newer one was last looked for because of that
	lastNow      time.Time     // what both clocks said before
	lastSteady   time.Duration
	list         *seal.Recipients
	listed       time.Time // when list was fetched
	watched      time.Time // when it was last looked at for the server's sake
	seen         uint64    // the highest serial that was seen, while the list in the store has a lower one; 0 else
	seenSaid     time.Time // when the server was told that

	keys        serverKeys
	own         ownKey
	gone        map[letter.ID]letter.GoneLetter // the letters that ended before their time
	goneHeard   time.Time                       // when that was fetched
	named       awaiting                        // which papers are to be scanned again whose letters it forgets
	slipsTended time.Time
	slipLast    letter.ID
	told        map[string]string // the sentence that stands about a subject
	posted      map[string]posted // by helpline
	printed     map[string]bool   // by helpline: whether the sheet of slips is as it should be
	printedAt   time.Time
	loadedAt    time.Time       // when load was last tried
	unread      time.Time       // since when it cannot read everything; zero if it can
	dark        map[string]bool // references of letters whose records it could not read; nil if it knows none of them
	page        progress        // of the scan that is looked at just now
	view        folder.View     // of the last look
	left        []folder.Scan   // of those that had settled then, not claimed yet
	lookedAt    time.Time       // when that was
	busy        bool            // whether the last pass left work
	room        room            // on the disks
	known       duplicates
	reporting   reporting
	asking      asking
}

// Open takes the scanner folder for this process and finds again what was under
// way in it. If another scanner has the folder the error wraps a
// *folder.HeldError that says who.
func Open(cfg Config) (*Edge, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	e := &Edge{Config: cfg, state: cfg.stateDisk, told: map[string]string{}, posted: map[string]posted{}, printed: map[string]bool{}}
	if e.state == nil {
		if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
			return nil, fmt.Errorf("making the state folder of the scanner: %w", err)
		}
		state, err := disk.Open(cfg.StateDir)
		if err != nil {
			return nil, fmt.Errorf("opening the state folder of the scanner: %w", err)
		}
		e.state, e.closeState = state, state.Close
	}
	e.watched = e.Now()
	if err := errors.Join(e.recall(), e.recallServerKeys(), e.recallList(), e.recallLost(), e.attach(), e.remember()); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// complete checks the settings and fills in the defaults.
func (c *Config) complete() error {
	if c.Language == nil {
		c.Language = texts.English()
	}
	switch {
	case !letter.ValidName(c.Site):
		return errors.New("the site's name is not of the agreed form: lower-case letters, digits and hyphens")
	case len(c.Helplines) == 0:
		return errors.New("there is no helpline to scan for")
	case c.Signer == nil || c.Signer.Name() != c.Site:
		return errors.New("the signing key is not this site's")
	case c.Server == nil || c.Store == nil || c.Workshop == nil:
		return errors.New("the server's public key, the store or the workshop is missing")
	}
	for _, h := range c.Helplines {
		if !letter.ValidName(h) || folder.Reserved(h) {
			return fmt.Errorf("a helpline cannot be named %q", h)
		}
	}
	for d, standard := range map[*time.Duration]time.Duration{
		&c.Settle: time.Second, &c.Rescan: 3 * time.Second,
		&c.Arriving: 30 * time.Minute, &c.SlipEvery: 15 * time.Second,
	} {
		if *d <= 0 {
			*d = standard
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Duplex == "" {
		c.Duplex = separator.DuplexAuto
	}
	if !c.Duplex.Valid() {
		return errors.New(`duplex must be "auto", "yes" or "no"`)
	}
	if c.Steady == nil {
		start := time.Now()
		c.Steady = func() time.Duration { return time.Since(start) }
	}
	if c.NewID == nil {
		c.NewID = letter.NewID
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.beside == nil {
		c.beside = beside
	}
	if c.patience == 0 {
		c.patience = defaultPatience
	}
	return nil
}

// Close gives the folder up. What is under way goes on with the next Open.
func (e *Edge) Close() error {
	e.hangUp()
	e.detach()
	if e.closeState == nil {
		return nil
	}
	return e.closeState()
}

// Status counts what is where. It may be called from any goroutine; another
// process calls folder.Count.
func (e *Edge) Status() (folder.Counts, error) { return folder.Count(e.Folder, e.Helplines) }

// attach opens the folder, if it is not open, and finds what is in it.
func (e *Edge) attach() error {
	if e.folder != nil {
		return nil
	}
	f, err := folder.Open(folder.Config{
		Path: e.Folder, Disk: e.folderDisk, Helplines: e.Helplines, Settle: e.Settle, Arriving: e.Arriving,
		Complete: Complete, Now: e.Now, NewID: e.NewID, Step: e.Step,
		Self: e.known.self(),
	})
	if err != nil {
		return err
	}
	before := e.underWayNow()
	e.folder, e.jobs, e.shelf = f, nil, newShelf()
	e.gone, e.goneHeard = map[letter.ID]letter.GoneLetter{}, time.Time{}
	e.named = newAwaiting()
	e.known.unsure = map[string]letter.ID{} // load finds out
	e.printed, e.tidy = map[string]bool{}, map[letter.ID]bool{}
	e.slipDirs, e.againMade = map[string]bool{}, map[string]bool{}
	e.recognise()
	e.load()
	e.miss(before)
	return nil
}

func (e *Edge) detach() {
	e.stopAsking()
	if e.folder != nil {
		e.folder.Close()
		e.folder = nil
	}
}

// load finds every letter on its way that is not known yet, and every slip.
// What cannot be read stays where it is and keeps none of the others back.
func (e *Edge) load() {
	on := e.jobsByID()
	err := e.loadClaims(on)
	all := func(letter.ID) bool { return true }
	_, manifests := e.each(folder.SpoolDir, folder.ManifestExt, all, func(data []byte) error {
		return e.foundSealed(data, on)
	})
	var found []record
	fresh := func(id letter.ID) bool { return !e.recorded(id) } // of which nobody else has changed any
	dark, records := e.each(folder.RecordDir, ".json", fresh, func(data []byte) error {
		var r record
		err := json.Unmarshal(data, &r)
		if err == nil {
			found = append(found, r)
		}
		return err
	})
	if len(found) > 0 {
		e.shelf.fill(found)
		clear(e.printed)
	}
	e.dark = dark
	if err = errors.Join(err, manifests, records); err == nil {
		err = e.sweepSpool()
	}
	e.loadedAt = e.Now()
	if err != nil {
		if e.unread.IsZero() {
			e.unread = e.loadedAt
		}
		e.tell("load", "Something in the private part of the scanner folder cannot be read, and stays there: "+err.Error()+". Trying again; for ten minutes no new scan is taken, since it may be the same as one of these.")
		return
	}
	e.unread = time.Time{}
	e.tell("load", "")
}

// jobsByID finds the job of a letter, or makes one.
func (e *Edge) jobsByID() func(letter.ID) *job {
	known := map[letter.ID]*job{}
	for _, j := range e.jobs {
		known[j.id] = j
	}
	return func(id letter.ID) *job {
		if known[id] == nil {
			known[id] = &job{id: id}
			e.jobs = append(e.jobs, known[id])
		}
		return known[id]
	}
}

// loadAgain is load once a minute while something cannot be read: a share may
// fail for a moment.
func (e *Edge) loadAgain() {
	if !e.unread.IsZero() && e.Now().Sub(e.loadedAt).Abs() >= time.Minute {
		e.load()
	}
}

// mayHideTwin reports whether what cannot be read may be a scan with the same
// bytes as one that is to be taken now. One claim that is damaged for good must
// not keep back all others for ever.
func (e *Edge) mayHideTwin() bool {
	return !e.unread.IsZero() && e.Now().Sub(e.unread).Abs() < 10*time.Minute
}

// loadClaims finds the letters of every claim.
func (e *Edge) loadClaims(on func(letter.ID) *job) error {
	claims, err := e.folder.Claims()
	for _, c := range claims {
		err = errors.Join(err, e.loadClaim(c, on))
	}
	return err
}

// claimedAfterAll finds a scan that is claimed although the disk has said that it
// failed.
func (e *Edge) claimedAfterAll() {
	if e.loadClaims(e.jobsByID()) != nil {
		e.load() // which says so
	}
}

// loadClaim finds the letters of a claim that are on their way, or the scan of
// which it is not known yet what it holds. What it finds is made sure before it
// is believed: it may have been written a moment before the power failed, and
// the next failure would undo it after others had been told.
func (e *Edge) loadClaim(c folder.Claim, on func(letter.ID) *job) error {
	if c.Returning {
		on(c.ID).claim = c // whatever it holds: see giveBackLate
		return nil
	}
	holds, err := e.readLetters(c)
	if err != nil {
		return err // not taken anew: its letters may be under way
	}
	if holds.Letters == nil {
		on(c.ID).claim = c
		return nil
	}
	var left []clean
	for _, l := range holds.Letters {
		if e.onItsWay(c, l.ID) {
			left = append(left, l)
		}
	}
	if len(left) == 0 && e.anyRecorded(holds) {
		// A crash came before the claim was released. One of its letters does that,
		// which has ended otherwise.
		j := on(holds.Letters[0].ID)
		j.claim, j.scan, j.taken = c, holds.scan(c), true
		return nil
	}
	if len(left) == 0 {
		// The disk has lost them all, and none was taken: the scan is still here.
		if err := e.remove(c.Path(lettersFile)); err != nil {
			return err
		}
		on(c.ID).claim = c
		return nil
	}
	e.known.add(holds.scan(c)) // also if the disk fails in the next line: no twin is taken
	if err := disk.SyncDir(e.folder.Disk(), c.Path("")); err != nil {
		return err
	}
	e.follow(c, holds, left, on)
	return nil
}

// dimmed reports whether a letter of the same reference may have been taken
// whose record cannot be read: then it is not known whose a slip is.
func (e *Edge) dimmed(id letter.ID) bool { return e.dark == nil || e.dark[id.Reference()] }

// each reads the files of one kind in a private folder that are wanted. It
// returns the references of those that cannot be read, and nil if none of them
// can.
func (e *Edge) each(dir, ext string, wanted func(letter.ID) bool, read func([]byte) error) (unread map[string]bool, err error) {
	d := e.folder.Disk()
	if err := disk.SyncDir(d, dir); err != nil {
		return nil, err // what may be undone is not believed
	}
	list, err := d.List(dir)
	if err != nil {
		return nil, disk.Plain("listing what is known of letters", err)
	}
	unread = map[string]bool{}
	var errs []error
	for _, entry := range list {
		name, ok := strings.CutSuffix(entry.Name(), ext)
		id, err := letter.ParseID(name)
		if !ok || err != nil || !wanted(id) {
			continue
		}
		data, err := disk.ReadFile(d, path.Join(dir, entry.Name()))
		if err == nil {
			err = read(data)
		}
		if err != nil {
			unread[id.Reference()] = true
			errs = append(errs, fmt.Errorf("reading what is known of letter %s: %w", id, err))
		}
	}
	return unread, errors.Join(errs...)
}

// remove deletes a file that may be gone already.
func (e *Edge) remove(name string) error {
	err := e.folder.Disk().Remove(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return disk.Plain("removing a file", err)
	}
	return nil
}

func (e *Edge) title(helpline string) string { return cmp.Or(e.Titles[helpline], helpline) }
