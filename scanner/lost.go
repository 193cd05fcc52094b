package scanner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/texts"
)

// LostFile, in the state folder, lists the letters that were on their way when the
// private part of the scanner folder vanished. Whoever has found their papers deletes
// it.
const LostFile = "lost.json"

// Lost is a letter that was on its way and of which nothing is left in the scanner
// folder: somebody has moved or deleted its private part.
type Lost struct {
	ID       letter.ID `json:"id"`
	Helpline string    `json:"helpline"` // "" for a stray
	Received time.Time `json:"received"`
}

// lostEvery is how often the list is looked at again.
const lostEvery = time.Minute

// underWayNow are the letters on their way, before the folder is opened anew.
func (e *Edge) underWayNow() (all []Lost) {
	for _, j := range e.jobs {
		if j.end || j.taken {
			continue
		}
		l := Lost{ID: j.id, Helpline: e.helplineOf(j), Received: j.claim.Received}
		if j.manifest != nil {
			l.Received = j.manifest.Received
		}
		all = append(all, l)
	}
	return all
}

// miss finds out which of the letters that were on their way are lost, now that the
// folder was opened anew: another private part is there than before, and nothing of
// them in it. A crash before they are written down forgets them, and nothing is known of
// what vanishes while the edge is off: what is on its way is in the folder alone.
func (e *Edge) miss(before []Lost) {
	if e.folderDisk != nil {
		return // nobody moves anything on a simulated one
	}
	d := e.folder.Disk()
	is, err := d.Lstat(folder.ClaimedDir)
	was := e.claims
	// A new folder may get the number of the old one.
	if e.claims = is; err != nil || was == nil || os.SameFile(was, is) && !e.folder.Fresh() {
		return
	}
	for _, l := range before {
		if !e.found(l.ID) && !slices.ContainsFunc(e.lost, func(o Lost) bool { return o.ID == l.ID }) {
			e.lost = append(e.lost, l)
		}
	}
	if len(e.lost) > 0 {
		e.keepLost()
	}
}

// found reports whether anything of a letter is in the folder.
func (e *Edge) found(id letter.ID) bool {
	d := e.folder.Disk()
	return e.recorded(id) || slices.ContainsFunc(e.jobs, func(j *job) bool { return j.id == id }) ||
		disk.Exists(d, folder.Claim{ID: id}.Path("")) || disk.Exists(d, spooled(id, folder.ManifestExt)) || disk.Exists(d, recordPath(id))
}

// recallLost reads the list when the edge starts.
func (e *Edge) recallLost() (err error) {
	e.lost, err = ReadLost(e.state)
	e.lostKept = true
	return err
}

// ReadLost is the list in a state folder; nil if there is none.
func ReadLost(state disk.Disk) (lost []Lost, err error) {
	data, err := disk.ReadFile(state, LostFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &lost)
	}
	return lost, disk.Plain("reading which letters are lost", err)
}

// CheckLost is what a check says of the letters that the edge with that state folder
// has lost; nil if there is nothing to say. titles are as in Config.
func CheckLost(stateDir string, titles map[string]string) []folder.Line {
	state, err := disk.Open(stateDir)
	if err != nil {
		return nil // it has not run yet, or others say so
	}
	defer state.Close()
	lost, err := ReadLost(state)
	switch {
	case err != nil:
		return []folder.Line{{Name: "lost", Says: advise("It cannot be found out whether letters were lost: %s.", err)}}
	case len(lost) == 0:
		return nil
	}
	return []folder.Line{{Name: "lost", Says: sayLost(lost, (&Edge{Config: Config{Titles: titles}}).title)}}
}

// tendLost tells of letters that are lost until they are found, or a person has deleted
// the list. While the folder is another one they wait in the one before.
func (e *Edge) tendLost() {
	if e.elsewhere {
		e.lostAt = time.Time{}
		e.tell("lost", "")
		return
	}
	if len(e.lost) == 0 || e.Now().Sub(e.lostAt).Abs() < lostEvery {
		return
	}
	e.lostAt = e.Now()
	before := len(e.lost)
	e.lost = slices.DeleteFunc(e.lost, func(l Lost) bool { return e.found(l.ID) })
	if e.lostKept && !disk.Exists(e.state, LostFile) {
		e.lost = nil
	}
	if len(e.lost) != before || !e.lostKept {
		e.keepLost()
	}
	if len(e.lost) == 0 {
		e.tell("lost", "")
		return
	}
	e.tell("lost", sayLost(e.lost, e.title))
}

func (e *Edge) keepLost() {
	var err error
	if len(e.lost) > 0 {
		err = disk.WriteJSON(e.state, LostFile, 0o600, e.lost)
	} else if err = e.state.Remove(LostFile); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	e.lostKept = err == nil
	if err = disk.Plain("writing it down", err); err != nil {
		e.Log.Warn("which letters are lost cannot be kept", "error", err)
	}
}

// sayLost says which letters are lost, and what to do; title is what people call a helpline.
func sayLost(lost []Lost, title func(string) string) string {
	const most = 12
	var all []string
	for _, l := range lost[:min(len(lost), most)] {
		all = append(all, fmt.Sprintf("%s, %s (%s)", title(l.Helpline), stampWeekday(texts.English(), l.Received, "15:04"), l.ID.Reference()))
	}
	if more := len(lost) - most; more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return advise("Somebody has moved or deleted the folder .letterlock of the scanner folder while letters were on their way, and nothing of these is left here: %s. "+
		"Keep all papers of that time. Find the old folder, in a recycle bin perhaps; stop the scanner, move what is in its folders claimed, spool and taken into those of the new one, and start the scanner. "+
		"If it is gone for good: look in Letterlock which of these references have arrived, scan the papers of the others again, and then delete the file %s in the scanner's own memory.",
		strings.Join(all, "; "), LostFile)
}

// advise words something for whoever looks after the scanner.
func advise(format string, args ...any) string { return fmt.Sprintf(format, args...) }
