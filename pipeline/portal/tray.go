package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// maxTray is how many papers one form takes: more cannot be compared with their
// references at one go.
const maxTray = 50

type trayBody struct {
	References string // as typed
	Most       int
}

// trayPage is one form for the papers that are named in the address, or, without
// any, asks for their references.
func (p *Portal) trayPage(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	form := p.emptyForm()
	if t, ok := p.trays.of(v, q.Get("change")); ok {
		form = t.form
		q = url.Values{"paper": form["paper"]}
	}
	papers, flaws, err := p.trayPapers(v, q)
	if err != nil {
		return err
	}
	if len(flaws) > 0 || len(papers) == 0 {
		return p.ok(w, v, page{Name: "tray", Title: "Destroy several papers", Errors: flaws, Body: trayBody{References: q.Get("references"), Most: maxTray}})
	}
	if len(papers) == 1 {
		redirect(w, "/desk/"+string(papers[0].Letter))
		return nil
	}
	return p.showPaper(w, v, papers, form, nil)
}

// trayPapers finds the papers that are ticked, by their ids, or typed, by their
// references, and says which may not go.
func (p *Portal) trayPapers(v *visit, form url.Values) (papers []register.Paper, flaws []formFlaw, err error) {
	add := func(paper register.Paper) {
		switch {
		case slices.ContainsFunc(papers, func(other register.Paper) bool { return other.Letter == paper.Letter }):
		case !mayBeDestroyed(paper):
			flaws = append(flaws, formFlaw{"references", "Keep the paper " + paper.Reference + ": " + paperWhy(paper)})
		default:
			papers = append(papers, paper)
		}
	}
	for _, text := range form["paper"] {
		id, err := letter.ParseID(text)
		if err != nil {
			return nil, nil, errNowhere
		}
		paper, err := p.cfg.Register.Paper(v.Context(), id)
		if errors.Is(err, register.ErrNotFound) || err == nil && paper.State == letter.PaperDestroyed {
			continue // somebody was quicker: its record is made
		}
		if err != nil {
			return nil, nil, err
		}
		add(paper)
	}
	for _, typed := range strings.FieldsFunc(form.Get("references"), func(r rune) bool { return strings.ContainsRune("\r\n,;\t", r) }) {
		found, says, err := p.paperCalled(v, strings.TrimSpace(typed))
		if err != nil {
			return nil, nil, err
		}
		if says != "" {
			flaws = append(flaws, formFlaw{"references", says})
			continue
		}
		add(found)
	}
	if len(papers) > maxTray {
		flaws = append(flaws, formFlaw{"references", fmt.Sprintf("These are %d papers. Take at most %d at a time, so that each can be compared with its reference.", len(papers), maxTray)})
	}
	return papers, flaws, nil
}

// paperCalled finds the one paper that bears the reference, or says what is wrong.
func (p *Portal) paperCalled(v *visit, typed string) (paper register.Paper, says string, err error) {
	reference, err := letter.ParseReference(typed)
	if err != nil {
		return paper, fmt.Sprintf("“%.20s” is no reference: read it from the paper again. It looks like K7QM-4T2X.", typed), nil
	}
	found, err := p.cfg.Register.PapersCalled(v.Context(), reference)
	if err != nil {
		return paper, "", err
	}
	switch len(found) {
	case 0:
		newest, err := p.cfg.Register.NewScanOf(v.Context(), reference)
		if err == nil {
			return paper, "The paper " + reference + " was scanned again and is now called " + newest.Reference + ". Write that on it, cross out the old reference, and take it by the new one.", nil
		}
		if !errors.Is(err, register.ErrNotFound) {
			return paper, "", err
		}
		return paper, "No paper " + reference + " waits. Read the reference from the paper again; or its destruction is on record already.", nil
	case 1:
		return found[0], "", nil
	}
	return paper, "Two papers bear the reference " + reference + ". Take each by itself, from the destruction desk: compare when it was received, and its pages.", nil
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
	if len(flaws) > 0 || len(papers) == 0 {
		return p.ok(w, v, page{Name: "tray", Title: "Destroy several papers", Errors: flaws, Body: trayBody{Most: maxTray}})
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
