package portal

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// The uploaded copy of an answer is looked at before it is kept: as pictures of
// its pages, from the sealed copy, each opening on record. Whoever goes away finds
// it again on the letters page, until its hour is over.

// unkeptBody is the copy of an answer as its page shows it.
type unkeptBody struct {
	Letter   register.Letter
	Answered *register.Letter // its letter, while that can be opened
	Pages    []shownPage
	Larger   bool
	Checks   []register.AddressCheck
	Chosen   register.AddressCheck

	Second   bool         // of a draft: somebody else must confirm the address then
	Own      bool         // the visitor has uploaded it
	Uploader texts.Text   // who has
	Hears    bool         // and is told by mail what becomes of it
	Told     []texts.Text // who may confirm it, and is written to
	Untold   []texts.Text // and who may and is not: their address is not known
	Path     string       // of this page, for which the visitor shows anew who they are
	Shown    bool         // and has done so
	Origin   string
}

// unkeptPage shows the copy of an answer to whoever uploaded it and, once they
// want it kept and somebody else must confirm its address, to those who may.
func (p *Portal) unkeptPage(w http.ResponseWriter, v *visit, flaws []formFlaw, chosen register.AddressCheck) error {
	if err := p.recordOpening(v, register.ShownPages); err != nil {
		return err
	}
	l := v.letter
	// Nobody is asked to keep what cannot be shown.
	if err := p.ready(v, l, p.firstDPI(v, l)); err != nil {
		return err
	}
	others, err := p.confirmers(v)
	if err != nil {
		return err
	}
	names, err := p.staffNames(v)
	if err != nil {
		return err
	}
	body := unkeptBody{Letter: l, Checks: register.AddressChecks, Chosen: chosen, Own: l.UploadedBy == v.person.Number,
		Second: p.confirmsAddress(v.Context()), Uploader: staffWords(names, l.UploadedBy),
		Path: letterPath(l.ID), Shown: p.shows(v, letterPath(l.ID)), Origin: p.cfg.Origin}
	if body.Hears, err = p.uploaderIsTold(v, l); err != nil {
		return err
	}
	offered, err := p.offered(v, others)
	if err != nil {
		return err
	}
	for _, who := range offered {
		if who.Email == "" {
			body.Untold = append(body.Untold, who.Called())
		} else {
			body.Told = append(body.Told, who.Called())
		}
	}
	if body.Answered, err = p.answered(v, l); err != nil {
		return err
	}
	body.Pages, body.Larger = shownPages(v, l)
	pg := page{Name: "unkept", Title: texts.Say("unkept.look-at-the-copy-before"), Script: "read.js", Reads: true, Errors: flaws, Body: body}
	if !l.DraftEnds.IsZero() {
		pg.EndsIn = max(l.DraftEnds.Sub(p.cfg.Now()).Milliseconds(), 1)
	}
	if l.State == register.ToConfirm {
		pg.Also = "passkey.js"
		pg.Title = texts.Say("unkept.an-answer-that-waits-for-a-second")
		if v.URL.Query().Get("done") == "to-confirm" && body.Own {
			pg.Note = texts.Say("unkept.it-is-recorded-that-you-found")
		}
	}
	return p.ok(w, v, pg)
}

// uploaderIsTold reports whether the uploader of an answer gets a mail about what becomes
// of it: they may have left, or read no letters any more, or have no address.
func (p *Portal) uploaderIsTold(v *visit, answer register.Letter) (bool, error) {
	who, err := p.cfg.Register.Person(v.Context(), answer.UploadedBy)
	if err == nil {
		_, err = p.cfg.Register.Letter(v.Context(), answer.Answers) // about which the mail is
	}
	if errors.Is(err, register.ErrNotFound) {
		return false, nil
	}
	return !who.Disabled && who.Email != "" && slices.Contains(readers, who.Role), err
}

// confirmers are those who may confirm the address of an answer beside whoever
// uploaded it.
func (p *Portal) confirmers(v *visit) ([]register.Person, error) {
	waits := v.letter
	waits.State = register.ToConfirm // as it then is
	return p.readersBeside(v, waits, v.letter.UploadedBy)
}

var unkeptOver = &problem{Status: http.StatusConflict, Heading: texts.Say("unkept.this-answer-does-not-wait"),
	Lines: []texts.Text{texts.Say("unkept.it-has-been-kept-confirmed")},
	Link:  "/letters", LinkSay: texts.Say("unkept.back-to-the-letters")}

// unkeptTrouble is why what waited a moment ago cannot be decided on.
func unkeptTrouble(err error) error {
	if errors.Is(err, register.ErrMoved) || errors.Is(err, register.ErrMayNotRead) {
		return unkeptOver
	}
	return err
}

// keepResponse takes it from nobody who has not been shown every page, and from
// nobody who does not say how they know that the address is safe.
func (p *Portal) keepResponse(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	if v.letter.State != register.Draft {
		return unkeptOver
	}
	check := register.AddressCheck(v.PostForm.Get("check"))
	flaws, err := p.unseenFlaws(v)
	if err != nil {
		return err
	}
	if !slices.Contains(register.AddressChecks, check) {
		flaws = append(flaws, formFlaw{"check", texts.Say("unkept.say-how-you-know-that-it-is-safe")})
	}
	if len(flaws) > 0 {
		return p.unkeptPage(w, v, flaws, check)
	}
	shows, second := "?done=answer-kept", p.confirmsAddress(v.Context())
	if second {
		shows = "?done=to-confirm"
	}
	if err := p.cfg.Register.KeepResponse(v.once(shows), v.letter.ID, check, second, v.person.Number); err != nil {
		return unkeptTrouble(err)
	}
	redirect(w, v.shown(shows))
	return nil
}

// unseenFlaws say which pages of it the visitor has yet to look at.
func (p *Portal) unseenFlaws(v *visit) ([]formFlaw, error) {
	unseen, err := p.cfg.Register.PagesNotShown(v.Context(), v.letter, v.person.Number)
	if err != nil || len(unseen) == 0 {
		return nil, err
	}
	return []formFlaw{{"page-" + strconv.Itoa(unseen[0]), texts.Say("unkept.you-have-not-been-shown-yet-look", "unseen", pagesWords(unseen))}}, nil
}

// dropResponse has the copy of an answer erased, which nobody keeps.
func (p *Portal) dropResponse(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	if !v.letter.Unkept() {
		return unkeptOver
	}
	why := register.DropReason(v.PostForm.Get("reason"))
	if !slices.Contains(register.DropReasons, why) {
		return badForm
	}
	if !confirmed(v.PostForm) {
		button := map[register.DropReason]texts.Text{register.DroppedWrong: texts.Say("unkept.wrong-copy"), register.DroppedTakenBack: texts.Say("unkept.take-back")}[why]
		if button == nil {
			button = texts.Say("unkept.not-safe")
		}
		return p.ok(w, v, page{Name: "confirm", Title: button, Body: confirmBody{Back: letterPath(v.letter.ID), Action: letterPath(v.letter.ID) + "/throw-away",
			Says: []texts.Text{texts.Say("unkept.it-is-erased-for-good", "reference", v.letter.ID.Reference())}, Form: v.PostForm, Button: button, Danger: true}})
	}
	shows := "/letters?done=" + string(why)
	if err := p.cfg.Register.DropResponse(v.once(shows), v.letter.ID, why, v.person.Number); err != nil {
		return unkeptTrouble(err)
	}
	redirect(w, shows)
	return nil
}

var ownAddress = &problem{Status: http.StatusConflict, Heading: texts.Say("unkept.this-needs-somebody-else"),
	Lines: []texts.Text{texts.Say("unkept.you-uploaded-this-answer-yourself")},
	Link:  "/letters", LinkSay: texts.Say("unkept.back-to-the-letters")}

// confirmResponse is the word of a second person, who has been shown every page,
// on the address of an answer.
func (p *Portal) confirmResponse(w http.ResponseWriter, v *visit) error {
	switch {
	case v.letter.State != register.ToConfirm:
		return unkeptOver
	case v.letter.UploadedBy == v.person.Number:
		return ownAddress
	case !p.shows(v, letterPath(v.letter.ID)):
		return notAgainAt(letterPath(v.letter.ID))
	}
	flaws, err := p.unseenFlaws(v)
	if err != nil {
		return err
	}
	if len(flaws) > 0 {
		return p.unkeptPage(w, v, flaws, "")
	}
	const shows = "?done=answer-kept"
	if err := p.cfg.Register.ConfirmResponse(v.once(shows), v.letter.ID, v.person.Number); err != nil {
		return unkeptTrouble(err)
	}
	p.used(v, letterPath(v.letter.ID))
	redirect(w, v.shown(shows))
	return nil
}
