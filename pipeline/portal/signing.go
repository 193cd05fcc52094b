package portal

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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
const trayLife = 30 * time.Minute

var maxTrays = register.Room{All: 200, One: 20}

// tray is what one person is about to put on record, one paper or several.
type tray struct {
	Papers  []register.Paper
	Says    []register.Destroyed // of each paper
	Lost    register.LostPaper   // or, of the only one, that it is not there
	Form    url.Values           // from which it was read, to go back to
	Witness int64                // who has signed as one; 0 for nobody yet
	Until   time.Time            // when the witness's signature is no longer fresh
	Ledgers []register.Ledger    // once it is on record
}

// trays are in the register, for every server, each for whoever has filled in the
// form: if their session ends while they fetch a witness, it is there in the next one,
// in which they show anew that it is them.
type trays struct {
	register *register.Register
	now      func() time.Time
}

func underTray(v *visit, token string) register.Underway {
	return register.Underway{Kind: "tray", Token: token, Person: v.person.Number}
}

// keep holds the tray for its signatures. When too many wait the one nearest to
// its end gives way.
func (s trays) keep(v *visit, t tray) (token string, err error) {
	body, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	token = rand.Text()
	u := underTray(v, token)
	u.Body, u.Ends = string(body), s.now().Add(trayLife)
	return token, s.register.KeepUnderway(v.Context(), u, maxTrays)
}

// of is the visitor's own tray of that token.
func (s trays) of(v *visit, token string) (t tray, ok bool, err error) {
	u := underTray(v, token)
	if err := s.register.FindUnderway(v.Context(), &u); err != nil || u.Person != v.person.Number {
		return t, false, unlessNotFound(err)
	}
	err = json.Unmarshal([]byte(u.Body), &t)
	return t, err == nil, err
}

// change changes the visitor's own tray, if it is still there.
func (s trays) change(v *visit, token string, how func(*tray)) error {
	return unlessNotFound(s.register.ChangeUnderway(v.Context(), underTray(v, token), func(u *register.Underway) error {
		var t tray
		if err := json.Unmarshal([]byte(u.Body), &t); err != nil {
			return err
		}
		how(&t)
		body, err := json.Marshal(t)
		u.Body = string(body)
		return err
	}))
}

var trayOver = &problem{Status: http.StatusGone, Heading: texts.Say("sign.this-form-is-no-longer-open"),
	Lines: []texts.Text{texts.Say("sign.it-is-older-than-half-an-hour"),
		// Whoever signed it may not have seen the answer, as where the line was away.
		texts.Say("sign.look-first-under", "link", texts.Link("/desk/trays")),
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
	token, err := p.trays.keep(v, tray{Papers: papers, Says: says, Form: v.PostForm})
	if err != nil {
		return err
	}
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
	t, ok, err := p.trays.of(v, token)
	if err != nil {
		return err
	}
	if !ok {
		return trayOver
	}
	path := signPath(token)
	if t.Lost != "" && t.Ledgers != nil { // it has no certificate
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
	body := signBody{Lost: t.Lost, Path: path, Origin: p.cfg.Origin, Shown: p.shows(v, path), Others: people.Witnesses,
		Done: t.Ledgers != nil, Change: t.change(token)}
	if t.Lost == "" {
		body.What = t.Says[0].Destruction
	}
	if body.What.ScannedBy != 0 {
		body.Scanner = staffWords(names, body.What.ScannedBy)
	}
	if t.Witness != 0 && (body.Done || t.Until.After(p.cfg.Now())) {
		body.Witness = staffWords(names, t.Witness)
	}
	for i, paper := range t.Papers {
		line := signLine{Paper: paper}
		if t.Lost == "" {
			line.Sheets = t.Says[i].Sheets
			fewest, most := paper.SheetsBetween()
			line.Odd = line.Sheets < fewest || line.Sheets > most
		}
		if body.Done {
			line.Ledger = t.Ledgers[i]
		}
		body.Lines = append(body.Lines, line)
	}
	title := texts.Say("sign.sign-the-destruction")
	switch {
	case t.Lost != "":
		title = texts.Say("sign.sign-that-the-paper-is-not-there")
	case body.Done:
		title = texts.Say("sign.destructions-recorded")
	}
	return p.ok(w, v, page{Name: "sign", Title: title, Script: "passkey.js", Body: body})
}

// change is where the form is that the tray came from.
func (t tray) change(token string) string {
	switch {
	case t.Lost != "":
		return lostPath(t.Papers[0].Letter) + "?change=" + token
	case len(t.Papers) == 1:
		return "/desk/" + string(t.Papers[0].Letter) + "?change=" + token
	}
	return trayPath + "?change=" + token
}

// beginWitness asks for a passkey, whosever it is: the device says whose.
func (p *Portal) beginWitness(w http.ResponseWriter, v *visit) error {
	if _, ok, err := p.trays.of(v, v.PathValue("token")); err != nil {
		return err
	} else if !ok {
		return trayOver
	}
	options, challenge, err := p.passkeys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return fmt.Errorf("beginning to ask for the witness's passkey: %w", err)
	}
	if _, err := p.beginCeremony(w, v, ceremony{Purpose: forWitness, Person: v.person.Number, Tray: v.PathValue("token"), Challenge: challenge}); err != nil {
		return err
	}
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
	t, ok, err := p.trays.of(v, name)
	if err != nil {
		return err
	}
	if !ok {
		return trayOver
	}
	token := p.ceremonyToken(v)
	cer, ok, err := p.ceremonies.take(v.Context(), token, forWitness)
	if err != nil {
		return err
	}
	if !ok || cer.Person != v.person.Number || cer.Tray != name {
		return notBelieved(ceremonyOver, byPasskey, notBegun)
	}
	user, credential, err := p.passkeys.FinishPasskeyLogin(p.whose(v), *cer.Challenge, v.Request)
	switch {
	case err != nil:
		return notBelieved(passkeyRefused, byPasskey, notProven)
	case credential.Authenticator.CloneWarning:
		return notBelieved(passkeyRefused, byPasskey, copied)
	}
	witness := user.(passkeyUser).person
	if err := p.mayWitness(v, t, witness.Number); err != nil {
		return err
	}
	if err := p.passkeyUsed(v, credential); err != nil {
		return err
	}
	p.endCeremony(w, v, token)
	if err := p.witnessed(v, name, witness.Number); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"to": signPath(name)})
	return nil
}

// mayWitness says why the person cannot be the visitor's witness of the tray, if so:
// nobody is of the paper of a letter in which they know somebody.
func (p *Portal) mayWitness(v *visit, t tray, number int64) error {
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
	walled, err := p.cfg.Register.WalledFrom(v.Context(), number)
	if err == nil && slices.ContainsFunc(t.Papers, func(paper register.Paper) bool { return slices.Contains(walled, paper.Letter) }) {
		err = noWitness
	}
	return err
}

func (p *Portal) witnessed(v *visit, token string, number int64) error {
	return p.trays.change(v, token, func(t *tray) { t.Witness, t.Until = number, p.cfg.Now().Add(againCounts) })
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
	t, ok, err := p.trays.of(v, token)
	if err != nil {
		return err
	}
	if !ok {
		return trayOver
	}
	if t.Ledgers != nil { // sent twice: what became of it
		redirect(w, t.recorded(path))
		return nil
	}
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	with := register.WithPasskey
	if p.cfg.Sample { // which has no passkeys: the witness is picked
		with = register.WithSample
		t.Witness, t.Until = wholeNumber(v.PostForm.Get("witness")), p.cfg.Now().Add(againCounts)
	}
	if !p.shows(v, path) || t.Witness == 0 || !t.Until.After(p.cfg.Now()) {
		redirect(w, path)
		return nil
	}
	if err := p.mayWitness(v, t, t.Witness); err != nil { // who may have left since
		return err
	}
	ledgers, err := p.record(v, t, with)
	if errors.Is(err, register.ErrPaperNotFree) || errors.Is(err, register.ErrNotFound) {
		return p.notFree(w, v, t)
	}
	if err != nil {
		return err
	}
	p.used(v, path)
	// A crash before this leaves a tray that is on record and does not know it: sent
	// again, it is led to what became of its papers.
	if err := p.trays.change(v, token, func(kept *tray) { kept.Ledgers, kept.Witness = ledgers, t.Witness }); err != nil {
		return err
	}
	redirect(w, t.recorded(path))
	return nil
}

// notFree says why a tray cannot go on record, or leads to what became of its papers
// where all of them are: it may have been sent through two servers at once, or the word
// that it is on record was lost with a server or the database.
func (p *Portal) notFree(w http.ResponseWriter, v *visit, t tray) error {
	papers := apply(t.Papers, func(paper register.Paper) string { return string(paper.Letter) })
	for _, paper := range t.Papers {
		done, err := p.cfg.Register.Entries(v.Context(), -1, "paper-destroyed", paper.Letter, 1)
		if err != nil {
			return err
		}
		if len(done) == 0 && len(papers) > 1 { // the page of the only one says what is with it
			return trayNotFree
		}
	}
	return p.toRecord(w, v, papers)
}

// recorded is where a tray's record is shown.
func (t tray) recorded(path string) string {
	if len(t.Papers) == 1 {
		return "/desk/" + string(t.Papers[0].Letter)
	}
	return path
}

var trayNotFree = &problem{Status: http.StatusConflict, Heading: texts.Say("sign.nothing-was-recorded"),
	Lines: []texts.Text{texts.Say("sign.one-of-these-papers-may"),
		texts.Say("sign.look-at-the-destruction-desk"),
		texts.Say("sign.if-one-is-destroyed-already-tell")},
	Link: "/desk", LinkSay: texts.Say("sign.back-to-the-destruction-desk")}
