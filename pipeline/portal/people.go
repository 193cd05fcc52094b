package portal

import (
	"errors"
	"net/http"
	netmail "net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// codeLife is how long an enrolment code is valid that an administrator makes
// at the portal.
const codeLife = 24 * time.Hour

type peopleBody struct {
	People []register.Person // who may sign in
	Gone   []register.Person
	OneKey int // how many have fewer passkeys than two
}

// peoplePage shows the administrator who can sign in.
func (p *Portal) peoplePage(w http.ResponseWriter, v *visit) error {
	people, err := p.cfg.Register.People(v.Context())
	if err != nil {
		return err
	}
	var body peopleBody
	for _, who := range people {
		if who.Disabled {
			body.Gone = append(body.Gone, who)
			continue
		}
		if who.SSO, err = p.linked(v, who); err != nil {
			return err
		}
		body.People = append(body.People, who)
		if who.Passkeys < 2 && !who.SSO {
			body.OneKey++
		}
	}
	pg := page{Name: "people", Title: texts.Say("people.people"), Body: body}
	switch v.URL.Query().Get("done") {
	case "invited":
		pg.Note = texts.Say("people.the-person-is-invited")
	case "left":
		pg.Note = texts.Say("people.it-is-on-record-that-this-person")
	}
	return p.ok(w, v, pg)
}

type inviteBody struct {
	Form      url.Values
	Roles     []register.Role
	Helplines []Helpline
	Shown     bool // the visitor has shown anew who they are
	Path      string
	Origin    string
	Governs   string // what the organisation's sign-in is called, where its groups say what people may do
}

func (p *Portal) invitePage(w http.ResponseWriter, v *visit) error {
	return p.showInvite(w, v, url.Values{}, nil)
}

const invitePath = "/people/new"

func (p *Portal) showInvite(w http.ResponseWriter, v *visit, form url.Values, flaws []formFlaw) error {
	body := inviteBody{Form: form, Roles: register.Roles, Helplines: p.cfg.Helplines, Shown: p.shows(v, invitePath), Path: invitePath, Origin: p.cfg.Origin}
	if p.sso != nil && p.sso.governs() {
		body.Governs = p.sso.Name
	}
	return p.ok(w, v, page{Name: "invite", Title: texts.Say("people.invite-somebody"), Script: "passkey.js", Errors: flaws, Body: body})
}

// invite adds a person and shows their code, once: nothing that is kept holds it.
func (p *Portal) invite(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	if !p.shows(v, invitePath) {
		return p.showInvite(w, v, v.PostForm, []formFlaw{againFlaw})
	}
	who, flaws := p.readPerson(v.PostForm)
	if len(flaws) > 0 {
		return p.showInvite(w, v, v.PostForm, flaws)
	}
	number, code, err := p.cfg.Register.Invite(v.once("/people?done=invited"), who, v.person.Number, codeLife)
	if err != nil {
		return err
	}
	p.used(v, invitePath)
	who.Number = number
	return p.showCode(w, v, who, code)
}

// The longest name and address, in characters and in bytes.
const (
	longestName    = 100
	longestAddress = 254
)

// readPerson reads the form of an invitation, or says what is wrong with it.
func (p *Portal) readPerson(form url.Values) (who register.Person, flaws []formFlaw) {
	who = register.Person{Name: strings.Join(strings.Fields(form.Get("name")), " "), Email: strings.TrimSpace(form.Get("email")),
		Role: register.Role(form.Get("role"))}
	if who.Name == "" || utf8.RuneCountInString(who.Name) > longestName || !utf8.ValidString(who.Name) || strings.ContainsFunc(who.Name, unicode.IsControl) {
		flaws = append(flaws, formFlaw{"name", texts.Say("people.enter-the-name", "most", longestName)})
	}
	if !slices.Contains(register.Roles, who.Role) {
		flaws = append(flaws, formFlaw{"role", texts.Say("people.choose-what-the-person-does")})
	}
	if a, err := netmail.ParseAddress(who.Email); who.Email != "" && (err != nil || a.Name != "" || a.Address != who.Email ||
		len(who.Email) > longestAddress || strings.ContainsFunc(who.Email, func(c rune) bool { return c > unicode.MaxASCII })) {
		flaws = append(flaws, formFlaw{"email", texts.Say("people.enter-an-address-like-name")})
	}
	if who.Role == register.TeamLeader && who.Email == "" {
		flaws = append(flaws, formFlaw{"email", texts.Say("people.a-team-leader-needs-an-address")})
	}
	for _, name := range form["helpline"] {
		if slices.ContainsFunc(p.cfg.Helplines, func(h Helpline) bool { return h.Name == name }) && !slices.Contains(who.Helplines, name) {
			who.Helplines = append(who.Helplines, name)
		}
	}
	switch {
	case who.Role == register.TeamLeader && len(who.Helplines) == 0:
		flaws = append(flaws, formFlaw{"helpline", texts.Say("people.choose-the-helpline-whose-letters")})
	case who.Role != register.TeamLeader && len(who.Helplines) > 0:
		flaws = append(flaws, formFlaw{"helpline", texts.Say("people.only-a-team-leader-has-a-helpline")})
	}
	return who, flaws
}

type codeBody struct {
	Person register.Person
	Code   string
	Until  time.Time
	Origin string
}

func (p *Portal) showCode(w http.ResponseWriter, v *visit, who register.Person, code string) error {
	return p.ok(w, v, page{Name: "code", Title: texts.Say("people.their-code"), Body: codeBody{who, code, p.cfg.Now().Add(codeLife), p.cfg.Origin}})
}

// personBody is one person as the administrator sees them.
type personBody struct {
	register.Person // SSO only where they sign in with it as it is now
	Passkeys        []register.Passkey
	Path            string
	Shown           bool // the visitor has shown anew who they are
	Own             bool // it is the visitor
	Origin          string
	SSOName         string // empty where there is no organisation's sign-in
	Former          bool   // they signed in with it under an issuer that it had before, and not since
	Governed        bool   // their groups there say what they may do
}

// personOf finds the person that the address names, who has not gone.
func (p *Portal) personOf(v *visit) (personBody, error) {
	number := wholeNumber(v.PathValue("person"))
	if number == 0 || strconv.FormatInt(number, 10) != v.PathValue("person") {
		return personBody{}, errNowhere
	}
	who, err := p.cfg.Register.Person(v.Context(), number)
	if err != nil {
		return personBody{}, err
	}
	if who.Disabled {
		return personBody{}, errNowhere
	}
	b := personBody{Person: who, Path: "/people/" + v.PathValue("person"), Own: number == v.person.Number, Origin: p.cfg.Origin, SSOName: p.ssoName()}
	b.Shown = p.shows(v, b.Path)
	if b.SSO, err = p.linked(v, who); err != nil {
		return personBody{}, err
	}
	b.Former, b.Governed = who.SSO && !b.SSO && p.sso != nil, b.SSO && p.sso.governs()
	b.Passkeys, err = p.cfg.Register.PasskeysOf(v.Context(), number)
	return b, err
}

func (p *Portal) personPage(w http.ResponseWriter, v *visit) error {
	body, err := p.personOf(v)
	if err != nil {
		return err
	}
	pg := page{Name: "person", Title: texts.Plain(body.Name), Script: "passkey.js", Body: body}
	switch v.URL.Query().Get("done") {
	case "revoked":
		pg.Note = texts.Say("people.that-passkey-opens-nothing-any")
		if body.SSO {
			pg.Note, pg.Urgent = texts.Say("people.that-passkey-and-not-the-account", "name", body.Name, "account", body.SSOName), true
		}
	case "code":
		pg.Note = texts.Say("people.a-code-was-made-and-shown-once")
	case "changed":
		pg.Note = texts.Say("people.that-is-changed-and-holds-at-once")
		if body.Governed && body.Role == register.TeamLeader {
			pg.Note = texts.Say("people.that-is-changed-until-they-sign-in", "name", body.Name)
		}
	case "unlinked":
		pg.Note = texts.Say("people.the-person-can-no-longer-sign")
	}
	return p.ok(w, v, pg)
}

// newCode makes a new enrolment code for somebody who is known already: their
// device is new, or the first code has run out.
func (p *Portal) newCode(w http.ResponseWriter, v *visit) error {
	body, err := p.personOf(v)
	if err != nil {
		return err
	}
	if !body.Shown {
		return notAgainAt(body.Path)
	}
	code, err := p.cfg.Register.NewCode(v.once(body.Path+"?done=code"), body.Number, v.person.Number, codeLife)
	if err != nil {
		return err
	}
	p.used(v, body.Path)
	return p.showCode(w, v, body.Person, code)
}

// revokePasskey makes a lost device's passkey open nothing.
func (p *Portal) revokePasskey(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	body, err := p.personOf(v)
	if err != nil {
		return err
	}
	if !body.Shown {
		return notAgainAt(body.Path)
	}
	at := slices.IndexFunc(body.Passkeys, func(k register.Passkey) bool { return k.Mark == v.PostForm.Get("passkey") })
	if at < 0 {
		return noSuchPasskey
	}
	if !confirmed(v.PostForm) {
		return p.ok(w, v, page{Name: "confirm", Title: texts.Say("person.the-device-is-lost-revoke"), Body: confirmBody{Back: body.Path, Action: body.Path + "/revoke",
			Says: []texts.Text{passkeyMade(body.Passkeys[at]), texts.Say("person.it-then-opens-nothing", "name", body.Name)}, Form: v.PostForm,
			Button: texts.Say("person.the-device-is-lost-revoke"), Danger: true}})
	}
	revoked := body.Path + "?done=revoked"
	err = p.cfg.Register.RevokePasskey(v.once(revoked), body.Number, v.PostForm.Get("passkey"), v.person.Number)
	if errors.Is(err, register.ErrNotFound) {
		return noSuchPasskey
	}
	if err != nil {
		return err
	}
	p.used(v, body.Path)
	redirect(w, revoked)
	return nil
}

// heir says who reads a helpline's letters once somebody has gone.
type heir struct {
	register.UnreadOf
	Leaders []string     // who lead it still
	Readers []texts.Text // and the manager, if there is one
}

type leaveBody struct {
	personBody
	Heirs  []heir
	Named  int
	Handed int
	Holds  int

	NoManager bool // nobody but the person manages the helplines
}

// leaves is what the person leaves, and to whom.
func (p *Portal) leaves(v *visit) (leaveBody, error) {
	person, err := p.personOf(v)
	if err != nil {
		return leaveBody{}, err
	}
	// It is another act than what the person's own page offers.
	person.Path += "/leave"
	person.Shown = p.shows(v, person.Path)
	left, err := p.cfg.Register.Leaves(v.Context(), person.Number)
	if err != nil {
		return leaveBody{}, err
	}
	people, err := p.cfg.Register.People(v.Context())
	if err != nil {
		return leaveBody{}, err
	}
	body := leaveBody{personBody: person, Named: left.Named, Handed: left.Handed, Holds: left.Holds}
	body.NoManager = !slices.ContainsFunc(people, func(who register.Person) bool {
		return !who.Disabled && who.Number != person.Number && who.Role == register.Manager
	})
	for _, unread := range left.Unread {
		h := heir{UnreadOf: unread}
		for _, who := range people {
			if !who.Disabled && who.Number != person.Number && who.LeadsHelpline(unread.Helpline) {
				h.Leaders = append(h.Leaders, who.Name)
			}
		}
		if h.Readers = apply(h.Leaders, texts.Plain); !body.NoManager {
			h.Readers = append(h.Readers, texts.Say("people.the-helplines-manager"))
		}
		body.Heirs = append(body.Heirs, h)
	}
	return body, nil
}

func (p *Portal) leavePage(w http.ResponseWriter, v *visit) error {
	body, err := p.leaves(v)
	if err != nil {
		return err
	}
	return p.ok(w, v, page{Name: "leave", Title: texts.Say("leave.leaves", "name", body.Name), Script: "passkey.js", Body: body})
}

// letGo ends what the person may do. Their sessions end in the same transaction.
func (p *Portal) letGo(w http.ResponseWriter, v *visit) error {
	body, err := p.leaves(v)
	if err != nil {
		return err
	}
	if !body.Shown {
		return notAgainAt(body.Path)
	}
	const left = "/people?done=left"
	if err := p.cfg.Register.Leave(v.once(left), body.Number, v.person.Number); err != nil {
		return err
	}
	p.used(v, body.Path)
	redirect(w, left)
	return nil
}

// checkPage shows the administrator what 'letterlock check' finds.
func (p *Portal) checkPage(w http.ResponseWriter, v *visit) error {
	body := checkBody{Checked: p.cfg.Check != nil}
	if body.Checked {
		for _, line := range p.cfg.Check(v.Context()) {
			if line.OK {
				body.Well = append(body.Well, line)
			} else {
				body.Wrong = append(body.Wrong, line)
			}
		}
	}
	return p.ok(w, v, page{Name: "check", Title: texts.Say("people.checks"), Body: body})
}

type checkBody struct {
	Wrong, Well []CheckLine
	Checked     bool // there is something that checks
}
