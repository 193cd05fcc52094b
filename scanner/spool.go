package scanner

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// spooled is the place of a sealed letter, or of its manifest, on its way.
func spooled(id letter.ID, ext string) string { return folder.SpoolDir + "/" + string(id) + ext }

const sealedExt = ".age"

// sealedBefore finds what the disk did not want to show before, or has kept
// although it said that it failed: a letter that is sealed must never be sealed
// again, nor one that is recorded, and its scan must not go back to people. The
// job then goes on from what was found.
func (e *Edge) sealedBefore(j *job) (bool, error) {
	d := e.folder.Disk()
	data, err := disk.ReadFile(d, recordPath(j.id))
	if err == nil {
		var r record
		err = errors.Join(json.Unmarshal(data, &r), disk.SyncDir(d, folder.RecordDir))
		if err == nil {
			e.know(r)
			return true, nil
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, disk.Plain("looking whether a letter is recorded", err)
	}
	data, err = disk.ReadFile(d, spooled(j.id, folder.ManifestExt))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = d.SyncDir(folder.SpoolDir)
	}
	if err == nil {
		err = e.foundSealed(data, func(letter.ID) *job { return j })
	}
	if err != nil {
		return false, disk.Plain("looking whether a letter is sealed", err)
	}
	return true, nil
}

// sealed is a letter's manifest as it lies in the spool, and what duplicates of
// its scan are found by, which is nobody else's business: between the manifest
// and the mark of the scan a crash would leave a letter whose twin nobody knows.
type sealed struct {
	letter.Manifest
	Hash  string    `json:"hash,omitempty"`  // as in content; earlier versions did not write it, and marked the scan before
	By    string    `json:"by,omitempty"`    // likewise
	First letter.ID `json:"first,omitempty"` // the id of the scan's first letter
	Late  bool      `json:"late,omitempty"`  // as in rescan
	// Returned is set before the scan is given back although the letter is sealed.
	Returned bool `json:"returned,omitempty"`
}

// foundSealed takes in a letter that was sealed before.
func (e *Edge) foundSealed(data []byte, on func(letter.ID) *job) error {
	var s sealed
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	j := on(s.ID)
	j.manifest, j.late, j.returned = &s.Manifest, s.Late, s.Returned
	if s.Returned && e.foreign(j) {
		return nil // its twin is nothing that was taken
	}
	if hash := e.known.ours(s.Hash, s.By); hash != "" {
		j.scan = takenScan{hash, s.First, letter.DateOf(s.Received), s.Helpline}
		e.known.add(j.scan)
	}
	return nil
}

// findSpooled looks whether the letter of a manifest is there. It is not when a
// power cut came before their folder was synced: then nobody outside has heard of
// either, and it is sealed again. It is gone for good when it is recorded, or was
// and has no claim any more. A crash in the middle leads here again.
func (e *Edge) findSpooled(j *job) error {
	d := e.folder.Disk()
	_, err := d.Lstat(spooled(j.id, sealedExt))
	if j.spooled = err == nil; j.spooled || errors.Is(err, fs.ErrNotExist) && j.claim.ID == "" {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		_, err = d.Lstat(j.claim.Path("")) // the folder as a whole may be away
	}
	if err != nil {
		return disk.Plain("looking for a sealed letter", err)
	}
	err = e.remove(spooled(j.id, folder.ManifestExt))
	if err == nil {
		err = disk.SyncDir(d, folder.SpoolDir)
	}
	if err != nil {
		return err
	}
	if j.clean == nil { // it may yet be given back, and is no twin then
		e.known.drop(j.scan.hash, func(s takenScan) bool { return s.id == j.scan.id })
		j.scan = takenScan{}
	}
	j.manifest = nil
	return nil
}

// dropSealed clears the spool of a letter, its manifest last.
func (e *Edge) dropSealed(id letter.ID) error {
	d := e.folder.Disk()
	if err := disk.Discard(d, spooled(id, sealedExt)); err != nil {
		return disk.Plain("clearing the spool", err)
	}
	if err := disk.SyncDir(d, folder.SpoolDir); err != nil {
		return err // one after the other, also for a power cut
	}
	// Not emptied first: a crash must not leave one that cannot be read.
	if err := e.remove(spooled(id, folder.ManifestExt)); err != nil {
		return err
	}
	return disk.SyncDir(d, folder.SpoolDir)
}

// sweepSpool deletes sealed letters that are on nobody's way: a crash came before
// their manifests, and what was left of the scans has gone back to people since.
func (e *Edge) sweepSpool() error {
	d := e.folder.Disk()
	list, err := d.List(folder.SpoolDir)
	onTheirWay := map[letter.ID]bool{}
	for _, j := range e.jobs {
		onTheirWay[j.id] = true
	}
	for _, entry := range list {
		name, ok := strings.CutSuffix(entry.Name(), sealedExt)
		if id, no := letter.ParseID(name); ok && no == nil && !onTheirWay[id] {
			err = errors.Join(err, e.discardSeal(id))
		}
	}
	return disk.Plain("clearing the spool", err)
}

// discardSeal drops a sealed letter that has no manifest, and the manifest that was
// prepared and never named: it is of no other letter, since one is sealed at a time.
func (e *Edge) discardSeal(id letter.ID) error {
	d := e.folder.Disk()
	return errors.Join(disk.Discard(d, spooled(id, sealedExt)), disk.Discard(d, folder.SpoolDir+"/"+disk.Prepared))
}
