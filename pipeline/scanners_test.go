package pipeline

import (
	"strings"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// says puts a scanner's report of that version into the bucket and has it taken in.
func (o *office) says(program letter.Program) {
	o.t.Helper()
	msg, err := letter.Report{Site: "office", At: o.now.UTC().Truncate(time.Second), Program: program, Folders: []letter.ReportLine{{Helpline: "respect-phoneline"}}}.Sign(o.site)
	o.must(err)
	o.now = o.now.Add(2 * heldRest)
	o.putRaw(letter.ReportKey("office"), msg)
	o.must(o.Admit(o.t.Context()))
}

func (o *office) scannersLine() Line {
	o.t.Helper()
	for _, l := range o.Check(o.t.Context()) {
		if l.Name == "scanners" {
			return l
		}
	}
	o.t.Fatal("check says nothing of scanners")
	return Line{}
}

// A scanner of the release before, or of the next, is taken from like any other; check
// names both versions, and needs somebody where nobody has tried them together.
func TestVersionsOfBothSides(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.Program = "v1.4.2" })
	for _, c := range []struct {
		scanner letter.Program
		ok      bool
		says    string
	}{
		{"v1.4.0", true, "heard of within a day"},
		{"v1.3.7", true, "is version v1.3.7 and this server v1.4.2: they work together"},
		{"v1.5.0", true, "they work together"},
		{"v1.2.0", false, "more than one release apart"},
		{"v2.4.2", false, "more than one release apart"},
		{"unreleased", true, "heard of within a day"},
		{"(devel)", true, "heard of within a day"}, // as earlier programs called it
		{"", true, "heard of within a day"},        // one from before versions were told
	} {
		o.says(c.scanner)
		m := o.deposit()
		o.work(m.ID)
		if l := o.scannersLine(); l.OK != c.ok || !strings.Contains(l.Says, c.says) || o.receiptOf(m) == nil {
			t.Errorf("%s: %+v; its letter has a receipt: %v", c.scanner, l, o.receiptOf(m) != nil)
		}
	}
	o.now = o.now.Add(25 * time.Hour)
	if l := o.scannersLine(); l.OK || !strings.Contains(l.Says, "The scanner of office has said nothing since 24 November 2026") {
		t.Errorf("silent for a day: %+v", l)
	}
	o.must(o.cfg.Register.RevokeEdge(t.Context(), "office", 0))
	if l := o.scannersLine(); !l.OK {
		t.Errorf("of one that is revoked: %+v", l)
	}
}

// Scanners learn the server's version; it is put once a version, not once a day.
func TestTheServerSaysItsVersion(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.Program = "v1.4.2" })
	for range 3 {
		o.must(o.sayAbout(t.Context()))
	}
	msg, err := o.readSmall(t.Context(), letter.AboutKey)
	o.must(err)
	if said, err := letter.OpenAbout(msg, o.pub); err != nil || said.Program != "v1.4.2" || o.traces(letter.AboutKey) != 1 {
		t.Errorf("it says %+v (%v), in %d versions", said, err, o.traces(letter.AboutKey))
	}
}
