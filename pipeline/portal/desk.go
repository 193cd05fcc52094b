package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// deskShows is how many papers of one kind the desk lists, oldest first: more
// than anyone destroys in a sitting.
const deskShows = 100

type deskBody struct {
	Overdue   []register.Paper // their letter has expired; the paper should have gone before
	MayGo     []register.Paper
	ScanAgain []register.Paper
	Kept      []register.Paper
	Shows     int
	Waiting   int  // scans that wait for an answer at the intake
	Unknown   bool // or that could not be found out
}

// deskPage shows operations what there is to do with paper. It never leads to
// what a letter says.
func (p *Portal) deskPage(w http.ResponseWriter, v *visit) error {
	body := deskBody{Shows: deskShows}
	mayGo, err := p.cfg.Register.Papers(v.Context(), letter.PaperMayGo, deskShows)
	if err != nil {
		return err
	}
	for _, paper := range mayGo {
		if paper.LetterGone {
			body.Overdue = append(body.Overdue, paper)
		} else {
			body.MayGo = append(body.MayGo, paper)
		}
	}
	if body.ScanAgain, err = p.cfg.Register.Papers(v.Context(), letter.PaperScanAgain, deskShows); err != nil {
		return err
	}
	if body.Kept, err = p.cfg.Register.Papers(v.Context(), letter.PaperKept, deskShows); err != nil {
		return err
	}
	waiting, err := p.waiting(v)
	if err != nil { // no reason to keep anybody from the paper
		p.logFailure(v, err.Error())
		body.Unknown = true
	}
	body.Waiting = len(waiting)
	return p.ok(w, v, page{Name: "desk", Title: "Destruction desk", Body: body})
}

type paperBody struct {
	Paper     register.Paper
	Witnesses []register.Person
	Methods   []register.Method
	Levels    []string
	Form      url.Values // as filled in
	Recount   int        // the sheets that were counted and cannot be; 0 when they can
	Fewest    int
	Most      int
}

// paperPage is the form for one paper, or what became of it.
func (p *Portal) paperPage(w http.ResponseWriter, v *visit) error {
	id, err := letter.ParseID(v.PathValue("id"))
	if err != nil {
		return errNowhere
	}
	done, err := p.cfg.Register.Entries(v.Context(), -1, "paper-destroyed", id, 1)
	if err != nil {
		return err
	}
	if len(done) == 1 {
		return p.showDestroyed(w, v, done[0])
	}
	paper, err := p.cfg.Register.Paper(v.Context(), id)
	if err != nil {
		return err
	}
	if !mayBeDestroyed(paper) {
		return &problem{Status: http.StatusConflict, Heading: "Keep this paper",
			Lines: []string{"The paper " + paper.Reference + " may not be destroyed now: " + paperWhy(paper)},
			Link:  "/desk", LinkSay: "Back to the destruction desk"}
	}
	return p.showPaper(w, v, paper, url.Values{"level": {defaultLevel}, "method": {string(register.Shredder)}}, nil)
}

func mayBeDestroyed(paper register.Paper) bool {
	return paper.State == letter.PaperMayGo || paper.LetterGone && paper.State != letter.PaperDestroyed
}

func paperWhy(paper register.Paper) string {
	if paper.State == letter.PaperScanAgain {
		return "it must be scanned again. The team leader said: " + worded(reasonWords, paper.Reason) + "."
	}
	return "nobody has found its scan readable yet."
}

// showDestroyed shows the record of a destruction: after the form, after the
// same form sent twice, and to whoever looks later.
func (p *Portal) showDestroyed(w http.ResponseWriter, v *visit, e register.Entry) error {
	var d register.PaperDestroyed
	if err := readEvent(e, &d); err != nil {
		return err
	}
	by, err := p.staffName(v, e.By)
	if err != nil {
		return err
	}
	witness, err := p.staffName(v, d.Witness)
	if err != nil {
		return err
	}
	return p.ok(w, v, page{Name: "destroyed", Title: "Destruction recorded", Body: destroyedBody{d, lowerFirst(by), witness}})
}

type destroyedBody struct {
	register.PaperDestroyed
	By, WitnessName string
}

func (p *Portal) showPaper(w http.ResponseWriter, v *visit, paper register.Paper, form url.Values, flaws []formFlaw) error {
	witnesses, err := p.witnesses(v)
	if err != nil {
		return err
	}
	body := paperBody{Paper: paper, Witnesses: witnesses, Methods: register.Methods, Levels: levels, Form: form}
	body.Fewest, body.Most = paper.SheetsBetween()
	for _, f := range flaws {
		if f.Field == "recounted" {
			body.Recount, _ = strconv.Atoi(form.Get("sheets"))
		}
	}
	return p.ok(w, v, page{Name: "paper", Title: "Destroy paper " + paper.Reference, Errors: flaws, Body: body})
}

// witnesses are who can watch the destruction: enabled colleagues of
// operations and the manager, never the person at the desk.
func (p *Portal) witnesses(v *visit) ([]register.Person, error) {
	people, err := p.enabledPeople(v)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(people, func(who register.Person) bool {
		return who.Number == v.person.Number || who.Role != register.Operations && who.Role != register.Manager
	}), nil
}

func (p *Portal) destroyPaper(w http.ResponseWriter, v *visit) error {
	id, err := letter.ParseID(v.PathValue("id"))
	if err != nil {
		return errNowhere
	}
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	back := "/desk/" + string(id)
	paper, err := p.cfg.Register.Paper(v.Context(), id)
	if errors.Is(err, register.ErrNotFound) || err == nil && !mayBeDestroyed(paper) {
		redirect(w, back) // which says what became of it
		return nil
	}
	if err != nil {
		return err
	}
	witnesses, err := p.witnesses(v)
	if err != nil {
		return err
	}
	d, flaws := readDestruction(v.PostForm, paper, witnesses)
	if len(flaws) > 0 {
		return p.showPaper(w, v, paper, v.PostForm, flaws)
	}
	d.Authority = p.cfg.Policy.Name
	if _, err := p.cfg.Register.DestroyPaper(v.Context(), id, d, v.person.Number); err != nil &&
		!errors.Is(err, register.ErrPaperNotFree) && !errors.Is(err, register.ErrNotFound) {
		return err
	}
	redirect(w, back) // the record, ours or that of whoever was quicker
	return nil
}

// certificate is the form of a contractor's certificate number: free text would
// be a place for names in a register that is kept for years.
var certificate = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)

// readDestruction reads the form, and says what is to be put right in it.
func readDestruction(form url.Values, paper register.Paper, witnesses []register.Person) (register.Destruction, []formFlaw) {
	var flaws []formFlaw
	flaw := func(field, says string) { flaws = append(flaws, formFlaw{field, says}) }
	d := register.Destruction{Method: register.Method(form.Get("method"))}

	d.Sheets = int(min(wholeNumber(form.Get("sheets")), 10000))
	fewest, most := paper.SheetsBetween()
	switch {
	case d.Sheets < 1 || d.Sheets > 9999:
		flaw("sheets", "Count the sheets of paper and enter a whole number from 1 to 9999.")
	case d.Sheets < fewest || d.Sheets > most:
		// Said once for each count: whoever counted again and stands by it may go on.
		if form.Get("recounted") != strconv.Itoa(d.Sheets) {
			flaw("recounted", fmt.Sprintf("Stop: %s cannot belong to a scan of %s. Nothing has been recorded. Count the sheets again before you destroy anything.",
				count(d.Sheets, "sheet", "sheets"), count(paper.Pages, "page", "pages")))
		}
	}
	switch d.Method {
	case register.Shredder:
		if d.Level = form.Get("level"); !slices.Contains(levels, d.Level) {
			flaw("level", "Choose the level that is written on the shredder, P-1 to P-7.")
		}
	case register.Contractor:
		if d.Certificate = strings.TrimSpace(form.Get("certificate")); !certificate.MatchString(d.Certificate) {
			flaw("certificate", "Enter the number on the contractor’s certificate: letters, digits and hyphens, at most 40.")
		}
	default:
		flaw("method", "Choose how the paper was destroyed.")
	}
	d.Witness = wholeNumber(form.Get("witness"))
	if !slices.ContainsFunc(witnesses, func(who register.Person) bool { return who.Number == d.Witness }) {
		flaw("witness", "Choose who watched. It must be somebody else than you.")
	}
	if form.Get("confirm") != "yes" {
		flaw("confirm", "Tick the box once the paper is destroyed. This cannot be undone.")
	}
	return d, flaws
}
