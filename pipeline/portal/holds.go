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

// holdCard is one hold in the list.
type holdCard struct {
	register.Hold
	OwnerName texts.Text
	Due       bool       // its review has come
	Asker     texts.Text // who has asked for its end; nil for nobody
	Own       bool       // it is the visitor
	Opens     bool       // the visitor may open the letter
}

// holdPath is the address of a hold's page, for which a passkey is shown anew.
func holdPath(number int64) string { return fmt.Sprintf("/holds/%d", number) }

type holdsBody struct {
	Holds   []holdCard
	Letters int // that are held
	Manages bool
}

// holdsPage lists what is held, by the day on which it is looked at again.
func (p *Portal) holdsPage(w http.ResponseWriter, v *visit) error {
	holds, err := p.cfg.Register.HoldsShown(v.Context(), v.person.Number)
	if err != nil {
		return err
	}
	body := holdsBody{Manages: v.person.Role == register.Manager}
	if body.Letters, err = p.cfg.Register.HeldLetters(v.Context(), v.person.Number); err != nil {
		return err
	}
	names, err := p.staffNames(v)
	if err != nil {
		return err
	}
	for _, h := range holds {
		c, err := p.holdCard(v, h, names)
		if err != nil {
			return err
		}
		body.Holds = append(body.Holds, c)
	}
	pg := page{Name: "holds", Title: texts.Say("hold.holds"), Body: body}
	switch v.URL.Query().Get("done") {
	case "placed":
		pg.Note = texts.Say("hold.the-hold-is-on-record")
	case "reviewed":
		pg.Note = texts.Say("hold.thank-you-it-is-recorded")
	case "release-asked":
		pg.Note = texts.Say("hold.a-second-person-must-confirm")
	case "released":
		pg.Note = texts.Say("hold.the-hold-is-released")
	}
	return p.ok(w, v, pg)
}

func (p *Portal) holdCard(v *visit, h register.Hold, names map[int64]string) (holdCard, error) {
	c := holdCard{Hold: h, OwnerName: staffWords(names, h.Owner), Due: !letter.DateOf(p.cfg.Now()).Before(h.Review),
		Own: h.ReleaseBy == v.person.Number}
	if h.ReleaseBy != 0 {
		c.Asker = staffWords(names, h.ReleaseBy)
	}
	if h.Letter == "" {
		return c, nil
	}
	l, err := p.cfg.Register.Letter(v.Context(), h.Letter)
	c.Opens = err == nil && p.mayBeShown(v.person, l)
	return c, unlessNotFound(err)
}

type holdForm struct {
	Hold     holdCard // the zero hold for a new one
	Letter   letter.ID
	Form     url.Values
	Reasons  []register.HoldReason
	Owners   []colleague
	Lines    []Helpline
	Earliest letter.Date
	Latest   letter.Date
	Days     int // from today until then
	Manages  bool
	Releases bool   // the visitor may release it, or confirm that
	Path     string // of its page
	Shown    bool   // and they have shown anew for it who they are
	Origin   string
}

func (p *Portal) holdForm(v *visit, form url.Values) (f holdForm, err error) {
	people, err := p.enabledPeople(v)
	if err != nil {
		return f, err
	}
	today := letter.DateOf(p.cfg.Now())
	f = holdForm{Form: form, Reasons: register.HoldReasons, Lines: p.cfg.Helplines, Earliest: today.AddDays(1), Latest: today.AddDays(register.HoldReviewDays), Days: register.HoldReviewDays}
	f.Owners, err = p.offered(v, slices.DeleteFunc(people, func(who register.Person) bool { return !slices.Contains(overseers, who.Role) }))
	if err != nil || form.Get("letter") == "" {
		return f, err
	}
	if f.Letter, err = letter.ParseID(form.Get("letter")); err != nil {
		return f, errNowhere
	}
	l, err := p.cfg.Register.Letter(v.Context(), f.Letter)
	if err == nil && (!l.Open(p.cfg.Now()) || l.WalledOff(v.person.Number)) {
		err = errNowhere
	}
	f.withoutWalled(l)
	return f, err
}

// withoutWalled has nobody answer for a hold who is walled off from what it holds.
func (f *holdForm) withoutWalled(l register.Letter) {
	f.Owners = slices.DeleteFunc(f.Owners, func(who colleague) bool { return l.WalledOff(who.Number) })
}

// newHoldPage asks what is to be held: the letter that the address names, or
// everything of a helpline.
func (p *Portal) newHoldPage(w http.ResponseWriter, v *visit) error {
	form := url.Values{"letter": {v.URL.Query().Get("letter")}, "owner": {strconv.FormatInt(v.person.Number, 10)}}
	f, err := p.holdForm(v, form)
	if err != nil {
		return err
	}
	return p.showHoldForm(w, v, f, nil)
}

func (p *Portal) showHoldForm(w http.ResponseWriter, v *visit, f holdForm, flaws []formFlaw) error {
	title := texts.Say("hold.put-on-hold")
	if f.Hold.Number != 0 {
		title = texts.Say("hold.hold-number", "number", f.Hold.Number)
	}
	return p.ok(w, v, page{Name: "hold", Title: title, Script: "passkey.js", Errors: flaws, Body: f})
}

func (p *Portal) placeHold(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	f, err := p.holdForm(v, v.PostForm)
	if err != nil {
		return err
	}
	h, flaws := f.read()
	h.Letter, h.Helpline, h.Reason = f.Letter, v.PostForm.Get("helpline"), register.HoldReason(v.PostForm.Get("reason"))
	if !slices.Contains(f.Reasons, h.Reason) {
		flaws = append(flaws, formFlaw{"reason", texts.Say("hold.choose-who-wants-it-kept")})
	}
	if h.Letter == "" && !slices.ContainsFunc(f.Lines, func(l Helpline) bool { return l.Name == h.Helpline }) {
		flaws = append(flaws, formFlaw{"helpline", texts.Say("hold.choose-whose-letters-are-held")})
	}
	if len(flaws) > 0 || changes(v.PostForm) {
		return p.showHoldForm(w, v, f, flaws)
	}
	if !confirmed(v.PostForm) {
		what := texts.Say("hold.everything-of-now-and-as-long", "helpline", p.helplineTitle(h.Helpline))
		if h.Letter != "" {
			what = texts.Say("hold.the-letter", "reference", h.Letter.Reference())
		}
		return p.ok(w, v, page{Name: "confirm", Title: texts.Say("hold.put-it-on-hold"), Body: confirmBody{Action: "/holds/new", Form: v.PostForm,
			Button: texts.Say("hold.put-it-on-hold-2"), Says: []texts.Text{texts.Say("hold.nothing-that-is-held-is-deleted")},
			Facts: append([]fact{{texts.Say("hold.what"), what}, {texts.Say("hold.who-wants"), texts.Word("hold-reason", h.Reason)}}, f.facts(h)...)}})
	}
	const placed = "/holds?done=placed"
	if _, err := p.cfg.Register.PlaceHold(v.once(placed), h, v.person.Number); err != nil {
		return err
	}
	redirect(w, placed)
	return nil
}

// read reads what a new hold and a review have in common.
func (f holdForm) read() (h register.Hold, flaws []formFlaw) {
	h.Owner = wholeNumber(f.Form.Get("owner"))
	if !slices.ContainsFunc(f.Owners, func(who colleague) bool { return who.Number == h.Owner }) {
		flaws = append(flaws, formFlaw{"owner", texts.Say("hold.choose-who-answers-for-the-hold")})
	}
	review, err := letter.ParseDate(f.Form.Get("review"))
	if err != nil || review.Before(f.Earliest) || f.Latest.Before(review) {
		flaws = append(flaws, formFlaw{"review", texts.Say("hold.enter-the-day-on-which-the-hold", "earliest", f.Earliest, "latest", f.Latest, "hold-review-days", register.HoldReviewDays)})
	}
	h.Review = review
	return h, flaws
}

func (f holdForm) facts(h register.Hold) []fact {
	var owner texts.Text
	for _, who := range f.Owners {
		if who.Number == h.Owner {
			owner = texts.Plain(who.Name)
		}
	}
	return []fact{{texts.Say("hold.who-answers-2"), owner}, {texts.Say("hold.look-at-it-again"), texts.Day(h.Review)}}
}

// holdOf finds the hold that the address names.
func (p *Portal) holdOf(v *visit) (register.Hold, error) {
	holds, err := p.cfg.Register.HoldsShown(v.Context(), v.person.Number)
	if err != nil {
		return register.Hold{}, err
	}
	for _, h := range holds {
		if strconv.FormatInt(h.Number, 10) == v.PathValue("hold") {
			return h, nil
		}
	}
	if wholeNumber(v.PathValue("hold")) > 0 {
		return register.Hold{}, holdOver
	}
	return register.Hold{}, errNowhere
}

// holdTrouble is why a hold that was there a moment ago cannot be acted on.
func holdTrouble(err error) error {
	if errors.Is(err, register.ErrNotFound) {
		return holdOver
	}
	return err
}

func (p *Portal) holdPage(w http.ResponseWriter, v *visit) error {
	h, err := p.holdOf(v)
	if err != nil {
		return err
	}
	return p.showHold(w, v, h, url.Values{"owner": {strconv.FormatInt(h.Owner, 10)}}, nil)
}

func (p *Portal) showHold(w http.ResponseWriter, v *visit, h register.Hold, form url.Values, flaws []formFlaw) error {
	f, err := p.holdFormOf(v, h, form)
	if err != nil {
		return err
	}
	names, err := p.staffNames(v)
	if err != nil {
		return err
	}
	if f.Hold, err = p.holdCard(v, h, names); err != nil {
		return err
	}
	f.Path, f.Origin = holdPath(h.Number), p.cfg.Origin
	f.Manages, f.Releases, f.Shown = v.person.Role == register.Manager, mayRelease(v.person, h), p.shows(v, f.Path)
	return p.showHoldForm(w, v, f, flaws)
}

// holdFormOf is the form of a hold that is in force.
func (p *Portal) holdFormOf(v *visit, h register.Hold, form url.Values) (holdForm, error) {
	form.Del("letter")
	f, err := p.holdForm(v, form)
	if err != nil || h.Letter == "" {
		return f, err
	}
	l, err := p.cfg.Register.Letter(v.Context(), h.Letter)
	f.withoutWalled(l)
	return f, unlessNotFound(err)
}

func (p *Portal) reviewHold(w http.ResponseWriter, v *visit) error {
	h, err := p.holdOf(v)
	if err != nil {
		return err
	}
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	f, err := p.holdFormOf(v, h, v.PostForm)
	if err != nil {
		return err
	}
	next, flaws := f.read()
	if len(flaws) > 0 {
		return p.showHold(w, v, h, v.PostForm, flaws)
	}
	const reviewed = "/holds?done=reviewed"
	if err := p.cfg.Register.ReviewHold(v.once(reviewed), h.Number, next.Review, next.Owner, v.person.Number); err != nil {
		return holdTrouble(err)
	}
	redirect(w, reviewed)
	return nil
}

// mayRelease reports whether the person may release the hold. It is the manager's to
// ask; a data-protection officer may be the second person.
func mayRelease(who register.Person, h register.Hold) bool {
	return who.Role == register.Manager || h.ReleaseBy != 0
}

// releaseHold takes a manager's word, or that of the second person where letters would
// be deleted within days. Each has shown anew who they are: it deletes what a court or
// a coroner may want.
func (p *Portal) releaseHold(w http.ResponseWriter, v *visit) error {
	h, err := p.holdOf(v)
	if err == nil && !mayRelease(v.person, h) {
		err = movedOn // nobody has asked for it, or it goes on since
	}
	if err != nil {
		return err
	}
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	here := holdPath(h.Number)
	if !p.shows(v, here) {
		return notAgainAt(here)
	}
	if !confirmed(v.PostForm) {
		return p.confirmRelease(w, v, h)
	}
	soon, err := p.firstOfTwo(v, h)
	if err != nil {
		return err
	}
	shows := "/holds?done=released"
	if soon > 0 {
		shows = "/holds?done=release-asked"
	}
	released, err := p.cfg.Register.ReleaseHold(v.once(shows), h.Number, v.person.Number)
	if err != nil {
		return holdTrouble(err)
	}
	if !released { // also where somebody has said meanwhile that it goes on
		shows = "/holds?done=release-asked"
	}
	p.used(v, here)
	redirect(w, shows)
	return nil
}

// firstOfTwo counts what would be due soon if the visitor, on whose word nothing
// happens then, released the hold; 0 where their word is enough.
func (p *Portal) firstOfTwo(v *visit, h register.Hold) (soon int, err error) {
	if h.ReleaseBy != 0 && h.ReleaseBy != v.person.Number {
		return 0, nil
	}
	return p.cfg.Register.SoonDue(v.Context(), h)
}

func (p *Portal) confirmRelease(w http.ResponseWriter, v *visit, h register.Hold) error {
	here := holdPath(h.Number)
	says := []texts.Text{texts.Say("hold.what-no-other-hold-keeps-goes")}
	soon, err := p.firstOfTwo(v, h)
	if err != nil {
		return err
	}
	if soon > 0 {
		says = append(says, texts.Say("hold.letters-would-be-due", "n", soon))
	} else if soon, err = p.cfg.Register.SoonDue(v.Context(), h); err != nil {
		return err
	} else if soon > 0 {
		says = append(says, texts.Say("hold.letters-are-due-now", "n", soon))
	}
	return p.ok(w, v, page{Name: "confirm", Title: texts.Say("hold.release-hold-number", "number", h.Number), Body: confirmBody{Back: here, Action: here + "/release",
		Form: v.PostForm, Button: texts.Say("hold.release-the-hold"), Danger: true, Says: says}})
}
