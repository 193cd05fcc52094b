package portal

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// The portal's two cookies. With __Host- in front a browser takes them only
// from this very host, over TLS or from localhost itself, so that no
// neighbouring site can plant one.
const (
	sessionCookie  = "__Host-letterlock"
	ceremonyCookie = "__Host-letterlock-passkey" // of a passkey ceremony under way
)

// setCookie sets a cookie that ends with the browser's own session. Lax, since
// a Strict one is not sent when a link in a webmail is followed.
func setCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func clearCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1})
}

// whoIsIt finds out who makes the visit.
func (p *Portal) whoIsIt(v *visit) error {
	c, err := v.Cookie(sessionCookie)
	if err != nil || v.closed {
		return nil
	}
	find := p.cfg.Register.Session
	// Where a page goes that nobody uses, what it sends along, and what it asks by itself:
	// none of it is use.
	if v.URL.Path == "/sign-in" && v.URL.Query().Has("idle") || v.URL.Path == "/entered" || v.URL.Path == "/stay" && v.URL.Query().Has("asks") {
		find = p.cfg.Register.UnusedSession
	}
	s, err := find(v.Context(), c.Value)
	if errors.Is(err, register.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding the session: %w", err)
	}
	v.signedIn, v.since, v.session, v.person = true, s.Started, s.Hash, s.Person
	if err := p.notePlace(v); err != nil {
		return fmt.Errorf("recording that a session is used from two places: %w", err)
	}
	return nil
}

// signInByCode signs in somebody whose enrolment code was right just now. It
// serves as what shows anew that it is them, for making a further passkey.
func (p *Portal) signInByCode(w http.ResponseWriter, v *visit, person int64, with register.SignInWith) (token string, err error) {
	if token, err = p.signIn(w, v, person, with); err != nil {
		return "", err
	}
	s, err := p.cfg.Register.Session(v.Context(), token)
	if err != nil {
		return "", fmt.Errorf("finding the session that was begun: %w", err)
	}
	return token, p.shownAgain.add(v.Context(), s.Hash, accountPath)
}

// signIn begins a session for the person in this browser and ends the one that
// was there, so that a token never changes hands.
func (p *Portal) signIn(w http.ResponseWriter, v *visit, person int64, with register.SignInWith) (token string, err error) {
	if v.signedIn {
		if err := p.cfg.Register.SignOut(v.Context(), v.session); err != nil {
			return "", fmt.Errorf("ending the earlier session: %w", err)
		}
	}
	if token, err = p.cfg.Register.SignIn(v.Context(), person, with); err != nil {
		return "", err
	}
	setCookie(w, sessionCookie, token)
	return token, nil
}

func (p *Portal) signInPage(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	to := samePath(q.Get("to"))
	for {
		u, err := url.Parse(to)
		if err != nil || u.Path != "/sign-in" {
			break
		}
		to = samePath(u.Query().Get("to")) // it took itself away once more
	}
	switch {
	case v.signedIn && q.Has("idle"):
		return p.takenAway(w, v, to)
	case v.signedIn && q.Has("ended"): // the page was somebody else's
		redirect(w, "/")
		return nil
	case v.signedIn:
		redirect(w, to)
		return nil
	}
	pg := page{Name: "sign-in", Title: texts.Say("sign-in.sign-in"), Script: "passkey.js", Body: signInBody{To: to, Origin: p.cfg.Origin, SSO: p.ssoName()}}
	switch {
	case q.Has("kept"):
		pg.Note, pg.Urgent = texts.Say("sign-in.what-you-sent-is-kept"), true
	case q.Has("lost"):
		pg.Note, pg.Urgent = texts.Say("sign-in.you-had-been-signed-out"), true
	case q.Has("ended"):
		pg.Note, pg.Urgent = texts.Say("sign-in.your-session-has-ended"), true
	case q.Has("idle"):
		pg.Note = texts.Say("sign-in.you-were-signed-out-because", "n", int(p.idle(v.Context()).Minutes()))
	case q.Has("made") && p.sso != nil:
		pg.Note = texts.Say("sign-in.your-passkey-is-made-sign", "sso-name", p.ssoName())
	case q.Has("out"):
		pg.Note, pg.Also = texts.Say("sign-in.you-are-signed-out"), "out.js"
	}
	return p.ok(w, v, pg)
}

// takenAway stands where a page was that nobody used, of somebody whose session
// lives on: they work elsewhere, or the page asked for something of itself. To go
// back by itself would be another opening of a letter that nobody looks at.
func (p *Portal) takenAway(w http.ResponseWriter, v *visit, to string) error {
	return p.ok(w, v, page{Name: "problem", Title: texts.Say("sign-in.page-taken-away"), Body: problemBody{problem: &problem{
		Heading: texts.Say("sign-in.page-taken-away"),
		Lines:   []texts.Text{texts.Say("sign-in.nobody-used-it-and-you-are-still", "n", int(p.idle(v.Context()).Minutes()))},
		Link:    to, LinkSay: texts.Say("sign-in.back-to-where-you-were")}}})
}

type signInBody struct{ To, Origin, SSO string }

func (p *Portal) signOut(w http.ResponseWriter, v *visit) error {
	if err := p.cfg.Register.SignOut(v.Context(), v.session); err != nil {
		return fmt.Errorf("signing out: %w", err)
	}
	clearCookie(w, sessionCookie)
	redirect(w, "/sign-in?out=1")
	return nil
}

// stay only had to be asked: that the session was used is noted already. The page says
// where it is: a letter does not stay on the screen of somebody who may not read it any
// more. That is no opening.
func (p *Portal) stay(w http.ResponseWriter, v *visit) error {
	// A page of somebody whose session has ended does not live on by the next one's.
	if who := v.PostFormValue("who"); who != "" && who != strconv.FormatInt(v.person.Number, 10) {
		w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	taken, err := p.takenFrom(v, v.PostFormValue("here"))
	if err != nil {
		return err
	}
	if taken {
		v.evenOut()
		w.WriteHeader(http.StatusGone)
		return nil
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// takenFrom reports whether a page at that address shows a letter that the visitor may
// not be shown, or not any more.
func (p *Portal) takenFrom(v *visit, here string) (bool, error) {
	at, err := url.Parse(here)
	if err != nil || !strings.HasPrefix(at.Path, "/l/") {
		return false, nil
	}
	id, err := letter.ParseID(strings.TrimPrefix(at.Path, "/l/"))
	if err != nil {
		return false, nil
	}
	l, err := p.cfg.Register.Letter(v.Context(), id)
	if errors.Is(err, register.ErrNotFound) {
		return true, nil
	}
	return err == nil && !p.mayBeShown(v.person, l), err
}

func (p *Portal) home(w http.ResponseWriter, v *visit) error {
	redirect(w, homes[v.person.Role])
	return nil
}

const accountPath = "/account"

func (p *Portal) accountPage(w http.ResponseWriter, v *visit) error {
	body := accountBody{Origin: p.cfg.Origin, Path: accountPath, Shown: p.shows(v, accountPath), AtOnce: register.SessionsAtOnce}
	linked, err := p.linked(v, v.person)
	if err != nil {
		return err
	}
	if linked {
		body.SSO, body.Governed = p.sso.Name, p.sso.governs()
	}
	if body.Passkeys, err = p.cfg.Register.PasskeysOf(v.Context(), v.person.Number); err != nil {
		return err
	}
	sessions, err := p.cfg.Register.SessionsOf(v.Context(), v.person.Number)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if !bytes.Equal(s.Hash, v.session) {
			body.Elsewhere = append(body.Elsewhere, s.Started)
		}
	}
	pg := page{Name: "account", Title: texts.Say("sign-in.your-account"), Script: "passkey.js", Body: body}
	if v.URL.Query().Has("linked") {
		pg.Note = texts.Say("sign-in.you-are-signed-in-from-now", "sso-name", p.ssoName())
	}
	if v.URL.Query().Has("made") {
		pg.Note = texts.Say("sign-in.your-passkey-is-made")
		if v.person.Passkeys > 1 {
			pg.Note = texts.Say("sign-in.your-further-passkey-is-made")
		}
	}
	return p.ok(w, v, pg)
}

type accountBody struct {
	Origin    string
	SSO       string // what the organisation's sign-in is called; empty for who does not sign in with it
	Governed  bool   // their groups there say what they may do
	Path      string
	Shown     bool // the visitor has shown anew who they are
	Passkeys  []register.Passkey
	Elsewhere []time.Time // when the visitor's other sessions began
	AtOnce    int         // how many sessions one person may have
}

// signOutEverywhere ends every session of the visitor, whoever has it.
func (p *Portal) signOutEverywhere(w http.ResponseWriter, v *visit) error {
	if err := p.cfg.Register.SignOutEverywhere(v.Context(), v.person.Number); err != nil {
		return fmt.Errorf("signing out everywhere: %w", err)
	}
	clearCookie(w, sessionCookie)
	redirect(w, "/sign-in?out=1")
	return nil
}

// samplePage lets anybody be anybody. It exists in a sample's portal only: see routes.
func (p *Portal) samplePage(w http.ResponseWriter, v *visit) error {
	people, err := p.enabledPeople(v)
	if err != nil {
		return err
	}
	return p.ok(w, v, page{Name: "sample", Title: texts.Say("sign-in.who-do-you-want"),
		Body: sampleBody{To: samePath(v.URL.Query().Get("to")), People: people}})
}

type sampleBody struct {
	To     string
	People []register.Person
}

func (p *Portal) sampleSignIn(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	number := wholeNumber(v.PostForm.Get("person"))
	who, err := p.cfg.Register.Person(v.Context(), number)
	if err != nil || who.Disabled {
		return errNowhere
	}
	if _, err := p.signIn(w, v, number, register.WithSample); err != nil {
		return err
	}
	redirect(w, samePath(v.PostForm.Get("to")))
	return nil
}

func (p *Portal) enabledPeople(v *visit) ([]register.Person, error) {
	people, err := p.cfg.Register.People(v.Context())
	if err != nil {
		return nil, err
	}
	var out []register.Person
	for _, who := range people {
		if !who.Disabled {
			out = append(out, who)
		}
	}
	return out, nil
}
