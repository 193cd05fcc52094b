package portal

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"letterlock/pipeline/register"
)

// againCounts is how long a person who has shown anew who they are may act.
const againCounts = 5 * time.Minute

// shownAgain remembers who has used their passkey anew, in which session and for
// which address. It is in memory only: after a restart people show it again.
type shownAgain struct {
	mu    sync.Mutex
	now   func() time.Time
	until map[string]time.Time
}

func againKey(session []byte, address string) string { return string(session) + " " + address }

func (s *shownAgain) add(session []byte, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, until := range s.until {
		if !until.After(s.now()) {
			delete(s.until, key)
		}
	}
	s.until[againKey(session, address)] = s.now().Add(againCounts)
}

// renew has what was shown in the session count under its new token.
func (s *shownAgain) renew(old, renewed []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, until := range s.until {
		if address, is := strings.CutPrefix(key, againKey(old, "")); is {
			delete(s.until, key)
			s.until[againKey(renewed, address)] = until
		}
	}
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
	p.shownAgain.renew(v.session, renewed)
	p.places.renew(v.session, renewed)
	p.trays.renew(v.session, renewed)
	v.session = renewed
	p.shownAgain.add(renewed, address)
	return nil
}

// shows reports whether the visitor has shown anew, for this address, who they
// are. A sample has no passkeys to show.
func (p *Portal) shows(v *visit, address string) bool {
	p.shownAgain.mu.Lock()
	defer p.shownAgain.mu.Unlock()
	return p.cfg.Sample || p.shownAgain.until[againKey(v.session, address)].After(p.cfg.Now())
}

// used ends what was shown for the address: one act, one showing.
func (p *Portal) used(v *visit, address string) {
	p.shownAgain.mu.Lock()
	defer p.shownAgain.mu.Unlock()
	delete(p.shownAgain.until, againKey(v.session, address))
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
	setCookie(w, ceremonyCookie, p.ceremonies.begin(ceremony{purpose: forAgain, person: v.person.Number, challenge: challenge}))
	writeJSON(w, http.StatusOK, options)
	return nil
}

// finishAgain takes the proof, for the address to which it leads back and for
// nothing else.
func (p *Portal) finishAgain(w http.ResponseWriter, v *visit) error {
	token := p.ceremonyToken(v)
	cer, ok := p.ceremonies.take(token, forAgain)
	if !ok || cer.person != v.person.Number {
		return notBelieved(ceremonyOver, byPasskey, notBegun)
	}
	user, err := p.passkeyUser(v, v.person)
	if err != nil {
		return err
	}
	credential, err := p.passkeys.FinishLogin(user, *cer.challenge, v.Request)
	switch {
	case err != nil:
		return notBelieved(passkeyRefused, byPasskey, notProven)
	case credential.Authenticator.CloneWarning:
		return notBelieved(passkeyRefused, byPasskey, copied)
	}
	if err := p.passkeyUsed(v, credential); err != nil {
		return err
	}
	p.ceremonies.end(token)
	clearCookie(w, ceremonyCookie)
	to := samePath(v.URL.Query().Get("to"))
	if err := p.hasShown(w, v, to); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"to": to})
	return nil
}
