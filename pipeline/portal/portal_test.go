package portal

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// house is a portal over a real register, with somebody of every role.
type house struct {
	t        testing.TB
	now      time.Time
	register *register.Register
	verifier note.Verifier
	reader   *fakeReader
	intake   *fakeIntake
	scanners *fakeScanners
	files    *fakeResponses
	portal   *Portal
	log      bytes.Buffer

	lead, lead2, stranger   int64 // team leaders: two of Respect Phoneline, one of Men's Advice Line
	manager, ops, ops2, dpo int64
	admin                   int64
}

const testOrigin = "http://localhost:8080"

func newHouse(t testing.TB, change ...func(*Config)) *house {
	t.Helper()
	return newHouseUnder(t, false, change...)
}

// newHouseUnder may have the rule that who scanned is not the only one who checks.
func newHouseUnder(t testing.TB, another bool, change ...func(*Config)) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC), reader: &fakeReader{}}
	h.intake = &fakeIntake{h: h}
	h.scanners = &fakeScanners{}
	h.files = &fakeResponses{h: h}
	skey, vkey, err := note.GenerateKey(rand.Reader, "register.test")
	must(t, err)
	signer, err := note.NewSigner(skey)
	must(t, err)
	h.verifier, err = note.NewVerifier(vkey)
	must(t, err)
	h.register, err = register.Open(t.Context(), register.Config{
		Path: filepath.Join(t.TempDir(), "letterlock.db"), Signer: signer, Verifier: vkey, Now: h.clock, CodeKey: func() ([]byte, error) { return []byte("a key for tests"), nil },
		ReadableByAnother: another,
	})
	must(t, err)
	t.Cleanup(func() { _ = h.register.Close() })
	cfg := Config{
		Register: h.register, Reader: h.reader, Responses: h.files, Intake: h.intake, Scanners: h.scanners, Program: "v1.4.0", Origin: testOrigin, Language: "en", Now: h.clock,
		Retention: &fakeRetention{}, Evidence: fakeEvidence,
		Places: []register.Name{"office"}, Contractors: []register.Name{"shred-station"},
		Helplines: []Helpline{{"respect-phoneline", "Respect Phoneline"}, {"mens-advice-line", "Men’s Advice Line"}},
		Policy:    Policy{Name: "confidentiality-policy-1", Text: []byte("# Confidentiality\n\nAfter six months all records go. <script>alert(1)</script>")}, Log: slog.New(slog.NewTextHandler(&h.log, nil)),
	}
	cfg.Settings = register.Values{register.SettingIdle: 15, register.SettingPrint: 0, register.SettingLeaders: 1, register.SettingManagers: 2, register.SettingConfirm: 0}
	for _, f := range change {
		f(&cfg)
	}
	_, err = h.register.Found(t.Context(), cfg.Sample)
	must(t, err)
	h.scanners.register = h.register
	h.portal, err = New(t.Context(), cfg)
	must(t, err)
	h.lead = h.person("Ada Lead", register.TeamLeader, "respect-phoneline")
	h.lead2 = h.person("Bea Lead", register.TeamLeader, "respect-phoneline")
	h.stranger = h.person("Cy Other", register.TeamLeader, "mens-advice-line")
	h.manager = h.person("Mo Manager", register.Manager)
	h.ops = h.person("Ola Office", register.Operations)
	h.ops2 = h.person("Pat Office", register.Operations)
	h.dpo = h.person("Dee Protect", register.DPO)
	h.admin = h.person("Sam Admin", register.Administrator)
	return h
}

func (h *house) clock() time.Time { return h.now }

// person is somebody who has confirmed the policy.
func (h *house) person(name string, role register.Role, helplines ...string) int64 {
	h.t.Helper()
	n := h.newcomer(name, role, helplines...)
	policy, err := h.portal.policyInForce(h.t.Context())
	must(h.t, err)
	must(h.t, h.register.ConfirmPolicy(h.t.Context(), policy.Number, n))
	return n
}

func (h *house) newcomer(name string, role register.Role, helplines ...string) int64 {
	h.t.Helper()
	n, err := h.register.AddPerson(h.t.Context(), register.Person{Name: name, Email: "somebody@example.org", Role: role, Helplines: helplines})
	must(h.t, err)
	return n
}

// enrolled has each of them have a passkey.
func (h *house) enrolled(people ...int64) {
	h.t.Helper()
	for _, n := range people {
		must(h.t, h.register.AddAnotherPasskey(h.t.Context(), n, fmt.Append(nil, "the passkey of ", n), "{}"))
	}
}

// letter is a letter of Respect Phoneline that was received now and that the
// team leaders have been told about.
func (h *house) letter(pages int) letter.ID {
	h.t.Helper()
	return h.admitted(letter.Manifest{ID: letter.NewID(), Site: "office", Helpline: "respect-phoneline", Class: letter.SixMonths,
		Received: h.now.Truncate(time.Second), Pages: pages, Size: 1000, SHA256: strings.Repeat("ab", 32)})
}

// admitted takes the letter of a manifest as far as letter does.
func (h *house) admitted(m letter.Manifest) letter.ID {
	h.t.Helper()
	ctx := h.t.Context()
	must(h.t, h.register.Admit(ctx, m))
	l, err := h.register.Letter(ctx, m.ID)
	must(h.t, err)
	must(h.t, h.register.Verified(ctx, &l, "v1", false))
	must(h.t, h.register.Receipted(ctx, &l))
	must(h.t, h.register.Notified(ctx, &l))
	return m.ID
}

// readable is a letter that the first team leader has found readable.
func (h *house) readable(pages int) letter.ID {
	h.t.Helper()
	id := h.letter(pages)
	must(h.t, h.register.RecordOpening(h.t.Context(), id, h.lead, []byte("a session"), "pages"))
	must(h.t, h.register.MarkReadable(h.t.Context(), id, h.lead))
	return id
}

// expire ends the letter as the pipeline does on its deadline.
func (h *house) expire(id letter.ID) {
	h.t.Helper()
	ctx := h.t.Context()
	l, err := h.register.Letter(ctx, id)
	must(h.t, err)
	must(h.t, h.register.ExpiryBegun(ctx, &l, register.Found{Versions: 1}))
	must(h.t, h.register.NoteRemains(ctx, &l, []register.Remain{{Key: l.ObjectKey(), Kind: "version", ID: "v1"}}))
	must(h.t, h.register.DeleteRows(ctx, l, "letterlock", h.now))
	_, err = h.register.ProveErased(ctx)
	must(h.t, err)
}

// visitor is a browser: it keeps cookies.
type visitor struct {
	h       *house
	cookies map[string]string
	on      int64 // whose page a file is sent from; 0 for a page that does not say
}

func (h *house) nobody() *visitor { return &visitor{h: h, cookies: map[string]string{}} }

// as is a visitor who is signed in; 0 is nobody.
func (h *house) as(person int64) *visitor {
	h.t.Helper()
	v := h.nobody()
	if person != 0 {
		token, err := h.register.SignIn(h.t.Context(), person, "passkey")
		must(h.t, err)
		v.cookies[sessionCookie] = token
	}
	return v
}

func (v *visitor) send(r *http.Request) *httptest.ResponseRecorder {
	r.Host = "localhost:8080"
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.h.portal.ServeHTTP(w, r)
	allSaid(v.h.t, r.URL.Path, w)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		} else {
			v.cookies[c.Name] = c.Value
		}
	}
	return w
}

func (v *visitor) get(path string) *httptest.ResponseRecorder {
	return v.send(httptest.NewRequest(http.MethodGet, path, nil))
}

// looksAt opens the letter and looks at its first pages.
func (v *visitor) looksAt(id letter.ID, pages int) {
	v.h.t.Helper()
	wantStatus(v.h.t, v.get("/l/"+string(id)), http.StatusOK)
	for n := 1; n <= pages; n++ {
		wantStatus(v.h.t, v.get(fmt.Sprintf("/l/%s/page/%d.jpg", id, n)), http.StatusOK)
	}
}

func (v *visitor) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.send(r)
}

// entries counts what the register holds of one kind.
func (h *house) entries(kind string, id letter.ID) []register.Entry {
	h.t.Helper()
	found, err := h.register.Entries(h.t.Context(), -1, kind, id, 1000)
	must(h.t, err)
	return found
}

func wantStatus(t testing.TB, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("answered %d, want %d:\n%s", w.Code, status, w.Body)
	}
}

func wantText(t testing.TB, w *httptest.ResponseRecorder, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("page lacks %q:\n%s", text, w.Body)
		}
	}
}

func wantRedirect(t testing.TB, w *httptest.ResponseRecorder, to string) {
	t.Helper()
	wantStatus(t, w, http.StatusSeeOther)
	if got := w.Header().Get("Location"); got != to {
		t.Fatalf("led to %q, want %q", got, to)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fakeReader draws pages instead of opening sealed ones. It polices its
// contract: see letter_test.go.
type fakeReader struct {
	before func(l register.Letter) // what must be true before plaintext is made
	fails  error
	pdf    []byte // what opens; nil for some bytes

	mu    sync.Mutex
	shown []View // what was asked for
	begun []View // what was said to be asked for next
}

func (f *fakeReader) open(l register.Letter) error {
	if f.before != nil {
		f.before(l)
	}
	return f.fails
}

// views is what was asked for so far.
func (f *fakeReader) views() []View {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.shown)
}

func (f *fakeReader) PDF(_ context.Context, l register.Letter) ([]byte, error) {
	if err := f.open(l); err != nil {
		return nil, err
	}
	if f.pdf != nil {
		return f.pdf, nil
	}
	return []byte("%PDF-1.7 a letter"), nil
}

func (f *fakeReader) Ready(_ context.Context, l register.Letter, first View) error {
	f.mu.Lock()
	f.begun = append(f.begun, first)
	f.mu.Unlock()
	return f.open(l)
}

func (f *fakeReader) Page(_ context.Context, l register.Letter, view View) ([]byte, error) {
	if err := f.open(l); err != nil {
		return nil, err
	}
	if view.Page < 1 || view.Page > l.Pages || view.Turn < 0 || view.Turn > 3 || view.Mark == "" {
		return nil, errors.New("a page that the letter does not have, or one that says not who looks at it")
	}
	f.mu.Lock()
	f.shown = append(f.shown, view)
	f.mu.Unlock()
	if view.Turn%2 == 1 {
		return drawPage(view.Page, view.DPI, turnedWidth*view.DPI/pageDPI, turnedHeight*view.DPI/pageDPI)
	}
	return drawPage(view.Page, view.DPI, a4Width*view.DPI/pageDPI, a4Height*view.DPI/pageDPI)
}

// drawPage draws something like a page of handwriting, of so many dots, as a JPEG.
func drawPage(page, dpi, width, height int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{252, 250, 244, 255}), image.Point{}, draw.Src)
	ink := image.NewUniform(color.RGBA{40, 50, 90, 255})
	for line := range 18 + page { // lines of something like handwriting
		y, end := dpi*(18+line*4)/10/2, width-dpi*(8+line*7%23)/10
		for x := dpi * 8 / 10; x < end; x += dpi / 12 {
			draw.Draw(img, image.Rect(x, y-(x*7+line*13)%(dpi/14), x+dpi/20, y+dpi/75), ink, image.Point{}, draw.Src)
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 85}); err != nil {
		return nil, fmt.Errorf("drawing page: %w", err)
	}
	return out.Bytes(), nil
}

func containsText(body string, texts ...string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(body, text) })
}

// letsPrint is a configuration file that lets letters be printed.
func letsPrint(c *Config) { c.Settings[register.SettingPrint] = 1 }

// day is what people read of a day.
func day(d letter.Date) string { return texts.English().Day(d) }
