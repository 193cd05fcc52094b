package portal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
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

// How long a ceremony may take, and how many of people who are known, by their
// session or by a right code, may be under way: of one person as many as nobody needs who
// uses a few devices. Those of strangers are sealed.
const ceremonyLife = 10 * time.Minute

var maxCeremonies = register.Room{All: 2000, One: 20}

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
	Purpose   purpose
	Person    int64                 // who makes a passkey; 0 for a sign-in
	Proof     []byte                // of the enrolment code that was right
	Session   []byte                // in which it was begun, where that matters
	Tray      string                // what a witness signs
	Challenge *webauthn.SessionData // the one that is out, if any
	SSO       *ssoChallenge         // the question to the organisation's sign-in that is out, if any
}

// ceremonies holds what is under way, by the token in the browser's cookie. It is
// in the register, or, of strangers, in the token itself, sealed: whichever server
// gave out a challenge, another may take the answer.
type ceremonies struct {
	register *register.Register
	now      func() time.Time
	sealer   *sealer
}

// ofStranger reports whether somebody begins it who is not known yet.
func (cer ceremony) ofStranger() bool { return cer.Purpose == forSignIn || cer.Purpose == forSSO }

func underCeremony(token string) register.Underway {
	return register.Underway{Kind: "ceremony", Token: token}
}

// begin keeps a new ceremony and returns its token. When too many are under
// way the one nearest to its end gives way.
func (c ceremonies) begin(ctx context.Context, cer ceremony) (token string, err error) {
	if cer.ofStranger() {
		return c.sealer.seal(ctx, cer)
	}
	body, err := json.Marshal(cer)
	if err != nil {
		return "", err
	}
	token = rand.Text() + rand.Text()
	u := underCeremony(token)
	u.Person, u.Body, u.Ends = cer.Person, string(body), c.now().Add(ceremonyLife)
	return token, c.register.KeepUnderway(ctx, u, maxCeremonies)
}

func (c ceremonies) find(ctx context.Context, token string, what purpose) (cer ceremony, ok bool, err error) {
	u := underCeremony(token)
	if err := c.register.FindUnderway(ctx, &u); err != nil {
		return cer, false, unlessNotFound(err)
	}
	err = json.Unmarshal([]byte(u.Body), &cer)
	return cer, err == nil && cer.Purpose == what, err
}

// change changes a ceremony that is under way, unless how says that it is none for
// it. Nothing is between its reading and its writing.
func (c ceremonies) change(ctx context.Context, token string, how func(*ceremony) (is bool)) (found bool, err error) {
	errNone := errors.New("not such a ceremony")
	err = c.register.ChangeUnderway(ctx, underCeremony(token), func(u *register.Underway) error {
		var cer ceremony
		if err := json.Unmarshal([]byte(u.Body), &cer); err != nil {
			return err
		}
		if !how(&cer) {
			return errNone
		}
		body, err := json.Marshal(cer)
		u.Body = string(body)
		return err
	})
	if errors.Is(err, errNone) {
		return false, nil
	}
	return err == nil, unlessNotFound(err)
}

func unlessNotFound(err error) error {
	if errors.Is(err, register.ErrNotFound) {
		return nil
	}
	return err
}

// challenge notes the challenge that goes out.
func (c ceremonies) challenge(ctx context.Context, token string, data *webauthn.SessionData) error {
	_, err := c.change(ctx, token, func(cer *ceremony) bool {
		cer.Challenge = data
		return true
	})
	return err
}

// take returns the challenge that is out, once; a sealed one until it is spent.
func (c ceremonies) take(ctx context.Context, token string, what purpose) (taken ceremony, ok bool, err error) {
	if strings.HasPrefix(token, sealed) {
		b, ok, err := c.sealer.open(ctx, token)
		return b.Ceremony, ok && b.Ceremony.Purpose == what && b.Ceremony.Challenge != nil, err
	}
	ok, err = c.change(ctx, token, func(cer *ceremony) bool {
		taken = *cer
		cer.Challenge = nil
		return taken.Purpose == what && taken.Challenge != nil
	})
	return taken, ok, err
}

// asksSSO notes the question to the organisation's sign-in that goes out.
func (c ceremonies) asksSSO(ctx context.Context, token string, ch ssoChallenge) error {
	_, err := c.change(ctx, token, func(cer *ceremony) bool {
		cer.SSO = &ch
		return true
	})
	return err
}

// takeSSO returns the question to the organisation's sign-in that is out, once; a
// sealed one until it is spent.
func (c ceremonies) takeSSO(ctx context.Context, token string) (taken ceremony, ok bool, err error) {
	if strings.HasPrefix(token, sealed) {
		b, ok, err := c.sealer.open(ctx, token)
		return b.Ceremony, ok && b.Ceremony.SSO != nil, err
	}
	ok, err = c.change(ctx, token, func(cer *ceremony) bool {
		taken = *cer
		cer.SSO = nil
		return taken.SSO != nil
	})
	return taken, ok, err
}

// endCeremony ends what has come to its end. Where that fails it ends by itself,
// and its challenge is taken.
func (p *Portal) endCeremony(w http.ResponseWriter, v *visit, token string) {
	if err := p.cfg.Register.EndUnderway(v.Context(), underCeremony(token)); err != nil {
		p.cfg.Log.Warn("a sign-in that was made stays under way until its time is over", "error", err)
	}
	clearCookie(w, ceremonyCookie)
}

// beginCeremony keeps a new ceremony, under the token in the browser's cookie.
func (p *Portal) beginCeremony(w http.ResponseWriter, v *visit, cer ceremony) (token string, err error) {
	if token, err = p.ceremonies.begin(v.Context(), cer); err != nil {
		return "", err
	}
	setCookie(w, ceremonyCookie, token)
	return token, nil
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
	if _, err := p.beginCeremony(w, v, ceremony{Purpose: forSignIn, Challenge: challenge}); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, options)
	return nil
}

func (p *Portal) finishSignIn(w http.ResponseWriter, v *visit) error {
	token := p.ceremonyToken(v)
	cer, ok, err := p.ceremonies.take(v.Context(), token, forSignIn)
	if err != nil {
		return err
	}
	if !ok {
		return notBelieved(ceremonyOver, byPasskey, notBegun)
	}
	clearCookie(w, ceremonyCookie) // one try, one challenge
	user, credential, err := p.passkeys.FinishPasskeyLogin(p.whose(v), *cer.Challenge, v.Request)
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
	if err := p.spend(v, token, ceremonyOver, byPasskey); err != nil {
		return err
	}
	if err := p.passkeyUsed(v, credential); err != nil {
		return err
	}
	if _, err := p.signIn(w, v, who.Number, register.WithPasskey); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"to": samePath(v.URL.Query().Get("to"))})
	return nil
}

// spend has what a stranger began sign in nobody a second time, who has the browser's
// cookie and what was answered.
func (p *Portal) spend(v *visit, token string, said *problem, how string) error {
	first, err := p.ceremonies.sealer.spend(v.Context(), token)
	if err == nil && !first {
		err = notBelieved(said, how, notBegun)
	}
	return err
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
	if err := p.ceremonies.challenge(v.Context(), token, challenge); err != nil {
		return err
	}
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
	token, err := p.beginCeremony(w, v, ceremony{Purpose: forSecond, Person: v.person.Number})
	if err != nil {
		return err
	}
	return p.beginMaking(w, v, token, v.person)
}

func (p *Portal) finishSecond(w http.ResponseWriter, v *visit) error {
	token := p.ceremonyToken(v)
	cer, ok, err := p.ceremonies.take(v.Context(), token, forSecond)
	if err != nil {
		return err
	}
	if !ok || cer.Person != v.person.Number {
		return ceremonyOver
	}
	if err := p.mayMakeAnother(v); err != nil {
		return err
	}
	id, record, err := p.finishMaking(v, cer.Challenge, v.person)
	if err != nil {
		return err
	}
	if err := p.cfg.Register.AddAnotherPasskey(v.Context(), v.person.Number, id, record); err != nil {
		return err
	}
	p.used(v, accountPath)
	p.endCeremony(w, v, token)
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

// passkeyMade says when a passkey was made and on what, as far as it says so: who has
// lost a device has to tell it from the person's others.
func passkeyMade(k register.Passkey) texts.Text {
	var c webauthn.Credential
	on := func(ways ...protocol.AuthenticatorTransport) bool {
		return slices.ContainsFunc(c.Transport, func(way protocol.AuthenticatorTransport) bool { return slices.Contains(ways, way) })
	}
	switch err := json.Unmarshal([]byte(k.Record), &c); {
	case err != nil:
	case on(protocol.Internal, protocol.Hybrid):
		return texts.Say("passkey.made-on-device", "added", k.Added)
	case on(protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard):
		return texts.Say("passkey.made-on-key", "added", k.Added)
	}
	return texts.Say("passkey.made", "added", k.Added)
}
