package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
)

// Inside a letter's claim folder.
const (
	claimFile    = "claim.json"
	releasedFile = "released" // the scan, while it is deleted
	answeredFile = "answered" // the note of a scan that came back with an answer
	scanDir      = "scan"     // holds the scan under the name it was dropped with
	noteDir      = "note"     // holds, in a folder named as where the scan is given back, its note until it lies beside it
)

// ErrUnsettled says that a scan changed after it had settled, that somebody has
// it open for writing again, or that it cannot be taken from where it lies, which
// the next look says in View.Trouble. It lies, or lies again, in its helpline's
// folder.
var ErrUnsettled = errors.New("the scan changed when it was about to be taken")

// ErrOpen says that somebody has a claimed scan open for writing.
var ErrOpen = errors.New("a program still has the scan of a letter open for writing that was taken")

// ErrLingers says that nobody can know whether somebody has a claimed scan open for
// writing, and that it is too early to believe that nobody has.
var ErrLingers = errors.New("it cannot be known yet whether a program still has the scan of a letter open that was taken")

// Claim is a scan that belongs to a letter: nobody but the edge touches it.
type Claim struct {
	ID       letter.ID `json:"id"`
	Helpline string    `json:"helpline"` // "" for a stray
	Received time.Time `json:"received"` // UTC, whole seconds
	Answer   Answer    `json:"answer,omitempty"`
	Again    string    `json:"again,omitempty"` // as in Scan

	// What the scan looked like when it had settled.
	Size     int64 `json:"size"`     // bytes
	Modified int64 `json:"modified"` // nanoseconds since 1970

	// Returning is set from the middle of GiveBack on, also by Claims after a
	// crash there: the scan may have left the claim already.
	Returning bool `json:"-"`
}

// Path is the place of something in the claim's folder, relative to the root.
func (c Claim) Path(name string) string { return path.Join(ClaimedDir, string(c.ID), name) }

// ErrLinked says that another name leads to the bytes of a scan: deleting it
// would not delete them.
var ErrLinked = errors.New("another name leads to this scan")

// Claim makes a settled scan a letter: the scan is renamed into a folder of
// its own under the new letter's id, where a person cannot disturb it. It
// fails with ErrUnsettled if the scan was not left alone to the end. Any other
// error is the folder's and no fault of this scan.
func (f *Folder) Claim(s Scan) (Claim, error) {
	f.mem.claimed(s)
	c := Claim{
		ID:       f.cfg.NewID(),
		Helpline: s.Helpline,
		Answer:   s.Answer,
		Again:    s.Again,
		Received: f.cfg.Now().UTC().Truncate(time.Second),
		Size:     s.seen.size,
		Modified: s.seen.modified,
	}
	if err := f.makeClaim(c); err != nil {
		_ = f.dropEmpty(c) // else Claims does
		return Claim{}, err
	}
	f.step("claim", c.ID)
	// A crash here leaves a claim without a scan, which Claims clears away,
	// and the scan where it was dropped.
	err := f.disk.Rename(s.path, path.Join(c.Path(scanDir), path.Base(s.path)))
	if err != nil {
		// A share may rename and lose the answer: then the scan is in the claim,
		// and only one that certainly is not may be cleared away.
		_, scanErr := f.scan(c)
		if errors.Is(scanErr, fs.ErrNotExist) {
			if scanErr = f.dropEmpty(c); scanErr == nil {
				return Claim{}, f.unclaimed(s, err)
			}
		}
		if scanErr != nil {
			return Claim{}, disk.Plain("claiming a scan", err) // Claims finds it, or clears it away
		}
	}
	// Until the folder of arrival is synced, a power cut may undo the rename: the
	// scan is then where it was dropped and the claim empty, as above. It must be
	// before anybody syncs the folder that the scan has left, which would make
	// sure of the departure alone.
	if err := f.syncArrival(c); err != nil {
		return Claim{}, err
	}
	// A crash here leaves a note without its scan, which nobody counts.
	f.dropNote(c, path.Base(s.path))
	return c, nil
}

// syncArrival makes sure that a scan is in its claim. A disk that fails for a
// moment is asked again at once, since people may sync the folder that the scan
// has left at any moment; where it goes on failing, Claims does so later.
func (f *Folder) syncArrival(c Claim) (err error) {
	for range 3 {
		if err = disk.SyncDir(f.disk, c.Path(scanDir)); err == nil {
			break
		}
	}
	return err
}

// makeClaim writes all that must be known of the letter before it owns the scan.
// Each of its three syncs makes sure of one name on the scan's way or of what
// claimFile says: without any of them a power cut could take a scan with its
// folder, or leave one of which nobody knows for whom it is. Which of them is first
// is all the same, as long as the scan is not here.
func (f *Folder) makeClaim(c Claim) error {
	if err := disk.MkdirAll(f.disk, c.Path(scanDir), 0o700); err != nil {
		return disk.Plain("making a claim", err)
	}
	// claimFile is written under its own name at once. A crash may leave it in
	// part, in a claim without a scan, which Claims clears away unread.
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("making a claim: %w", err)
	}
	file, err := f.disk.OpenFile(c.Path(claimFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return disk.Plain("making a claim", err)
	}
	if _, err = file.Write(data); err == nil {
		err = disk.SyncAll(f.disk, file, c.Path(""), ClaimedDir)
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return disk.Plain("making a claim", err)
}

// Claims finds every claim again, after a crash as after a normal end, and
// clears away what never became one. A claim that cannot be read is in the
// error and does not keep the others back.
func (f *Folder) Claims() ([]Claim, error) {
	list, err := f.disk.List(ClaimedDir)
	if err != nil {
		return nil, disk.Plain("listing claims", err)
	}
	var claims []Claim
	var errs []error
	for _, e := range list {
		id, err := letter.ParseID(e.Name())
		if err != nil || !e.IsDir() {
			continue // nothing of ours
		}
		c, err := f.reclaim(id)
		if err != nil {
			errs = append(errs, err)
		} else if c.ID != "" {
			claims = append(claims, c)
		}
	}
	return claims, errors.Join(errs...)
}

// reclaim reads one claim. It returns none if there is nothing left to do.
func (f *Folder) reclaim(id letter.ID) (Claim, error) {
	c := Claim{ID: id}
	_, scanErr := f.scan(c)
	_, _, noteErr := f.note(c)
	empty := errors.Is(scanErr, fs.ErrNotExist) && errors.Is(noteErr, fs.ErrNotExist)
	// A crash may have come before the scan was sure to be here.
	if scanErr == nil {
		if err := disk.SyncDir(f.disk, c.Path(scanDir)); err != nil {
			return Claim{}, err
		}
	}
	data, err := disk.ReadFile(f.disk, c.Path(claimFile))
	switch {
	case empty && errors.Is(err, fs.ErrNotExist):
		return Claim{}, f.dropEmpty(c) // it was made only in part, or is deleted in part
	case err != nil:
		return Claim{}, disk.Plain("reading a claim", err)
	}
	err = json.Unmarshal(data, &c)
	switch {
	case empty && err != nil:
		return Claim{}, f.dropEmpty(Claim{ID: id}) // emptied, while it was deleted
	case err != nil || c.ID != id:
		return Claim{}, fmt.Errorf("reading claim %s: the file is damaged", id)
	case empty:
		return Claim{}, f.givenBack(c) // never given a scan, or done with but for this folder
	}
	c.Returning = noteErr == nil
	return c, nil
}

// Scan opens the claimed scan for reading. It fails with ErrLinked, also of a
// scan that was given a second name after it was claimed.
func (f *Folder) Scan(c Claim) (disk.File, error) {
	name, err := f.scan(c)
	if err != nil {
		return nil, disk.Plain("finding a claimed scan", err)
	}
	file, err := OpenScan(f.disk, path.Join(c.Path(scanDir), name))
	if err != nil {
		return nil, disk.Plain("opening a claimed scan", err)
	}
	if disk.Links(file) > 1 {
		file.Close()
		return nil, ErrLinked
	}
	return file, nil
}

// Settled checks that the scan is still what had settled. Between the last
// look and the claim somebody may have opened it for writing, and goes on
// writing wherever it was moved. Such a scan is put back, to settle anew, and
// ErrUnsettled returned. A crash before this check changes nothing: it is
// made at the start of every work on the scan.
func (f *Folder) Settled(c Claim) error {
	name, err := f.scan(c)
	if errors.Is(err, fs.ErrNotExist) { // put back already
		if err := disk.SyncDir(f.disk, c.from()); err != nil {
			return err
		}
		return errors.Join(ErrUnsettled, f.dropEmpty(c))
	}
	if err != nil {
		return disk.Plain("finding a claimed scan", err)
	}
	full := path.Join(c.Path(scanDir), name)
	info, err := f.disk.Lstat(full)
	if err != nil {
		return disk.Plain("looking at a claimed scan", err)
	}
	same := info.Mode().IsRegular() && info.Size() == c.Size && info.ModTime().UnixNano() == c.Modified
	if same && !f.written(full) {
		return nil
	}
	if err := f.moveOut(c, name); err != nil {
		return err
	}
	return errors.Join(ErrUnsettled, f.dropEmpty(c))
}

// PutBack puts the scan of a claim back to where it was dropped, to settle anew, and
// ends the claim. What a crash leaves is said in moveOut.
func (f *Folder) PutBack(c Claim) error {
	name, err := f.scan(c)
	if errors.Is(err, fs.ErrNotExist) {
		if err := disk.SyncDir(f.disk, c.from()); err != nil {
			return err
		}
		return f.dropEmpty(c)
	}
	if err != nil {
		return disk.Plain("finding a claimed scan", err)
	}
	if err := f.moveOut(c, name); err != nil {
		return err
	}
	return f.dropEmpty(c)
}

// moveOut puts a scan back to where it was dropped. A crash after the move leaves a
// claim without a scan, which Claims clears away.
func (f *Folder) moveOut(c Claim, name string) error {
	dir, err := f.makeFrom(c)
	if err != nil {
		return err
	}
	_, err = disk.MoveFree(f.disk, path.Join(c.Path(scanDir), name), dir, name)
	return err
}

// Changed reports whether the scan of a claim that has become letters is not what
// had settled any more; same says so of its bytes, of which it has as many as
// then. It fails with ErrOpen while somebody is known to have the scan open for
// writing: what is deleted from under a writer takes all that he writes with it; and
// with ErrLingers where that cannot be known, until Config.Arriving after the claim.
// A scan that is not there has not changed.
func (f *Folder) Changed(c Claim, same func(disk.File) (bool, error)) (bool, error) {
	name, err := f.scan(c)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, disk.Plain("finding a claimed scan", err)
	}
	full := path.Join(c.Path(scanDir), name)
	info, err := f.disk.Lstat(full)
	if err != nil {
		return false, disk.Plain("looking at a claimed scan", err)
	}
	if !info.Mode().IsRegular() || info.Size() != c.Size {
		return true, nil
	}
	file, err := OpenScan(f.disk, full)
	if errors.Is(err, fs.ErrPermission) {
		return info.ModTime().UnixNano() != c.Modified, nil // nothing else can be told
	}
	if err != nil {
		return false, disk.Plain("opening a claimed scan", err)
	}
	defer file.Close()
	if is, known := f.writing(file); is {
		return false, ErrOpen
	} else if waited := f.cfg.Now().Sub(c.Received); !known && waited < f.cfg.Arriving {
		return false, ErrLingers
	}
	// Its time may have changed alone: some programs set it when they are done.
	is, err := same(file)
	return !is, err
}

func (f *Folder) written(name string) bool {
	file, err := OpenScan(f.disk, name)
	if err != nil {
		return false // whoever reads it next will see why
	}
	defer file.Close()
	is, _ := f.writing(file)
	return is
}

// Release deletes a claim with all that is in it, so that no recycle bin keeps
// any of it. A crash in the middle leaves a claim without a scan, which Claims
// clears away.
func (f *Folder) Release(c Claim) error {
	name, err := f.scan(c)
	if err == nil {
		// Out of its folder it is no claimed scan any more, and no recycle bin
		// learns its name.
		err = f.disk.Rename(path.Join(c.Path(scanDir), name), c.Path(releasedFile))
	}
	// A power cut must not bring the scan back into a claim that is deleted in
	// part: the folder of its arrival is synced. Whoever has moved it elsewhere
	// before has synced that one, and a second Release comes here again.
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = f.disk.SyncDir(c.Path(""))
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = disk.Discard(f.disk, c.Path(""))
	}
	if err != nil {
		return disk.Plain("deleting a claim", err)
	}
	return disk.SyncDir(f.disk, ClaimedDir)
}

// dropEmpty clears away a claim without a scan, and fails if it has one after all:
// on a share a rename of which the answer was lost may be carried out a moment
// later. So the scan's folder goes first, and only if it is empty; once it is gone
// no scan can come into it. A crash leaves a claim without a scan, as before.
func (f *Folder) dropEmpty(c Claim) error {
	err := f.disk.Remove(c.Path(scanDir))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = disk.Discard(f.disk, c.Path(""))
	}
	if err != nil {
		return disk.Plain("clearing away a claim without a scan", err)
	}
	return disk.SyncDir(f.disk, ClaimedDir)
}

// scan is the name of the claimed scan.
func (f *Folder) scan(c Claim) (string, error) { return only(f.disk, c.Path(scanDir)) }

// note is the name of a note that waits to be laid beside its scan, and in
// which folder.
func (f *Folder) note(c Claim) (dir, name string, err error) {
	for _, dir := range returnDirs {
		name, err := only(f.disk, c.Path(path.Join(noteDir, dir)))
		if !errors.Is(err, fs.ErrNotExist) {
			return dir, name, err
		}
	}
	return "", "", fs.ErrNotExist
}

// only is the one thing in a folder, or fs.ErrNotExist.
func only(d disk.Disk, dir string) (string, error) {
	list, err := d.List(dir)
	if err != nil {
		return "", err
	}
	for _, e := range list {
		if e.Name() != disk.Unfinished {
			return e.Name(), nil
		}
	}
	return "", fs.ErrNotExist
}
