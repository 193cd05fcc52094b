package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// A restored database asks for papers that were destroyed after the backup was
// made. Two people say so together, as they would of a destruction.

type lostBody struct {
	register.Paper
	Whys   []register.LostPaper
	Form   url.Values
	Alone  bool // nobody else could be the witness
	Action string
}

func lostPath(id letter.ID) string { return "/desk/lost/" + string(id) }

// lostPaper is the paper of the address, if it may be written off.
func (p *Portal) lostPaper(v *visit) (register.Paper, error) {
	id, err := letter.ParseID(v.PathValue("id"))
	if err != nil {
		return register.Paper{}, errNowhere
	}
	paper, err := p.paperFor(v, id)
	if err != nil {
		return paper, err
	}
	may, err := p.cfg.Register.MayWriteOff(v.Context(), id)
	if err == nil && !(may && mayBeDestroyed(paper)) {
		err = errNowhere
	}
	return paper, err
}

// lostPage is the form for a paper that is not there.
func (p *Portal) lostPage(w http.ResponseWriter, v *visit) error {
	paper, err := p.lostPaper(v)
	if err != nil {
		return err
	}
	form := url.Values{}
	if t, ok, err := p.trays.of(v, v.URL.Query().Get("change")); err != nil {
		return err
	} else if ok {
		form = t.Form
	}
	return p.showLost(w, v, paper, form, nil)
}

func (p *Portal) showLost(w http.ResponseWriter, v *visit, paper register.Paper, form url.Values, flaws []formFlaw) error {
	people, err := p.deskPeople(v)
	if err != nil {
		return err
	}
	return p.ok(w, v, page{Name: "lost", Title: texts.Say("lost.paper-is-not-there", "reference", paper.Reference), Errors: flaws,
		Body: lostBody{Paper: paper, Whys: register.LostPapers, Form: form, Alone: len(people.Witnesses) == 0, Action: lostPath(paper.Letter)}})
}

func (p *Portal) writeOffPaper(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	paper, err := p.lostPaper(v)
	if errors.Is(err, register.ErrNotFound) || errors.Is(err, errNowhere) {
		if id, bad := letter.ParseID(v.PathValue("id")); bad == nil {
			redirect(w, "/desk/"+string(id)) // which says what became of it
			return nil
		}
	}
	if err != nil {
		return err
	}
	var flaws []formFlaw
	why := register.LostPaper(v.PostForm.Get("why"))
	if !slices.Contains(register.LostPapers, why) {
		flaws = append(flaws, formFlaw{"why", texts.Say("lost.choose-what-became")})
	}
	if v.PostForm.Get("confirm") != "yes" {
		flaws = append(flaws, formFlaw{"confirm", texts.Say("lost.tick-the-box-once-you-have-looked")})
	}
	if len(flaws) > 0 {
		return p.showLost(w, v, paper, v.PostForm, flaws)
	}
	token, err := p.trays.keep(v, tray{Papers: []register.Paper{paper}, Lost: why, Form: v.PostForm})
	if err != nil {
		return err
	}
	redirect(w, signPath(token))
	return nil
}

// record puts what a tray says on record, and returns the ledger numbers: of what
// is written off, none.
func (p *Portal) record(v *visit, t tray, with register.SignInWith) ([]register.Ledger, error) {
	if t.Lost != "" {
		return []register.Ledger{}, p.cfg.Register.WriteOffPaper(v.Context(), t.Papers[0].Letter, register.WriteOff{Why: t.Lost, Witness: t.Witness,
			WitnessWith: with, Authority: register.Name(p.cfg.Policy.Name)}, v.person.Number)
	}
	says := slices.Clone(t.Says) // the same form may be on its way twice
	for i := range says {
		says[i].Witness, says[i].WitnessWith = t.Witness, with
	}
	return p.cfg.Register.DestroyPapers(v.Context(), says, v.person.Number)
}

// showWrittenOff shows the record of a paper that is not there.
func (p *Portal) showWrittenOff(w http.ResponseWriter, v *visit, e register.Entry) error {
	var d register.PaperWrittenOff
	if err := readEvent(e, &d); err != nil {
		return err
	}
	names, err := p.staffNames(v)
	if err != nil {
		return err
	}
	return p.ok(w, v, page{Name: "written-off", Title: texts.Say("lost.written-off"), Body: writtenOffBody{PaperWrittenOff: d, Recorded: e.At,
		By: staffWords(names, e.By), WitnessName: staffWords(names, d.Witness)}})
}

type writtenOffBody struct {
	register.PaperWrittenOff
	Recorded        time.Time
	By, WitnessName texts.Text
}
