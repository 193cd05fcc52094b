package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// againCounts is how long a person who has shown anew who they are may act.
const againCounts = 5 * time.Minute

// againFlaw is what is to be put right in a form whose sender has to show anew who they
// are: it comes back as they filled it in, and is sent once they have.
var againFlaw = formFlaw{"again", texts.Say("layout.show-again-to-send")}

// shownAgain remembers who has used their passkey anew, in which session and for
// which address. It is in the register, for every server.
type shownAgain struct {
	register *register.Register
	now      func() time.Time
}

func underShown(session []byte, address string) register.Underway {
	return register.Underway{Kind: "shown", Token: address, Session: session}
}

func (s shownAgain) add(ctx context.Context, session []byte, address string) error {
	u := underShown(session, address)
	u.Ends = s.now().Add(againCounts)
	return s.register.KeepUnderway(ctx, u, register.Room{})
}

// hasShown notes that the visitor has shown anew who they are, for that address.
// The session goes on under a new token, so that a copy of the old one is worth
// nothing from now on. If the answer is lost on its way, the person signs in again.
func (p *Portal) hasShown(w http.ResponseWriter, v *visit, address string) error {
	token, renewed, err := p.cfg.Register.RenewSession(v.Context(), v.session)
	if errors.Is(err, register.ErrMoved) {
		return errSignIn // it ended meanwhile
	}
	if err != nil {
		return err
	}
	setCookie(w, sessionCookie, token)
	p.places.renew(v.session, renewed)
	v.session = renewed
	return p.shownAgain.add(v.Context(), renewed, address)
}

// shows reports whether the visitor has shown anew, for this address, who they
// are. A sample has no passkeys to show. Where it cannot be found out they have not.
func (p *Portal) shows(v *visit, address string) bool {
	if p.cfg.Sample {
		return true
	}
	u := underShown(v.session, address)
	err := p.cfg.Register.FindUnderway(v.Context(), &u)
	if unlessNotFound(err) != nil {
		p.cfg.Log.Error("it cannot be found out who has shown anew that it is them", "error", err)
	}
	return err == nil
}

// used ends what was shown for the address: one act, one showing. The act is on
// record by then; a showing that cannot be ended is over within minutes.
func (p *Portal) used(v *visit, address string) {
	if err := p.cfg.Register.EndUnderway(v.Context(), underShown(v.session, address)); err != nil {
		p.cfg.Log.Error("what was shown anew counts until its time is over", "error", err)
	}
}

// beginAgain asks the visitor's own passkeys, and no other's, for a proof of who
// they are.
func (p *Portal) beginAgain(w http.ResponseWriter, v *visit) error {
	user, err := p.passkeyUser(v, v.person)
	if err != nil {
		return err
	}
	if len(user.credentials) == 0 {
		return noPasskey
	}
	options, challenge, err := p.passkeys.BeginLogin(user, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return fmt.Errorf("beginning to ask for a passkey: %w", err)
	}
	if _, err := p.beginCeremony(w, v, ceremony{Purpose: forAgain, Person: v.person.Number, Challenge: challenge}); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, options)
	return nil
}

// finishAgain takes the proof, for the address to which it leads back and for
// nothing else.
func (p *Portal) finishAgain(w http.ResponseWriter, v *visit) error {
	token := p.ceremonyToken(v)
	cer, ok, err := p.ceremonies.take(v.Context(), token, forAgain)
	if err != nil {
		return err
	}
	if !ok || cer.Person != v.person.Number {
		return notBelieved(ceremonyOver, byPasskey, notBegun)
	}
	user, err := p.passkeyUser(v, v.person)
	if err != nil {
		return err
	}
	credential, err := p.passkeys.FinishLogin(user, *cer.Challenge, v.Request)
	switch {
	case err != nil:
		return notBelieved(passkeyRefused, byPasskey, notProven)
	case credential.Authenticator.CloneWarning:
		return notBelieved(passkeyRefused, byPasskey, copied)
	}
	if err := p.passkeyUsed(v, credential); err != nil {
		return err
	}
	p.endCeremony(w, v, token)
	to := samePath(v.URL.Query().Get("to"))
	if err := p.hasShown(w, v, to); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"to": to})
	return nil
}
