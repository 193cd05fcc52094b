package folder

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/words"
)

// aliveFile is made and removed, to learn what time it is for the folder's file system.
const aliveFile = PrivateDir + "/alive"

// aliveWithin is how old the last beat may be of a scanner that works. It gives one every
// ten seconds, and a share may be slow.
const aliveWithin = 2 * time.Minute

// Alive says whether a scanner is at work on the folder, by its beat: for what looks after
// a process, and so whatever a person must see to. The beat's time is the file system's,
// and so is that with which it is compared, where the account may write; else it is this
// machine's. It fails only if the folder cannot be opened.
func Alive(root string, now time.Time) (Line, error) {
	d, err := disk.Open(root)
	if err != nil {
		return Line{}, disk.Plain("opening the scanner folder", err)
	}
	defer d.Close()
	owner, err := readSignature(d)
	if errors.Is(err, fs.ErrNotExist) || err == nil && owner.Left {
		return Line{"alive", false, "No scanner is at work on this folder."}, nil
	}
	beat, err := d.Lstat(ownerFile) // what is damaged is written anew with the next beat
	if err != nil {
		return Line{}, disk.Plain("looking who owns the scanner folder", err)
	}
	if still := timeOf(d, now).Sub(beat.ModTime()); still > aliveWithin {
		return Line{"alive", false, "The scanner of this folder has shown no sign of life for " + words.Lasted(still) + ": see its log, and start it anew."}, nil
	}
	return Line{"alive", true, "A scanner is at work on this folder."}, nil
}

// timeOf is what time it is for the disk, or now where it does not tell.
func timeOf(d disk.Disk, now time.Time) time.Time {
	file, err := d.OpenFile(aliveFile, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return now
	}
	info, err := file.Stat()
	if err = errors.Join(err, file.Close(), d.Remove(aliveFile)); info == nil || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return now // two that ask at once remove it once
	}
	return info.ModTime()
}
