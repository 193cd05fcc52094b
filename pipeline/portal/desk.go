package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// deskShows is how many papers of each kind the desk lists, oldest first. Where
// there are more, a link leads to the list of that kind, page by page.
const deskShows = 10

type deskBody struct {
	Overdue   []register.Paper // their letter is gone; the paper should have gone before
	MayGo     []register.Paper
	ScanAgain []againPaper
	Kept      []register.Paper
	Another   []register.Paper // kept until somebody else has found the scan readable too
	Shows     int
	All       map[string]int     // how many there are of what is not shown to the end
	Only      register.PaperList // the one that is shown; empty for all of them
	More      string             // where that one goes on; empty at its end
	Waiting   int                // scans that wait for an answer at the intake
	Unknown   bool               // or that could not be found out
}

// Lists reports whether the page is about such papers.
func (b deskBody) Lists(which register.PaperList) bool { return b.Only == "" || b.Only == which }

// deskLists are what the desk lists, each under its name in addresses.
var deskLists = []register.PaperList{register.PapersOutlived, register.PapersMayGo, register.PapersAgain, register.PapersAnother, register.PapersKept}

// deskPage shows operations what there is to do with paper. It never leads to
// what a letter says.
func (p *Portal) deskPage(w http.ResponseWriter, v *visit) error {
	body := deskBody{Shows: deskShows, All: map[string]int{}}
	after := register.Place{}
	if only := register.PaperList(v.URL.Query().Get("list")); slices.Contains(deskLists, only) {
		body.Only, body.Shows, after = only, perPage, placeFrom(v.URL.Query().Get("after"))
	}
	for _, which := range deskLists {
		if !body.Lists(which) {
			continue
		}
		if err := p.listPapers(v, &body, which, after); err != nil {
			return err
		}
	}
	if body.Only != "" && len(body.Overdue)+len(body.MayGo)+len(body.ScanAgain)+len(body.Another)+len(body.Kept) == 0 {
		redirect(w, "/desk") // the last of them is done
		return nil
	}
	if body.Only == "" {
		waiting, err := p.waiting(v)
		if err != nil { // no reason to keep anybody from the paper
			p.logFailure(v, err.Error())
			body.Unknown = true
		}
		body.Waiting = unanswered(waiting)
	}
	return p.ok(w, v, page{Name: "desk", Title: texts.Say("desk.destruction-desk"), Body: body})
}

// unwalledPapers leaves out the papers of letters from which the visitor is walled off.
func (p *Portal) unwalledPapers(v *visit, papers []register.Paper) ([]register.Paper, error) {
	walled, err := p.cfg.Register.WalledFrom(v.Context(), v.person.Number)
	return slices.DeleteFunc(papers, func(paper register.Paper) bool { return slices.Contains(walled, paper.Letter) }), err
}

// listPapers fills in one list of the desk, and what comes after it.
func (p *Portal) listPapers(v *visit, body *deskBody, which register.PaperList, after register.Place) error {
	papers, err := p.cfg.Register.Papers(v.Context(), which, after, body.Shows+1)
	if err != nil {
		return err
	}
	if len(papers) > body.Shows {
		papers = papers[:body.Shows]
		body.More = "/desk?" + url.Values{"list": {string(which)}, "after": {placeText(register.PlaceOfPaper(papers[body.Shows-1]))}}.Encode()
		if body.All[string(which)], err = p.cfg.Register.CountOfPapers(v.Context(), which); err != nil {
			return err
		}
	}
	if papers, err = p.unwalledPapers(v, papers); err != nil {
		return err
	}
	switch which {
	case register.PapersOutlived:
		body.Overdue = papers
	case register.PapersMayGo:
		body.MayGo = papers
	case register.PapersAgain:
		body.ScanAgain, err = p.asked(v, papers)
	case register.PapersAnother:
		body.Another = papers
	case register.PapersKept:
		body.Kept = papers
	}
	return err
}

type paperBody struct {
	Papers []paperLine
	Action string // where the form goes
	deskPeople
	Levels      []register.Level
	Machines    []register.Name
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

	Recounted bool // it is ticked that they were counted again
	Fewest    int
	Most      int
}

// paperPage is the form for one paper, or what became of it.
func (p *Portal) paperPage(w http.ResponseWriter, v *visit) error {
	id, err := letter.ParseID(v.PathValue("id"))
	if err != nil {
		return errNowhere
	}
	if err := p.cfg.Register.NotWalled(v.Context(), id, v.person.Number); err != nil {
		return err
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
		return &problem{Status: http.StatusConflict, Heading: texts.Say("desk.keep-this-paper"),
			Lines: []texts.Text{texts.Say("desk.the-paper-may-not-be-destroyed", "reference", paper.Reference, "paper", paperWhy(paper)),
				texts.Say("desk.if-it-is-destroyed-already-tell")}, // the form asks for that before it is signed
			Link: "/desk", LinkSay: texts.Say("desk.back-to-the-destruction-desk")}
	}
	form := p.emptyForm()
	if t, ok, err := p.trays.of(v, v.URL.Query().Get("change")); err != nil {
		return err
	} else if ok {
		form = t.Form
	}
	return p.showPaper(w, v, []register.Paper{paper}, form, nil)
}

// emptyForm holds what is mostly so, and what cannot be otherwise.
func (p *Portal) emptyForm() url.Values {
	form := url.Values{"level": {string(register.DefaultLevel)}, "method": {string(register.Shredder)}}
	if len(p.cfg.Places) == 1 {
		form.Set("place", string(p.cfg.Places[0]))
	}
	if len(p.cfg.Machines) == 1 {
		form.Set("machine", string(p.cfg.Machines[0]))
	}
	if len(p.cfg.Contractors) == 1 {
		form.Set("contractor", string(p.cfg.Contractors[0]))
	}
	return form
}

func mayBeDestroyed(paper register.Paper) bool {
	return paper.State == letter.PaperMayGo || paper.LetterGone && paper.State != letter.PaperDestroyed
}

func paperWhy(paper register.Paper) texts.Text {
	if paper.State == letter.PaperScanAgain {
		return texts.Say("desk.it-must-be-scanned-again-the-team", "reason", texts.Word("reason", paper.Reason))
	}
	if paper.AnotherDue() {
		return texts.Say("desk.who-found-its-scan-readable-may")
	}
	return texts.Say("desk.nobody-has-found-its-scan")
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
	return p.ok(w, v, page{Name: "destroyed", Title: texts.Say("desk.destruction-recorded"), Body: destroyedWords(d, e, names)})
}

// destroyedWords is a destruction with the people in words.
func destroyedWords(d register.PaperDestroyed, e register.Entry, names map[int64]string) destroyedBody {
	body := destroyedBody{PaperDestroyed: d, By: staffWords(names, e.By), WitnessName: staffWords(names, d.Witness), by: e.By}
	if d.ScannedBy != 0 {
		body.Scanner = staffWords(names, d.ScannedBy)
	}
	if d.ReadableBy != 0 {
		body.Reader = staffWords(names, d.ReadableBy)
	}
	if d.ReadableToo != 0 {
		body.Reader = texts.Say("desk.and-by", "who", body.Reader, "too", staffWords(names, d.ReadableToo))
	}
	return body
}

type destroyedBody struct {
	register.PaperDestroyed
	by              int64
	By, WitnessName texts.Text
	Scanner, Reader texts.Text // nil for nobody
}

// showPaper shows the form for one paper, or for a tray of them.
func (p *Portal) showPaper(w http.ResponseWriter, v *visit, papers []register.Paper, form url.Values, flaws []formFlaw) error {
	people, err := p.deskPeople(v)
	if err != nil {
		return err
	}
	form = ofThese(papers, form)
	body := paperBody{Action: trayPath, deskPeople: people, Levels: register.Levels, Machines: p.cfg.Machines, Contractors: p.cfg.Contractors, Places: p.cfg.Places, Form: form}
	title := texts.Say("desk.destroy-papers", "papers", len(papers))
	if len(papers) == 1 {
		title, body.Action = texts.Say("desk.destroy-paper", "reference", papers[0].Reference), "/desk/"+string(papers[0].Letter)
		if body.MayBeLost, err = p.cfg.Register.MayWriteOff(v.Context(), papers[0].Letter); err != nil {
			return err
		}
	}
	for _, paper := range papers {
		line := paperLine{Paper: paper, Field: sheetsField(papers, paper)}
		line.Fewest, line.Most = paper.SheetsBetween()
		counted := countedIn(form, line.Field)
		for _, f := range flaws {
			if f.Field == recountField(line.Field) {
				line.Recount, body.Recounts = counted, true
			}
		}
		if isCount(counted) && !fits(counted, paper) && recounted(form, line.Field, counted) {
			line.Recount, line.Recounted = counted, true
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

// paperFor is the paper, if the visitor may see to it: ErrNotFound for one of a letter
// from which they are walled off.
func (p *Portal) paperFor(v *visit, id letter.ID) (register.Paper, error) {
	if err := p.cfg.Register.NotWalled(v.Context(), id, v.person.Number); err != nil {
		return register.Paper{}, err
	}
	return p.cfg.Register.Paper(v.Context(), id)
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
	paper, err := p.paperFor(v, id)
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
	form = ofThese(papers, form)
	all := register.Destruction{Method: register.Method(form.Get("method")), Authority: register.Name(p.cfg.Policy.Name)}
	flaw := func(field string, says texts.Text) { flaws = append(flaws, formFlaw{field, says}) }
	for _, paper := range papers {
		says = append(says, register.Destroyed{Letter: paper.Letter})
		readSheets(&says[len(says)-1].Destruction, form, papers, paper, flaw)
	}
	if all.ScannedBy = wholeNumber(form.Get("scanner")); !has(people.Scanners, all.ScannedBy) && form.Get("scanner") != nobodyKnows {
		all.ScannedBy = 0
		flaw("scanner", texts.Say("desk.choose-who-scanned-it-if-nobody"))
	}
	p.readMethod(&all, form, flaw)
	if all.Place = register.Name(form.Get("place")); !slices.Contains(p.cfg.Places, all.Place) {
		flaw("place", texts.Say("desk.choose-where-the-paper"))
	}
	if form.Get("confirm") != "yes" {
		flaw("confirm", texts.Say("desk.tick-the-box-once-the-paper"))
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

func readSheets(d *register.Destruction, form url.Values, papers []register.Paper, paper register.Paper, flaw func(field string, says texts.Text)) {
	field := sheetsField(papers, paper)
	d.Sheets = countedIn(form, field)
	switch {
	case !isCount(d.Sheets):
		if len(papers) == 1 {
			flaw(field, texts.Say("desk.count-the-sheets"))
		} else {
			flaw(field, texts.Say("desk.count-the-sheets-of", "reference", paper.Reference))
		}
	case !fits(d.Sheets, paper) && !recounted(form, field, d.Sheets):
		flaw(recountField(field), sheetsDoNotFit(d.Sheets, paper, len(papers) == 1))
	}
}

// countedIn is how many sheets the form says, and isCount whether anybody can have
// counted so many.
func countedIn(form url.Values, field string) int {
	return int(min(wholeNumber(form.Get(field)), 10000))
}

func isCount(sheets int) bool { return sheets >= 1 && sheets <= 9999 }

// fits reports whether the scan can be of so many sheets.
func fits(sheets int, paper register.Paper) bool {
	fewest, most := paper.SheetsBetween()
	return sheets >= fewest && sheets <= most
}

// recounted reports whether it is ticked that they were counted again. It is of that count
// alone: who counted again and stands by it may go on.
func recounted(form url.Values, field string, sheets int) bool {
	return form.Get(recountField(field)) == strconv.Itoa(sheets)
}

// sheetsDoNotFit says that so many sheets cannot be the paper of the scan.
func sheetsDoNotFit(counted int, paper register.Paper, alone bool) texts.Text {
	sheets, pages := texts.Say("count.sheet", "n", counted), texts.Say("count.page", "n", paper.Pages)
	if alone {
		return texts.Say("desk.stop", "sheets", sheets, "pages", pages)
	}
	return texts.Say("desk.stop-of", "sheets", sheets, "pages", pages, "reference", paper.Reference)
}

func (p *Portal) readMethod(d *register.Destruction, form url.Values, flaw func(field string, says texts.Text)) {
	number := func(field string, enter texts.Text) register.Number {
		n := register.Number(strings.ToUpper(strings.TrimSpace(form.Get(field))))
		if !n.Valid() {
			// Free text would be a place for names in a register that is kept for years.
			flaw(field, enter)
		}
		return n
	}
	switch {
	case d.Method == register.Shredder:
		if d.Level = register.Level(form.Get("level")); !slices.Contains(register.Levels, d.Level) {
			flaw("level", texts.Say("desk.choose-the-level-that-is-written"))
		}
		if d.Machine = register.Name(form.Get("machine")); len(p.cfg.Machines) == 0 {
			d.Machine = ""
		} else if !slices.Contains(p.cfg.Machines, d.Machine) {
			flaw("machine", texts.Say("desk.choose-the-shredder"))
		}
	case d.Method == register.Contractor && len(p.cfg.Contractors) > 0:
		if d.Contractor = register.Name(form.Get("contractor")); !slices.Contains(p.cfg.Contractors, d.Contractor) {
			flaw("contractor", texts.Say("desk.choose-the-contractor"))
		}
		d.Collection = number("collection", texts.Say("desk.enter-the-collection"))
		d.Certificate = number("certificate", texts.Say("desk.enter-the-certificate"))
	default:
		flaw("method", texts.Say("desk.choose-how-the-paper"))
	}
}
