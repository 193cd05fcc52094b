package scanner

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"path"
	"strings"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
)

// FolderFile, in the state folder and in the private part of the scanner folder, holds
// the same random word: by it the edge knows its folder again. A share that is not
// mounted leaves an empty folder in its place, in which everything would seem well while
// nobody sees what is dropped into the share. A person who means another folder deletes
// the one in the state folder.
const FolderFile = "folder.id"

var folderFile = path.Join(folder.PrivateDir, FolderFile)

// recognise finds out whether the folder that was opened is the one from before. A crash
// after the word is in a new folder has it taken over with the next start.
func (e *Edge) recognise() {
	was := e.elsewhere
	e.elsewhere = false
	if e.folderDisk != nil {
		return // nobody mounts anything over a simulated one
	}
	d := e.folder.Disk()
	known, err := readWord(e.state, FolderFile)
	here, errHere := readWord(d, folderFile)
	switch err = errors.Join(err, errHere); {
	case err != nil:
		e.elsewhere = was
	case known == "":
		if here == "" {
			here = rand.Text()
			err = disk.WriteBytes(d, folderFile, 0o600, []byte(here))
		}
		if err == nil {
			err = disk.WriteBytes(e.state, FolderFile, 0o600, []byte(here))
		}
	case here == "" && e.folder.Fresh() && !e.folder.Empty():
		// Its private part alone was taken away, see lost.go.
		err = disk.WriteBytes(d, folderFile, 0o600, []byte(known))
	default:
		e.elsewhere = here != known
	}
	if err = disk.Plain("its file", err); err != nil && !disk.IsFull(err) {
		e.Log.Warn("it cannot be found out whether this is the scanner folder from before", "error", err)
	}
}

// readWord is "" where there is none.
func readWord(d disk.Disk, name string) (string, error) {
	data, err := disk.ReadFile(d, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(data)), err
}

// sayElsewhere is what is said while the folder is another one; "" if it is not, or a
// person has said that it is meant.
func (e *Edge) sayElsewhere() string {
	if e.elsewhere && !disk.Exists(e.state, FolderFile) {
		e.recognise()
	}
	if !e.elsewhere {
		return ""
	}
	return otherFolder
}

// otherFolder tells it to whoever looks after the scanner.
var otherFolder = advise("This is another scanner folder than before: is the share mounted? "+
	"What was dropped into the one before, or is on its way there, waits and is not lost, but nobody sees it from here. "+
	"Mount the share, and the scanner goes on there by itself; then look whether scans lie in the folder below it. "+
	"If another folder is meant from now on, delete the file %s in the scanner's own memory.", FolderFile)

// CheckFolder is what a check says of the scanner folder at dir if it is not the one on
// which the edge with that state folder has worked before, or else of letters that are
// lost, as CheckLost; nil if there is nothing to say.
func CheckFolder(dir, stateDir string, titles map[string]string) []folder.Line {
	if other := checkOther(dir, stateDir); other != nil {
		return other // where what is on its way may lie
	}
	return CheckLost(stateDir, titles)
}

func checkOther(dir, stateDir string) []folder.Line {
	state, err := disk.Open(stateDir)
	if err != nil {
		return nil // it has not run yet, or others say so
	}
	defer state.Close()
	d, err := disk.Open(dir)
	if err != nil {
		return nil // which is said
	}
	defer d.Close()
	known, err := readWord(state, FolderFile)
	here, errHere := readWord(d, folderFile)
	if err != nil || errHere != nil || known == "" || known == here {
		return nil
	}
	return []folder.Line{{Name: "mounted", Says: otherFolder}}
}
