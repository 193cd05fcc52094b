package portal

import (
	"cmp"
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

// confirmBody is a page that says once more what is about to be done, and
// carries the form that was filled in.
type confirmBody struct {
	Back   string // where the form is, where nothing was filled in: else it comes again with what was
	Action string // where it is sent again
	Says   []texts.Text
	Facts  []fact
	Form   url.Values // sent again, with confirm=yes
	Button texts.Text
	Danger bool // it cannot be undone
}

type fact struct{ Name, Says texts.Text }

// confirmed reports whether the form was seen on a confirmation page.
func confirmed(form url.Values) bool { return form.Get("confirm") == "yes" }

// changes reports whether the person goes back from there to what they had filled in.
func changes(form url.Values) bool { return form.Get("change") == "yes" }

// keepForm is the form of a safeguarding decision, alone or with a sharing.
type keepForm struct {
	Letter   register.Letter
	Form     url.Values
	Leaders  []colleague
	Reasons  []register.SafeguardingReason
	Tolds    []register.Told
	Agencies []register.Agency
	Bases    []register.Basis
	Earliest letter.Date // of a review
	Latest   letter.Date
	Today    letter.Date
	Deadline letter.Date // five years from today
	Was      string      // what was decided when the form was first shown: see decided
}

// decided stands for what a look at the decision changes, as it is on record: a form that
// was shown before would undo what somebody else has decided meanwhile.
func decided(l register.Letter) string {
	return hashOf(fmt.Sprintf("%s %d %s", l.Reason, l.Named, l.Review))
}

// shared is one sharing that is on record.
type shared = register.LetterShared

// sharingsShown is how many sharings of one letter its page lists, the newest.
const sharingsShown = 20

// tellKeeping fills in what was decided about the letter's keeping.
func (p *Portal) tellKeeping(v *visit, l register.Letter, body *letterBody) error {
	if l.Reason == "" {
		return nil
	}
	named, err := p.cfg.Register.Person(v.Context(), l.Named)
	if err != nil && !errors.Is(err, register.ErrNotFound) {
		return err
	}
	switch body.Named = texts.Plain(named.Name); {
	case named.Disabled:
		body.Named = texts.Say("safeguarding.staff-number-who-has-left", "named", l.Named)
	case named.Number != 0 && !mayRead(named, l):
		body.Named = texts.Say("safeguarding.may-not-open-it-any-more", "named", named.Name)
	}
	scans, err := p.cfg.Register.Scans(v.Context(), l)
	if err != nil {
		return err
	}
	var entries []register.Entry
	for _, id := range scans {
		some, err := p.cfg.Register.Entries(v.Context(), -1, "letter-shared", id, sharingsShown+1)
		if err != nil {
			return err
		}
		entries = append(entries, some...)
	}
	if len(entries) > sharingsShown {
		entries, body.SharedMore = entries[:sharingsShown], true
	}
	for _, e := range entries {
		var s shared
		if err := readEvent(e, &s); err != nil {
			return err
		}
		body.Shared = append(body.Shared, s)
	}
	return nil
}

// keepingNote says what has just been decided, where the letter bears it out.
func keepingNote(done string, l register.Letter) texts.Text {
	switch {
	case done == "filed":
		return texts.Say("safeguarding.the-copy-of-your-answer")
	case done == "answer-kept" && l.State == register.Filed:
		return texts.Say("safeguarding.it-is-recorded-that-it-is-safe")
	case done == "asked":
		return texts.Say("safeguarding.it-is-recorded-nothing-happens")
	case done == "taken-back":
		return texts.Say("safeguarding.it-is-recorded-that-you-took")
	case done == "kept" && l.Reason != "":
		return texts.Say("safeguarding.it-is-recorded-that-this-letter")
	case done == "reviewed" && l.Reason != "":
		return texts.Say("safeguarding.thank-you-it-is-recorded")
	case done == "shared" && l.Reason != "":
		return texts.Say("safeguarding.it-is-recorded-that-this-letter-2")
	}
	return nil
}

func (p *Portal) keepForm(v *visit, form url.Values) (keepForm, error) {
	people, err := p.enabledPeople(v)
	if err != nil {
		return keepForm{}, err
	}
	today := letter.DateOf(p.cfg.Now())
	f := keepForm{Letter: v.letter, Form: form, Reasons: register.SafeguardingReasons, Tolds: register.Tolds,
		Agencies: register.Agencies, Bases: register.Bases, Earliest: today.AddDays(1), Today: today,
		Deadline: letter.Deadline(today, letter.FiveYears)}
	if v.letter.Reason != "" {
		f.Deadline, f.Was = v.letter.Deadline(), cmp.Or(form.Get("was"), decided(v.letter))
	}
	f.Latest = f.Deadline.AddDays(-1)
	f.Leaders, err = p.offered(v, slices.DeleteFunc(people, func(who register.Person) bool {
		return !who.LeadsHelpline(v.letter.Helpline) || v.letter.WalledOff(who.Number)
	}))
	return f, err
}

// safeguardingPage asks for the decision or, once it is made, for another look.
func (p *Portal) safeguardingPage(w http.ResponseWriter, v *visit) error {
	form := url.Values{"named": {strconv.FormatInt(v.person.Number, 10)}}
	if v.letter.Reason != "" {
		form.Set("named", strconv.FormatInt(v.letter.Named, 10))
	}
	return p.showKeepForm(w, v, "safeguarding", form, nil)
}

// sharingPage asks with whom the letter was shared.
func (p *Portal) sharingPage(w http.ResponseWriter, v *visit) error {
	form := url.Values{"named": {strconv.FormatInt(v.person.Number, 10)}, "on": {letter.DateOf(p.cfg.Now()).String()}}
	return p.showKeepForm(w, v, "sharing", form, nil)
}

func (p *Portal) showKeepForm(w http.ResponseWriter, v *visit, name string, form url.Values, flaws []formFlaw) error {
	f, err := p.keepForm(v, form)
	if err != nil {
		return err
	}
	titles := map[string]texts.Text{"safeguarding": texts.Say("safeguarding.keep-letter-for-five-years", "reference", v.letter.ID.Reference()),
		"sharing": texts.Say("safeguarding.letter-was-shared-with-an-agency", "reference", v.letter.ID.Reference())}
	pg := page{Name: name, Title: titles[name], Errors: flaws, Body: f}
	if name == "sharing" && v.URL.Query().Get("done") == "risk-share" && v.letter.Risk == register.RiskShare && v.letter.Reason == "" {
		pg.Note = texts.Say("sharing.your-answer-is-recorded")
	}
	return p.ok(w, v, pg)
}

// safeguard takes the decision, or the other look at it: the form first, and
// once it is as it must be, its confirmation.
func (p *Portal) safeguard(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	f, err := p.keepForm(v, v.PostForm)
	if err != nil {
		return err
	}
	s, flaws := f.readSafeguarding()
	if len(flaws) > 0 || changes(v.PostForm) {
		return p.showKeepForm(w, v, "safeguarding", v.PostForm, flaws)
	}
	again := v.letter.Reason != ""
	if again && v.PostForm.Has("reason") {
		return register.ErrKeptAlready // the form asked for the decision itself, which is made by now
	}
	if was := v.PostForm.Get("was"); again && was != "" && was != decided(v.letter) {
		return movedOn
	}
	if !confirmed(v.PostForm) {
		return p.confirmKeeping(w, v, f, s, again)
	}
	if again {
		shows := v.afterKeeping("reviewed", s.Named)
		if err := p.cfg.Register.ReviewSafeguarding(v.once(shows), v.letter.ID, s.Review, s.Named, v.person.Number); err != nil {
			return err
		}
		redirect(w, v.shown(shows))
		return nil
	}
	shows := v.afterKeeping("kept", s.Named)
	if err := p.cfg.Register.Safeguard(v.once(shows), v.letter.ID, s, v.person.Number); err != nil {
		return err
	}
	redirect(w, v.shown(shows))
	return nil
}

// afterKeeping leads back to the letter, or to the list, which says so, when it is
// no longer theirs to open.
func (v *visit) afterKeeping(done string, named int64) string {
	l := v.letter
	l.Named = named
	if !mayRead(v.person, l) {
		return "/letters?done=given-away"
	}
	return "?done=" + done
}

func (p *Portal) confirmKeeping(w http.ResponseWriter, v *visit, f keepForm, s register.Safeguarding, again bool) error {
	body := confirmBody{Action: letterPath(v.letter.ID) + "/safeguarding",
		Form: v.PostForm, Button: texts.Say("safeguarding.keep-it-for-five-years"), Facts: f.facts(s),
		Says: []texts.Text{texts.Say("safeguarding.the-letter-will-be-kept", "deadline", f.Deadline)}}
	title := texts.Say("safeguarding.keep-letter-for-five-years-2", "reference", v.letter.ID.Reference())
	if again {
		title, body.Button = texts.Say("safeguarding.look-at-letter-again-later", "reference", v.letter.ID.Reference()), texts.Say("safeguarding.record-it")
		body.Says = []texts.Text{texts.Say("safeguarding.it-stays-kept", "deadline", f.Deadline)}
	}
	return p.ok(w, v, page{Name: "confirm", Title: title, Body: body})
}

// facts are what was chosen, in words.
func (f keepForm) facts(s register.Safeguarding) []fact {
	var named string
	for _, who := range f.Leaders {
		if who.Number == s.Named {
			named = who.Name
		}
	}
	return []fact{
		{texts.Say("safeguarding.why"), texts.Word("safeguarding-reason", s.Reason)},
		{texts.Say("safeguarding.service-user"), texts.Word("told", s.Told)},
		{texts.Say("safeguarding.look-at-it-again"), texts.Day(s.Review)},
		{texts.Say("safeguarding.may-open"), texts.Say("safeguarding.and-the-helplines-manager", "named", named)},
	}
}

// share records that the letter was shared, and with it, where that was not
// decided before, that it is kept.
func (p *Portal) share(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	f, err := p.keepForm(v, v.PostForm)
	if err != nil {
		return err
	}
	sh, flaws := f.readSharing()
	if v.letter.Reason != "" && v.PostForm.Has("reason") { // the form asked for the decision too, which is made by now
		flaws = append([]formFlaw{{"kept", texts.Say("sharing.kept-meanwhile")}}, flaws...)
	}
	var s *register.Safeguarding
	if v.letter.Reason == "" {
		decided, more := f.readSafeguarding()
		s, flaws = &decided, append(flaws, more...)
	}
	if len(flaws) > 0 || changes(v.PostForm) {
		return p.showKeepForm(w, v, "sharing", v.PostForm, flaws)
	}
	if !confirmed(v.PostForm) {
		body := confirmBody{Action: letterPath(v.letter.ID) + "/sharing",
			Form: v.PostForm, Button: texts.Say("safeguarding.record-the-sharing"), Says: []texts.Text{texts.Say("safeguarding.letterlock-sends-nothing")},
			Facts: []fact{{texts.Say("safeguarding.with"), texts.Word("agency", sh.Agency)}, {texts.Say("safeguarding.on"), texts.Day(sh.On)}, {texts.Say("safeguarding.ground"), texts.Word("basis", sh.Basis)}}}
		if s != nil {
			body.Facts = append(body.Facts, f.facts(*s)...)
			body.Says = append(body.Says, texts.Say("safeguarding.with-it-the-letter-is-kept", "deadline", f.Deadline))
		}
		return p.ok(w, v, page{Name: "confirm", Title: texts.Say("safeguarding.letter-was-shared", "reference", v.letter.ID.Reference()), Body: body})
	}
	named := v.letter.Named
	if s != nil {
		named = s.Named
	}
	shows := v.afterKeeping("shared", named)
	if err := p.cfg.Register.Share(v.once(shows), v.letter.ID, sh, s, v.person.Number); err != nil {
		return err
	}
	redirect(w, v.shown(shows))
	return nil
}

// readSafeguarding reads the decision, and says what is to be put right in it.
// What was decided before stays as it is.
func (f keepForm) readSafeguarding() (s register.Safeguarding, flaws []formFlaw) {
	s = register.Safeguarding{Reason: f.Letter.Reason, Told: f.Letter.Told, Named: wholeNumber(f.Form.Get("named"))}
	if f.Letter.Reason == "" {
		s.Reason, s.Told = register.SafeguardingReason(f.Form.Get("reason")), register.Told(f.Form.Get("told"))
		if !slices.Contains(f.Reasons, s.Reason) {
			flaws = append(flaws, formFlaw{"reason", texts.Say("safeguarding.choose-why-the-letter-must")})
		}
		if !slices.Contains(f.Tolds, s.Told) {
			flaws = append(flaws, formFlaw{"told", texts.Say("safeguarding.choose-what-the-service-user")})
		}
	}
	review, err := letter.ParseDate(f.Form.Get("review"))
	if err != nil || review.Before(f.Earliest) || f.Latest.Before(review) {
		flaws = append(flaws, formFlaw{"review", texts.Say("safeguarding.enter-the-day-on-which-somebody", "earliest", f.Earliest, "latest", f.Latest)})
	}
	s.Review = review
	if !slices.ContainsFunc(f.Leaders, func(who colleague) bool { return who.Number == s.Named }) {
		flaws = append(flaws, formFlaw{"named", texts.Say("safeguarding.choose-the-team-leader-who-may-go")})
	}
	return s, flaws
}

func (f keepForm) readSharing() (sh register.Sharing, flaws []formFlaw) {
	sh = register.Sharing{Agency: register.Agency(f.Form.Get("agency")), Basis: register.Basis(f.Form.Get("basis"))}
	if !slices.Contains(f.Agencies, sh.Agency) {
		flaws = append(flaws, formFlaw{"agency", texts.Say("safeguarding.choose-with-what-kind-of-agency")})
	}
	if !slices.Contains(f.Bases, sh.Basis) {
		flaws = append(flaws, formFlaw{"basis", texts.Say("safeguarding.choose-on-what-ground")})
	}
	on, err := letter.ParseDate(f.Form.Get("on"))
	if err != nil || on.Before(f.Letter.ReceivedOn()) || f.Today.Before(on) {
		flaws = append(flaws, formFlaw{"on", texts.Say("safeguarding.enter-the-day", "received-on", f.Letter.ReceivedOn())})
	}
	sh.On = on
	return sh, flaws
}
