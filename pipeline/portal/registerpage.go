package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

type registerBody struct {
	Entries    []toldEntry
	Kinds      []entryKind
	Kind       string // the filter as it is set
	About      string
	By         string      // a staff number
	From, To   string      // days
	Older      string      // where the list goes on
	Choose     []letter.ID // letters that share the reference that was asked for
	Filtered   bool
	Size       int64
	Checkpoint string

	Shown        bool // a copy may be taken
	Path, Origin string
}

// registerPath is where the visitor shows anew who they are before a copy leaves.
const registerPath = "/register"

// registerPage shows the data-protection officer what is on record, newest first.
func (p *Portal) registerPage(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	asked := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	body := registerBody{Kinds: entryKinds, Kind: q.Get("kind"), About: asked("about"), By: asked("by"), From: asked("from"), To: asked("to")}
	if !slices.ContainsFunc(entryKinds, func(k entryKind) bool { return k.Kind == body.Kind }) {
		body.Kind = ""
	}
	body.Filtered = body.Kind != "" || body.About != "" || body.By != "" || body.From != "" || body.To != ""
	var err error
	if body.Size, body.Checkpoint, err = p.cfg.Register.Checkpoint(v.Context()); err != nil {
		return err
	}
	body.Shown, body.Path, body.Origin = p.shows(v, registerPath), registerPath, p.cfg.Origin
	pg := page{Name: "register", Title: texts.Say("register.register"), Script: "passkey.js"}
	want, flaws := body.wanted()
	var flaw texts.Text
	if want.id, flaw, err = p.letterAsked(v, &body); err != nil {
		return err
	}
	if flaw != nil {
		flaws = append([]formFlaw{{"about", flaw}}, flaws...)
	}
	if len(flaws) == 0 && len(body.Choose) == 0 && (body.About == "" || want.id != "") {
		if err := p.tell(v, &body, want, before(q)); err != nil {
			return err
		}
	}
	pg.Errors = flaws
	pg.Body = body
	return p.ok(w, v, pg)
}

// before is the entry before which the page begins; negative for the newest.
func before(q url.Values) int64 {
	n, err := strconv.ParseInt(q.Get("before"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// letterAsked finds the letter that a filter names, by reference or id.
func (p *Portal) letterAsked(v *visit, body *registerBody) (id letter.ID, flaw texts.Text, err error) {
	if body.About == "" {
		return "", nil, nil
	}
	if id, err := letter.ParseID(body.About); err == nil {
		return id, nil, nil
	}
	ref, err := letter.ParseReference(body.About)
	if err != nil {
		return "", texts.Say("register.no-reference"), nil
	}
	ids, err := p.cfg.Register.IDsOf(v.Context(), ref)
	if err != nil || len(ids) == 0 {
		return "", nil, err
	}
	if len(ids) > 1 {
		body.Choose = ids
		return "", nil, nil
	}
	return ids[0], nil, nil
}

// wanted is what the filter asks for.
type wanted struct {
	kind     string
	id       letter.ID
	by       int64     // 0 for everybody
	from, to time.Time // from its beginning, before its end; zero for open
}

// wanted reads what people have typed of the filter, and says what is to be put
// right in it. The letter is asked for elsewhere.
func (b registerBody) wanted() (want wanted, flaws []formFlaw) {
	want.kind = b.Kind
	if want.by = wholeNumber(b.By); b.By != "" && want.by < 1 {
		flaws = append(flaws, formFlaw{"by", texts.Say("register.enter-a-staff-number-a-whole")})
	}
	date := func(field, text string, days int) (at time.Time) {
		if text == "" {
			return at
		}
		d, err := letter.ParseDate(text)
		if err != nil {
			flaws = append(flaws, formFlaw{field, texts.Say("register.enter-a-day-as-in-2026-11-01")})
			return at
		}
		return d.AddDays(days).Start()
	}
	want.from, want.to = date("from", b.From, 0), date("to", b.To, 1)
	if !want.from.IsZero() && !want.to.IsZero() && !want.from.Before(want.to) {
		flaws = append(flaws, formFlaw{"from", texts.Say("register.enter-two-days-the-earlier-one")})
	}
	return want, flaws
}

// looksThrough is how many entries one page looks through for a person's: they
// are not listed by person.
const looksThrough = 5000

// find returns a page of the entries that are wanted before that one, newest
// first, and before which the next page begins; negative at the end. Days are parts of
// the register, as it counts them: an entry's own time may be what a wrong clock said.
func (p *Portal) find(v *visit, want wanted, before int64) (found []register.Entry, next int64, err error) {
	if !want.to.IsZero() {
		end, err := p.cfg.Register.EntriesBefore(v.Context(), want.to)
		if err != nil {
			return nil, 0, err
		}
		if before < 0 || end < before {
			before = end
		}
	}
	var begins int64
	if !want.from.IsZero() {
		if begins, err = p.cfg.Register.EntriesBefore(v.Context(), want.from); err != nil {
			return nil, 0, err
		}
	}
	limit := perPage + 1
	if want.by != 0 {
		limit = 500
	}
	for looked := 0; looked < looksThrough; looked += limit {
		part, err := p.cfg.Register.Entries(v.Context(), before, want.kind, want.id, limit)
		if err != nil {
			return nil, 0, err
		}
		for _, e := range part {
			if e.N < begins {
				return found, -1, nil
			}
			if want.by == 0 || want.by == e.By {
				if len(found) == perPage {
					return found, before, nil
				}
				found = append(found, e)
			}
			before = e.N
		}
		if len(part) < limit {
			return found, -1, nil
		}
	}
	return found, before, nil
}

func (p *Portal) tell(v *visit, body *registerBody, want wanted, before int64) error {
	entries, next, err := p.find(v, want, before)
	if err != nil {
		return err
	}
	if next >= 0 {
		q := url.Values{"before": {strconv.FormatInt(next, 10)}}
		for name, value := range map[string]string{"kind": body.Kind, "about": body.About, "by": body.By, "from": body.From, "to": body.To} {
			if value != "" {
				q.Set(name, value)
			}
		}
		body.Older = "/register?" + q.Encode()
	}
	names, err := p.staffNames(v)
	if err != nil {
		return err
	}
	answers := map[letter.ID]bool{}
	for _, e := range entries {
		if _, known := answers[e.Letter]; e.Letter == "" || known {
			continue
		}
		filed, err := p.cfg.Register.Entries(v.Context(), -1, "response-filed", e.Letter, 1)
		if err != nil {
			return err
		}
		answers[e.Letter] = len(filed) > 0
	}
	t := teller{staff: func(n int64) texts.Text { return staffWords(names, n) }, helpline: p.helplineTitle, answer: func(id letter.ID) bool { return answers[id] }}
	for _, e := range entries {
		row := toldEntry{N: e.N, At: e.At, Says: p.told(e, t), Letter: e.Letter}
		if e.Letter != "" {
			row.Reference = e.Letter.Reference()
		}
		body.Entries = append(body.Entries, row)
	}
	return nil
}

// staffNames are the names of the people who are still known. The register
// itself knows numbers only.
func (p *Portal) staffNames(v *visit) (map[int64]string, error) {
	people, err := p.cfg.Register.People(v.Context())
	if err != nil {
		return nil, err
	}
	names := map[int64]string{}
	for _, who := range people {
		names[who.Number] = who.Name
	}
	return names, nil
}

func staffWords(names map[int64]string, number int64) texts.Text {
	if number == 0 {
		return texts.Say("staff.letterlock")
	}
	if name := names[number]; name != "" {
		return texts.Say("staff.number-name", "number", number, "name", name)
	}
	return texts.Say("staff.number", "number", number)
}

// exportRegister hands out the whole register. That it was taken is on record
// first, and so is the last line of what is taken.
func (p *Portal) exportRegister(w http.ResponseWriter, v *visit) error {
	if !p.shows(v, registerPath) {
		redirect(w, registerPath+"#export")
		return nil
	}
	if err := p.cfg.Register.Record(v.Context(), register.RegisterExported{}, v.person.Number); err != nil {
		return fmt.Errorf("recording the export: %w", err)
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Content-Disposition", `attachment; filename="register.ndjson"`)
	if err := p.cfg.Register.Export(v.Context(), w); err != nil {
		// Cut off: without its last line, the checkpoint, no export verifies.
		p.logFailure(v, err.Error())
		panic(http.ErrAbortHandler)
	}
	return nil
}
