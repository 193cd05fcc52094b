package witness

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
)

// house is a register with its key, a portal that shows its day's checkpoint,
// and a witness that nobody of the house can reach.
type house struct {
	*register.Register
	t       *testing.T
	now     time.Time
	secret  string
	public  string
	portal  Portal
	witness *Witness
	serving *register.Register                  // what the portal shows
	keys    map[register.SigningKey]note.Signer // that took over
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, keys: map[register.SigningKey]note.Signer{}, now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	var err error
	h.secret, h.public, err = note.GenerateKey(rand.Reader, "letterlock-register")
	h.must(err)
	h.Register = h.open(filepath.Join(t.TempDir(), "letterlock.db"))
	h.serving = h.Register
	h.nextDay()
	pub, err := note.NewVerifier(h.public)
	h.must(err)
	server := httptest.NewServer(http.HandlerFunc(h.show))
	t.Cleanup(server.Close)
	h.portal = Portal{Origin: server.URL, Client: server.Client()}
	h.witness = &Witness{Dir: filepath.Join(t.TempDir(), "witness"), Pub: pub, Now: func() time.Time { return h.now }}
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) open(path string) *register.Register {
	h.t.Helper()
	signer, err := note.NewSigner(h.secret)
	h.must(err)
	r, err := register.Open(h.t.Context(), register.Config{Path: path, Signer: signer, Verifier: h.public, Now: func() time.Time { return h.now },
		SignerOf: func(key register.SigningKey) (note.Signer, error) { return h.keys[key], nil }})
	h.must(err)
	h.t.Cleanup(func() { _ = r.Close() })
	return r
}

// show answers as the portal does.
func (h *house) show(w http.ResponseWriter, r *http.Request) {
	_, today, err := h.serving.Today(r.Context())
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if r.URL.Path == "/checkpoint" {
		_, _ = w.Write([]byte(today.Checkpoint))
		return
	}
	if r.URL.Path == "/checkpoint/keys" {
		_ = json.NewEncoder(w).Encode(today.Keys)
		return
	}
	from, _ := strconv.ParseInt(r.FormValue("from"), 10, 64)
	to, _ := strconv.ParseInt(r.FormValue("to"), 10, 64)
	g, err := h.serving.ProveGrowth(r.Context(), from, to)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(g)
}

// nextDay writes some entries and begins the next day.
func (h *house) nextDay() {
	h.t.Helper()
	for range 3 {
		h.must(h.Record(h.t.Context(), register.LifecycleInstalled{}, 0))
	}
	h.now = h.now.AddDate(0, 0, 1)
	_, err := h.BeginDay(h.t.Context())
	h.must(err)
}

// file writes what is to be found on a day: the statement for the bucket, the
// checkpoint in a mail, or an export.
func (h *house) file(dir, name, text string) string {
	h.t.Helper()
	h.must(os.MkdirAll(dir, 0o700))
	path := filepath.Join(dir, name)
	h.must(os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (h *house) statement() string {
	h.t.Helper()
	_, today, err := h.Today(h.t.Context())
	h.must(err)
	b, err := json.Marshal(today)
	h.must(err)
	return string(b)
}

func (h *house) export() string {
	h.t.Helper()
	var b strings.Builder
	h.must(h.Export(h.t.Context(), &b))
	return b.String()
}

func (h *house) look(sources ...Source) Report {
	h.t.Helper()
	compared, all := -1, 0
	h.witness.Far = func(done, of int) {
		if done != compared+1 || done > of {
			h.t.Errorf("after %d of %d checkpoints it says %d of %d", compared, all, done, of)
		}
		compared, all = done, of
	}
	r, err := h.witness.Look(h.t.Context(), sources)
	h.must(err)
	if compared < 0 || r.well() && compared != all {
		h.t.Errorf("it ended with %d of %d checkpoints", compared, all)
	}
	return r
}

func (h *house) files(path string) *Files { return &Files{Path: path, Pub: h.witness.Pub} }

func (r Report) well() bool { return len(r.Wrong)+len(r.Unknown) == 0 }

func TestAWitnessFollowsTheRegister(t *testing.T) {
	h := newHouse(t)
	for day := range 5 {
		if r := h.look(h.portal); !r.well() || r.Added != 1 || r.Newest.Entries != int64(4*(day+1)) {
			t.Fatalf("on day %d: %+v", day, r)
		}
		if r := h.look(h.portal); !r.well() || r.Added != 0 {
			t.Fatalf("the same day again: %+v", r)
		}
		h.nextDay()
	}
}

// Each kind of source alone lets a witness follow, days that it missed included.
func TestEverySourceIsEnough(t *testing.T) {
	h := newHouse(t)
	dir := t.TempDir()
	bucket, exports := filepath.Join(dir, "bucket"), filepath.Join(dir, "exports")
	h.file(bucket, "1", h.statement())
	h.file(exports, "1.ndjson", h.export())
	h.look(h.files(bucket))
	for _, day := range []string{"2", "3", "4"} {
		h.nextDay()
		h.file(bucket, day, h.statement())
	}
	h.file(exports, "4.ndjson", h.export())
	if r := h.look(h.files(bucket)); !r.well() || r.Added != 3 {
		t.Errorf("the bucket's checkpoints: %+v", r)
	}
	if r := h.look(h.files(exports)); !r.well() || r.Added != 0 {
		t.Errorf("exports of the same moments: %+v", r)
	}
	h.must(h.Record(t.Context(), register.LifecycleInstalled{}, 0))
	h.file(exports, "5.ndjson", h.export())
	if r := h.look(h.files(exports)); !r.well() || r.Added != 1 {
		t.Errorf("an export that is newer than the day's checkpoint: %+v", r)
	}
	if r := h.look(h.portal); !r.well() {
		t.Errorf("the day's checkpoint that is older than an export: %+v", r)
	}
	h.nextDay()
	_, today, err := h.Today(t.Context())
	h.must(err)
	mail := h.file(dir, "mail.eml", "Subject: The day\r\n\r\nHello.\r\n\r\n"+strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(today.Checkpoint, "=", "=3D"), "—", "=E2=80=94"), "\n", "\r\n")+"\r\nBye.\r\n")
	if r := h.look(h.files(mail)); len(r.Wrong) > 0 || len(r.Unknown) != 1 {
		t.Errorf("a mail, which proves nothing alone: %+v", r)
	}
	last := h.file(dir, "last.ndjson", h.export())
	if r := h.look(h.files(mail), h.files(last)); !r.well() || r.Added != 1 {
		t.Errorf("a mail, and an export of the same moment: %+v", r)
	}
	if r := h.look(h.files(mail), h.portal); !r.well() || r.Added != 0 {
		t.Errorf("a mail, and the portal's proof: %+v", r)
	}
}

// What stands beside a checkpoint is signed by nobody: damaged, it accuses nobody where
// another source has the proof.
func TestADamagedProofAccusesNobody(t *testing.T) {
	h := newHouse(t)
	h.look(h.portal)
	h.nextDay()
	_, today, err := h.Today(t.Context())
	h.must(err)
	today.Growth.Proof[0][0] ^= 1
	text, err := json.Marshal(today)
	h.must(err)
	path := h.file(t.TempDir(), "2", string(text))
	if r := h.look(h.files(path), h.portal); !r.well() || r.Added != 1 {
		t.Errorf("with a damaged statement and the portal's proof: %+v", r)
	}
	if r := h.look(h.portal); !r.well() {
		t.Errorf("at the next look: %+v", r)
	}
}

// Mails of two days prove nothing of each other; an export of later proves both,
// in whatever order they are given, and to a witness that knew nothing before.
func TestAnExportProvesWhatCameBeforeIt(t *testing.T) {
	h := newHouse(t)
	mails := t.TempDir()
	for _, day := range []string{"1.eml", "2.eml"} {
		_, today, err := h.Today(t.Context())
		h.must(err)
		h.file(mails, day, "Hello.\n\n"+today.Checkpoint+"\nBye.\n")
		h.nextDay()
	}
	export := h.file(t.TempDir(), "x.ndjson", h.export())
	if r := h.look(h.files(mails), h.files(export)); !r.well() || r.Added != 3 {
		t.Errorf("%+v", r)
	}
}

// Somebody with the key writes another story. Whatever can be compared gives it
// away, at once and ever after; what cannot be compared is never said to be well.
func TestAnotherStoryIsFound(t *testing.T) {
	portal := func(h *house) []Source { h.serving = h.Register; return []Source{h.portal} }
	export := func(h *house) []Source { return []Source{h.files(h.file(h.t.TempDir(), "x.ndjson", h.export()))} }
	bucket := func(h *house) []Source { // beside a portal that still shows the true one
		return []Source{h.files(h.file(h.t.TempDir(), "x", h.statement())), h.portal}
	}
	for name, c := range map[string]struct {
		show  func(h *house) []Source
		days  int // of the other story; the true one has four, and 16 entries
		wrong bool
	}{
		"a portal, shorter than before":     {portal, 2, true},
		"a portal, longer":                  {portal, 5, true},
		"an export, shorter":                {export, 2, false}, // as an old one is
		"an export, longer":                 {export, 5, true},
		"a checkpoint, shorter":             {bucket, 2, true},
		"a checkpoint that goes on from it": {bucket, 5, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			for range 3 {
				h.look(h.portal)
				h.nextDay()
			}
			h.look(h.portal)
			h.Register = h.open(filepath.Join(t.TempDir(), "forged.db"))
			h.must(h.Record(t.Context(), register.BucketAdopted{}, 0))
			for range c.days {
				h.nextDay()
			}
			r := h.look(c.show(h)...)
			if (len(r.Wrong) > 0) != c.wrong || r.well() {
				t.Errorf("%+v", r)
			}
			if r.Added > 0 || r.Newest.Entries != 16 {
				t.Errorf("it was taken for true: %+v", r)
			}
			if again := h.look(); c.wrong && c.days > 4 && len(again.Wrong) == 0 {
				t.Error("forgotten at the next look")
			}
		})
	}
}

// A restore that was known when the folder was begun explains nothing that does not
// belong to what is in it.
func TestAnOldRestoreExplainsNothingNew(t *testing.T) {
	for name, c := range map[string]struct {
		begun    int // days after the restore
		explains int
	}{"begun before the restore": {-1, 1}, "begun after the restore": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.look(h.portal)
			restored := h.now.AddDate(0, 0, 1)
			kept, err := os.ReadDir(h.witness.Dir)
			h.must(err)
			for _, e := range kept {
				begun := restored.AddDate(0, 0, c.begun)
				h.must(os.Chtimes(filepath.Join(h.witness.Dir, e.Name()), begun, begun))
			}
			h.now = restored
			h.Register = h.open(filepath.Join(t.TempDir(), "other.db"))
			h.must(h.Record(t.Context(), register.RestoreBegun{}, 0))
			for range 5 {
				h.nextDay()
			}
			r := h.look(h.files(h.file(t.TempDir(), "x.ndjson", h.export())))
			if len(r.Wrong) == 0 || len(r.Restores) != c.explains {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Two signed stories of the same length need no proof.
func TestAForkOfOneLengthIsFound(t *testing.T) {
	h := newHouse(t)
	h.look(h.portal)
	h.Register = h.open(filepath.Join(t.TempDir(), "forged.db"))
	h.now = h.now.AddDate(0, 0, -1)
	h.nextDay()
	path := h.file(t.TempDir(), "x", h.statement())
	if r := h.look(h.files(path)); !r.well() {
		t.Fatalf("the same entries at the same times are the same story: %+v", r)
	}
	h.Register = h.open(filepath.Join(t.TempDir(), "other.db"))
	h.nextDay()
	path = h.file(t.TempDir(), "x", h.statement())
	if r := h.look(h.files(path)); len(r.Wrong) != 1 {
		t.Errorf("%+v", r)
	}
	if r := h.look(h.portal); len(r.Wrong) != 1 {
		t.Errorf("at the next look, at the true one: %+v", r)
	}
}

func TestWhatIsNotTheRegistersIsSaid(t *testing.T) {
	h, other := newHouse(t), newHouse(t)
	h.look(h.portal)
	if r := h.look(other.portal); len(r.Wrong) != 1 {
		t.Errorf("another register's portal: %+v", r)
	}
	dir := t.TempDir()
	h.file(dir, "nothing.txt", "no checkpoint")
	if r := h.look(h.files(dir)); len(r.Unknown) != 1 {
		t.Errorf("a folder without any: %+v", r)
	}
	if r := h.look(h.files(filepath.Join(dir, "missing"))); len(r.Unknown) != 1 {
		t.Errorf("a folder that is not there: %+v", r)
	}
	h.file(dir, "bad.ndjson", strings.Replace(h.export(), "lifecycle", "lifebicycle", 1))
	if r := h.look(h.files(dir)); len(r.Wrong) != 1 {
		t.Errorf("an export that was changed: %+v", r)
	}
	entries, err := os.ReadDir(h.witness.Dir)
	h.must(err)
	h.must(os.WriteFile(filepath.Join(h.witness.Dir, entries[0].Name()), []byte("changed"), 0o600))
	if _, err := h.witness.Look(t.Context(), []Source{h.portal}); err == nil {
		t.Error("the witness's own folder was changed, and nobody says so")
	}
}
