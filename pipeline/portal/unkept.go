package portal

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"letterlock/pipeline/register"
)

// The uploaded copy of an answer is looked at before it is kept: as pictures of
// its pages, from the sealed copy, each opening on record. Whoever goes away finds
// it again on the letters page, until its hour is over.

// isUnkept reports whether it is the copy of an answer that is not kept yet.
func isUnkept(l register.Letter) bool {
	return l.State == register.Draft || l.State == register.ToConfirm
}

// unkeptBody is the copy of an answer as its page shows it.
type unkeptBody struct {
	Letter   register.Letter
	Answered *register.Letter // its letter, while that can be opened
	Pages    []shownPage
	Larger   bool
	EndsIn   int64 // milliseconds until it is not shown any more; 0 for one that does not end soon
	Checks   []register.AddressCheck
	Chosen   register.AddressCheck

	Second   bool     // of a draft: somebody else must confirm the address then
	Own      bool     // the visitor has uploaded it
	Uploader string   // who has
	Others   []string // who may confirm it
	Path     string   // of this page, for which the visitor shows anew who they are
	Shown    bool     // and has done so
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
	if err := p.cfg.Reader.Ready(v.Context(), l); err != nil {
		return readerTrouble(err)
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
		Second: p.confirmsAddress(v.Context()), Uploader: staffWords(names, l.UploadedBy), Others: apply(others, func(who register.Person) string { return who.Name }),
		Path: letterPath(l.ID), Shown: p.shows(v, letterPath(l.ID)), Origin: p.cfg.Origin}
	var about letterBody
	if err := p.tellAnswers(v, l, &about); err != nil {
		return err
	}
	body.Answered = about.Answered
	body.Pages, body.Larger = shownPages(v, l)
	if !l.DraftEnds.IsZero() {
		body.EndsIn = max(l.DraftEnds.Sub(p.cfg.Now()).Milliseconds(), 1)
	}
	pg := page{Name: "unkept", Title: "Look at the copy before it is kept", Script: "read.js", Errors: flaws, Body: body}
	if l.State == register.ToConfirm {
		pg.Also = "passkey.js"
		pg.Title = "An answer that waits for a second person"
		if v.URL.Query().Get("done") == "to-confirm" && body.Own {
			pg.Note = "It is recorded that you found the address safe. Do not post the answer before somebody else has confirmed it."
		}
	}
	return p.ok(w, v, pg)
}

// confirmers are those who may confirm the address of an answer beside whoever
// uploaded it.
func (p *Portal) confirmers(v *visit) ([]register.Person, error) {
	people, err := p.enabledPeople(v)
	if err != nil {
		return nil, err
	}
	waits := v.letter
	waits.State = register.ToConfirm // as it then is
	return slices.DeleteFunc(people, func(who register.Person) bool {
		return who.Number == v.letter.UploadedBy || !mayRead(who, waits)
	}), nil
}

var unkeptOver = &problem{Status: http.StatusConflict, Heading: "This answer does not wait for that any more",
	Lines: []string{"It has been kept, confirmed or thrown away in the meantime, by you or by somebody else, or it never waited for it. Nothing was done now."},
	Link:  "/letters", LinkSay: "Back to the letters"}

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
		flaws = append(flaws, formFlaw{"check", "Say how you know that it is safe to write to this address. If you do not know, use the button below."})
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
	return []formFlaw{{"page-" + strconv.Itoa(unseen[0]), "You have not been shown " + pagesWords(unseen) + " yet. Look at every page, and then decide again."}}, nil
}

// dropWords are what the letters page says once a copy is thrown away.
var dropWords = map[register.DropReason]string{
	register.DroppedWrong:     "It is recorded that it was the wrong copy. It is erased. If there is another, upload it on the letter’s page.",
	register.DroppedUnsafe:    "The copy is not kept, and is erased. Do not post the answer: a letter in the wrong hands can cost a life. Ask the helplines’ manager how the person can be reached safely, and destroy what you have printed.",
	register.DroppedTakenBack: "It is recorded that you took the answer back. Its copy is erased. Do not post it; if it is to be sent after all, upload it again.",
	register.DroppedDeclined:  "It is recorded that you did not confirm the address. The copy is erased, and your colleague is told by mail. Tell them yourself too that the answer must not be posted.",
}

// dropResponse has the copy of an answer erased, which nobody keeps.
func (p *Portal) dropResponse(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	if !isUnkept(v.letter) {
		return unkeptOver
	}
	why := register.DropReason(v.PostForm.Get("reason"))
	if dropWords[why] == "" {
		return badForm
	}
	shows := "/letters?done=" + string(why)
	if err := p.cfg.Register.DropResponse(v.once(shows), v.letter.ID, why, v.person.Number); err != nil {
		return unkeptTrouble(err)
	}
	redirect(w, shows)
	return nil
}

var ownAddress = &problem{Status: http.StatusConflict, Heading: "This needs somebody else",
	Lines: []string{"You uploaded this answer yourself, so another reader of its letter must confirm that it is safe to write to its address. Nothing was recorded."},
	Link:  "/letters", LinkSay: "Back to the letters"}

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
