package portal

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// wholeNumber reads a positive number as people type it; anything else is 0.
func wholeNumber(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

type enrolBody struct{ Person, Origin, SSO string }

func (p *Portal) enrolPage(w http.ResponseWriter, v *visit) error {
	body := enrolBody{Origin: p.cfg.Origin}
	if n := wholeNumber(v.URL.Query().Get("person")); n > 0 {
		body.Person = strconv.FormatInt(n, 10)
	}
	return p.ok(w, v, page{Name: "enrol", Title: texts.Say("enrol.set-up-your-sign"), Body: body})
}

// checkCode compares the code that was told by voice. The register counts the
// tries. A right code is not used up yet: a person whose device refuses to make
// a passkey can try again with another. What comes next is bound to this
// browser by the ceremony's cookie and does not need the code again.
func (p *Portal) checkCode(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	number := wholeNumber(v.PostForm.Get("person"))
	code := strings.TrimSpace(v.PostForm.Get("code"))
	var flaws []formFlaw
	if number == 0 {
		flaws = append(flaws, formFlaw{"person", texts.Say("enrol.enter-your-staff-number")})
	}
	if code == "" {
		flaws = append(flaws, formFlaw{"code", texts.Say("enrol.enter-the-code-that-you-were-told")})
	}
	if len(flaws) == 0 {
		proof, err := p.cfg.Register.CheckCode(v.Context(), number, code)
		if err == nil {
			if _, err := p.beginCeremony(w, v, ceremony{Purpose: forEnrolment, Person: number, Proof: proof}); err != nil {
				return err
			}
			redirect(w, "/enrol/passkey")
			return nil
		}
		if !errors.Is(err, register.ErrCode) {
			return err
		}
		v.tried = number
		p.logRefused(v, byCode, "the code is wrong, or no longer valid")
		flaws = append(flaws, formFlaw{"code", texts.Say("enrol.this-number-and-this-code-do")})
	}
	return p.ok(w, v, page{Name: "enrol", Title: texts.Say("enrol.set-up-your-sign"), Errors: flaws,
		Body: enrolBody{Person: v.PostForm.Get("person"), Origin: p.cfg.Origin}})
}

// enrolling finds the person whose code was right in this browser.
func (p *Portal) enrolling(v *visit) (token string, who register.Person, ok bool, err error) {
	token = p.ceremonyToken(v)
	cer, ok, err := p.ceremonies.find(v.Context(), token, forEnrolment)
	if err != nil || !ok {
		return "", register.Person{}, false, err
	}
	who, err = p.cfg.Register.Person(v.Context(), cer.Person)
	return token, who, err == nil && !who.Disabled, err
}

func (p *Portal) enrolPasskeyPage(w http.ResponseWriter, v *visit) error {
	_, who, ok, err := p.enrolling(v)
	if err != nil {
		return err
	}
	if !ok {
		redirect(w, "/enrol")
		return nil
	}
	return p.ok(w, v, page{Name: "enrol-passkey", Title: texts.Say("enrol.make-your-passkey"), Script: "passkey.js",
		Body: enrolBody{Person: strconv.FormatInt(who.Number, 10), Origin: p.cfg.Origin, SSO: p.ssoName()}})
}

func (p *Portal) beginEnrol(w http.ResponseWriter, v *visit) error {
	token, who, ok, err := p.enrolling(v)
	if err != nil {
		return err
	}
	if !ok {
		return ceremonyOver
	}
	return p.beginMaking(w, v, token, who)
}

// finishEnrol keeps the passkey, which uses up the code in the same
// transaction, and signs the person in.
func (p *Portal) finishEnrol(w http.ResponseWriter, v *visit) error {
	token, who, ok, err := p.enrolling(v)
	if err != nil {
		return err
	}
	cer, out, err := p.ceremonies.take(v.Context(), token, forEnrolment)
	if err != nil {
		return err
	}
	if !ok || !out {
		return ceremonyOver
	}
	id, record, err := p.finishMaking(v, cer.Challenge, who)
	if err != nil {
		return err
	}
	err = p.cfg.Register.AddPasskey(v.Context(), who.Number, cer.Proof, id, record)
	if errors.Is(err, register.ErrCode) {
		v.tried = who.Number
		return notBelieved(codeOver, byCode, codeReplaced)
	}
	if err != nil {
		return err
	}
	p.endCeremony(w, v, token)
	if elsewhere, err := p.askedElsewhere(v, who); err != nil {
		return err
	} else if elsewhere {
		writeJSON(w, http.StatusOK, map[string]string{"to": "/sign-in?made=1"})
		return nil
	}
	if _, err := p.signInByCode(w, v, who.Number, register.WithPasskey); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"to": "/account?made=1"})
	return nil
}
