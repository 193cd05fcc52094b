package scanner

import (
	"strings"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// switchedOff is an office whose scanner has claimed a scan while there was no list of
// keys, and is off since; and the scan. Where a cover sheet announces letters it
// is a stack.
func switchedOff(t *testing.T, c crash) (*office, []byte) {
	t.Helper()
	o := buildOffice(t, c.Base, c.Secrets)
	o.sit(c.Bench)
	o.open()
	if err := o.bucket.Root().Remove(letter.RecipientsKey); err != nil {
		t.Fatal(err)
	}
	scan := sampleLetter(1)
	if c.Bench.Announced > 0 {
		scan = stackScan()
	}
	o.drop(line+"/very late.tif", scan)
	o.pass(settled)
	o.close()
	return o, scan
}

// beginsLater publishes a list of a server that has lost all its keys, as of the day in so
// many days.
func (o *office) beginsLater(days int) {
	o.Helper()
	r := o.recipients()
	for week := range r.Keys {
		if week < letter.WeekOf(letter.Deadline(letter.DateOf(o.now).AddDays(days), letter.SixMonths)) {
			delete(r.Keys, week)
		}
	}
	o.publish(r)
}

// returned checks that the scan lies refused, beside a note that says so, and that
// nothing of it is left elsewhere.
func (o *office) returned(scan []byte, says string) {
	o.Helper()
	refused := o.given("refused")
	if len(refused) != 2 || refused["very late.tif"] != string(scan) || !strings.Contains(refused["very late.tif.txt"], "it came on 26 May 2026") || !strings.Contains(refused["very late.tif.txt"], says) {
		o.Fatalf("refused: %q", refused["very late.tif.txt"])
	}
	if kept := o.files("scanner/.letterlock/claimed"); len(kept) > 0 {
		o.Errorf("%d files are left of the claim", len(kept))
	}
}

// The scanner was off for so long that the key of its scan has died: the scan does not wait
// for ever, and is no secret of a folder that nobody looks into. It goes back to people,
// however often the scanner is killed meanwhile, and is a letter of the day on which they
// put it in again.
func TestAScanForWhichNoKeyIsLeft(t *testing.T) {
	for _, b := range []bench{{}, {Announced: 3}} {
		for _, step := range append([]string{""}, RefusalSteps...) {
			c := crash{Base: t.TempDir(), Step: step, Secrets: newSecrets(t), Bench: b}
			o, scan := switchedOff(t, c)
			o.now = o.now.AddDate(0, 8, 0)
			if step != "" {
				c.Now, c.Serial = o.now, o.serial
				c.happens(t)
				o.serial++
			}
			o.publish(o.recipients())
			o.open()
			o.pass(settled)
			o.returned(scan, "Move this file into the folder of its helpline")
			o.ended(0)
			o.wait(statusEvery)
			if says := o.given("")["STATUS.txt"]; !strings.Contains(says, "Refused: 1 scan") {
				t.Errorf("STATUS.txt says %q", says)
			}
			o.drop(line+"/very late.tif", scan)
			today := letter.DateOf(o.now)
			o.pass(settled + 3) // a stack is cut first
			for _, m := range o.verify() {
				if m.ReceivedOn() != today {
					t.Errorf("it counts as received on %s", m.ReceivedOn())
				}
			}
			o.wait(2 * time.Minute)
			o.ended(max(1, b.Announced))
		}
	}
}

// While it is not certain that no key will come a scan waits: a server's list that begins
// too late is nothing to give a letter back for on the next day.
func TestAScanWaitsForAListThatBeginsTooLate(t *testing.T) {
	o, _ := switchedOff(t, crash{Base: t.TempDir(), Secrets: newSecrets(t)})
	o.now = o.now.AddDate(0, 0, letter.BriefDays)
	o.beginsLater(0)
	o.open()
	o.pass(settled)
	o.says("Tell the administrator of the server, where 'letterlock check' says what to do.")
	if n := len(o.given("refused")); n != 0 {
		t.Errorf("%d files were given back", n)
	}
	o.publish(o.recipients())
	o.wait(listAge)
	o.verify()
	o.pass(5)
	o.ended(1)
}

// Of a stack one letter was sealed before the machine failed, and the server's keys are
// lost since: that letter is taken, and the paper of the others is to be scanned again.
func TestTheRestOfAStackForWhichNoKeyIsLeft(t *testing.T) {
	c := crash{Base: t.TempDir(), Step: "sealed", Secrets: newSecrets(t), Bench: bench{Announced: 3}}
	o, scan := switchedOff(t, c)
	c.Now, c.Serial = o.now.Add(time.Minute), o.serial
	c.happens(t)
	o.serial++
	o.now = o.now.AddDate(0, 0, letter.BriefDays+1)
	o.beginsLater(0)
	o.open()
	o.pass(settled)
	o.returned(scan, "Scan each paper that bears none again")
	o.verify()
	o.wait(2 * time.Minute)
	o.ended(1)
	if n := len(o.slips()); n != 1 {
		t.Errorf("%d slips", n)
	}
}

// In the days between a letter's deadline and the end of its week the key still lives. It
// is not sealed for a server that would never take it.
func TestAScanIsNotSealedOnItsDeadline(t *testing.T) {
	o, scan := switchedOff(t, crash{Base: t.TempDir(), Secrets: newSecrets(t)})
	came := letter.DateOf(o.now)
	o.now = letter.Deadline(came, letter.SixMonths).Start().Add(time.Hour)
	if !o.now.Before(letter.WeekOf(letter.DateOf(o.now)).Over().Start()) {
		t.Fatal("its week is over: the test proves nothing")
	}
	o.publish(o.recipients())
	o.open()
	o.pass(settled)
	o.returned(scan, "Move this file into the folder of its helpline")
	o.ended(0)
}
