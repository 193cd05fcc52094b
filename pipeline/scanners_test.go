package pipeline

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/letter"
)

// says puts a scanner's report of that version into the bucket and has it taken in.
func (o *office) says(program letter.Program) {
	o.t.Helper()
	msg, err := letter.Report{Site: "office", At: o.now.UTC().Truncate(time.Second), Program: program, Folders: serves("respect-phoneline", "mens-advice-line")}.Sign(o.site)
	o.must(err)
	o.now = o.now.Add(2 * heldRest)
	o.putRaw(letter.ReportKey("office"), msg)
	o.must(o.Admit(o.t.Context()))
}

// serves are the folders of a scanner that has one for each of these helplines.
func serves(helplines ...string) (all []letter.ReportLine) {
	for _, h := range helplines {
		all = append(all, letter.ReportLine{Helpline: h})
	}
	return all
}

// A helpline is added here, and the scanners on other machines know nothing of it: check
// says so until one of them has its folder. That a site serves one helpline alone is no
// fault while another serves the others, and of a scanner that has said nothing yet
// nobody knows.
func TestAHelplineForWhichNothingCanBeScanned(t *testing.T) {
	const says = "No scanner has a folder for the helpline refuge, so nothing can be scanned for it."
	o, ctx := newOffice(t, func(c *Config) { c.Helplines = []string{"respect-phoneline", "mens-advice-line", "refuge"} }), t.Context()
	report := func(site string, by note.Signer, helplines ...string) {
		t.Helper()
		msg, err := letter.Report{Site: site, At: o.now.UTC().Truncate(time.Second), Folders: serves(helplines...)}.Sign(by)
		o.must(err)
		o.now = o.now.Add(2 * heldRest)
		o.putRaw(letter.ReportKey(site), msg)
		o.must(o.Admit(ctx))
	}
	is := func(when string, bad bool) {
		t.Helper()
		if l := o.scannersLine(); strings.Contains(l.Says, says) != bad || bad && l.OK {
			t.Errorf("%s: %+v", when, l)
		}
	}
	is("nothing said yet", false)
	report("office", o.site, "respect-phoneline", "mens-advice-line")
	is("the one scanner has no folder for it", true)
	secret, public, err := note.GenerateKey(rand.Reader, "annexe")
	o.must(err)
	annexe, err := note.NewSigner(secret)
	o.must(err)
	o.must(o.cfg.Register.AddEdge(ctx, "annexe", public))
	is("another has yet to say what it serves", false)
	report("annexe", annexe, "respect-phoneline")
	is("it serves another on purpose", true)
	report("annexe", annexe, "refuge")
	is("it serves that one alone", false)
	o.must(o.cfg.Register.RevokeEdge(ctx, "annexe", 0))
	is("it is revoked", true)
	o.must(o.cfg.Register.RevokeEdge(ctx, "office", 0))
	is("the last one is", true)
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
	if l := o.scannersLine(); strings.Contains(l.Says, "office") {
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
