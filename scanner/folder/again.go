package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"letterlock/scanner/disk"
)

// AgainDir, below a helpline's folder, holds a folder for each paper that is to be
// scanned again, named by the reference that is written on the paper. What is put
// into one of these is a new scan of that paper: a person says so by where they put
// it, with the paper in their hand, and nothing is guessed from what a scan looks
// like. What lies in AgainDir outside of them is no new scan of anything known.
const AgainDir = "scan again"

// Again is the answer of a scan that lies in AgainDir; Scan.Again and Claim.Again
// then name the folder below it.
const Again Answer = "again"

// againPath is the place of something in the folder of a paper.
func againPath(helpline, paper, name string) string {
	return path.Join(home(helpline), AgainDir, paper, name)
}

// from is the folder from which a claimed scan was taken, or one in which it is
// looked at just so.
func (c Claim) from() string {
	if c.Answer == Again {
		return againPath(c.Helpline, c.Again, "")
	}
	return path.Join(home(c.Helpline), c.Answer.dir())
}

// AgainFolders are the names of the folders in a helpline's AgainDir.
func (f *Folder) AgainFolders(helpline string) ([]string, error) {
	names, err := disk.Names(f.disk, againPath(helpline, "", ""), fs.DirEntry.IsDir)
	return names, disk.Plain("listing the folders of papers that are to be scanned again", err)
}

// MakeAgain makes the folder for new scans of a paper. It may be there. A power cut
// must not take it with what people have put into it.
func (f *Folder) MakeAgain(helpline, paper string) error {
	err := disk.MakeDir(f.disk, againPath(helpline, paper, ""), 0o770)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the folder of a paper that is to be scanned again: %w", err)
	}
	return nil
}

// DropAgain removes the folder for new scans of a paper, and AgainDir with the last
// of them. One in which something lies stays: it is taken and given back first. What a
// desktop has left there goes with it.
func (f *Folder) DropAgain(helpline, paper string) {
	below, _ := disk.Names(f.disk, againPath(helpline, paper, ""), fs.DirEntry.IsDir)
	for _, name := range below {
		_ = f.dropDir(againPath(helpline, paper, name)) // an empty one that somebody has made
	}
	if f.dropDir(againPath(helpline, paper, "")) == nil {
		_ = f.dropDir(againPath(helpline, "", ""))
	}
}

// dropDir removes a folder in which there is nothing but what a desktop has left.
func (f *Folder) dropDir(dir string) error {
	list, err := f.disk.List(dir)
	if err != nil {
		return err
	}
	junk := func(e fs.DirEntry) bool { return isDesktopJunk(f.disk, path.Join(dir, e.Name())) }
	if slices.ContainsFunc(list, func(e fs.DirEntry) bool { return !junk(e) }) {
		return fs.ErrExist
	}
	for _, e := range list {
		_ = f.disk.Remove(path.Join(dir, e.Name()))
	}
	return f.disk.Remove(dir)
}

// makeFrom makes the folder from which a claimed scan was taken, should somebody
// have removed it.
func (f *Folder) makeFrom(c Claim) (string, error) {
	dir := c.from()
	if c.Answer == Again {
		if err := disk.MakeDir(f.disk, againPath(c.Helpline, "", ""), 0o770); err != nil {
			return dir, fmt.Errorf("putting a scan back: %w", err)
		}
	}
	if err := disk.MakeDir(f.disk, dir, 0o770); err != nil {
		return dir, fmt.Errorf("putting a scan back: %w", err)
	}
	return dir, nil
}
