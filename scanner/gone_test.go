package scanner

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// tellGone leaves the list of letters that are gone.
func (o *office) tellGone(site string, letters ...letter.GoneLetter) {
	o.Helper()
	msg, err := letter.Gone{Site: site, Letters: letters}.Sign(o.server)
	if err != nil {
		o.Fatal(err)
	}
	o.replace(letter.GoneKey(o.Site), msg)
}

// remembers reports whether the scan's hash is on disk.
func (o *office) remembers(m letter.Manifest) bool {
	o.Helper()
	for name := range o.files("state/" + takenDir) {
		if strings.Contains(name, string(m.ID)) {
			return true
		}
	}
	return false
}

// A letter that was erased before its time is forgotten: its scan's hash, and its
// slip once its paper is destroyed, whether that was before or after.
func TestAnErasedLetterIsForgotten(t *testing.T) {
	o, m := taken(t)
	ref := m.ID.Reference()
	if !o.remembers(m) {
		t.Fatal("the scan is not remembered at all")
	}
	if err := o.bucket.Root().Remove(letter.ReceiptKey(m.Site, m.ID)); err != nil {
		t.Fatal(err)
	}
	o.tellGone(o.Site, letter.GoneLetter{ID: m.ID, Paper: letter.PaperMayGo})
	o.after(o.SlipEvery)
	if o.remembers(m) {
		t.Error("the scan of a letter that is gone is remembered")
	}
	slip := o.files("scanner/" + line + "/taken")[ref+".txt"]
	if !strings.Contains(slip, "may be destroyed") || !strings.Contains(slip, "deleted, before its time") || strings.Contains(slip, "can be opened until") {
		t.Errorf("the slip says %q", slip)
	}
	o.restart()
	o.after(o.SlipEvery)
	if d := cmp.Diff([]string{ref + ".txt"}, o.slips()); d != "" {
		t.Error(d)
	}
	o.tellGone(o.Site, letter.GoneLetter{ID: m.ID, Paper: letter.PaperDestroyed})
	o.after(o.SlipEvery)
	if d := cmp.Diff([]string(nil), o.slips()); d != "" {
		t.Error(d)
	}

	// The same bytes are a letter again: nobody is asked about what is gone.
	o.drop(line+"/scan.jpg", sampleLetter(1))
	o.pass(settled)
	for _, again := range o.verify() {
		if again.ID != m.ID {
			return
		}
	}
	t.Errorf("the same scan is not taken again: %v", o.files("scanner/"+line+"/"+folder.DuplicatesDir))
}

// A slip that says OVERDUE goes, too, once the paper's destruction is on record.
func TestAnOverdueSlipGoesWithItsPaper(t *testing.T) {
	o, m := taken(t)
	o.works(letter.Deadline(m.ReceivedOn(), letter.SixMonths).Start())
	o.after(o.SlipEvery)
	if d := cmp.Diff([]string{"OVERDUE " + m.ID.Reference() + ".txt"}, o.slips()); d != "" {
		t.Fatal(d)
	}
	o.tellGone(o.Site, letter.GoneLetter{ID: m.ID, Paper: letter.PaperDestroyed})
	o.after(o.SlipEvery)
	if d := cmp.Diff([]string(nil), o.slips()); d != "" {
		t.Error(d)
	}
}

// A scanner that missed the receipt of a letter which is gone since gives up its
// scan: nothing is left that anybody may be shown. It does so for the bytes alone that
// it has sealed itself: whoever has a copy of its key can have the server take others
// under the same id, and end.
func TestAScanOfALetterThatIsGoneIsGivenUp(t *testing.T) {
	o := newOffice(t)
	o.drop(line+"/scan.jpg", sampleLetter(1))
	o.pass(settled)
	msg, err := o.bucket.Get(t.Context(), o.keys(letter.IncomingPrefix)[0])
	if err != nil {
		t.Fatal(err)
	}
	m, err := letter.OpenManifest(msg, o.site)
	if err != nil {
		t.Fatal(err)
	}
	waits := func() bool { return o.files("scanner/.letterlock/spool")[string(m.ID)+".manifest"] != "" }
	if !waits() {
		t.Fatalf("it does not wait at all: %v", slices.Sorted(maps.Keys(o.files("scanner/.letterlock"))))
	}
	for _, other := range []string{"", strings.Repeat("ab", 32)} {
		o.tellGone(o.Site, letter.GoneLetter{ID: m.ID, Paper: letter.PaperDestroyed, SHA256: other})
		o.wait(10 * time.Minute)
		o.after(o.SlipEvery)
		o.pass(5)
		if !waits() {
			t.Fatalf("a scan is given up although what is gone has the hash %q", other)
		}
	}
	o.tellGone(o.Site, letter.GoneLetter{ID: m.ID, Paper: letter.PaperDestroyed, SHA256: m.SHA256})
	o.wait(10 * time.Minute)
	o.after(o.SlipEvery)
	o.pass(5)
	o.ended(1)
	if d := cmp.Diff([]string(nil), o.slips()); d != "" {
		t.Error(d)
	}
	if o.remembers(m) {
		t.Error("its scan is remembered")
	}
}

// Only this server's word on this scanner's letters is believed.
func TestAListOfSomebodyElseSaysNothing(t *testing.T) {
	o, m := taken(t)
	o.tellGone("elsewhere", letter.GoneLetter{ID: m.ID, Paper: letter.PaperDestroyed})
	o.after(o.SlipEvery)
	o.says("the list of letters that are gone is another scanner's")
	msg, err := letter.Gone{Site: o.Site, Letters: []letter.GoneLetter{{ID: m.ID, Paper: letter.PaperDestroyed}}}.Sign(o.cfg.Signer)
	if err != nil {
		t.Fatal(err)
	}
	o.replace(letter.GoneKey(o.Site), msg)
	o.after(o.SlipEvery)
	if !o.remembers(m) || len(o.slips()) != 1 {
		t.Error("a list that the server has not signed is believed")
	}
}
