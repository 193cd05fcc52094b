package archive_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

func listing(t *testing.T, s store) {
	var office, all []string
	for range 5 {
		key := letter.IncomingKey("office", letter.NewID())
		mustPut(t, s, key, []byte("manifest"), deposit.Replace)
		office = append(office, key)
	}
	other := letter.IncomingKey("office-2", letter.NewID())
	mustPut(t, s, other, []byte("manifest"), deposit.Replace)
	mustPut(t, s, letterKey(), random(10), deposit.CreateOnly)
	mustPut(t, s, letter.RecipientsKey, []byte("list"), deposit.Replace)
	all = append(append(all, office...), other)

	for prefix, want := range map[string][]string{
		"incoming/office/":      office,
		"incoming/office":       all,
		letter.IncomingPrefix:   all,
		"keys/":                 {letter.RecipientsKey},
		"keys/recipients":       {letter.RecipientsKey},
		"receipts/":             nil,
		"receipts/office/none/": nil,
	} {
		slices.Sort(want)
		if diff := cmp.Diff(want, list(t, s, prefix)); diff != "" {
			t.Errorf("prefix %q: %s", prefix, diff)
		}
	}
	if got := list(t, s, ""); len(got) != 8 {
		t.Errorf("the whole bucket: %v", got)
	}
	for range s.List(t.Context(), letter.IncomingPrefix) {
		break // stopping early is allowed
	}
}

// folders finds what is left without looking at every letter: a hidden object
// and one of which only an upload is there (in a Dir) are something too.
func folders(t *testing.T, s store) {
	id := letter.NewID
	day := func(n int) letter.Date { return letter.Date{Year: 2026, Month: 11, Day: n} }
	twice := letter.ObjectKey(letter.SixMonths, "a", day(1), id())
	mustPut(t, s, twice, random(10), deposit.CreateOnly)
	mustPut(t, s, twice, random(10), deposit.Replace)
	hidden := letter.ObjectKey(letter.SixMonths, "a", day(2), id())
	mustPut(t, s, hidden, random(10), deposit.CreateOnly)
	hide(t, s, hidden)
	mustPut(t, s, letter.ObjectKey(letter.SixMonths, "a-b", day(1), id()), random(10), deposit.CreateOnly)
	mustPut(t, s, letter.ObjectKey(letter.FiveYears, "a", day(1), id()), random(10), deposit.CreateOnly)
	mustPut(t, s, letter.RecipientsKey, []byte("list"), deposit.Replace)
	for prefix, want := range map[string][]string{
		"letters/": {"five-years", "six-months"}, "letters/six-months/": {"a", "a-b"},
		"letters/six-months/a/": {"2026-11-01", "2026-11-02"}, "letters/six-months/none/": nil, "letters/six-months/a/2026-11-01/": nil,
	} {
		got, err := s.Folders(t.Context(), prefix)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("folders of %s: %v, %s", prefix, err, diff)
		}
	}
	want := []string{hidden}
	if _, ok := s.(*archive.Dir); ok {
		upload := letter.ObjectKey(letter.SixMonths, "a", day(2), id())
		leaveUpload(t, s, upload)
		want = append(want, upload)
		slices.Sort(want)
	}
	for prefix, want := range map[string][]string{
		"letters/six-months/a/2026-11-01/": {twice}, "letters/six-months/a/2026-11-02/": want, "letters/six-months/none/": nil,
	} {
		got, err := s.Remains(t.Context(), prefix)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("what is left of %s: %v, %s", prefix, err, diff)
		}
	}
	covered := []string{twice, hidden}
	if _, ok := s.(*archive.Dir); ok {
		covered = nil // where a replaced file is gone
	}
	got, err := s.Covered(t.Context(), "letters/six-months/a/")
	if slices.Sort(got); err != nil || !slices.Equal(got, covered) {
		t.Errorf("of several versions are %v, %v; want %v", got, err, covered)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := s.Folders(ctx, "letters/"); err == nil {
		t.Errorf("a cancelled listing of folders shows %v", got)
	}
	if got, err := s.Remains(ctx, "letters/"); err == nil {
		t.Errorf("a cancelled listing of what is left shows %v", got)
	}
}

func cancelledListing(t *testing.T, s store) {
	key := letterKey()
	mustPut(t, s, key, random(10), deposit.CreateOnly)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := s.Traces(ctx, key); err == nil {
		t.Errorf("Traces says %v without an error", got)
	}
	var last error
	for _, err := range s.List(ctx, letter.LettersPrefix) {
		last = err
	}
	if last == nil {
		t.Error("List ends without an error")
	}
}

// nothingLeft is the proof on a letter's deadline.
func nothingLeft(t *testing.T, s store) {
	key, neighbour := letterKey(), letterKey()
	mustPut(t, s, key, random(1000), deposit.CreateOnly)
	mustPut(t, s, key, random(1000), deposit.Replace)
	mustPut(t, s, neighbour, random(1000), deposit.CreateOnly)
	leaveUpload(t, s, key)
	hide(t, s, key)

	found := traces(t, s, key)
	kinds := map[archive.Kind]int{}
	for _, trace := range found {
		kinds[trace.Kind]++
	}
	if kinds[archive.Upload] != 1 || kinds[archive.Version] < 1 {
		t.Errorf("before: %v", found)
	}
	for range 2 { // the second time everything is gone already
		for _, trace := range found {
			if err := s.Remove(t.Context(), key, trace); err != nil {
				t.Errorf("removing %s: %v", trace.Kind, err)
			}
		}
	}
	if left := traces(t, s, key); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if got := traces(t, s, neighbour); len(got) != 1 {
		t.Errorf("the neighbour has %v", got)
	}
	for _, none := range []archive.Trace{{Kind: archive.Version}, {Kind: archive.Marker}, {Kind: archive.Upload}, {Kind: "letter", ID: "x"}} {
		if err := s.Remove(t.Context(), neighbour, none); err == nil || len(traces(t, s, neighbour)) != 1 {
			t.Errorf("removing %v: %v", none, err)
		}
	}
}

func traversal(t *testing.T, s store) {
	for _, key := range []string{
		"", "/", ".", "..", "../x", "/etc/passwd", "a/../../x", "a/./b", "a//b", "a/", "a\\..\\b", "a/..",
		".a", "a/.b", "a/.b.X.upload", "a\x00b", "a\nb", "a b", "ä", string(bytes.Repeat([]byte("a"), 201)),
	} {
		if _, err := put(t.Context(), s, key, []byte("x"), deposit.Replace); err == nil {
			t.Errorf("Put takes %q", key)
		}
		if _, err := s.Get(t.Context(), key); err == nil {
			t.Errorf("Get takes %q", key)
		}
		if _, _, err := s.Read(t.Context(), key, ""); err == nil {
			t.Errorf("Read takes %q", key)
		}
		if _, err := s.Traces(t.Context(), key); err == nil {
			t.Errorf("Traces takes %q", key)
		}
		if err := s.Remove(t.Context(), key, archive.Trace{Kind: archive.Version, ID: "x"}); err == nil {
			t.Errorf("Remove takes %q", key)
		}
	}
	for _, prefix := range []string{"../", "/", "a//", ".a"} {
		var last error
		for _, err := range s.List(t.Context(), prefix) {
			last = err
		}
		if last == nil {
			t.Errorf("List takes %q", prefix)
		}
	}
}
