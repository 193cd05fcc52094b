package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
	Overdue   []register.Paper // their letter is gone; the paper should have gone before
	MayGo     []register.Paper
	ScanAgain []register.Paper
	Kept      []register.Paper
	Another   []register.Paper // kept until somebody else has found the scan readable too
	Shows     int
	Waiting   int  // scans that wait for an answer at the intake
	Unknown   bool // or that could not be found out
}

// deskPage shows operations what there is to do with paper. It never leads to
// what a letter says.
func (p *Portal) deskPage(w http.ResponseWriter, v *visit) error {
	body := deskBody{Shows: deskShows}
	var err error
	if body.Overdue, err = p.cfg.Register.OutlivedPapers(v.Context(), deskShows); err != nil {
		return err
	}
	if body.MayGo, err = p.cfg.Register.Papers(v.Context(), letter.PaperMayGo, deskShows); err != nil {
		return err
	}
	if body.ScanAgain, err = p.cfg.Register.Papers(v.Context(), letter.PaperScanAgain, deskShows); err != nil {
		return err
	}
	if body.Kept, err = p.cfg.Register.Papers(v.Context(), letter.PaperKept, deskShows); err != nil {
		return err
	}
	if body.Another, err = p.cfg.Register.PapersForAnother(v.Context(), deskShows); err != nil {
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
	Papers []paperLine
	Action string // where the form goes
	deskPeople
	Levels      []register.Level
	Contractors []register.Name
	Places      []register.Name
	Form        url.Values // as filled in
	Recounts    bool       // of one at least the sheets are to be counted again
	MayBeLost   bool       // the only one was on record at a restore: it may not be there any more
}

// paperLine is one paper of the form.
type paperLine struct {
	register.Paper
	Field   string // under which its sheets are entered
	Recount int    // the sheets that were counted and cannot be; 0 when they can
	Fewest  int
	Most    int
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
	if done, err = p.cfg.Register.Entries(v.Context(), -1, "paper-written-off", id, 1); err != nil {
		return err
	}
	if len(done) == 1 {
		return p.showWrittenOff(w, v, done[0])
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
	form := p.emptyForm()
	if t, ok := p.trays.of(v, v.URL.Query().Get("change")); ok {
		form = t.form
	}
	return p.showPaper(w, v, []register.Paper{paper}, form, nil)
}

// emptyForm holds what is mostly so, and what cannot be otherwise.
func (p *Portal) emptyForm() url.Values {
	form := url.Values{"level": {string(register.DefaultLevel)}, "method": {string(register.Shredder)}}
	if len(p.cfg.Places) == 1 {
		form.Set("place", string(p.cfg.Places[0]))
	}
	if len(p.cfg.Contractors) == 1 {
		form.Set("contractor", string(p.cfg.Contractors[0]))
	}
	return form
}

func mayBeDestroyed(paper register.Paper) bool {
	return paper.State == letter.PaperMayGo || paper.LetterGone && paper.State != letter.PaperDestroyed
}

func paperWhy(paper register.Paper) string {
	if paper.State == letter.PaperScanAgain {
		return "it must be scanned again. The team leader said: " + worded(reasonWords, paper.Reason) + "."
	}
	if paper.AnotherDue() {
		return "who found its scan readable may have scanned it too, and another person must find it readable first. Ask a team leader to open the letter: it is in their list."
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
	names, err := p.staffNames(v)
	if err != nil {
		return err
	}
	return p.ok(w, v, page{Name: "destroyed", Title: "Destruction recorded", Body: destroyedWords(d, e, names)})
}

// destroyedWords is a destruction with the people in words.
func destroyedWords(d register.PaperDestroyed, e register.Entry, names map[int64]string) destroyedBody {
	body := destroyedBody{PaperDestroyed: d, By: lowerFirst(staffWords(names, e.By)), WitnessName: staffWords(names, d.Witness), by: e.By}
	if d.ScannedBy != 0 {
		body.Scanner = lowerFirst(staffWords(names, d.ScannedBy))
	}
	if d.ReadableBy != 0 {
		body.Reader = lowerFirst(staffWords(names, d.ReadableBy))
	}
	if d.ReadableToo != 0 {
		body.Reader += " and by " + lowerFirst(staffWords(names, d.ReadableToo))
	}
	return body
}

type destroyedBody struct {
	register.PaperDestroyed
	by              int64
	By, WitnessName string
	Scanner, Reader string // empty for nobody
}

// showPaper shows the form for one paper, or for a tray of them.
func (p *Portal) showPaper(w http.ResponseWriter, v *visit, papers []register.Paper, form url.Values, flaws []formFlaw) error {
	people, err := p.deskPeople(v)
	if err != nil {
		return err
	}
	body := paperBody{Action: "/desk/tray", deskPeople: people, Levels: register.Levels, Contractors: p.cfg.Contractors, Places: p.cfg.Places, Form: form}
	title := fmt.Sprintf("Destroy %d papers", len(papers))
	if len(papers) == 1 {
		title, body.Action = "Destroy paper "+papers[0].Reference, "/desk/"+string(papers[0].Letter)
		if body.MayBeLost, err = p.cfg.Register.MayWriteOff(v.Context(), papers[0].Letter); err != nil {
			return err
		}
	}
	for _, paper := range papers {
		line := paperLine{Paper: paper, Field: sheetsField(papers, paper)}
		line.Fewest, line.Most = paper.SheetsBetween()
		for _, f := range flaws {
			if f.Field == recountField(line.Field) {
				line.Recount, _ = strconv.Atoi(form.Get(line.Field))
				body.Recounts = true
			}
		}
		body.Papers = append(body.Papers, line)
	}
	return p.ok(w, v, page{Name: "paper", Title: title, Errors: flaws, Body: body})
}

// sheetsField is the form's name for the sheets of one of the papers.
func sheetsField(papers []register.Paper, paper register.Paper) string {
	if len(papers) == 1 {
		return "sheets"
	}
	return "sheets-" + string(paper.Letter)
}

func recountField(sheets string) string { return strings.Replace(sheets, "sheets", "recounted", 1) }

// deskPeople are whom a destruction's record can name.
type deskPeople struct {
	Scanners  []register.Person // operations and the manager, whoever left included
	Witnesses []register.Person // those of them who are there, but for the person at the desk
}

func (p *Portal) deskPeople(v *visit) (out deskPeople, err error) {
	people, err := p.cfg.Register.People(v.Context())
	if err != nil {
		return deskPeople{}, err
	}
	for _, who := range people {
		if who.Role != register.Operations && who.Role != register.Manager {
			continue
		}
		out.Scanners = append(out.Scanners, who)
		if !who.Disabled && who.Number != v.person.Number {
			out.Witnesses = append(out.Witnesses, who)
		}
	}
	return out, nil
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
	people, err := p.deskPeople(v)
	if err != nil {
		return err
	}
	papers := []register.Paper{paper}
	says, flaws := p.readDestruction(v.PostForm, papers, people)
	if len(flaws) > 0 {
		return p.showPaper(w, v, papers, v.PostForm, flaws)
	}
	return p.toSign(w, v, papers, says)
}

// readDestruction reads the form, and says what is to be put right in it.
func (p *Portal) readDestruction(form url.Values, papers []register.Paper, people deskPeople) (says []register.Destroyed, flaws []formFlaw) {
	all := register.Destruction{Method: register.Method(form.Get("method")), Authority: register.Name(p.cfg.Policy.Name)}
	flaw := func(field, says string) { flaws = append(flaws, formFlaw{field, says}) }
	for _, paper := range papers {
		says = append(says, register.Destroyed{Letter: paper.Letter})
		readSheets(&says[len(says)-1].Destruction, form, papers, paper, flaw)
	}
	if all.ScannedBy = wholeNumber(form.Get("scanner")); !has(people.Scanners, all.ScannedBy) && form.Get("scanner") != nobodyKnows {
		all.ScannedBy = 0
		flaw("scanner", "Choose who scanned it. If nobody knows any more, choose that.")
	}
	p.readMethod(&all, form, flaw)
	if all.Place = register.Name(form.Get("place")); !slices.Contains(p.cfg.Places, all.Place) {
		flaw("place", "Choose where the paper was destroyed or handed over.")
	}
	if form.Get("confirm") != "yes" {
		flaw("confirm", "Tick the box once the paper is destroyed. This cannot be undone.")
	}
	for i := range says {
		sheets := says[i].Sheets
		says[i].Destruction = all
		says[i].Sheets = sheets
	}
	return says, flaws
}

// nobodyKnows is the form's word for a scanner whom nobody remembers.
const nobodyKnows = "unknown"

func has(people []register.Person, number int64) bool {
	return slices.ContainsFunc(people, func(who register.Person) bool { return who.Number == number })
}

func readSheets(d *register.Destruction, form url.Values, papers []register.Paper, paper register.Paper, flaw func(field, says string)) {
	field := sheetsField(papers, paper)
	d.Sheets = int(min(wholeNumber(form.Get(field)), 10000))
	fewest, most := paper.SheetsBetween()
	of := ""
	if len(papers) > 1 {
		of = " of " + paper.Reference
	}
	switch {
	case d.Sheets < 1 || d.Sheets > 9999:
		flaw(field, "Count the sheets of paper"+of+" and enter a whole number from 1 to 9999.")
	case d.Sheets < fewest || d.Sheets > most:
		// Said once for each count: whoever counted again and stands by it may go on.
		if again := recountField(field); form.Get(again) != strconv.Itoa(d.Sheets) {
			flaw(again, fmt.Sprintf("Stop: %s cannot belong to a scan of %s%s. Nothing has been recorded. Count the sheets again before you destroy anything.",
				count(d.Sheets, "sheet", "sheets"), count(paper.Pages, "page", "pages"), strings.Replace(of, " of", ", that of", 1)))
		}
	}
}

func (p *Portal) readMethod(d *register.Destruction, form url.Values, flaw func(field, says string)) {
	number := func(field string) register.Number {
		n := register.Number(strings.ToUpper(strings.TrimSpace(form.Get(field))))
		if !n.Valid() {
			// Free text would be a place for names in a register that is kept for years.
			flaw(field, "Enter the number on the contractor’s paper: digits, and no more letters than digits. Hyphens, slashes and full stops may stand between them.")
		}
		return n
	}
	switch {
	case d.Method == register.Shredder:
		if d.Level = register.Level(form.Get("level")); !slices.Contains(register.Levels, d.Level) {
			flaw("level", "Choose the level that is written on the shredder, P-1 to P-7.")
		}
	case d.Method == register.Contractor && len(p.cfg.Contractors) > 0:
		if d.Contractor = register.Name(form.Get("contractor")); !slices.Contains(p.cfg.Contractors, d.Contractor) {
			flaw("contractor", "Choose the contractor who destroyed it.")
		}
		d.Collection, d.Certificate = number("collection"), number("certificate")
	default:
		flaw("method", "Choose how the paper was destroyed.")
	}
}
