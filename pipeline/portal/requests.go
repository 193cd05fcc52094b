package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

type askForm struct {
	Letter  register.Letter
	Form    url.Values
	Reasons []register.EraseReason
	Wrong   []register.WithdrawReason
	Back    *comeBack  // what a withdrawal would bring
	Lines   []Helpline // the others
}

// comeBack is what becomes of a letter that is not kept for five years after all.
type comeBack struct {
	Deadline letter.Date // the end of its six months
	Over     bool        // that day has come
	Held     bool        // and a hold keeps the letter all the same
}

func (p *Portal) comesBack(v *visit, l register.Letter) (*comeBack, error) {
	deadline, err := p.cfg.Register.WithdrawnDeadline(v.Context(), l)
	return &comeBack{deadline, !letter.DateOf(p.cfg.Now()).Before(deadline), l.Held()}, err
}

func (p *Portal) showAsk(w http.ResponseWriter, v *visit, name string, title texts.Text, form url.Values, flaws []formFlaw) error {
	back, err := p.comesBack(v, v.letter)
	if err != nil {
		return err
	}
	f := askForm{Letter: v.letter, Form: form, Reasons: register.EraseReasons, Wrong: register.WithdrawReasons, Back: back,
		Lines: slices.Clone(p.cfg.Helplines)}
	f.Lines = slices.DeleteFunc(f.Lines, func(h Helpline) bool { return h.Name == v.letter.Helpline })
	return p.ok(w, v, page{Name: name, Title: title, Errors: flaws, Body: f})
}

func (p *Portal) erasePage(w http.ResponseWriter, v *visit) error {
	return p.showErase(w, v, url.Values{}, nil)
}

func (p *Portal) showErase(w http.ResponseWriter, v *visit, form url.Values, flaws []formFlaw) error {
	return p.showAsk(w, v, "erase", texts.Say("request.erase-letter-before-its-time", "reference", v.letter.ID.Reference()), form, flaws)
}

func (p *Portal) withdrawPage(w http.ResponseWriter, v *visit) error {
	return p.showWithdraw(w, v, url.Values{}, nil)
}

func (p *Portal) showWithdraw(w http.ResponseWriter, v *visit, form url.Values, flaws []formFlaw) error {
	if v.letter.Reason == "" {
		return register.ErrNotKept
	}
	return p.showAsk(w, v, "withdraw", texts.Say("request.do-not-keep-letter-for-five-years", "reference", v.letter.ID.Reference()), form, flaws)
}

func (p *Portal) redirectPage(w http.ResponseWriter, v *visit) error {
	return p.showRedirect(w, v, url.Values{}, nil)
}

func (p *Portal) showRedirect(w http.ResponseWriter, v *visit, form url.Values, flaws []formFlaw) error {
	return p.showAsk(w, v, "redirect", texts.Say("request.letter-is-another-helplines", "reference", v.letter.ID.Reference()), form, flaws)
}

// askedFor is what a letter's page is asked to say once a request is on record.
const askedFor = "?done=asked"

func (p *Portal) askErasure(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	why := register.EraseReason(v.PostForm.Get("reason"))
	if !slices.Contains(register.EraseReasons, why) {
		return p.showErase(w, v, v.PostForm, []formFlaw{{"reason", texts.Say("request.choose-why-the-letter-must")}})
	}
	if err := p.cfg.Register.AskErasure(v.once(askedFor), v.letter.ID, why, v.person.Number); err != nil {
		return err
	}
	redirect(w, v.shown(askedFor))
	return nil
}

func (p *Portal) askWithdrawal(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	why := register.WithdrawReason(v.PostForm.Get("reason"))
	if !slices.Contains(register.WithdrawReasons, why) {
		return p.showWithdraw(w, v, v.PostForm, []formFlaw{{"reason", texts.Say("request.choose-why-the-decision-was-wrong")}})
	}
	if err := p.cfg.Register.AskWithdrawal(v.once(askedFor), v.letter.ID, why, v.person.Number); err != nil {
		return err
	}
	redirect(w, v.shown(askedFor))
	return nil
}

func (p *Portal) askRedirection(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	to := v.PostForm.Get("helpline")
	if to == v.letter.Helpline || !slices.ContainsFunc(p.cfg.Helplines, func(h Helpline) bool { return h.Name == to }) {
		return p.showRedirect(w, v, v.PostForm, []formFlaw{{"helpline", texts.Say("request.choose-to-which-helpline")}})
	}
	if err := p.cfg.Register.AskRedirection(v.once(askedFor), v.letter.ID, to, v.person.Number); err != nil {
		return err
	}
	redirect(w, v.shown(askedFor))
	return nil
}

const takenBack = "?done=taken-back"

// takeBack ends what the visitor has asked for themselves.
func (p *Portal) takeBack(w http.ResponseWriter, v *visit) error {
	q, err := p.cfg.Register.RequestOf(v.Context(), v.letter.ID)
	if err != nil && !errors.Is(err, register.ErrNotFound) {
		return err
	}
	if err == nil && q.AskedBy == v.person.Number {
		if err := p.cfg.Register.DeclineRequest(v.once(takenBack), q.Number, v.person.Number); err != nil {
			return err
		}
	}
	redirect(w, v.shown(takenBack))
	return nil
}

// requestCard is one request as the second person sees it: never with what the
// letter says.
type requestCard struct {
	register.Request
	Asker texts.Text
	Own   bool   // the visitor asked for it
	Path  string // of its page, for which they show anew who they are
	Shown bool   // and have done so
	Opens bool   // they may open the letter
	Alone bool   // nobody else is there who may confirm it
	Back  *comeBack
}

func (p *Portal) requestCards(v *visit) ([]requestCard, error) {
	asked, err := p.cfg.Register.Requests(v.Context(), v.person.Number)
	if err != nil {
		return nil, err
	}
	names, err := p.staffNames(v)
	if err != nil {
		return nil, err
	}
	var out []requestCard
	for _, q := range asked {
		path := fmt.Sprintf("/requests/%d", q.Number)
		c := requestCard{Request: q, Asker: staffWords(names, q.AskedBy), Own: q.AskedBy == v.person.Number, Path: path, Shown: p.shows(v, path)}
		l, err := p.cfg.Register.Letter(v.Context(), q.Letter)
		if errors.Is(err, register.ErrNotFound) {
			continue // it has gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		somebody, err := p.somebodyMayConfirm(v, q, l)
		if err != nil {
			return nil, err
		}
		c.Alone, c.Opens = !somebody, p.mayBeShown(v.person, l)
		if q.Withdraw != "" {
			if c.Back, err = p.comesBack(v, l); err != nil {
				return nil, err
			}
		}
		out = append(out, c)
	}
	return out, nil
}

func (p *Portal) requestsPage(w http.ResponseWriter, v *visit) error {
	cards, err := p.requestCards(v)
	if err != nil {
		return err
	}
	pg := page{Name: "requests", Title: texts.Say("request.requests"), Body: cards}
	switch v.URL.Query().Get("done") {
	case "confirmed":
		pg.Note = texts.Say("request.it-is-on-record-and-is-being-done")
	case "declined":
		pg.Note = texts.Say("request.it-is-on-record")
	}
	return p.ok(w, v, pg)
}

// requestOf finds the request that the address names.
func (p *Portal) requestOf(v *visit) (requestCard, error) {
	cards, err := p.requestCards(v)
	if err != nil {
		return requestCard{}, err
	}
	for _, c := range cards {
		if strconv.FormatInt(c.Number, 10) == v.PathValue("request") {
			return c, nil
		}
	}
	if wholeNumber(v.PathValue("request")) > 0 {
		return requestCard{}, requestOver
	}
	return requestCard{}, errNowhere
}

// requestTrouble is why a request that waited a moment ago cannot be acted on.
func requestTrouble(err error) error {
	if errors.Is(err, register.ErrNotFound) {
		return requestOver
	}
	return err
}

// requestPage shows a request to the second person, who first shows anew who
// they are.
func (p *Portal) requestPage(w http.ResponseWriter, v *visit) error {
	c, err := p.requestOf(v)
	if err != nil {
		return err
	}
	return p.ok(w, v, page{Name: "request", Title: texts.Say("request.request-number", "number", c.Number), Script: "passkey.js",
		Body: struct {
			requestCard
			Origin string
		}{c, p.cfg.Origin}})
}

func (p *Portal) confirmRequest(w http.ResponseWriter, v *visit) error {
	c, err := p.requestOf(v)
	if err != nil {
		return err
	}
	if !c.Own && !c.Shown {
		return notAgain
	}
	const done = "/requests?done=confirmed"
	if err := p.cfg.Register.ConfirmRequest(v.once(done), c.Number, v.person.Number); err != nil {
		return requestTrouble(err)
	}
	p.used(v, c.Path)
	redirect(w, done)
	return nil
}

func (p *Portal) declineRequest(w http.ResponseWriter, v *visit) error {
	c, err := p.requestOf(v)
	if err != nil {
		return err
	}
	const done = "/requests?done=declined"
	if err := p.cfg.Register.DeclineRequest(v.once(done), c.Number, v.person.Number); err != nil {
		return requestTrouble(err)
	}
	redirect(w, done)
	return nil
}

// somebodyMayConfirm reports whether there is a second person for the request about the
// letter: beside who has asked, somebody who may confirm it, can sign in and knows
// nobody in the letter.
func (p *Portal) somebodyMayConfirm(v *visit, q register.Request, l register.Letter) (bool, error) {
	people, err := p.enabledPeople(v)
	if err != nil {
		return false, err
	}
	second, err := p.offered(v, slices.DeleteFunc(people, func(who register.Person) bool {
		return who.Number == q.AskedBy || !slices.Contains(overseers, who.Role) || l.WalledOff(who.Number)
	}))
	return slices.ContainsFunc(second, func(who colleague) bool { return !who.NotYet }), err
}

// tellAsked says on the letter's page what waits for a second person.
func (p *Portal) tellAsked(v *visit, l register.Letter, body *letterBody) error {
	q, err := p.cfg.Register.RequestOf(v.Context(), l.ID)
	if err != nil {
		return unlessNotFound(err)
	}
	somebody, err := p.somebodyMayConfirm(v, q, l)
	body.Asked, body.Unheard = &q, !somebody
	return err
}
