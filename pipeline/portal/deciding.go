package portal

import (
	"errors"
	"net/http"
	"slices"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// answerRisk takes the answer to whether somebody is at risk. Without it a letter
// is not done. It takes none over an answer that the page did not show.
func (p *Portal) answerRisk(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	risk := register.Risk(v.PostForm.Get("risk"))
	if !slices.Contains(register.Risks, risk) {
		return p.showLetter(w, v, []formFlaw{{"risk", texts.Say("letter.choose-whether-somebody")}}, "")
	}
	shows := "?done=risk-" + string(risk)
	switch {
	case risk == register.RiskShare && v.letter.Reason == "":
		shows = "sharing?done=risk-share"
	case risk == register.RiskUrgent:
		told, err := p.managerIsTold(v)
		if err != nil {
			return err
		}
		if !told {
			shows += "-alone"
		}
	}
	instead := v.letter.Risk
	if v.PostForm.Has("instead") {
		instead = register.Risk(v.PostForm.Get("instead"))
	}
	err := p.cfg.Register.AnswerRisk(v.once(shows), v.letter.ID, risk, instead, v.person.Number)
	if errors.Is(err, register.ErrRiskAnswered) {
		return p.showLetter(w, v, []formFlaw{{"keeping", texts.Say("letter.risk-was-answered-meanwhile")}}, "")
	}
	if err != nil {
		return err
	}
	redirect(w, v.shown(shows))
	return nil
}

// handOver hands the letter to a colleague who may read it.
func (p *Portal) handOver(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	to := wholeNumber(v.PostForm.Get("colleague"))
	colleagues, err := p.colleagues(v)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(colleagues, func(who register.Person) bool { return who.Number == to })
	if at < 0 {
		return p.showLetter(w, v, []formFlaw{{"colleague", texts.Say("letter.choose-the-colleague-who-is-to-go")}}, "")
	}
	shows := "?done=handed-over"
	if colleagues[at].Email == "" {
		shows += "-untold"
	}
	err = p.cfg.Register.HandOver(v.once(shows), v.letter.ID, to, v.person.Number)
	if errors.Is(err, register.ErrHasIt) {
		return p.showLetter(w, v, []formFlaw{{"hand-over", texts.Say("letter.the-colleague-has-it-already")}}, "")
	}
	if err != nil {
		return err
	}
	redirect(w, v.shown(shows))
	return nil
}

// seenTo takes the word of the one to whom the letter was handed that they have seen to
// it.
func (p *Portal) seenTo(w http.ResponseWriter, v *visit) error {
	const shows = "?done=seen-to"
	if err := p.cfg.Register.SeenTo(v.once(shows), v.letter.ID, v.person.Number); err != nil {
		return err
	}
	redirect(w, v.shown(shows))
	return nil
}

// managerIsTold reports whether there is a manager beside the visitor to whom a mail
// about the letter goes when they are called.
func (p *Portal) managerIsTold(v *visit) (bool, error) {
	colleagues, err := p.colleagues(v)
	return slices.ContainsFunc(colleagues, func(who register.Person) bool { return who.Role == register.Manager && who.Email != "" }), err
}

// colleagues are those beside the visitor who may read the letter.
func (p *Portal) colleagues(v *visit) ([]register.Person, error) {
	return p.readersBeside(v, v.letter, v.person.Number)
}

// readersBeside are those beside one person who may read the letter.
func (p *Portal) readersBeside(v *visit, l register.Letter, person int64) ([]register.Person, error) {
	people, err := p.enabledPeople(v)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(people, func(who register.Person) bool { return who.Number == person || !mayRead(who, l) }), nil
}

// colleague is somebody whom a page offers or names.
type colleague struct {
	register.Person
	NotYet bool // they have no sign-in, as before they have enrolled, and open nothing
}

// Called is their name, with a word that they cannot come in yet.
func (c colleague) Called() texts.Text {
	if c.NotYet {
		return texts.Say("layout.name-not-yet", "name", c.Name)
	}
	return texts.Plain(c.Name)
}

// offered are the people as a page offers them: who was invited and has set up
// nothing cannot be told from the others by their name. In a sample nobody needs to.
func (p *Portal) offered(v *visit, people []register.Person) (out []colleague, err error) {
	for _, who := range people {
		comes, err := p.cfg.Register.ComesIn(v.Context(), who, p.issuer())
		if err != nil {
			return nil, err
		}
		out = append(out, colleague{who, !p.cfg.Sample && !comes})
	}
	return out, nil
}

// tellDeciding fills in what the letter's page asks of its reader.
func (p *Portal) tellDeciding(v *visit, l register.Letter, body *letterBody) (err error) {
	body.Risks = register.Risks
	colleagues, err := p.colleagues(v)
	if err != nil {
		return err
	}
	if body.Colleagues, err = p.offered(v, colleagues); err != nil {
		return err
	}
	if l.HandedTo == 0 {
		body.HandedBack, err = p.cfg.Register.HandedToNobody(v.Context(), l.ID, v.person.Number)
		return err
	}
	who, err := p.cfg.Register.Person(v.Context(), l.HandedTo)
	body.HandedTo = called(v, who)
	return err
}

// riskNote says what has just been answered, where the letter bears it out.
func riskNote(done string, l register.Letter) texts.Text {
	switch {
	case done == "risk-none" && l.Risk == register.RiskNone:
		return texts.Say("letter.it-is-recorded-that-nobody")
	case done == "risk-share" && l.Risk == register.RiskShare:
		return texts.Say("letter.it-is-recorded-that-somebody")
	case done == "risk-urgent" && l.Risk == register.RiskUrgent:
		return texts.Say("letter.it-is-recorded-and-the-helplines")
	case done == "risk-urgent-alone" && l.Risk == register.RiskUrgent:
		return texts.Say("letter.it-is-recorded-nobody-is-told")
	case done == "handed-over" && l.HandedTo != 0:
		return texts.Say("letter.it-is-recorded")
	case done == "handed-over-untold" && l.HandedTo != 0:
		return texts.Say("letter.it-is-recorded-not-told")
	case done == "seen-to" && l.HandedTo == 0:
		return texts.Say("letter.it-is-recorded-that-you-have-seen-to-it")
	}
	return nil
}
