package portal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// A destruction is signed by two people at one screen: the one who destroyed the
// paper shows anew that it is them, and the witness uses a passkey of their own.
// Only then is it on record. Between the form and the record it is a tray.

// How long a tray waits for its signatures, and how many wait at most.
const (
	trayLife = 30 * time.Minute
	maxTrays = 200
)

// tray is what one person is about to put on record, one paper or several.
type tray struct {
	person  int64
	session []byte
	papers  []register.Paper
	says    []register.Destroyed // of each paper
	lost    register.LostPaper   // or, of the only one, that it is not there
	form    url.Values           // from which it was read, to go back to
	witness int64                // who has signed as one; 0 for nobody yet
	until   time.Time            // when the witness's signature is no longer fresh
	ledgers []register.Ledger    // once it is on record
	ends    time.Time
}

// trays are in memory only: after a restart nothing of them is on record, and
// people fill in the form anew.
type trays struct {
	mu      sync.Mutex
	now     func() time.Time
	byToken map[string]tray
}

// keep holds the tray for its signatures. When too many wait the one nearest to
// its end gives way.
func (s *trays) keep(t tray) (token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := ""
	for token, old := range s.byToken {
		if !old.ends.After(s.now()) {
			delete(s.byToken, token)
		} else if first == "" || old.ends.Before(s.byToken[first].ends) {
			first = token
		}
	}
	if len(s.byToken) >= maxTrays {
		delete(s.byToken, first)
	}
	token = rand.Text()
	t.ends = s.now().Add(trayLife)
	s.byToken[token] = t
	return token
}

// of is the visitor's own tray of that token.
func (s *trays) of(v *visit, token string) (tray, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.byToken[token]
	return t, ok && t.ends.After(s.now()) && t.person == v.person.Number && bytes.Equal(t.session, v.session)
}

// renew has what waits in the session wait under its new token.
func (s *trays) renew(old, renewed []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, t := range s.byToken {
		if bytes.Equal(t.session, old) {
			t.session = renewed
			s.byToken[token] = t
		}
	}
}

func (s *trays) change(token string, how func(*tray)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.byToken[token]; ok {
		how(&t)
		s.byToken[token] = t
	}
}

var trayOver = &problem{Status: http.StatusGone, Heading: texts.Say("sign.this-form-is-no-longer-open"),
	Lines: []texts.Text{texts.Say("sign.it-was-not-signed-within-half"),
		texts.Say("sign.if-the-paper-is-destroyed-already")},
	Link: "/desk", LinkSay: texts.Say("sign.back-to-the-destruction-desk")}

func signPath(token string) string { return "/desk/sign/" + token }

// toSign keeps what was read from a form, and leads to where it is signed.
func (p *Portal) toSign(w http.ResponseWriter, v *visit, papers []register.Paper, says []register.Destroyed) error {
	kept, err := p.cfg.Register.KeepBack(v.Context(), apply(says, func(d register.Destroyed) letter.ID { return d.Letter }), says[0].ScannedBy, v.person.Number)
	if err != nil {
		return err
	}
	if len(kept) > 0 {
		return keptBack(kept)
	}
	token := p.trays.keep(tray{person: v.person.Number, session: v.session, papers: papers, says: says, form: v.PostForm})
	redirect(w, signPath(token))
	return nil
}

// keptBack says of which papers the destruction cannot go on record yet.
func keptBack(papers []register.Paper) error {
	return &problem{Status: http.StatusConflict, Heading: texts.Say("sign.keep-this-paper"),
		Lines: []texts.Text{texts.Say("sign.a-second-person-must-have-found", "n", len(papers), "papers", apply(papers, func(paper register.Paper) string { return paper.Reference })),
			texts.Say("sign.ask-a-team-leader-to-open"),
			texts.Say("sign.if-it-is-destroyed-already-say")},
		Link: "/desk", LinkSay: texts.Say("sign.back-to-the-destruction-desk")}
}

type signBody struct {
	Lines   []signLine
	What    register.Destruction // what is said of all of them
	Lost    register.LostPaper   // or that it is not there
	Scanner texts.Text
	Path    string
	Change  string // where the form is, filled in
	Origin  string
	Shown   bool       // the visitor has shown anew that it is them
	Witness texts.Text // who has signed as one; nil for nobody yet
	Others  []register.Person
	Done    bool
}

// signLine is one paper of a tray.
type signLine struct {
	register.Paper
	Sheets int
	Odd    bool // they do not fit the scan
	Ledger register.Ledger
}

// signPage shows a tray: what it says, who has signed, and who must yet. Once it
// is on record it is the tray's certificate.
func (p *Portal) signPage(w http.ResponseWriter, v *visit) error {
	token := v.PathValue("token")
	t, ok := p.trays.of(v, token)
	if !ok {
		return trayOver
	}
	path := signPath(token)
	if t.lost != "" && t.ledgers != nil { // it has no certificate
		redirect(w, t.recorded(path))
		return nil
	}
	people, err := p.deskPeople(v)
	if err != nil {
		return err
	}
	names, err := p.staffNames(v)
	if err != nil {
		return err
	}
	body := signBody{Lost: t.lost, Path: path, Origin: p.cfg.Origin, Shown: p.shows(v, path), Others: people.Witnesses,
		Done: t.ledgers != nil, Change: t.change(token)}
	if t.lost == "" {
		body.What = t.says[0].Destruction
	}
	if body.What.ScannedBy != 0 {
		body.Scanner = staffWords(names, body.What.ScannedBy)
	}
	if t.witness != 0 && (body.Done || t.until.After(p.cfg.Now())) {
		body.Witness = staffWords(names, t.witness)
	}
	for i, paper := range t.papers {
		line := signLine{Paper: paper}
		if t.lost == "" {
			line.Sheets = t.says[i].Sheets
			fewest, most := paper.SheetsBetween()
			line.Odd = line.Sheets < fewest || line.Sheets > most
		}
		if body.Done {
			line.Ledger = t.ledgers[i]
		}
		body.Lines = append(body.Lines, line)
	}
	title := texts.Say("sign.sign-the-destruction")
	switch {
	case t.lost != "":
		title = texts.Say("sign.sign-that-the-paper-is-not-there")
	case body.Done:
		title = texts.Say("sign.destructions-recorded")
	}
	return p.ok(w, v, page{Name: "sign", Title: title, Script: "passkey.js", Body: body})
}

// change is where the form is that the tray came from.
func (t tray) change(token string) string {
	switch {
	case t.lost != "":
		return lostPath(t.papers[0].Letter) + "?change=" + token
	case len(t.papers) == 1:
		return "/desk/" + string(t.papers[0].Letter) + "?change=" + token
	}
	return "/desk/tray?change=" + token
}

// beginWitness asks for a passkey, whosever it is: the device says whose.
func (p *Portal) beginWitness(w http.ResponseWriter, v *visit) error {
	if _, ok := p.trays.of(v, v.PathValue("token")); !ok {
		return trayOver
	}
	options, challenge, err := p.passkeys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return fmt.Errorf("beginning to ask for the witness's passkey: %w", err)
	}
	setCookie(w, ceremonyCookie, p.ceremonies.begin(ceremony{purpose: forWitness, person: v.person.Number, tray: v.PathValue("token"), challenge: challenge}))
	writeJSON(w, http.StatusOK, options)
	return nil
}

var (
	ownWitness = &problem{Status: http.StatusForbidden, Heading: texts.Say("sign.that-was-your-own-passkey"),
		Lines: []texts.Text{texts.Say("sign.somebody-else-must-be-the-witness")}}
	noWitness = &problem{Status: http.StatusForbidden, Heading: texts.Say("sign.this-person-cannot-be-the-witness"),
		Lines: []texts.Text{texts.Say("sign.a-witness-is-a-colleague")}}
)

// finishWitness takes the witness's signature. It signs nobody in.
func (p *Portal) finishWitness(w http.ResponseWriter, v *visit) error {
	name := v.PathValue("token")
	if _, ok := p.trays.of(v, name); !ok {
		return trayOver
	}
	token := p.ceremonyToken(v)
	cer, ok := p.ceremonies.take(token, forWitness)
	if !ok || cer.person != v.person.Number || cer.tray != name {
		return notBelieved(ceremonyOver, byPasskey, notBegun)
	}
	user, credential, err := p.passkeys.FinishPasskeyLogin(p.whose(v), *cer.challenge, v.Request)
	switch {
	case err != nil:
		return notBelieved(passkeyRefused, byPasskey, notProven)
	case credential.Authenticator.CloneWarning:
		return notBelieved(passkeyRefused, byPasskey, copied)
	}
	witness := user.(passkeyUser).person
	if err := p.mayWitness(v, witness.Number); err != nil {
		return err
	}
	if err := p.passkeyUsed(v, credential); err != nil {
		return err
	}
	p.ceremonies.end(token)
	clearCookie(w, ceremonyCookie)
	p.witnessed(name, witness.Number)
	writeJSON(w, http.StatusOK, map[string]string{"to": signPath(name)})
	return nil
}

// mayWitness says why the person cannot be the visitor's witness, if so.
func (p *Portal) mayWitness(v *visit, number int64) error {
	if number == v.person.Number {
		return ownWitness
	}
	people, err := p.deskPeople(v)
	if err != nil {
		return err
	}
	if !has(people.Witnesses, number) {
		return noWitness
	}
	return nil
}

func (p *Portal) witnessed(token string, number int64) {
	p.trays.change(token, func(t *tray) { t.witness, t.until = number, p.cfg.Now().Add(againCounts) })
}

// recordTray puts a tray on record once both have signed. Until then, and when a
// signature is no longer fresh, its page says what is missing.
func (p *Portal) recordTray(w http.ResponseWriter, v *visit) error {
	token := v.PathValue("token")
	path := signPath(token)
	// Of a double click the second waits, and finds what became of the first.
	end, err := p.sending.begin(v.Context(), path)
	if err != nil {
		return err
	}
	defer end()
	t, ok := p.trays.of(v, token)
	if !ok {
		return trayOver
	}
	if t.ledgers != nil { // sent twice: what became of it
		redirect(w, t.recorded(path))
		return nil
	}
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	with := register.WithPasskey
	if p.cfg.Sample { // which has no passkeys: the witness is picked
		with = register.WithSample
		t.witness, t.until = wholeNumber(v.PostForm.Get("witness")), p.cfg.Now().Add(againCounts)
	}
	if !p.shows(v, path) || t.witness == 0 || !t.until.After(p.cfg.Now()) {
		redirect(w, path)
		return nil
	}
	if err := p.mayWitness(v, t.witness); err != nil { // who may have left since
		return err
	}
	ledgers, err := p.record(v, t, with)
	if errors.Is(err, register.ErrPaperNotFree) || errors.Is(err, register.ErrNotFound) {
		if len(t.papers) == 1 {
			redirect(w, "/desk/"+string(t.papers[0].Letter)) // which says what became of it
			return nil
		}
		return trayNotFree
	}
	if err != nil {
		return err
	}
	p.used(v, path)
	p.trays.change(token, func(kept *tray) { kept.ledgers, kept.witness = ledgers, t.witness })
	redirect(w, t.recorded(path))
	return nil
}

// recorded is where a tray's record is shown.
func (t tray) recorded(path string) string {
	if len(t.papers) == 1 {
		return "/desk/" + string(t.papers[0].Letter)
	}
	return path
}

var trayNotFree = &problem{Status: http.StatusConflict, Heading: texts.Say("sign.nothing-was-recorded"),
	Lines: []texts.Text{texts.Say("sign.one-of-these-papers-may"),
		texts.Say("sign.look-at-the-destruction-desk")},
	Link: "/desk", LinkSay: texts.Say("sign.back-to-the-destruction-desk")}
