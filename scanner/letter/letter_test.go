package letter

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

func TestIDsAreTheirOwnForm(t *testing.T) {
	seen := map[ID]bool{}
	for range 1000 {
		id := NewID()
		if got, err := ParseID(string(id)); err != nil || got != id {
			t.Fatalf("a fresh id is not an id: %v", err)
		}
		if seen[id] {
			t.Fatal("the same id twice")
		}
		seen[id] = true
	}
	for _, bad := range []string{"", "k7qm", strings.Repeat("u", 26), strings.Repeat("A", 26), strings.Repeat("0", 25) + "1",
		"../../../../../../../../ab", strings.Repeat("0", 27)} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("%q passed as an id", bad)
		}
	}
}

// A person who writes one character wrong, or swaps two, is told so.
func TestReferencesFindSlips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.StringMatching(`[0-9a-hjkmnp-tv-z]{25}0`).Draw(t, "id")
		ref := ID(raw).Reference()
		if got, err := ParseReference(ref); err != nil || got != ref {
			t.Fatalf("%s is not read back: %v", ref, err)
		}
		plain := strings.ReplaceAll(ref, "-", "")
		at := rapid.IntRange(0, 7).Draw(t, "at")
		other := alphabet[rapid.IntRange(0, 31).Draw(t, "other")]
		if slip := plain[:at] + string(other) + plain[at+1:]; slip != plain {
			if _, err := ParseReference(slip); err == nil {
				t.Fatalf("%s passed for %s", slip, plain)
			}
		}
		if at < 7 && plain[at] != plain[at+1] {
			slip := plain[:at] + string(plain[at+1]) + string(plain[at]) + plain[at+2:]
			if _, err := ParseReference(slip); err == nil {
				t.Fatalf("the swap %s passed for %s", slip, plain)
			}
		}
	})
}

func TestReferencesAsPeopleTypeThem(t *testing.T) {
	ref := ID("01" + strings.Repeat("k", 24)).Reference()
	for _, typed := range []string{ref, strings.ToLower(ref), strings.ReplaceAll(ref, "-", ""), strings.ReplaceAll(ref, "-", " "),
		"O" + ref[1:], "OI" + ref[2:], "0l" + ref[2:]} {
		if got, err := ParseReference(typed); err != nil || got != ref {
			t.Errorf("%q is not read as %s: %q, %v", typed, ref, got, err)
		}
	}
}

func TestDeadlines(t *testing.T) {
	for _, c := range []struct{ received, deadline, openUntil, week string }{
		{"2026-11-24", "2027-05-24", "2027-05-23", "x2027-W21"},
		{"2026-08-31", "2027-02-28", "2027-02-27", "x2027-W08"}, // clamped to the month's end
		{"2027-08-31", "2028-02-29", "2028-02-28", "x2028-W09"}, // leap year
		{"2026-07-01", "2027-01-01", "2026-12-29", "x2026-W53"}, // 184 days: the lifecycle could hide it from day 182; ISO week 53
		{"2027-02-28", "2027-08-28", "2027-08-27", "x2027-W34"}, // 181 days: the eve is earlier than day 181
	} {
		got := []string{}
		d, err := ParseDate(c.received)
		if err != nil {
			t.Fatal(err)
		}
		dl := Deadline(d, SixMonths)
		got = append(got, dl.String(), OpenUntil(d, SixMonths).String(), string(WeekOf(dl)))
		if diff := cmp.Diff([]string{c.deadline, c.openUntil, c.week}, got); diff != "" {
			t.Errorf("received %s: %s", c.received, diff)
		}
	}
}

// Whatever the day, the deadline is 181 to 184 days on (or 1826 to 1827), its
// key outlives it by at most a week, and the last day to open comes before both
// ends.
func TestDeadlineProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Date{2020, 1, 1}.AddDays(rapid.IntRange(0, 40000).Draw(t, "day"))
		class := rapid.SampledFrom([]Class{SixMonths, FiveYears}).Draw(t, "class")
		least, most := 181, 184
		if class == FiveYears {
			least, most = 1825, 1827 // 1825 over the year 2100, which is no leap year
		}
		dl := Deadline(d, class)
		days := int(dl.noon().Sub(d.noon()).Hours() / 24)
		if days < least || days > most {
			t.Fatalf("received %s, deadline %s: %d days", d, dl, days)
		}
		until := OpenUntil(d, class)
		if !until.Before(dl) || d.AddDays(class.LifecycleDays()).Before(until) {
			t.Fatalf("received %s, open until %s", d, until)
		}
		over := WeekOf(dl).Over()
		if eve := over.AddDays(-1); WeekOf(eve) != WeekOf(dl) || WeekOf(over) == WeekOf(dl) {
			t.Fatalf("deadline %s is in %s, and %s is over on %s", dl, WeekOf(dl), WeekOf(eve), over)
		}
		if !dl.Before(over) || over.noon().Sub(dl.noon()) > 7*24*time.Hour {
			t.Fatalf("deadline %s, week over %s", dl, over)
		}
		if w, err := ParseWeek(string(WeekOf(dl))); err != nil || w != WeekOf(dl) {
			t.Fatalf("week of %s is not a week", dl)
		}
	})
}

// A day is London's: in summer it begins an hour before UTC's.
func TestDaysAreLondons(t *testing.T) {
	at := time.Date(2027, 6, 30, 23, 30, 0, 0, time.UTC)
	if got := DateOf(at).String(); got != "2027-07-01" {
		t.Errorf("half past midnight in London is %s", got)
	}
	if got := (Date{2027, 7, 1}).Start().UTC().Format(time.RFC3339); got != "2027-06-30T23:00:00Z" {
		t.Errorf("the day begins at %s", got)
	}
	for _, bad := range []string{"x2027-W53", "x2027-W00", "2027-W21", "x2027-W1", ""} {
		if _, err := ParseWeek(bad); err == nil {
			t.Errorf("%q passed as a week", bad)
		}
	}
}

func keys(t testing.TB, name string) (note.Signer, note.Verifier) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err1 := note.NewSigner(secret)
	v, err2 := note.NewVerifier(public)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return s, v
}

func sample() Manifest {
	return Manifest{ID: NewID(), Site: "office", Helpline: "respect-phoneline", Class: SixMonths,
		Received: time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC), Pages: 2, Size: 1234, SHA256: strings.Repeat("ab", 32)}
}

func TestManifestsAreBelievedOnlyUnderTheirOwnSignature(t *testing.T) {
	office, officePub := keys(t, "office")
	_, strangerPub := keys(t, "office")
	m := sample()
	msg, err := m.Sign(office)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenManifest(msg, officePub)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Error(diff)
	}
	if _, err := OpenManifest(msg, strangerPub); err == nil {
		t.Error("a stranger's key verified it")
	}
	if _, err := OpenReceipt(msg, officePub); err == nil {
		t.Error("a manifest passed as a receipt")
	}
	for i := range msg {
		bad := append([]byte{}, msg...)
		bad[i] ^= 1
		if got, err := OpenManifest(bad, officePub); err == nil && got != m {
			t.Fatalf("byte %d changed, and believed", i)
		}
	}
}

func TestManifestsOfTheWrongForm(t *testing.T) {
	office, pub := keys(t, "office")
	for name, spoil := range map[string]func(*Manifest){
		"site of another":   func(m *Manifest) { m.Site = "annexe" },
		"helpline as path":  func(m *Manifest) { m.Helpline = "../x" },
		"no class":          func(m *Manifest) { m.Class = "" },
		"no pages":          func(m *Manifest) { m.Pages = 0 },
		"no size":           func(m *Manifest) { m.Size = 0 },
		"hash in upper":     func(m *Manifest) { m.SHA256 = strings.Repeat("AB", 32) },
		"id of a stranger":  func(m *Manifest) { m.ID = "x" },
		"time out of range": func(m *Manifest) { m.Received = time.Time{} },
	} {
		m := sample()
		spoil(&m)
		if _, err := m.Sign(office); err == nil {
			t.Errorf("%s: signed", name)
		}
		msg, err := Sign(kindManifest, m, office)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenManifest(msg, pub); err == nil {
			t.Errorf("%s: believed", name)
		}
	}
}

func FuzzOpenManifest(f *testing.F) {
	office, pub := keys(f, "office")
	msg, err := sample().Sign(office)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg)
	f.Add([]byte("letterlock manifest v1\n{}\n\n— office AAAA\n"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		if m, err := OpenManifest(msg, pub); err == nil && m.Site != "office" {
			t.Fatal("another site's manifest was believed")
		}
	})
}

func TestKeysInTheBucket(t *testing.T) {
	m := sample()
	m.ID = ID(strings.Repeat("k", 25) + "0")
	want := "letters/six-months/respect-phoneline/2026-11-24/" + string(m.ID) + ".age"
	if got := m.ObjectKey(); got != want {
		t.Errorf("object key %s, want %s", got, want)
	}
	site, id, ok := SplitIncoming(IncomingKey("office", m.ID))
	if !ok || site != "office" || id != m.ID {
		t.Error("an incoming key is not read back")
	}
	for _, bad := range []string{"incoming/office", "incoming//" + string(m.ID), "receipts/office/" + string(m.ID), "incoming/office/x", "incoming/a b/" + string(m.ID)} {
		if _, _, ok := SplitIncoming(bad); ok {
			t.Errorf("%q passed as an incoming key", bad)
		}
	}
}

func TestFlags(t *testing.T) {
	f := Flags("").Add(2, Blank).Add(2, Skewed).Add(11, LowResolution)
	if f != "2:blank 2:skewed 11:low-resolution" {
		t.Errorf("got %q", f)
	}
	if got := f.Of(2); !slices.Equal(got, []Flag{Blank, Skewed}) {
		t.Errorf("page 2: %v", got)
	}
	if got := f.Of(1); got != nil {
		t.Errorf("page 1: %v", got)
	}
	for f, want := range map[Flags]bool{
		"": true, "1:blank": true, "1:blank 1:skewed 3:blank": true,
		"4:blank": false, "0:blank": false, "2:blank 1:blank": false, "1:smudged": false, "1": false, " 1:blank": false, "01:blank": false,
		"1:blank  2:blank": false,
	} {
		if got := f.valid(3); got != want {
			t.Errorf("%q: valid is %v", f, got)
		}
	}
}

func TestWorkingDaysBefore(t *testing.T) {
	for _, c := range []struct {
		day, days, want int // of November 2026, which begins on a Sunday
	}{{3, 1, 2}, {2, 1, -1}, {2, 2, -2}, {6, 5, -1}, {8, 1, 6}, {9, 1, 6}, {9, 2, 5}, {10, 2, 6}} {
		day := func(n int) time.Time { return time.Date(2026, 10, 31+n, 9, 30, 0, 0, London) }
		if got := WorkingDaysBefore(day(c.day), c.days); !got.Equal(day(c.want)) {
			t.Errorf("%d working days before %s: %s, want %s", c.days, day(c.day), got, day(c.want))
		}
	}
}
