package pipeline

import (
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// A scanner's report is taken in and removed, whatever fails in between; what is
// none is left alone, and is no manifest that a person must look at.
func TestReportsAreTakenIn(t *testing.T) {
	o := newOffice(t)
	key := letter.ReportKey("office")
	puts := func(arriving int, at time.Time) {
		t.Helper()
		msg, err := letter.Report{Site: "office", At: at.UTC().Truncate(time.Second), Folders: []letter.ReportLine{{Helpline: "respect-phoneline", Arriving: arriving}}}.Sign(o.site)
		o.must(err)
		o.putRaw(key, msg)
	}
	kept := func() int {
		t.Helper()
		said, err := o.cfg.Register.Reports(t.Context())
		o.must(err)
		if len(said) == 0 {
			return -1
		}
		return said[0].Folders[0].Arriving
	}
	pass := func() error {
		o.now = o.now.Add(2 * heldRest)
		return o.Admit(t.Context())
	}
	o.putRaw(key, []byte("x"))
	o.putRaw(letter.ReportKey("nowhere"), []byte("x"))
	o.must(pass())
	puts(9, o.now.Add(time.Hour)) // a time that has not come
	o.must(pass())
	if kept() != -1 || o.traces(key) == 0 || len(o.held()) != 0 {
		t.Fatalf("%d is believed, or what is no report is gone or held: %v", kept(), o.held())
	}
	puts(3, o.now)
	o.store.at, o.store.how, o.store.only = -1, fails, "Remove"
	if err := pass(); err == nil {
		t.Error("the fault was never met")
	}
	o.store.at = 0
	o.must(pass())
	if kept() != 3 || o.traces(key) != 0 {
		t.Errorf("it says %d, and %d traces are left", kept(), o.traces(key))
	}
	puts(4, o.now.Add(-time.Hour))
	o.must(pass())
	if kept() != 3 {
		t.Errorf("an older report is believed: %d", kept())
	}
	puts(0, o.now)
	o.must(pass())
	if kept() != 0 {
		t.Errorf("the newest says none, and %d is kept", kept())
	}
	o.must(o.cfg.Register.RevokeEdge(t.Context(), "office", 0))
	if kept() != -1 {
		t.Error("a scanner that is revoked is still heard")
	}
}
