package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

type registerBody struct {
	Entries    []told
	Kinds      []entryKind
	Kind       string // the filter as it is set
	About      string
	Older      string      // where the list goes on
	Choose     []letter.ID // letters that share the reference that was asked for
	Filtered   bool
	Size       int64
	Checkpoint string
}

// registerPage shows the data-protection officer what is on record, newest first.
func (p *Portal) registerPage(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	body := registerBody{Kinds: entryKinds, Kind: q.Get("kind"), About: strings.TrimSpace(q.Get("about"))}
	if !slices.ContainsFunc(entryKinds, func(k entryKind) bool { return k.Kind == body.Kind }) {
		body.Kind = ""
	}
	body.Filtered = body.Kind != "" || body.About != ""
	var err error
	if body.Size, body.Checkpoint, err = p.cfg.Register.Checkpoint(v.Context()); err != nil {
		return err
	}
	pg := page{Name: "register", Title: "Register"}
	id, flaw, err := p.letterAsked(v, &body)
	if err != nil {
		return err
	}
	if flaw != "" {
		pg.Errors = []formFlaw{{"about", flaw}}
	} else if len(body.Choose) == 0 && (body.About == "" || id != "") {
		if err := p.tell(v, &body, id, before(q)); err != nil {
			return err
		}
	}
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
func (p *Portal) letterAsked(v *visit, body *registerBody) (id letter.ID, flaw string, err error) {
	if body.About == "" {
		return "", "", nil
	}
	if id, err := letter.ParseID(body.About); err == nil {
		return id, "", nil
	}
	ref, err := letter.ParseReference(body.About)
	if err != nil {
		said := err.Error()
		return "", strings.ToUpper(said[:1]) + said[1:] + ".", nil
	}
	ids, err := p.cfg.Register.IDsOf(v.Context(), ref)
	if err != nil || len(ids) == 0 {
		return "", "", err
	}
	if len(ids) > 1 {
		body.Choose = ids
		return "", "", nil
	}
	return ids[0], "", nil
}

func (p *Portal) tell(v *visit, body *registerBody, id letter.ID, before int64) error {
	entries, err := p.cfg.Register.Entries(v.Context(), before, body.Kind, id, perPage+1)
	if err != nil {
		return err
	}
	if len(entries) > perPage {
		entries = entries[:perPage]
		q := url.Values{"before": {strconv.FormatInt(entries[perPage-1].N, 10)}}
		for name, value := range map[string]string{"kind": body.Kind, "about": body.About} {
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
	t := teller{staff: func(n int64) string { return staffWords(names, n) }, helpline: p.helplineTitle, answer: func(id letter.ID) bool { return answers[id] }}
	for _, e := range entries {
		row := told{N: e.N, At: e.At, Says: say(e, t), Letter: e.Letter}
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

func staffWords(names map[int64]string, number int64) string {
	if number == 0 {
		return "Letterlock"
	}
	if name := names[number]; name != "" {
		return fmt.Sprintf("Staff number %d (%s)", number, name)
	}
	return fmt.Sprintf("Staff number %d", number)
}

// exportRegister hands out the whole register. That it was taken is on record
// first, and so is the last line of what is taken.
func (p *Portal) exportRegister(w http.ResponseWriter, v *visit) error {
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
