package portal

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// maxTray is how many papers one form takes: more cannot be compared with their
// references at one go.
const maxTray = 50

// trayPath is where the form is for several papers, which the query names.
const trayPath = "/desk/tray"

type trayBody struct {
	References string // as typed
	Most       int
}

// trayPage is one form for the papers that are named in the address, or, without
// any, asks for their references.
func (p *Portal) trayPage(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	form := p.emptyForm()
	if t, ok, err := p.trays.of(v, q.Get("change")); err != nil {
		return err
	} else if ok {
		form = t.Form
		q = url.Values{"paper": form["paper"]}
	}
	papers, flaws, err := p.trayPapers(v, q)
	if err != nil {
		return err
	}
	if len(papers)+len(flaws) == 0 {
		if len(q["paper"]) > 0 {
			return p.toRecord(w, v, q["paper"])
		}
		if q.Has("references") {
			flaws = append(flaws, formFlaw{"references", texts.Say("tray.type-the-references")})
		}
	}
	// Who ticked papers, or has filled in their form, goes on with those that may go.
	if n := len(papers); n > 0 && n <= maxTray && !q.Has("references") && (len(flaws) > 0 || form.Has("paper")) {
		return p.showTray(w, v, papers, form, flaws)
	}
	if len(flaws) > 0 || len(papers) == 0 {
		return p.ok(w, v, page{Name: "tray", Title: texts.Say("tray.destroy-several-papers"), Errors: flaws, Body: trayBody{References: q.Get("references"), Most: maxTray}})
	}
	if len(papers) == 1 {
		redirect(w, "/desk/"+string(papers[0].Letter))
		return nil
	}
	return p.showPaper(w, v, papers, form, nil)
}

// showTray shows the form of a tray that was filled in before, for those of its papers
// that may still go, and says which must be kept.
func (p *Portal) showTray(w http.ResponseWriter, v *visit, papers []register.Paper, form url.Values, flaws []formFlaw) error {
	for i := range flaws {
		flaws[i].Field = "papers"
	}
	return p.showPaper(w, v, papers, form, flaws)
}

// ofThese is what was filled in for several papers, as the form has it that is for those
// which are left of them.
func ofThese(papers []register.Paper, form url.Values) url.Values {
	if len(papers) != 1 || !form.Has(sheetsField(nil, papers[0])) {
		return form
	}
	form = maps.Clone(form)
	field := sheetsField(nil, papers[0])
	form.Set("sheets", form.Get(field))
	form.Set(recountField("sheets"), form.Get(recountField(field)))
	return form
}

// trayPapers finds the papers that are ticked, by their ids, or typed, by their
// references, and says which may not go.
func (p *Portal) trayPapers(v *visit, form url.Values) (papers []register.Paper, flaws []formFlaw, err error) {
	add := func(paper register.Paper) {
		switch {
		case slices.ContainsFunc(papers, func(other register.Paper) bool { return other.Letter == paper.Letter }):
		case !mayBeDestroyed(paper):
			flaws = append(flaws, formFlaw{"references", texts.Say("tray.keep-the-paper", "reference", paper.Reference, "why", paperWhy(paper))})
		default:
			papers = append(papers, paper)
		}
	}
	for _, text := range form["paper"] {
		id, err := letter.ParseID(text)
		if err != nil {
			return nil, nil, errNowhere
		}
		paper, err := p.paperFor(v, id)
		if errors.Is(err, register.ErrNotFound) || err == nil && paper.State == letter.PaperDestroyed {
			continue // somebody was quicker: its record is made
		}
		if err != nil {
			return nil, nil, err
		}
		add(paper)
	}
	for _, typed := range typedReferences(form.Get("references")) {
		found, says, err := p.paperCalled(v, typed)
		if err != nil {
			return nil, nil, err
		}
		if says != nil {
			flaws = append(flaws, formFlaw{"references", says})
			continue
		}
		add(found)
	}
	if len(papers) > maxTray {
		flaws = append(flaws, formFlaw{"references", texts.Say("tray.these-are-papers-take-at-most", "n", len(papers), "most", maxTray)})
	}
	return papers, flaws, nil
}

// typedReferences are the references that somebody has typed, one a line or several: a
// space parts two of them, and is part of one that is not whole without it.
func typedReferences(text string) (all []string) {
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\r\n,;\t", r) }) {
		words := strings.Fields(line)
		whole := len(words) > 0 && !slices.ContainsFunc(words, func(word string) bool {
			_, err := letter.ParseReference(word)
			return err != nil
		})
		if whole {
			all = append(all, words...)
		} else if line = strings.Join(words, " "); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// toRecord leads to what became of papers of which none is left to be destroyed: their
// form was sent before, or somebody was quicker.
func (p *Portal) toRecord(w http.ResponseWriter, v *visit, papers []string) error {
	to := "/desk/" + string(idOr(papers[0]))
	if len(papers) == 1 {
		redirect(w, to)
		return nil
	}
	for _, text := range papers {
		done, err := p.cfg.Register.Entries(v.Context(), -1, "paper-destroyed", idOr(text), 1)
		if err != nil {
			return err
		}
		if len(done) == 1 {
			to = "/desk/trays?day=" + letter.DateOf(done[0].At).String()
			break
		}
	}
	redirect(w, to)
	return nil
}

// paperCalled finds the one paper that bears the reference, or says what is wrong.
func (p *Portal) paperCalled(v *visit, typed string) (paper register.Paper, says texts.Text, err error) {
	reference, err := letter.ParseReference(typed)
	if err != nil {
		return paper, noReference(typed), nil
	}
	found, err := p.cfg.Register.PapersCalled(v.Context(), reference)
	if err != nil {
		return paper, nil, err
	}
	walled, err := p.cfg.Register.WalledFrom(v.Context(), v.person.Number)
	if err != nil {
		return paper, nil, err
	}
	found = slices.DeleteFunc(found, func(paper register.Paper) bool { return slices.Contains(walled, paper.Letter) })
	switch len(found) {
	case 0:
		newest, err := p.cfg.Register.NewScanOf(v.Context(), reference)
		if err == nil {
			return paper, texts.Say("tray.the-paper-was-scanned-again", "reference", reference, "reference-2", newest.Reference), nil
		}
		if !errors.Is(err, register.ErrNotFound) {
			return paper, nil, err
		}
		return paper, texts.Say("tray.no-paper-waits-read-the-reference", "reference", reference), nil
	case 1:
		return found[0], nil, nil
	}
	return paper, texts.Say("tray.two-papers-bear-the-reference", "reference", reference), nil
}

// noReference says that what somebody typed is none.
func noReference(typed string) texts.Text {
	return texts.Say("tray.no-reference", "typed", fmt.Sprintf("%.20s", strings.TrimSpace(typed)))
}

// destroyTray reads the form for several papers.
func (p *Portal) destroyTray(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	papers, flaws, err := p.trayPapers(v, url.Values{"paper": v.PostForm["paper"]})
	if err != nil {
		return err
	}
	if sent := v.PostForm["paper"]; len(papers)+len(flaws) == 0 && len(sent) > 0 {
		return p.toRecord(w, v, sent)
	}
	if len(papers) == 0 || len(papers) > maxTray {
		return p.ok(w, v, page{Name: "tray", Title: texts.Say("tray.destroy-several-papers"), Errors: flaws, Body: trayBody{Most: maxTray}})
	}
	if len(flaws) > 0 {
		return p.showTray(w, v, papers, v.PostForm, flaws)
	}
	people, err := p.deskPeople(v)
	if err != nil {
		return err
	}
	says, flaws := p.readDestruction(v.PostForm, papers, people)
	if len(flaws) > 0 {
		return p.showPaper(w, v, papers, v.PostForm, flaws)
	}
	return p.toSign(w, v, papers, says)
}
