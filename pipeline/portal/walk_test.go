package portal

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

var (
	walks    = flag.Int("walks", 3, "how many random walks TestRandomWalks takes through the portal")
	walkLong = flag.Int("walk-steps", 250, "how many requests each of them makes")
	walkSeed = flag.Uint64("walk-seed", 0, "take this one walk alone")
)

// TestRandomWalks has people of every role, and a stranger, wander through the
// portal: they follow links, send forms as they are, empty, full of nonsense, with
// what belongs to others, twice at once, from pages of long ago and after their
// session died. Whatever they do, nothing fails, nobody gets what the table of
// routes does not give them, nothing that was typed is markup, and the register
// proves itself. Each walks on until it has been everywhere.
func TestRandomWalks(t *testing.T) {
	seeds := []uint64{*walkSeed}
	if *walkSeed == 0 {
		seeds = nil
		for range *walks {
			seeds = append(seeds, rand.Uint64())
		}
	}
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			w := newWalk(t, seed)
			for n := 0; n < *walkLong || !w.everywhere(); n++ {
				if n >= *walkLong {
					w.followed()
				}
				if n == *walkLong+walkOn {
					t.Error("it came nowhere")
				}
				if w.step(); t.Failed() {
					t.Fatalf("again: go test ./pipeline/portal -run RandomWalks -walk-seed %d -walk-steps %d\nthe last steps:\n%s", seed, *walkLong, strings.Join(w.last, "\n"))
				}
			}
			w.ends()
		})
	}
}

// walkOn is how many requests more a walk may make until it has been everywhere: by far
// more than any needs.
const walkOn = 5000

// walk is one walk. Everything in it comes from its seed, but for ids and tokens.
type walk struct {
	*house
	rng      *rand.Rand
	walkers  []*walker
	links    []string    // that any page has shown to anybody
	forms    []*walkForm // likewise
	values   []string    // that any form offers
	nonsense []string
	letters  []letter.ID
	sentBy   map[string]int64 // who sent a form first, by its token
	last     []string         // what was done last
	answered map[int]int

	destroyed int // papers of signed trays
}

// walker is one person in one browser, on some page.
type walker struct {
	*visitor
	person int64
	here   string
	links  []string
	forms  []*walkForm
}

type walkForm struct {
	action string
	upload bool
	fields []*walkField
}

type walkField struct {
	name   string
	values []string // of which one is chosen; empty for what is typed
	many   bool     // or several are
}

// mark stands in what is typed, and must never be an element of a page.
const mark = "walk-mark"

func newWalk(t *testing.T, seed uint64) *walk {
	w := &walk{house: newHouseUnder(t, seed%2 == 0, func(c *Config) { c.Reader = quickReader{} }), rng: rand.New(rand.NewPCG(seed, 0)), sentBy: map[string]int64{}, answered: map[int]int{}}
	for _, n := range []int64{0, w.lead, w.lead2, w.stranger, w.manager, w.ops, w.ops2, w.dpo, w.admin} {
		w.walkers = append(w.walkers, &walker{visitor: w.as(n), person: n, here: "/"})
	}
	_, err := w.register.BeginDay(t.Context())
	must(t, err)
	w.letters = append(w.letters, w.letter(1), w.letter(3), w.readable(2))
	w.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
	w.intake.asks(QuestionStack, "stack.pdf", Stack{Pages: 3, Begins: []int{1, 3}, Sheets: []int{2}})
	w.links = []string{"/", "/requests/" + w.asked(w.readable(1)), "/holds/" + w.onHold(), "/no-such-page"}
	for _, r := range routes {
		w.links = append(w.links, r.path)
	}
	w.nonsense = []string{"", " ", "0", "1", "2", "-1", "7x", "99999999999999999999", "on", "yes", "2026-12-01", "2026-02-30", "9999-12-31",
		"<" + mark + ">", `"><` + mark + ` x="`, "{{.}}", "\x00", "\xff\xfe", "K7QM-4T2X", "../../etc/passwd", strings.Repeat("x", 5000), "name@example.org", "P-5", "AB-12345"}
	return w
}

// quickReader is a Reader that draws nothing: a walk looks at thousands of pages.
type quickReader struct{}

func (quickReader) PDF(context.Context, register.Letter) ([]byte, error) {
	return []byte("%PDF-1.7"), nil
}

func (quickReader) Ready(context.Context, register.Letter, View) error { return nil }

func (quickReader) Page(_ context.Context, l register.Letter, view View) ([]byte, error) {
	if view.Page < 1 || view.Page > l.Pages || view.Turn < 0 || view.Turn > 3 || view.Mark == "" {
		return nil, fmt.Errorf("a letter of %d pages as %+v", l.Pages, view)
	}
	return []byte{0xff, 0xd8, 0xff, 0xd9}, nil
}

func pickOf[T any](rng *rand.Rand, from []T) (one T) {
	if len(from) == 0 {
		return one
	}
	return from[rng.IntN(len(from))]
}

// step is one thing that somebody does, or that happens meanwhile.
func (w *walk) step() {
	who := pickOf(w.rng, w.walkers)
	if p, err := w.register.Person(w.t.Context(), who.person); err == nil && !p.Disabled && !who.signedIn() && w.rng.IntN(3) > 0 {
		who.visitor = w.as(who.person)
		w.visits(who, "/")
	}
	switch w.rng.IntN(21) {
	case 0, 1, 2: // onwards
		w.visits(who, pickOf(w.rng, who.links))
	case 3, 4:
		w.works(who)
	case 5, 6: // to where others have been
		w.visits(who, pickOf(w.rng, w.links))
	case 7, 8, 9, 10, 11, 12:
		w.fills(who, pickOf(w.rng, who.forms), 1)
	case 13: // twice at once
		w.fills(who, pickOf(w.rng, who.forms), 2)
	case 14: // a page of long ago, or of somebody else
		w.fills(who, pickOf(w.rng, w.forms), 1)
	case 15: // what no page of ours does
		w.does(who, pickOf(w.rng, []string{"HEAD", "PUT", "DELETE", "BREW", "POST"}), pickOf(w.rng, w.links), []byte(w.typed()), "application/json", 1)
	case 16:
		if w.rng.IntN(3) == 0 {
			w.dies(who)
		}
	case 17, 18: // shows that it is them, and perhaps a witness does
		if who.signedIn() {
			who.showsAgain(who.here)
			w.visits(who, who.here)
			if strings.HasPrefix(who.here, "/desk/sign/") {
				who.witnessed(who.here, pickOf(w.rng, []int64{w.ops, w.ops2, w.manager}))
				w.visits(who, who.here)
			}
		}
	case 19:
		w.happens()
	case 20:
		w.signs()
	}
}

func (v *walker) signedIn() bool {
	_, err := v.h.register.Session(v.h.t.Context(), v.cookies[sessionCookie])
	return err == nil
}

// works goes to a page of the walker's own, perhaps after showing that it is
// them, and sends a form of it.
func (w *walk) works(who *walker) {
	s, err := w.register.Session(w.t.Context(), who.cookies[sessionCookie])
	if err != nil {
		return
	}
	r := pickOf(w.rng, routes)
	for r.method != http.MethodGet || r.script || !slices.Contains(r.who, s.Person.Role) {
		r = pickOf(w.rng, routes)
	}
	address := w.somebodys(r.path)
	if who.showsAgain(address); r.own {
		w.visits(who, "/l/"+strings.Split(address, "/")[2])
	}
	w.visits(who, address)
	if len(who.forms) > 0 {
		who.showsAgain(strings.Split(pickOf(w.rng, who.forms).action, "?")[0])
		w.fills(who, pickOf(w.rng, who.forms), 1)
	}
}

// dies ends somebody's session, in one way or another.
func (w *walk) dies(who *walker) {
	switch w.rng.IntN(8) {
	default:
		must(w.t, w.register.SignOutEverywhere(w.t.Context(), who.person))
	case 1:
		w.now = w.now.Add(16 * time.Minute)
	case 2:
		who.visitor = w.nobody()
	}
}

// happens is what the world does meanwhile.
func (w *walk) happens() {
	switch w.rng.IntN(4) {
	case 0:
		w.letters = append(w.letters, w.letter(1+w.rng.IntN(3)))
	case 1:
		w.letters = append(w.letters, w.readable(1))
	case 2:
		w.intake.asks(pickOf(w.rng, []QuestionKind{QuestionDuplicate, QuestionOtherLine}), "scan.pdf", Stack{Pages: 1})
	case 3:
		leap := time.Minute
		if w.rng.IntN(10) == 0 {
			leap = time.Hour
		}
		w.now = w.now.Add(time.Duration(w.rng.IntN(72)) * leap / 8)
	}
}

// typed is what somebody types, which may be what another field offers.
func (w *walk) typed() string {
	if len(w.values) > 0 && w.rng.IntN(3) == 0 {
		return pickOf(w.rng, w.values)
	}
	return pickOf(w.rng, w.nonsense)
}

// visits opens an address. What a route has in braces is somebody's.
func (w *walk) visits(who *walker, address string) {
	if address != "" {
		w.does(who, http.MethodGet, w.somebodys(address), nil, "", 1)
	}
}

func (w *walk) somebodys(path string) string {
	return strings.NewReplacer("{id}", string(pickOf(w.rng, w.letters)), "{n}", "1.jpg", "{$}", "", "{token}", "token-"+strconv.Itoa(w.rng.IntN(4)),
		"{hold}", strconv.Itoa(w.rng.IntN(3)), "{request}", strconv.Itoa(w.rng.IntN(3)), "{site}", "office", "{person}", strconv.Itoa(w.rng.IntN(12))).Replace(path)
}

// fills in a form, well or badly, and sends it so many times at once.
func (w *walk) fills(who *walker, f *walkForm, times int) {
	if f == nil {
		w.visits(who, "/")
		return
	}
	form, how := url.Values{}, w.rng.IntN(6)
	for _, in := range f.fields {
		value := pickOf(w.rng, in.values)
		if in.values == nil {
			value = w.sensible(in.name)
		}
		if how == 1 && w.rng.IntN(3) == 0 || in.values == nil && how < 4 {
			value = w.typed()
		}
		if how != 0 && (!in.many || w.rng.IntN(4) > 0) { // how 0 sends nothing
			form.Add(in.name, value)
		}
		if how == 2 { // too much
			form.Add(in.name, w.typed())
		}
	}
	if how == 2 {
		form.Set("<"+mark+">", strings.Repeat("y", w.rng.IntN(2*maxBody)))
	}
	body, kind := []byte(form.Encode()), formKind
	if f.upload && how > 2 {
		body, kind = walkUpload(form, w.typed())
	}
	w.does(who, http.MethodPost, f.action, body, kind, times)
}

// sensible is what somebody types into a field who knows what it is for.
func (w *walk) sensible(field string) string {
	switch field {
	case "sheets":
		return strconv.Itoa(1 + w.rng.IntN(2))
	case "review":
		return letter.DateOf(w.now).AddDays(20 + w.rng.IntN(60)).String()
	case "references", "others", "letter":
		return pickOf(w.rng, w.letters).Reference()
	case "name":
		return "Nell New"
	case "email":
		return "nell@example.org"
	case "collection", "certificate":
		return "77-1"
	}
	return w.typed()
}

// walkUpload is the form with a file of that content.
func walkUpload(form url.Values, content string) (body []byte, kind string) {
	var b strings.Builder
	for name, values := range form {
		for _, value := range values {
			fmt.Fprintf(&b, "--edge\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
		}
	}
	fmt.Fprintf(&b, "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"<%s>.pdf\"\r\n\r\n%s\r\n--edge--\r\n", mark, content)
	return []byte(b.String()), "multipart/form-data; boundary=edge"
}

// does sends a request, and looks at what comes back and at what is on record. The
// answers are none for what is no address of the portal's.
func (w *walk) does(who *walker, method, address string, body []byte, kind string, times int) (answers []*httptest.ResponseRecorder) {
	at, err := url.Parse(address)
	if err != nil || at.Host != "" || !strings.HasPrefix(at.Path, "/") {
		return nil
	}
	w.last = append(w.last, fmt.Sprintf("staff number %d on %s: %s %s %.200q", who.person, who.here, method, address, body))
	w.last = w.last[max(0, len(w.last)-12):]
	may, plain := w.may(who, method, at.Path)
	again := false
	if token := at.Query().Get("form"); token != "" && method == http.MethodPost {
		again = w.sentBy[token] == who.person // who is shown what became of the first sending, whatever they may by now
		w.sentBy[token] = cmp.Or(w.sentBy[token], who.person)
	}
	before := w.newest()
	answers = make([]*httptest.ResponseRecorder, times)
	var wait sync.WaitGroup
	for i := range answers {
		v := &visitor{h: w.house, cookies: maps.Clone(who.cookies)}
		if i == 0 {
			v.cookies = who.cookies
		}
		r := httptest.NewRequest(method, at.RequestURI(), bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Referer", testOrigin+who.here)
		for name, value := range v.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		wait.Go(func() { answers[i] = v.sent(r) })
	}
	wait.Wait()
	for _, a := range answers {
		w.answered[a.Code]++
		w.looksAtAnswer(a, method+" "+address, may || again, plain)
	}
	if after := w.newest(); !may && after != before {
		w.t.Errorf("%s %s: staff number %d may not, and %d entries were written", method, address, who.person, after-before)
	}
	for _, c := range answers[0].Result().Cookies() {
		if who.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(who.cookies, c.Name)
		}
	}
	w.arrives(who, at.RequestURI(), method, answers[0])
	return answers
}
