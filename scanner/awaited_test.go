package scanner

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// namesAgain leaves the server's list of papers that are to be scanned again, and
// lets the edge hear it.
func (o *office) namesAgain(letters ...letter.AgainLetter) {
	o.Helper()
	o.leavesAgain(letter.Again{Site: o.Site, At: o.now.UTC().Truncate(time.Second), Letters: letters})
	o.after(o.SlipEvery)
}

func (o *office) leavesAgain(said letter.Again) {
	o.Helper()
	msg, err := said.Sign(o.server)
	if err != nil {
		o.Fatal(err)
	}
	o.replace(letter.AgainKey(o.Site), msg)
}

func named(m letter.Manifest) letter.AgainLetter {
	return letter.AgainLetter{ID: m.ID, Helpline: m.Helpline, Received: m.ReceivedOn(), Reason: "too-faint"}
}

// eightMonths is a letter that was taken eight months ago, and whose slip operations
// have thrown away since.
func eightMonths(t *testing.T) (*office, letter.Manifest) {
	t.Helper()
	o, old := taken(t)
	o.passesMonths(old)
	return o, old
}

func (o *office) passesMonths(old letter.Manifest) {
	o.Helper()
	o.now = o.now.AddDate(0, 8, 0)
	o.publish(o.recipients())
	o.after(o.SlipEvery)
	o.after(o.SlipEvery)
	if err := os.Remove(filepath.Join(o.cfg.Folder, line, "taken", "OVERDUE "+old.ID.Reference()+".txt")); err != nil {
		o.Fatal(err)
	}
	o.after(o.SlipEvery)
	o.restart()
}

// A scanner that has forgotten a letter scans its paper again because the server
// names it: sealed to today's week, since the old one's key may be dead.
func TestAForgottenPaperIsScannedAgain(t *testing.T) {
	o, old := eightMonths(t)
	ref := old.ID.Reference()
	o.namesAgain(named(old))
	if names := o.againFolders(line); !slices.Equal(names, []string{ref}) {
		t.Fatalf("the folders are %q", names)
	}
	if o.againFolders("mens-advice-line") != nil {
		t.Error("another helpline has a folder for it")
	}
	o.after(time.Minute)
	if says := o.given("")["STATUS.txt"]; !strings.Contains(says, "SCAN AGAIN: "+ref+" (too faint). Take the paper") {
		t.Errorf("STATUS.txt says %q", says)
	}
	claimed := o.now
	o.drop(line+"/scan again/"+strings.ToLower(ref)+"/better.jpg", sampleLetter(2))
	m := o.renewed(o.goOn(), old)
	if m.Received.Before(claimed.Truncate(time.Second)) || m.Week() != letter.WeekOf(letter.Deadline(letter.DateOf(o.now), letter.SixMonths)) || m.Class != letter.SixMonths {
		t.Errorf("the manifest is %+v", m)
	}
	o.ended(2)

	// Until the server says so anew no second one is taken: that list is from before.
	o.drop(line+"/scan again/"+ref+"/again.jpg", sampleLetter(3))
	o.pass(settled + 2)
	if note := o.given("refused")["again.jpg.txt"]; !strings.Contains(note, "a new scan has been taken already") || !strings.Contains(note, "Nothing is lost") {
		t.Errorf("the note says %q", note)
	}
	o.now = o.now.Add(time.Minute)
	o.namesAgain(named(old)) // a reader says that another paper was scanned
	if names := o.againFolders(line); !slices.Equal(names, []string{ref}) {
		t.Errorf("asked for once more, the folders are %q", names)
	}
	o.namesAgain()
	if names := o.againFolders(line); names != nil {
		t.Errorf("asked for no more, the folders are %q", names)
	}
}

// Operations are told on the slip when the server has not taken the scan for a new
// one, and not told so when it has.
func TestALateScanThatIsALetterOfItsOwn(t *testing.T) {
	for name, replaces := range map[string]bool{"it replaces": true, "it stays apart": false} {
		t.Run(name, func(t *testing.T) {
			o, old := eightMonths(t)
			o.namesAgain(named(old))
			o.drop(line+"/scan again/"+old.ID.Reference()+"/better.jpg", sampleLetter(2))
			o.pass(settled + 1)
			o.restart() // what it is outlives a start
			var m letter.Manifest
			for _, key := range o.keys(letter.IncomingPrefix) {
				_, id, _ := letter.SplitIncoming(key)
				if id == old.ID {
					continue
				}
				msg, err := o.bucket.Get(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				if m, err = letter.OpenManifest(msg, o.site); err != nil {
					t.Fatal(err)
				}
			}
			r := letter.Receipt{ID: m.ID, Version: "1", SHA256: m.SHA256, Paper: letter.PaperKept}
			if replaces {
				r.Replaces = old.ID
			}
			msg, err := r.Sign(o.server)
			if err != nil {
				t.Fatal(err)
			}
			o.replace(letter.ReceiptKey(m.Site, m.ID), msg)
			o.wait(2 * time.Minute)
			slip := o.given("taken")[m.ID.Reference()+".txt"]
			if apart := strings.Contains(slip, "is a letter of its own"); apart == replaces || !strings.Contains(slip, "cross out "+old.ID.Reference()) {
				t.Errorf("the slip says %q", slip)
			}
		})
	}
}

// Whoever wrote the list, whatever became of it: no letter is made of a scan for a
// paper that the server does not ask for, and the scan is given back whole.
func TestAListThatAsksForNothing(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(o *office, old letter.Manifest)
		says  string // in the log
	}{
		"no list":     {leave: func(*office, letter.Manifest) {}},
		"it is lost":  {leave: func(o *office, old letter.Manifest) { o.namesAgain(named(old)); o.loses(letter.AgainKey(o.Site)) }},
		"another one": {leave: func(o *office, old letter.Manifest) { l := named(old); l.ID = letter.NewID(); o.namesAgain(l) }},
		"another helpline's": {leave: func(o *office, old letter.Manifest) {
			l := named(old)
			l.Helpline = "mens-advice-line"
			o.namesAgain(l)
		}},
		"another site's": {says: "another scanner's", leave: func(o *office, old letter.Manifest) {
			o.leavesAgain(letter.Again{Site: "attic", At: o.now, Letters: []letter.AgainLetter{named(old)}})
		}},
		"stale": {says: "is an old one", leave: func(o *office, old letter.Manifest) {
			o.leavesAgain(letter.Again{Site: o.Site, At: o.now.AddDate(0, 0, -letter.BriefDays-1), Letters: []letter.AgainLetter{named(old)}})
		}},
		"an old one put back": {says: "is an old one", leave: func(o *office, old letter.Manifest) {
			before := letter.Again{Site: o.Site, At: o.now, Letters: []letter.AgainLetter{named(old)}}
			o.now = o.now.Add(time.Hour)
			o.namesAgain()
			o.leavesAgain(before)
		}},
		"from the future": {says: "ahead of this machine's clock", leave: func(o *office, old letter.Manifest) {
			o.leavesAgain(letter.Again{Site: o.Site, At: o.now.Add(time.Hour), Letters: []letter.AgainLetter{named(old)}})
		}},
		"a stranger's": {says: "the signature is missing or false", leave: func(o *office, old letter.Manifest) {
			msg, err := letter.Again{Site: o.Site, At: o.now, Letters: []letter.AgainLetter{named(old)}}.Sign(o.cfg.Signer)
			if err != nil {
				o.Fatal(err)
			}
			o.replace(letter.AgainKey(o.Site), msg)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o, old := eightMonths(t)
			ref := old.ID.Reference()
			c.leave(o, old)
			o.after(o.SlipEvery)
			if slices.Contains(o.againFolders(line), ref) {
				t.Error("there is a folder for it")
			}
			before := len(o.keys(letter.LettersPrefix))
			o.drop(line+"/scan again/"+ref+"/x.jpg", sampleLetter(2))
			o.pass(settled + 2)
			if n := len(o.keys(letter.LettersPrefix)); n != before {
				t.Error("a letter was made of it")
			}
			refused := o.given("refused")
			if note := refused["x.jpg.txt"]; refused["x.jpg"] != string(sampleLetter(2)) || !strings.Contains(note, "No paper of that reference is to be scanned again just now") ||
				!strings.Contains(note, "ask the helplines' manager") {
				t.Errorf("the note says %q", note)
			}
			if c.says != "" {
				o.says(c.says)
			}
		})
	}
}

// loses removes what lies in the bucket, as the storage's own rule does.
func (o *office) loses(key string) {
	o.Helper()
	if err := o.bucket.Root().Remove(key); err != nil {
		o.Fatal(err)
	}
	o.after(o.SlipEvery)
}

// Of a letter that is on its way to being forgotten both its slip and the list ask
// for a new scan: there is one folder, and the list's word counts, since a scan that
// waits for the store could outlive the old key.
func TestAPaperThatIsAboutToBeForgotten(t *testing.T) {
	o, old := taken(t)
	o.now = old.Deadline().AddDays(-3).Start().Add(9 * time.Hour)
	o.publish(o.recipients())
	o.asksAgain(old)
	o.namesAgain(named(old))
	ref := old.ID.Reference()
	if names := o.againFolders(line); !slices.Equal(names, []string{ref}) {
		t.Fatalf("the folders are %q", names)
	}
	o.drop(line+"/scan again/"+ref+"/x.jpg", sampleLetter(2))
	if m := o.renewed(o.goOn(), old); m.Received.Equal(old.Received) {
		t.Error("it counts as received with the old one")
	}
}

// Two papers of one reference have folders that tell them apart, and a scan in
// neither is nobody's.
func TestTwoForgottenPapersOfOneReference(t *testing.T) {
	o, old := eightMonths(t)
	other := named(old)
	other.ID = letter.ID(string(old.ID)[:7] + strings.Repeat("0", 19)) // the reference is the first seven
	other.Received = old.ReceivedOn().AddDays(-5)
	if other.ID == old.ID || other.ID.Reference() != old.ID.Reference() {
		t.Fatal("the test makes no twin")
	}
	o.namesAgain(named(old), other)
	ref := old.ID.Reference()
	want := []string{ref + " (" + other.Received.String() + ")", ref + " (" + old.ReceivedOn().String() + ")"}
	if names := o.againFolders(line); !slices.Equal(names, want) {
		t.Fatalf("the folders are %q, want %q", names, want)
	}
	o.drop(line+"/scan again/"+ref+"/x.jpg", sampleLetter(2))
	o.pass(settled + 2)
	if o.given("refused")["x.jpg"] == "" {
		t.Error("it is not known which of the two it is, and it was taken")
	}
	o.drop(line+"/scan again/"+want[1]+"/y.jpg", sampleLetter(3))
	o.renewed(o.goOn(), old)
}

// A scan that lies in such a folder when the scanner starts waits for the list while
// the store is away, and is neither given back nor taken for anything else.
func TestALateScanWaitsForTheList(t *testing.T) {
	o, old := eightMonths(t)
	ref := old.ID.Reference()
	o.namesAgain(named(old))
	away := true
	o.cfg.Store = &faulty{Store: o.bucket, on: func(_, key string) fault {
		if away && key == letter.AgainKey(o.Site) {
			return fails
		}
		return works
	}}
	o.restart()
	o.drop(line+"/scan again/"+ref+"/x.jpg", sampleLetter(2))
	o.wait(10 * time.Minute)
	if len(o.given("refused")) > 0 || !slices.Equal(o.againFolders(line), []string{ref}) {
		t.Errorf("refused %v, folders %q", o.given("refused"), o.againFolders(line))
	}
	away = false
	o.wait(10 * time.Minute)
	o.renewed(o.verify(), old)
}

// A late new scan, killed at every step: it is one to the end, and one.
func TestALateNewScanKilledAtEveryStep(t *testing.T) {
	k := killing{name: "very private.jpg", scan: sampleLetter(1)}
	k.begins = func(o *office) {
		old := o.goOn()[0]
		o.passesMonths(old)
		o.namesAgain(named(old))
		o.drop(line+"/scan again/"+old.ID.Reference()+"/very private again.jpg", sampleLetter(2))
	}
	k.ends = func(o *office) {
		all := o.verify()
		if len(all) != 2 {
			o.Fatalf("%d letters", len(all))
		}
		old := all[0]
		if old.Replaces != "" {
			old = all[1]
		}
		if m := o.renewed(all, old); m.Received.Before(old.Received.AddDate(0, 7, 0)) {
			o.Errorf("its new scan says that it came at %s", m.Received)
		}
		o.nothingWaits()
	}
	for _, step := range answered {
		k.at(t, step, 1)
	}
}
