package scanner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/deposit"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// works lets time pass until then, in which the server has been at work to the end: it has
// published lists, of which the edge knows the newest.
func (o *office) works(until time.Time) {
	o.Helper()
	o.now = until.Add(-o.SlipEvery)
	o.publish(o.recipients())
	o.pass(1)
	o.now = until
}

// Where the bucket is a folder nobody tells the scanner that the clock of the machine is
// a year ahead, for an hour. A server that doubts it publishes no list.
func TestAYearAheadForAnHour(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		o, m := taken(t)
		slip := m.ID.Reference() + ".txt"
		o.now = o.now.AddDate(1, 0, 0)
		if restarts {
			o.restart()
		}
		o.drop(line+"/b.jpg", sampleLetter(2))
		o.pass(settled + 1)
		o.after(o.SlipEvery)
		o.after(time.Hour)
		o.pass(settled)
		if d := cmp.Diff([]string{slip}, o.slips()); d != "" {
			t.Errorf("by a clock that is ahead: %s", d)
		}
		if len(o.claimed()) == 0 {
			t.Error("it is not taken")
		}

		o.now = o.now.AddDate(-1, 0, 0)
		if restarts {
			o.restart()
		}
		o.wait(2 * time.Minute)
		all := o.verify()
		o.wait(2 * time.Minute)
		if len(all) != 2 || len(o.slips()) != 2 {
			t.Fatalf("letters: %+v, slips: %v", all, o.slips())
		}
		for _, n := range all {
			if n.Received.After(o.now) {
				t.Errorf("it is received on %s", n.Received)
			}
		}
		o.drop(line+"/the same.jpg", sampleLetter(1))
		o.pass(settled + 1)
		if note := o.given(folder.DuplicatesDir)["the same.jpg.txt"]; !strings.Contains(note, m.ID.Reference()) {
			t.Errorf("its twin is not asked about: %q", note)
		}
		o.ended(2)
	}
}

// A scan was claimed while the clock was right and waits for the list of keys; then the
// clock is a year ahead, which no store contradicts. It is not given back as one whose time
// is over, and is sealed as of its day once the clock is right and the list is there.
func TestAScanThatWaitsWhenAClockJumpsAhead(t *testing.T) {
	o, _ := taken(t)
	o.wait(2 * time.Minute)
	if err := o.bucket.Root().Remove(letter.RecipientsKey); err != nil {
		t.Fatal(err)
	}
	o.drop(line+"/b.jpg", sampleLetter(2))
	o.pass(settled + 1)
	day := letter.DateOf(o.now)
	if len(o.claimed()) == 0 {
		t.Fatal("it is not taken")
	}
	o.now = o.now.AddDate(1, 0, 0)
	o.pass(settled)
	o.after(time.Hour)
	o.pass(settled)
	if given := o.given("refused"); len(given) > 0 {
		t.Errorf("given back by a clock that is ahead: %d files", len(given))
	}

	o.now = o.now.AddDate(-1, 0, 0)
	o.publish(o.recipients())
	o.wait(2 * time.Minute)
	all := o.verify()
	if len(all) != 2 {
		t.Fatalf("letters: %+v", all)
	}
	for _, m := range all {
		if m.ReceivedOn().AddDays(1).Before(day) || day.Before(m.ReceivedOn()) {
			t.Errorf("it is received on %s, not on %s", m.ReceivedOn(), day)
		}
	}
	o.wait(2 * time.Minute)
	o.ended(2)
}

// Of a stack that was taken meanwhile nothing stays behind either.
func TestAStackThatWasTakenByAClockThatWasAhead(t *testing.T) {
	o, stack := withStack(t, 3)
	o.taken("a.tif", stack)
	l := stackScan()
	o.now = o.now.AddDate(1, 0, 0)
	o.drop(line+"/b.tif", append(l, 0)) // other bytes
	o.pass(settled + 2)
	o.now = o.now.AddDate(-1, 0, 0)
	o.wait(2 * time.Minute)
	for _, m := range o.verify() {
		if m.Received.After(o.now) {
			t.Errorf("a letter is received on %s", m.Received)
		}
	}
	o.wait(2 * time.Minute)
	o.ended(6)
}

// A slip that said OVERDUE by such a clock says again what the server has said last.
func TestASlipIsOverdueNoMoreOnceTheClockIsRight(t *testing.T) {
	for paper, want := range map[string]string{letter.PaperMayGo: "may be destroyed", "": "keep it locked away"} {
		o, m := taken(t)
		if paper == "" {
			o.unheard(m)
		} else {
			o.answer(m, paper, "")
		}
		o.now = o.now.AddDate(1, 0, 0)
		o.publish(o.recipients()) // somebody has vouched for it
		o.pass(1)
		o.after(o.SlipEvery)
		if d := cmp.Diff([]string{"OVERDUE " + m.ID.Reference() + ".txt"}, o.slips()); d != "" {
			t.Fatal(d)
		}
		o.now = o.now.AddDate(-1, 0, 0)
		o.publish(o.recipients())
		o.pass(1)
		o.after(o.SlipEvery)
		slip := m.ID.Reference() + ".txt"
		if d := cmp.Diff([]string{slip}, o.slips()); d != "" {
			t.Fatal(d)
		}
		if says := o.given("taken")[slip]; !strings.Contains(says, want) {
			t.Errorf("it says %q", says)
		}
	}
}

// unheard has the receipt end in the bucket, as it does after two weeks.
func (o *office) unheard(m letter.Manifest) {
	o.Helper()
	if err := os.Remove(filepath.Join(o.base, "bucket", filepath.FromSlash(letter.ReceiptKey(m.Site, m.ID)))); err != nil {
		o.Fatal(err)
	}
}

// Two months behind: a letter would be sealed to a week that ends two months too early.
func TestNothingIsTakenByAClockThatIsMonthsBehind(t *testing.T) {
	o, _ := taken(t)
	o.now = o.now.AddDate(0, -2, 0)
	o.drop(line+"/b.jpg", sampleLetter(2))
	o.restart()
	o.wait(5 * time.Minute)
	o.says("This machine's clock is behind")
	if status := o.given("")[folder.StatusFile]; !strings.Contains(status, "This machine's clock is behind") {
		t.Errorf("STATUS.txt says %q", status)
	}
	if _, err := o.bucket.Clock(t.Context()); err != deposit.ErrNoClock || len(o.given("")["b.jpg"]) == 0 {
		t.Error("the scan is taken")
	}
	o.now = o.now.AddDate(0, 2, 0)
	o.wait(time.Minute)
	o.verify()
	o.wait(time.Minute)
	o.ended(2)
}

// The clock was ahead when the newest list was made, and somebody had vouched for it.
func TestAListThatWasMadeAheadIsBelievedNoLongerThanTheNext(t *testing.T) {
	o, _ := taken(t)
	o.now = o.now.AddDate(1, 0, 0)
	o.publish(o.recipients())
	o.wait(time.Minute)
	o.now = o.now.AddDate(-1, 0, 0)
	o.drop(line+"/b.jpg", sampleLetter(2))
	o.wait(2 * time.Minute)
	if len(o.given("")["b.jpg"]) == 0 {
		t.Error("the scan is taken")
	}
	o.publish(o.recipients())
	o.wait(2 * time.Minute)
	o.verify()
	o.wait(time.Minute)
	o.ended(2)
}
