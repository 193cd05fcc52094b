package portal

import (
	"bytes"
	"net/http"
)

// againSSO is what the organisation's sign-in is called where it can show anew
// that it is somebody, and empty elsewhere.
func (p *Portal) againSSO() string {
	if p.sso == nil || len(p.sso.StepUpACR)+len(p.sso.StepUpAMR) == 0 {
		return ""
	}
	return p.sso.Name
}

// beginAgainSSO sends the browser to the organisation's sign-in, which is to ask
// anew who it is. It is a link: see beginSSO.
func (p *Portal) beginAgainSSO(w http.ResponseWriter, v *visit) error {
	if p.againSSO() == "" {
		return errNowhere
	}
	return p.sendToSSO(w, v, "", ceremony{Purpose: forAgain, Person: v.person.Number, Session: v.session}, samePath(v.URL.Query().Get("to")))
}

// shownBySSO takes the provider's answer as a showing of who is signed in, for
// the address to which it leads back and for nothing else.
func (p *Portal) shownBySSO(w http.ResponseWriter, v *visit, cer ceremony, a ssoAnswer) error {
	if !v.signedIn || !bytes.Equal(cer.Session, v.session) {
		return notBelieved(ssoOver, bySSO, notBegun)
	}
	who, err := p.whoSSO(v, a)
	switch {
	case err != nil:
		return err
	case who.Number != v.person.Number:
		return notBelieved(ssoSomebodyElse, bySSO, "of somebody else than who is signed in")
	case !a.strong:
		return notBelieved(ssoTooWeak, bySSO, notEnough)
	}
	return p.hasShown(w, v, cer.SSO.To)
}
