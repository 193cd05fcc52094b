package register

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"letterlock/scanner/letter"
)

func (d *desk) export() string {
	d.t.Helper()
	var out bytes.Buffer
	d.must(d.Export(d.t.Context(), &out))
	return out.String()
}

func verify(export string, pub note.Verifier) error {
	_, err := Verify(strings.NewReader(export), pub)
	return err
}

// An export is verified with the public key alone, and whatever anyone does to
// it is found.
func TestTamperingIsFound(t *testing.T) {
	d := newDesk(t)
	for range 20 {
		d.receipted()
	}
	export := d.export()
	if head, err := Verify(strings.NewReader(export), d.pub); err != nil || head.Entries != 61 {
		t.Fatalf("%d entries verified, %v", head.Entries, err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(export, "\n"), "\n")
	last := len(lines) - 1
	join := func(parts ...[]string) string {
		var all []string
		for _, p := range parts {
			all = append(all, p...)
		}
		return strings.Join(all, "")
	}
	for name, bad := range map[string]string{
		"a line removed":         join(lines[:5], lines[6:]),
		"the last entry removed": join(lines[:last-1], lines[last:]),
		"a line added":           join(lines[:5], lines[4:]),
		"lines swapped":          join(lines[:5], lines[6:7], lines[5:6], lines[7:]),
		"no checkpoint":          join(lines[:last]),
		"checkpoint first":       join(lines[last:], lines[:last]),
		"something after it":     export + lines[0],
		"line ends changed":      strings.ReplaceAll(export, "\n", "\r\n"),
		"an empty line":          "\n" + export,
		"a signature more":       strings.Replace(export, `\n"}`, `\n`+signatureOf(export)+`\n"}`, 1),
		"empty":                  "",
	} {
		var wrong *Wrong
		if err := verify(bad, d.pub); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := newDesk(t)
	if err := verify(export, other.pub); err == nil {
		t.Error("another register's key verified it")
	}
}

// signatureOf is the export's signature line, as it stands in its last line.
func signatureOf(export string) string {
	i := strings.LastIndex(export, "— ")
	return strings.TrimSuffix(export[i:], "\\n\"}\n")
}

func TestEveryChangedByteIsFound(t *testing.T) {
	d := newDesk(t)
	d.receipted()
	export := d.export()
	// The last line's every byte, and any others that are drawn.
	for at := strings.LastIndex(strings.TrimSuffix(export, "\n"), "\n"); at < len(export); at++ {
		for to := range 256 {
			if bad := export[:at] + string([]byte{byte(to)}) + export[at+1:]; bad != export && verify(bad, d.pub) == nil {
				t.Fatalf("byte %d of %d changed to %q, and verified", at, len(export), byte(to))
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(export)-1).Draw(t, "at")
		to := byte(rapid.IntRange(0, 255).Draw(t, "to"))
		if export[at] == to {
			return
		}
		bad := export[:at] + string([]byte{to}) + export[at+1:]
		if err := verify(bad, d.pub); err == nil {
			t.Fatalf("byte %d changed to %q, and verified", at, to)
		}
	})
}

// Who writes into the database without the key is found at the next check.
func TestAForgedRowIsFound(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.receipted()
	if _, err := d.VerifyTip(ctx); err != nil {
		t.Fatal(err)
	}
	d.must(d.exec(`UPDATE entries SET line = replace(line, 'letter-receipted', 'letter-forgotten') WHERE kind = 'letter-receipted'`))
	var wrong *Wrong
	if _, err := d.VerifyTip(ctx); !errors.As(err, &wrong) {
		t.Errorf("a changed entry: %v", err)
	}
	if err := verify(d.export(), d.pub); !errors.As(err, &wrong) {
		t.Errorf("an export with it: %v", err)
	}
}

// The root that is computed from a few hashes is the root of the tree.
func TestTheFrontierIsTheTree(t *testing.T) {
	var f frontier
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range idx {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for n := range int64(600) {
		want, err := tlog.TreeHash(n, read)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.root(); got != want || len(f.whole) != bits.OnesCount64(uint64(n)) {
			t.Fatalf("of %d entries: %s with %d hashes, want %s", n, got, len(f.whole), want)
		}
		line := []byte(strconv.FormatInt(n, 10))
		hs, err := tlog.StoredHashes(n, line, read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hs...)
		f.add(line)
	}
}

func (d *desk) head() Head {
	d.t.Helper()
	head, err := Verify(strings.NewReader(d.export()), d.pub)
	d.must(err)
	return head
}

// What was signed once must be how every later export begins, and how the
// register itself does. Somebody with the key can sign another story, and is
// found by whoever kept a checkpoint of the first.
func TestARegisterThatWasWrittenAnewIsFound(t *testing.T) {
	secret, public, err := note.GenerateKey(rand.Reader, "letterlock-register")
	if err != nil {
		t.Fatal(err)
	}
	d := newDeskOf(t, secret, public)
	heads := []Head{d.head()}
	for range 9 {
		d.receipted()
		heads = append(heads, d.head())
	}
	honest, last := d.export(), heads[len(heads)-1]
	if got, err := Verify(strings.NewReader(honest), d.pub, heads...); err != nil || got != last {
		t.Fatalf("an honest export: %v", err)
	}
	for _, h := range heads {
		d.must(d.Holds(t.Context(), h.Note))
		proof, err := d.ProveGrowth(t.Context(), h.Entries, last.Entries)
		d.must(err)
		d.must(proof.Check(h, last))
	}

	forged := newDeskOf(t, secret, public)
	forged.must(forged.Record(t.Context(), EdgeAdded{Site: "forged"}, 0))
	for range 9 {
		forged.receipted()
	}
	var wrong *Wrong
	if got, err := Verify(strings.NewReader(forged.export()), d.pub, heads...); !errors.As(err, &wrong) || got.Entries != 29 {
		t.Errorf("a forged export: %v", err)
	}
	for _, h := range heads[1:] {
		if err := forged.Holds(t.Context(), h.Note); !errors.As(err, &wrong) {
			t.Errorf("a forged register and the checkpoint over %d: %v", h.Entries, err)
		}
		proof, err := forged.ProveGrowth(t.Context(), h.Entries, 29)
		d.must(err)
		if err := proof.Check(h, forged.head()); !errors.As(err, &wrong) {
			t.Errorf("a forged proof from %d: %v", h.Entries, err)
		}
	}
	if n, differ, err := FirstDifference(strings.NewReader(honest), strings.NewReader(forged.export())); n != 1 || !differ || err != nil {
		t.Errorf("the first difference is %d, %v, %v", n, differ, err)
	}
	// An old backup, brought back.
	old := newDeskOf(t, secret, public)
	if err := old.Holds(t.Context(), last.Note); !errors.As(err, &wrong) {
		t.Errorf("a register that lost entries: %v", err)
	}
	if _, err := Verify(strings.NewReader(old.export()), d.pub, heads...); !errors.As(err, &wrong) {
		t.Errorf("its export: %v", err)
	}
	if err := d.Holds(t.Context(), newDesk(t).head().Note); !errors.As(err, &wrong) {
		t.Errorf("another register's checkpoint: %v", err)
	}
	if _, err := d.ProveGrowth(t.Context(), 1, last.Entries+1); !errors.Is(err, ErrNotFound) {
		t.Errorf("a proof about entries that are not there: %v", err)
	}
}

// longExport writes an export of n entries, each as long as most are.
func longExport(tb testing.TB, w io.Writer, n int64, signer note.Signer) {
	var tree frontier
	out := bufio.NewWriter(w)
	id := letter.NewID()
	for i := range n {
		_, line, err := newEntry(i, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), LetterAdmitted{Site: "office", Helpline: "respect-phoneline",
			Class: letter.SixMonths, Week: "x2027-W21", Pages: 3, Sheets: 2, Sides: 3}, id, 0)
		if err != nil {
			tb.Error(err)
		}
		tree.add(line)
		_, _ = out.Write(append(line, '\n'))
	}
	signed, err := signHead(tlog.Tree{N: n, Hash: tree.root()}, signer)
	last, err2 := json.Marshal(trailer{string(signed)})
	_, _ = out.Write(append(last, '\n'))
	if err := errors.Join(err, err2, out.Flush()); err != nil {
		tb.Error(err)
	}
}

// An export of 300,000 entries, some years of a helpline, is verified in
// seconds, and in the memory that one of 3,000 takes.
func BenchmarkVerify(b *testing.B) {
	secret, public, err := note.GenerateKey(rand.Reader, "letterlock-register")
	if err != nil {
		b.Fatal(err)
	}
	signer, _ := note.NewSigner(secret)
	pub, _ := note.NewVerifier(public)
	for _, n := range []int64{3_000, 300_000} {
		b.Run(strconv.FormatInt(n, 10), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "register.ndjson")
			f, err := os.Create(path)
			if err != nil {
				b.Fatal(err)
			}
			longExport(b, f, n, signer)
			_ = f.Close()
			var most runtime.MemStats
			for b.Loop() {
				f, err := os.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := Verify(f, pub); err != nil {
					b.Fatal(err)
				}
				_ = f.Close()
			}
			runtime.ReadMemStats(&most)
			b.ReportMetric(float64(most.HeapSys)/(1<<20), "heap-MB")
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
