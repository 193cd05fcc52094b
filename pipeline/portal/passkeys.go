package portal

import (
	"crypto/rand"
	"encoding/json"
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
)

// newPasskeys asks for discoverable passkeys, so that nobody types a user
// name, and for the person to be verified by the device, so that a passkey is
// two factors. Its RP id is the origin's host and can never change: passkeys
// made for one host are worthless on another.
func newPasskeys(origin *url.URL) (*webauthn.WebAuthn, error) {
	w, err := webauthn.New(&webauthn.Config{
		RPID:                  origin.Hostname(),
		RPDisplayName:         "Letterlock",
		RPOrigins:             []string{origin.Scheme + "://" + origin.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyRequired(),
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			UserVerification:   protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("setting up passkeys: %w", err)
	}
	return w, nil
}

// How long a ceremony may take, and how many may be under way: strangers can
// begin one, so their number is bounded.
const (
	ceremonyLife  = 10 * time.Minute
	maxCeremonies = 2000
)

// purpose is what a ceremony is for; one begun for another is worthless.
type purpose string

const (
	forSignIn    purpose = "sign-in"
	forEnrolment purpose = "enrolment" // begun by a right enrolment code
	forSecond    purpose = "second"    // begun by somebody who is signed in
	forAgain     purpose = "again"     // likewise, to show anew who they are
	forSSO       purpose = "sso"       // a sign-in with the organisation's sign-in
	forWitness   purpose = "witness"   // likewise, for somebody else to sign as the witness
)

// ceremony is a passkey being made or used, between the two halves of it.
type ceremony struct {
	purpose   purpose
	person    int64                 // who makes a passkey; 0 for a sign-in
	proof     []byte                // of the enrolment code that was right
	session   []byte                // in which it was begun, where that matters
	tray      string                // what a witness signs
	challenge *webauthn.SessionData // the one that is out, if any
	sso       *ssoChallenge         // the question to the organisation's sign-in that is out, if any
	until     time.Time
}

// ceremonies holds what is under way, by the token in the browser's cookie. It
// is in memory only: after a restart people begin again.
type ceremonies struct {
	mu      sync.Mutex
	now     func() time.Time
	byToken map[string]ceremony
}

func newCeremonies(now func() time.Time) *ceremonies {
	return &ceremonies{now: now, byToken: map[string]ceremony{}}
}

// begin keeps a new ceremony and returns its token. When too many are under
// way the one nearest to its end gives way.
func (c *ceremonies) begin(cer ceremony) (token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := ""
	for t, old := range c.byToken {
		if !old.until.After(c.now()) {
			delete(c.byToken, t)
		} else if first == "" || old.until.Before(c.byToken[first].until) {
			first = t
		}
	}
	if len(c.byToken) >= maxCeremonies {
		delete(c.byToken, first)
	}
	token = rand.Text() + rand.Text()
	cer.until = c.now().Add(ceremonyLife)
	c.byToken[token] = cer
	return token
}

func (c *ceremonies) find(token string, what purpose) (ceremony, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cer, ok := c.byToken[token]
	return cer, ok && cer.purpose == what && cer.until.After(c.now())
}

// challenge notes the challenge that goes out.
func (c *ceremonies) challenge(token string, data *webauthn.SessionData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cer, ok := c.byToken[token]; ok {
		cer.challenge = data
		c.byToken[token] = cer
	}
}

// take returns the challenge that is out, once.
func (c *ceremonies) take(token string, what purpose) (ceremony, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cer, ok := c.byToken[token]
	if !ok || cer.purpose != what || cer.challenge == nil || !cer.until.After(c.now()) {
		return ceremony{}, false
	}
	used := cer
	used.challenge = nil
	c.byToken[token] = used
	return cer, true
}

// asksSSO notes the question to the organisation's sign-in that goes out.
func (c *ceremonies) asksSSO(token string, ch ssoChallenge) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cer, ok := c.byToken[token]; ok {
		cer.sso = &ch
		c.byToken[token] = cer
	}
}

// takeSSO returns the question to the organisation's sign-in that is out, once.
func (c *ceremonies) takeSSO(token string) (ceremony, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cer, ok := c.byToken[token]
	if !ok || cer.sso == nil || !cer.until.After(c.now()) {
		return ceremony{}, false
	}
	used := cer
	used.sso = nil
	c.byToken[token] = used
	return cer, true
}

func (c *ceremonies) end(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byToken, token)
}

func (p *Portal) ceremonyToken(v *visit) string {
	c, err := v.Cookie(ceremonyCookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// passkeyUser is a person as the WebAuthn library wants one. The name is kept
// on the person's own device, beside the passkey, and says only the staff number.
type passkeyUser struct {
	person      register.Person
	credentials []webauthn.Credential
}

func (u passkeyUser) WebAuthnID() []byte                         { return u.person.Handle }
func (u passkeyUser) WebAuthnName() string                       { return fmt.Sprintf("staff number %d", u.person.Number) }
func (u passkeyUser) WebAuthnDisplayName() string                { return u.WebAuthnName() }
func (u passkeyUser) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

func (p *Portal) passkeyUser(v *visit, who register.Person) (passkeyUser, error) {
	records, err := p.cfg.Register.Passkeys(v.Context(), who.Number)
	if err != nil {
		return passkeyUser{}, err
	}
	u := passkeyUser{person: who, credentials: make([]webauthn.Credential, len(records))}
	for i, rec := range records {
		if err := json.Unmarshal([]byte(rec), &u.credentials[i]); err != nil {
			return passkeyUser{}, errors.New("reading a passkey's record: it is not one")
		}
	}
	return u, nil
}

// whose finds the person to whom a passkey belongs, by what the device says.
func (p *Portal) whose(v *visit) webauthn.DiscoverableUserHandler {
	return func(_, handle []byte) (webauthn.User, error) {
		who, err := p.cfg.Register.PersonByHandle(v.Context(), handle)
		if err != nil {
			return nil, err
		}
		v.tried = who.Number
		return p.passkeyUser(v, who)
	}
}

// passkeyUsed keeps what a use has changed of a passkey, its counter.
func (p *Portal) passkeyUsed(v *visit, credential *webauthn.Credential) error {
	record, err := json.Marshal(credential)
	if err != nil {
		return fmt.Errorf("writing the passkey's record: %w", err)
	}
	return p.cfg.Register.UpdatePasskey(v.Context(), credential.ID, string(record))
}

// The sentences of a ceremony that did not come to its end.
var (
	ceremonyOver = &problem{Status: http.StatusConflict, Heading: texts.Say("passkey.that-took-too-long"),
		Lines: []texts.Text{texts.Say("passkey.nothing-has-happened-please")}}
	passkeyRefused = &problem{Status: http.StatusForbidden, Heading: texts.Say("passkey.this-passkey-was-not-accepted"),
		Lines: []texts.Text{texts.Say("passkey.if-it-is-not-your-first-try-use")}}
	codeOver = &problem{Status: http.StatusForbidden, Heading: texts.Say("passkey.your-enrolment-code-is-no-longer"),
		Lines: []texts.Text{texts.Say("passkey.please-ask-your-administrator")}}
)

func (p *Portal) beginSignIn(w http.ResponseWriter, v *visit) error {
	options, challenge, err := p.passkeys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return fmt.Errorf("beginning sign-in: %w", err)
	}
	setCookie(w, ceremonyCookie, p.ceremonies.begin(ceremony{purpose: forSignIn, challenge: challenge}))
	writeJSON(w, http.StatusOK, options)
	return nil
}

func (p *Portal) finishSignIn(w http.ResponseWriter, v *visit) error {
	token := p.ceremonyToken(v)
	cer, ok := p.ceremonies.take(token, forSignIn)
	if !ok {
		return notBelieved(ceremonyOver, byPasskey, notBegun)
	}
	user, credential, err := p.passkeys.FinishPasskeyLogin(p.whose(v), *cer.challenge, v.Request)
	if err != nil {
		return notBelieved(passkeyRefused, byPasskey, notProven)
	}
	who := user.(passkeyUser).person
	switch {
	case who.Disabled || who.Role == "":
		return notBelieved(passkeyRefused, byPasskey, "of somebody who may do nothing here any more")
	case credential.Authenticator.CloneWarning:
		return notBelieved(passkeyRefused, byPasskey, copied)
	}
	if elsewhere, err := p.askedElsewhere(v, who); err != nil {
		return err
	} else if elsewhere {
		return notBelieved(p.ssoFirst(), byPasskey, "of somebody of whom the organisation's sign-in decides")
	}
	if err := p.passkeyUsed(v, credential); err != nil {
		return err
	}
	if _, err := p.signIn(w, v, who.Number, register.WithPasskey); err != nil {
		return err
	}
	p.ceremonies.end(token)
	clearCookie(w, ceremonyCookie)
	writeJSON(w, http.StatusOK, map[string]string{"to": samePath(v.URL.Query().Get("to"))})
	return nil
}

// beginMaking sends out the challenge for a new passkey of the person.
func (p *Portal) beginMaking(w http.ResponseWriter, v *visit, token string, who register.Person) error {
	user, err := p.passkeyUser(v, who)
	if err != nil {
		return err
	}
	// A device that has one already says so rather than replacing it.
	options, challenge, err := p.passkeys.BeginRegistration(user,
		webauthn.WithExclusions(webauthn.Credentials(user.credentials).CredentialDescriptors()))
	if err != nil {
		return fmt.Errorf("beginning to make a passkey: %w", err)
	}
	p.ceremonies.challenge(token, challenge)
	writeJSON(w, http.StatusOK, options)
	return nil
}

// finishMaking checks the device's answer and returns the new passkey.
func (p *Portal) finishMaking(v *visit, challenge *webauthn.SessionData, who register.Person) (id []byte, record string, err error) {
	user, err := p.passkeyUser(v, who)
	if err != nil {
		return nil, "", err
	}
	credential, err := p.passkeys.FinishRegistration(user, *challenge, v.Request)
	if err != nil {
		return nil, "", passkeyRefused
	}
	out, err := json.Marshal(credential)
	if err != nil {
		return nil, "", fmt.Errorf("writing the passkey's record: %w", err)
	}
	return credential.ID, string(out), nil
}

// mayMakeAnother refuses a further passkey to whoever has the session alone: the
// passkey would outlive it, and whoever has taken a session over would stay.
func (p *Portal) mayMakeAnother(v *visit) error {
	switch {
	case p.shows(v, accountPath):
		return nil
	case v.person.Passkeys == 0:
		return codeFirst
	}
	return notAgainAt(accountPath)
}

func (p *Portal) beginSecond(w http.ResponseWriter, v *visit) error {
	if err := p.mayMakeAnother(v); err != nil {
		return err
	}
	token := p.ceremonies.begin(ceremony{purpose: forSecond, person: v.person.Number})
	setCookie(w, ceremonyCookie, token)
	return p.beginMaking(w, v, token, v.person)
}

func (p *Portal) finishSecond(w http.ResponseWriter, v *visit) error {
	token := p.ceremonyToken(v)
	cer, ok := p.ceremonies.take(token, forSecond)
	if !ok || cer.person != v.person.Number {
		return ceremonyOver
	}
	if err := p.mayMakeAnother(v); err != nil {
		return err
	}
	id, record, err := p.finishMaking(v, cer.challenge, v.person)
	if err != nil {
		return err
	}
	if err := p.cfg.Register.AddAnotherPasskey(v.Context(), v.person.Number, id, record); err != nil {
		return err
	}
	p.used(v, accountPath)
	p.ceremonies.end(token)
	clearCookie(w, ceremonyCookie)
	writeJSON(w, http.StatusOK, map[string]string{"to": "/account?made=1"})
	return nil
}

// OpensAt reports whether a passkey, as the register keeps it, was made for that
// host name and so opens the portal there. One that does not say is believed to.
func OpensAt(record, host string) bool {
	var c webauthn.Credential
	var made struct{ Origin string }
	if json.Unmarshal([]byte(record), &c) != nil || json.Unmarshal(c.Attestation.ClientDataJSON, &made) != nil {
		return true
	}
	origin, err := url.Parse(made.Origin)
	return err != nil || origin.Hostname() == host
}
