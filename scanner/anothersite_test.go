package scanner

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// movesTo has a machine of another site take the scanner folder.
func (o *office) movesTo(site string) {
	o.Helper()
	o.close()
	if err := os.RemoveAll(o.cfg.StateDir); err != nil {
		o.Fatal(err)
	}
	private, public, err := note.GenerateKey(rand.Reader, site)
	if err != nil {
		o.Fatal(err)
	}
	if o.cfg.Signer, err = note.NewSigner(private); err != nil {
		o.Fatal(err)
	}
	if o.site, err = note.NewVerifier(public); err != nil {
		o.Fatal(err)
	}
	o.cfg.Site = site
	o.open()
}

// forget has nothing in the bucket that the former site's scanner put there.
func (o *office) forget() {
	o.Helper()
	for _, part := range []string{letter.IncomingPrefix, letter.LettersPrefix} {
		if err := os.RemoveAll(filepath.Join(o.base, "bucket", part)); err != nil {
			o.Fatal(err)
		}
	}
}

// The machine of one site is revoked while a letter waits for its receipt, and that of
// another takes its folder. It can announce nothing that is sealed: people learn of it.
func TestALetterThatAnotherSiteHasSealedGoesBackToPeople(t *testing.T) {
	o := newOffice(t)
	scan := sampleLetter(1)
	o.drop(line+"/a.jpg", scan)
	o.pass(settled + 1)
	sealed := o.underWayNow()
	o.movesTo("annexe")
	o.wait(5 * time.Minute)
	if len(o.given(folder.RefusedDir)) > 0 {
		t.Fatal("its receipt may yet come")
	}
	o.wait(10 * time.Minute)
	given := o.given(folder.RefusedDir)
	reference := sealed[0].ID.Reference()
	if note := given["a.jpg.txt"]; given["a.jpg"] != string(scan) || !strings.Contains(note, "sealed by the scanner of another site") ||
		!strings.Contains(note, "whether "+reference+" has arrived") {
		t.Fatalf("%d files are given back, with the note %q", len(given), note)
	}
	o.ended(1)
	o.restart()
	o.pass(settled)
	o.ended(1)

	// The manager finds that it has not.
	o.forget()
	if err := os.Rename(filepath.Join(o.cfg.Folder, line, folder.RefusedDir, "a.jpg"), filepath.Join(o.cfg.Folder, line, "a.jpg")); err != nil {
		t.Fatal(err)
	}
	o.pass(settled + 1)
	if all := o.verify(); len(all) != 1 || all[0].Site != "annexe" {
		t.Fatalf("it is announced as %+v", all)
	}
	o.wait(2 * time.Minute)
	o.ended(1)
	if len(o.slips()) != 1 {
		t.Errorf("slips: %v", o.slips())
	}
}

// Where the new scanner may read what the server has said to the former, it goes by that.
func TestALetterThatAnotherSiteHasBroughtIsTaken(t *testing.T) {
	o := newOffice(t)
	o.drop(line+"/a.jpg", sampleLetter(1))
	o.pass(settled + 1)
	o.verify()
	o.movesTo("annexe")
	o.pass(settled)
	o.ended(1)
	if len(o.slips()) != 1 || len(o.given(folder.RefusedDir)) > 0 {
		t.Errorf("slips: %v", o.slips())
	}
}

// Of a stack one letter has its receipt, one is sealed, and one is not: the last two go back.
func TestAStackOfAnotherSiteGoesBackToPeople(t *testing.T) {
	c := crash{Base: t.TempDir(), Step: "sealed", Nth: 2, Secrets: newSecrets(t), Bench: bench{Announced: 3}}
	o, _ := switchedOff(t, c)
	c.Now, c.Serial = o.now.Add(time.Minute), o.serial
	c.happens(t)
	o.serial++
	o.now = o.now.Add(time.Hour)
	noList(o)
	o.open()
	o.pass(settled)
	all := o.verify()
	if len(all) != 2 {
		t.Fatalf("%d letters are announced", len(all))
	}
	if err := os.Remove(filepath.Join(o.base, "bucket", filepath.FromSlash(letter.ReceiptKey(all[1].Site, all[1].ID)))); err != nil {
		t.Fatal(err)
	}
	o.movesTo("annexe")
	o.wait(15 * time.Minute)
	given := o.given(folder.RefusedDir)
	if len(given) != 2 || len(o.slips()) != 1 {
		t.Fatalf("%d files are given back; slips: %v", len(given), o.slips())
	}
	for name, text := range given {
		if strings.HasSuffix(name, folder.NoteExt) && (!strings.Contains(text, all[0].ID.Reference()) || !strings.Contains(text, all[1].ID.Reference())) {
			t.Errorf("the note says %q", text)
		}
	}
	o.ended(2)
	o.publish(o.recipients())
	o.restart()
	o.pass(settled)
	o.ended(2)
}

// The power fails while it is given back.
func TestWhatAnotherSiteHasSealedIsGivenBackOnce(t *testing.T) {
	for _, step := range RefusalSteps {
		o := newOffice(t)
		o.drop(line+"/a.jpg", sampleLetter(1))
		o.pass(settled + 1)
		o.movesTo("annexe")
		if !o.diesAt(step, 700) {
			t.Fatalf("%s never comes", step)
		}
		o.open()
		o.wait(12 * time.Minute)
		if given := o.given(folder.RefusedDir); len(given) != 2 {
			t.Errorf("%s: %d files are given back", step, len(given))
		}
		o.ended(1)
	}
}

// Of a letter without its scan people learn from STATUS.txt.
func TestALetterOfAnotherSiteWithoutItsScanIsTold(t *testing.T) {
	o := newOffice(t)
	o.drop(line+"/a.jpg", sampleLetter(1))
	o.pass(settled + 1)
	reference := o.underWayNow()[0].ID.Reference()
	if err := os.RemoveAll(filepath.Join(o.cfg.Folder, folder.ClaimedDir)); err != nil {
		t.Fatal(err)
	}
	o.movesTo("annexe")
	o.wait(time.Minute)
	if status := o.given("")[folder.StatusFile]; !strings.Contains(status, "cannot announce") || !strings.Contains(status, reference+" of office") {
		t.Errorf("STATUS.txt says %q", status)
	}
	o.says("Have a machine of that site take this scanner folder")
}
