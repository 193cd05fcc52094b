package evidence

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

var now = time.Date(2027, 6, 1, 9, 0, 0, 0, time.UTC)

// memory is a sink that keeps what it is given.
type memory map[string]*bytes.Buffer

func (m memory) File(name string, write func(io.Writer) error) error {
	if m[name] != nil {
		return fmt.Errorf("%s is there twice", name)
	}
	m[name] = &bytes.Buffer{}
	return write(m[name])
}

// archived is an export of a register in which that many letters came and went,
// signed, and its public key.
func archived(t *testing.T, letters int) (export, pub string) {
	t.Helper()
	secret, pub, err := note.GenerateKey(rand.Reader, "letterlock-register")
	must(t, err)
	signer, err := note.NewSigner(secret)
	must(t, err)
	var out strings.Builder
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) (got []tlog.Hash, err error) {
		for _, i := range at {
			got = append(got, hashes[i])
		}
		return got, nil
	})
	n := int64(0)
	add := func(kind string, id letter.ID, by int64, ev any) {
		data, err := json.Marshal(ev)
		must(t, err)
		line, err := json.Marshal(register.Entry{N: n, At: now.AddDate(-1, 0, 0), Kind: kind, Letter: id, By: by, Data: data})
		must(t, err)
		added, err := tlog.StoredHashes(n, line, reader)
		must(t, err)
		hashes = append(hashes, added...)
		out.Write(append(line, '\n'))
		n++
	}
	add("edge-added", "", 0, register.EdgeAdded{Site: "annexe"})
	add("edge-added", "", 0, register.EdgeAdded{Site: "office"})
	add("edge-revoked", "", 0, register.EdgeRevoked{Site: "annexe"})
	for range letters {
		id := letter.NewID()
		add("letter-admitted", id, 0, register.LetterAdmitted{Site: "office", Helpline: "respect-phoneline", Class: letter.SixMonths, Pages: 3})
		add("letter-readable", id, 4, struct{}{})
		add("paper-destroyed", id, 7, register.PaperDestroyed{Ledger: "D-2026-000001", Reference: register.Reference(id.Reference()), Witness: 8,
			Level: "P-5", Anomalies: []register.Anomaly{register.AnomalyUnread, register.AnomalyLevel}})
		add("letter-deleted", id, 0, register.LetterDeleted{Class: letter.SixMonths, Versions: 1, By: register.ByLetterlock, KeyDead: true})
	}
	add("register-exported", "", 6, struct{}{})
	root, err := tlog.TreeHash(n, reader)
	must(t, err)
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("letterlock register\n%d\n%s\n", n, root)}, signer)
	must(t, err)
	last, err := json.Marshal(map[string]string{"checkpoint": string(signed)})
	must(t, err)
	return out.String() + string(last) + "\n", pub
}

func facts(t *testing.T, export, pub string) Facts {
	t.Helper()
	policy, err := os.ReadFile("../../cmd/letterlock/policy.md")
	must(t, err)
	return Facts{Language: texts.English(), Made: now, Version: "a test", PolicyName: "confidentiality-policy-1", Policy: policy,
		Setup: Setup{Helplines: []Helpline{{"respect-phoneline", "Respect Phoneline", 2}}, People: map[register.Role]int{register.Manager: 41},
			S3: true, DestroyAfter: "readable", Places: []string{"office"}, Contractors: []string{"shred-station"}, Arriving: 30 * time.Minute},
		Storage:   []Finding{{"versioning", true, "Every version is kept by itself.", ""}},
		PublicKey: pub, Spool: t.TempDir(),
		Export: func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, export); return err },
		Retention: func(year string, entries iter.Seq2[register.Entry, error]) (Record, error) {
			n := 0
			for _, err := range entries {
				if n++; err != nil {
					return Record{}, err
				}
			}
			says := func(w io.Writer) error { _, err := fmt.Fprintf(w, "%s: %d entries", year, n); return err }
			return Record{PDF: says, CSV: says}, nil
		},
	}
}

// Whoever adds a list or reads the export once more says so in willRead.
func TestThePackSaysHowFarItIs(t *testing.T) {
	export, pub := archived(t, 3)
	f := facts(t, export, pub)
	var was, will int64
	f.Far = func(done, of int64) {
		if done < was || of > 0 && done > of {
			t.Errorf("%d of %d, after %d", done, of, was)
		}
		was, will = done, of
	}
	_, err := Write(t.Context(), memory{}, f)
	must(t, err)
	if was != will || was < int64(10*len(export)) {
		t.Errorf("at its end it is at %d of %d bytes", was, will)
	}
}

func TestThePackHoldsWhatItSays(t *testing.T) {
	export, pub := archived(t, 3)
	f := facts(t, export, pub)
	pack := memory{}
	found, err := Write(t.Context(), pack, f)
	must(t, err)
	if found.Entries != 16 || len(found.Wrong) > 0 || !slices.Equal(found.Sites, []string{"office"}) {
		t.Errorf("found %+v", found)
	}
	if pack["register.ndjson"].String() != export {
		t.Error("the export in the pack is another")
	}
	for name, want := range map[string][]string{
		"index.html":                    {"16 entries, each as it was signed", "Letters that arrived: 3. Copies of answers filed: 0. Papers destroyed: 3. Letters and copies deleted with proof: 3."},
		"procedure.html":                {"Respect Phoneline", "respect-phoneline", "these sites: office.", "shred-station", "<td>41</td>", "after 30 minutes", "1826 for five years", "No key is in escrow", "P-5, in 3 destructions; what is coarser than P-5"},
		"verification.txt":              {"Verified: 16 entries", "letterlock register verify register.ndjson --key register.pub", "letterlock register\n16\n"},
		"policy.md":                     {"including the recycle bin"},
		"register.pub":                  {pub},
		"retention-record-2026.csv":     {"2026: 16 entries"},
		"retention-record-2027.pdf":     {"2027: 16 entries"},
		"storage.html":                  {"versioning", "Every version is kept by itself."},
		"demands.html":                  {"RESISCAN A.NB.4", "BS 10008", "ISO/IEC 21964-3", "including the recycle bin."},
		"destruction-certificates.html": {"<dt>witness</dt><dd>8</dd>", "<dd>unread coarse</dd>", "<dt>staff</dt><dd>7</dd>", "“staff” is the staff number of who did it"},
		"key-ends.html":                 {"There is none in this register."},
	} {
		for _, w := range want {
			if pack[name] == nil || !strings.Contains(pack[name].String(), w) {
				t.Errorf("%s does not say %q", name, w)
			}
		}
	}
	for name, rows := range map[string]int{"transfer-notes.csv": 6, "destruction-certificates.csv": 3, "deletion-proofs.csv": 3, "key-ends.csv": 0} {
		got, err := csv.NewReader(pack[name]).ReadAll()
		if err != nil || len(got) != rows+1 {
			t.Errorf("%s has %d rows, %v", name, len(got)-1, err)
		}
	}
	leadsSomewhere(t, pack)
	for name := range pack {
		if name != "index.html" && !strings.Contains(pack["index.html"].String(), `href="`+name+`"`) {
			t.Errorf("the index does not tell of %s", name)
		}
	}
}

// leadsSomewhere finds links to what is not in the pack.
func leadsSomewhere(t *testing.T, pack memory) {
	t.Helper()
	links := regexp.MustCompile(`href="([^"]+)"`)
	for name, text := range pack {
		for _, m := range links.FindAllStringSubmatch(text.String(), -1) {
			if pack[m[1]] == nil {
				t.Errorf("%s leads to %s, which is not in the pack", name, m[1])
			}
		}
	}
}

// What is wrong stands in the pack, and whatever it takes away is not claimed.
func TestWhatIsWrongIsSaid(t *testing.T) {
	export, pub := archived(t, 3)
	f := facts(t, strings.Replace(export, `"versions":1`, `"versions":0`, 1), pub)
	f.Storage = append(f.Storage, Finding{"lock", false, "Objects are locked.", "Use another bucket."})
	wrong := memory{}
	found, err := Write(t.Context(), wrong, f)
	must(t, err)
	want := []string{"The register: an entry is not the one that was signed.", "The storage: lock: Objects are locked."}
	var said []string
	for _, says := range found.Wrong {
		said = append(said, texts.English().Text(says))
	}
	if !slices.Equal(said, want) {
		t.Errorf("found wrong: %q", said)
	}
	for _, says := range append(want, "does not verify") {
		if !strings.Contains(wrong["index.html"].String(), says) {
			t.Errorf("the index does not say %q", says)
		}
	}
	leadsSomewhere(t, wrong)
	if wrong["deletion-proofs.csv"] != nil || wrong["retention-record-2026.csv"] != nil {
		t.Error("lists were made from a register that does not verify")
	}
	if !strings.Contains(wrong["verification.txt"].String(), "WRONG: this export is not what Letterlock signed.") {
		t.Error("the verification says that all is well")
	}
	for _, d := range (&pack{Facts: f}).demands() { // of which nothing was verified

		if d.Met == no {
			continue
		}
		for _, file := range d.Files {
			if wrong[file] == nil || file == storage {
				t.Errorf("%s (%s) is claimed to be met in %s", d.Source, d.Says, file)
			}
		}
	}
}

// While a letter is past its deadline, or the retention record does not add up, the pack
// does not claim that letters go in time; an earlier year's overdue letters have gone since.
func TestWhatIsOverdueIsNotClaimed(t *testing.T) {
	export, pub := archived(t, 3)
	const six = "After six months all records will be permanently deleted, including the recycle bin."
	for says, records := range map[string]map[string]Record{
		"Not now: 1 letter is past its deadline and not gone.": {"2027": {Overdue: 1}},
		"Not now: the retention record does not add up.":       {"2026": {Wrong: []texts.Text{texts.Say("retention-wrong.letters-do-not-add-up", "helpline", "respect-phoneline")}}},
		"": {"2026": {Overdue: 1}},
	} {
		f := facts(t, export, pub)
		well := f.Retention
		f.Retention = func(year string, entries iter.Seq2[register.Entry, error]) (Record, error) {
			r, err := well(year, entries)
			r.Overdue, r.Wrong = records[year].Overdue, records[year].Wrong
			return r, err
		}
		pack := memory{}
		found, err := Write(t.Context(), pack, f)
		must(t, err)
		if (len(found.Wrong) > 0) != (says != "") {
			t.Errorf("%s: found wrong: %v", says, found.Wrong)
		}
		rows := 0
		for row := range strings.SplitSeq(pack["demands.html"].String(), "<tr>") {
			if says != "" && strings.Contains(row, says) && strings.Contains(row, ">no<") {
				rows++
			}
			if strings.Contains(row, six) && strings.Contains(row, ">yes<") != (says == "") {
				t.Errorf("%q: of six months it says %s", says, row)
			}
		}
		if want := len(inTime); says != "" && rows != want {
			t.Errorf("%s: in %d demands, want %d", says, rows, want)
		}
	}
}

// inAnother is a language each of whose texts begins with a letter of its own.
func inAnother(t *testing.T) *texts.Language {
	t.Helper()
	english, err := fs.ReadFile(texts.Files, "en.toml")
	must(t, err)
	other := regexp.MustCompile(`((?:^|\n)[a-z0-9-]+ = (?:\{ one = )?"|, other = ")`).ReplaceAllString(string(english), "${1}ŵ")
	l, err := texts.New(fstest.MapFS{"en.toml": {Data: english}, "xx.toml": {Data: []byte(strings.Replace(other, `"ŵen-GB"`, `"en-XA"`, 1))}}, "xx")
	must(t, err)
	return l
}

// Nothing that the pack itself says to people is English where the portal speaks
// another language: neither its pages, nor the index, nor how the register is verified.
func TestAPackInAnotherLanguage(t *testing.T) {
	export, pub := archived(t, 1)
	f := facts(t, export, pub)
	f.Language, f.Sample = inAnother(t), true
	pack := memory{}
	_, err := Write(t.Context(), pack, f)
	must(t, err)
	said := regexp.MustCompile(`<(?:title|h1|h2|p|caption|li|th scope="col"|td class="fill")(?: class="\w+")?>(?:<\w+>)*([^<]+)`)
	looked := 0
	for name, text := range pack {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		if !strings.Contains(text.String(), `<html lang="en-XA">`) {
			t.Errorf("%s does not say in which language it is", name)
		}
		for _, m := range said.FindAllStringSubmatch(text.String(), -1) {
			if looked++; !strings.HasPrefix(m[1], "ŵ") {
				t.Errorf("%s says in English %q", name, m[1])
			}
		}
	}
	if looked < 100 || !strings.HasPrefix(pack["verification.txt"].String(), "ŵ") {
		t.Errorf("%d things that are said were looked at; of the register it is said\n%s", looked, pack["verification.txt"])
	}
	for _, m := range regexp.MustCompile(`<tr><td><a [^>]*>([^<]+)</a></td><td>([^<]+)`).FindAllStringSubmatch(pack["index.html"].String(), -1) {
		if !strings.HasPrefix(m[2], "ŵ") {
			t.Errorf("of %s the index says %q", m[1], m[2])
		}
	}
}

// The policy that comes with Letterlock is answered sentence by sentence; one
// that is changed in it is not.
func TestThePolicysOwnSentences(t *testing.T) {
	f := facts(t, "", "")
	said := (&pack{Facts: f}).policySentences()
	if len(said) != len(answers) {
		t.Errorf("%d sentences, and answers to %d", len(said), len(answers))
	}
	for _, d := range said {
		if _, known := answers[d.Says.String()]; !known {
			t.Errorf("no answer to %q", d.Says)
		}
	}
	f.Policy = []byte("# Ours\n\nWe scan.\nWe keep\nnothing. Really?\n\n- One\n  item.\n- Every opening is recorded.\n\n*A remark.*\n")
	var got []string
	for _, d := range (&pack{Facts: f}).policySentences() {
		got = append(got, d.Says.String()+" "+d.Met)
	}
	want := []string{"We scan. no", "We keep nothing. no", "Really? no", "One item. no", "Every opening is recorded. yes"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// By configuration some demands are not met; the table follows it.
func TestDemandsFollowTheConfiguration(t *testing.T) {
	f := facts(t, "", "")
	met := func(f Facts) map[string]string {
		out := map[string]string{}
		for _, d := range (&pack{Facts: f, Found: Found{verified: true}}).demands() {
			out[d.Source] = d.Met
		}
		return out
	}
	good := met(f)
	f.Setup.DestroyAfter, f.Setup.AllowSymbols = "verified", true
	bad := met(f)
	for source, want := range map[string][2]string{"RESISCAN A.SC.8": {yes, inPart}, "RESISCAN A.AM.IN.SH.1": {yes, inPart}, "RESISCAN A.SC.12": {yes, no}} {
		if got := [2]string{good[source], bad[source]}; got != want {
			t.Errorf("%s is met: %q, want %q", source, got, want)
		}
	}
}

// watching is a sink that looks now and then how much memory lives.
type watching struct {
	written, looked int
	most            uint64
}

func (s *watching) File(_ string, write func(io.Writer) error) error { return write(s) }

func (s *watching) Write(p []byte) (int, error) {
	if s.written += len(p); s.written-s.looked > 1<<20 {
		s.looked = s.written
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		s.most = max(s.most, m.HeapAlloc)
	}
	return len(p), nil
}

// Memory does not grow with the archive.
func TestAPackIsStreamed(t *testing.T) {
	export, pub := archived(t, 4_000)
	file := t.TempDir() + "/export"
	must(t, os.WriteFile(file, []byte(export), 0o600))
	size := uint64(len(export))
	export = ""
	f := facts(t, export, pub)
	f.Export = func(_ context.Context, w io.Writer) error {
		in, err := os.Open(file)
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }()
		_, err = io.Copy(w, in)
		return err
	}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	s := &watching{}
	_, err := Write(t.Context(), s, f)
	must(t, err)
	if s.looked == 0 || s.most > before.HeapAlloc+size/4 {
		t.Errorf("with an export of %d bytes memory grew from %d to %d bytes", size, before.HeapAlloc, s.most)
	}
}

// A folder replaces nothing, and a zip that is not closed does not open.
func TestSinks(t *testing.T) {
	hello := func(w io.Writer) error { _, err := io.WriteString(w, "hello"); return err }
	d := Folder(t.TempDir())
	must(t, d.File("a.txt", hello))
	if b, err := os.ReadFile(string(d) + "/a.txt"); err != nil || string(b) != "hello" {
		t.Errorf("in the folder: %q, %v", b, err)
	}
	if err := d.File("a.txt", hello); !os.IsExist(err) {
		t.Errorf("a file was replaced: %v", err)
	}
	var out bytes.Buffer
	z := NewZip(&out)
	must(t, z.File("a.txt", hello))
	if _, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len())); err == nil {
		t.Error("half a zip opens")
	}
	must(t, z.Close())
	if r, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil || len(r.File) != 1 {
		t.Errorf("the zip: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
