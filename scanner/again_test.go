package scanner

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/separator"
	"letterlock/scanner/texts"
)

// asksAgain has the server ask for a letter's paper to be scanned again.
func (o *office) asksAgain(m letter.Manifest) {
	o.Helper()
	o.answer(m, letter.PaperScanAgain, "cut-off")
	o.after(o.SlipEvery)
}

// againFolders are the folders of papers that are to be scanned again.
func (o *office) againFolders(helpline string) (names []string) {
	list, _ := os.ReadDir(filepath.Join(o.cfg.Folder, helpline, folder.AgainDir))
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// renewed is the only manifest of a new scan of the letter.
func (o *office) renewed(all []letter.Manifest, of letter.Manifest) letter.Manifest {
	o.Helper()
	at := slices.IndexFunc(all, func(m letter.Manifest) bool { return m.Replaces == of.ID })
	if at < 0 {
		o.Fatalf("no manifest of %d names the old letter", len(all))
	}
	return all[at]
}

func TestAPaperIsScannedAgain(t *testing.T) {
	o, old := taken(t)
	ref := old.ID.Reference()
	if names := o.againFolders(line); names != nil {
		t.Fatalf("nobody has asked, and there are %q", names)
	}
	o.now = o.now.Add(20 * 24 * time.Hour)
	o.asksAgain(old)
	if names := o.againFolders(line); !slices.Equal(names, []string{ref}) {
		t.Fatalf("the folders are %q", names)
	}
	if slip := o.given("taken")["SCAN AGAIN "+ref+".txt"]; !strings.Contains(slip, `"scan again/`+ref+`"`) {
		t.Errorf("the slip says %q", slip)
	}
	o.after(time.Minute)
	if says := o.given("")[folder.StatusFile]; !strings.Contains(says, "SCAN AGAIN: "+ref+" (cut off). Take the paper") {
		t.Errorf("STATUS.txt says %q", says)
	}

	o.drop(line+"/scan again/"+ref+"/better.jpg", sampleLetter(2))
	m := o.renewed(o.goOn(), old)
	if !m.Received.Equal(old.Received) || m.ID == old.ID || m.Week() != old.Week() || m.Helpline != line {
		t.Errorf("the manifest is %+v", m)
	}
	o.ended(2)
	if slip := o.given("taken")[m.ID.Reference()+".txt"]; !strings.Contains(slip, "cross out "+ref+" and write this reference: "+m.ID.Reference()) ||
		!strings.Contains(slip, "Taken: "+stampWeekday(texts.English(), o.now, "15:04")) {
		t.Errorf("the new slip says %q", slip)
	}
	o.answer(old, letter.PaperReplaced, "")
	o.after(o.SlipEvery)
	o.after(o.SlipEvery)
	if slips := o.slips(); !slices.Equal(slips, []string{m.ID.Reference() + ".txt"}) || o.againFolders(line) != nil {
		t.Errorf("slips %q, folders %q", slips, o.againFolders(line))
	}
	if names := o.given(""); slices.Contains(slices.Collect(maps.Keys(names)), folder.AgainDir) {
		t.Error("an empty folder is left")
	}

	o.drop(line+"/taken/SCAN AGAIN "+ref+".txt", []byte("what a crash leaves between the record and the slip"))
	o.restart()
	o.after(o.SlipEvery)
	if slips := o.slips(); !slices.Equal(slips, []string{m.ID.Reference() + ".txt"}) {
		t.Errorf("after a crash the slips are %q", slips)
	}

	// A reader says that another paper was scanned.
	o.asksAgain(old)
	o.after(o.SlipEvery)
	if !slices.Equal(o.againFolders(line), []string{ref}) || !slices.Contains(o.slips(), "SCAN AGAIN "+ref+".txt") {
		t.Errorf("it is asked for once more, and slips are %q, folders %q", o.slips(), o.againFolders(line))
	}
	o.answer(old, letter.PaperReplaced, "")
	o.after(o.SlipEvery)
	o.works(old.Deadline().Start())
	o.after(o.SlipEvery)
	for name := range o.files("scanner/" + folder.RecordDir) {
		if strings.Contains(name, string(old.ID)) {
			t.Error("the record of the old scan outlives its deadline")
		}
	}
}

// Whatever is put there and is no new scan of that paper is given back whole, with
// a sentence that is true, and no letter is made of it.
func TestWhatIsNoNewScan(t *testing.T) {
	for name, c := range map[string]struct {
		at, says string
		scan     []byte
		before   func(o *office, old letter.Manifest)
	}{
		"beside the folders":  {at: "scan again/x.jpg", says: "not into the folder of a paper there"},
		"no reference at all": {at: "scan again/anna/x.jpg", says: "No paper of that reference"},
		"an unknown one":      {at: "scan again/0000-0000/x.jpg", says: "No paper of that reference"},
		"another helpline's":  {at: "../mens-advice-line/scan again/REF/x.jpg", says: "No paper of that reference"},
		"a closed request": {at: "scan again/REF/x.jpg", says: "the request is closed",
			before: func(o *office, old letter.Manifest) { o.answer(old, letter.PaperMayGo, ""); o.after(o.SlipEvery) }},
		"a time that is over": {at: "scan again/REF/x.jpg", says: "No paper of that reference",
			before: func(o *office, old letter.Manifest) { o.now = old.Deadline().Start() }},
		"the first scan": {at: "scan again/REF/x.jpg", says: "exactly this file was scanned before", scan: sampleLetter(1)},
		"no scan":        {at: "scan again/REF/x.txt", says: "not a scan", scan: []byte("Dear all, this is no picture")},
		"a second new scan": {at: "scan again/REF/x.jpg", says: "is on its way", before: func(o *office, old letter.Manifest) {
			o.drop(line+"/scan again/"+old.ID.Reference()+"/a.jpg", sampleLetter(7))
			o.pass(settled + 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o, old := taken(t)
			ref := old.ID.Reference()
			o.asksAgain(old)
			if c.before != nil {
				c.before(o, old)
			}
			if c.scan == nil {
				c.scan = sampleLetter(2)
			}
			before := len(o.keys(letter.LettersPrefix))
			o.drop(line+"/"+strings.ReplaceAll(c.at, "REF", ref), c.scan)
			o.pass(settled + 2)
			if n := len(o.keys(letter.LettersPrefix)); n != before {
				t.Errorf("%d letters more were made of it", n-before)
			}
			helpline := line
			if strings.HasPrefix(c.at, "../") {
				helpline = "mens-advice-line"
			}
			refused := o.files("scanner/" + helpline + "/refused")
			scan := filepath.Base(c.at)
			if note := refused[scan+".txt"]; refused[scan] != string(c.scan) || !strings.Contains(note, c.says) || strings.Contains(note, "\"repair\"") {
				t.Errorf("given back are %v, the note says %q", slices.Collect(maps.Keys(refused)), note)
			}
		})
	}
}

// A stack with its sheets is no new scan of one paper.
func TestAStackIsNoNewScan(t *testing.T) {
	o, old := taken(t)
	o.asksAgain(old)
	o.cfg.Duplex, o.cfg.Workshop = separator.DuplexNo, marked{o.cfg.Workshop, stackOf(3)}
	o.restart()
	o.drop(line+"/scan again/"+old.ID.Reference()+"/stack.tif", stackScan())
	o.pass(settled + 2)
	if note := o.given("refused")["stack.tif.txt"]; !strings.Contains(note, "A separator sheet was seen") || !strings.Contains(note, "alone and in one file") {
		t.Errorf("the note says %q", note)
	}
	o.ended(1)
}

// A letter that went to another helpline is scanned again in that one's folder.
func TestAMovedPaperIsScannedAgain(t *testing.T) {
	o, old := taken(t)
	const other = "mens-advice-line"
	o.answerMoved(old, letter.PaperScanAgain, "cut-off", other)
	o.after(o.SlipEvery)
	ref := old.ID.Reference()
	if o.againFolders(line) != nil || !slices.Equal(o.againFolders(other), []string{ref}) {
		t.Fatalf("folders %q and %q", o.againFolders(line), o.againFolders(other))
	}
	if err := os.Rename(filepath.Join(o.cfg.Folder, other, "scan again", ref), filepath.Join(o.cfg.Folder, other, "scan again", strings.ToLower(strings.ReplaceAll(ref, "-", " ")))); err != nil {
		t.Fatal(err)
	}
	o.drop(other+"/scan again/"+strings.ToLower(strings.ReplaceAll(ref, "-", " "))+"/better.jpg", sampleLetter(2)) // as people write
	if m := o.renewed(o.goOn(), old); m.Helpline != other {
		t.Errorf("the manifest is %+v", m)
	}
}

// A new scan, killed at every step: it is a new scan to the end, and one.
func TestANewScanKilledAtEveryStep(t *testing.T) {
	k := killing{name: "very private.jpg", scan: sampleLetter(1)}
	k.begins = func(o *office) {
		old := o.goOn()[0]
		o.asksAgain(old)
		o.drop(line+"/scan again/"+old.ID.Reference()+"/very private again.jpg", sampleLetter(2))
	}
	k.ends = func(o *office) {
		o.ended(2)
		all := o.verify()
		if len(all) != 2 {
			o.Fatalf("%d letters", len(all))
		}
		old := all[0]
		if old.Replaces != "" {
			old = all[1]
		}
		if m := o.renewed(all, old); !m.Received.Equal(old.Received) {
			o.Errorf("the paper came at %s, and its new scan says %s", old.Received, m.Received)
		}
		o.nothingWaits()
	}
	for _, step := range answered {
		k.at(t, step, 1)
	}
}
