package portal

import (
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
)

// However many strangers begin to sign in, nobody who enrols, shows anew who they are
// or signs in themselves has to give way, and nothing of it is kept.
func TestStrangersTakeNobodysPlace(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.portal.ceremonies, t.Context()
	begun := ceremony{Purpose: forSignIn, Challenge: &webauthn.SessionData{Challenge: "y"}}
	enrols, err := c.begin(ctx, ceremony{Purpose: forEnrolment, Person: h.lead, Proof: []byte("x")})
	must(t, err)
	signsIn, err := c.begin(ctx, begun)
	must(t, err)
	h.now = h.now.Add(time.Second)
	for range maxCeremonies.All + 1 {
		_, err := c.begin(ctx, begun)
		must(t, err)
	}
	if _, ok, err := c.find(ctx, enrols, forEnrolment); !ok || err != nil {
		t.Errorf("who enrols has to begin anew: %v", err)
	}
	if cer, ok, err := h.besides().portal.ceremonies.take(ctx, signsIn, forSignIn); !ok || err != nil || cer.Challenge.Challenge != "y" {
		t.Errorf("who signs in has to begin anew, at another server: %v", err)
	}
}

// What is sealed in a browser's cookie is nobody's to change, serves its purpose and
// for its time, and signs in once, wherever it is sent.
func TestASealedSignInServesOnce(t *testing.T) {
	h := newHouse(t)
	ctx, one, other := t.Context(), h.portal.ceremonies, h.besides().portal.ceremonies
	token, err := one.begin(ctx, ceremony{Purpose: forSignIn, Challenge: &webauthn.SessionData{Challenge: "y"}})
	must(t, err)
	takes := func(token string, what purpose) bool {
		t.Helper()
		_, ok, err := other.take(ctx, token, what)
		must(t, err)
		return ok
	}
	changed := strings.Replace(token, token[50:52], "__", 1)
	for what, wrong := range map[string]bool{"another purpose": takes(token, forWitness), "changed": takes(changed, forSignIn),
		"cut": takes(token[:60], forSignIn), "no key": takes(sealed+"x.y", forSignIn), "nothing": takes(sealed, forSignIn)} {
		if wrong {
			t.Errorf("it is taken although: %s", what)
		}
	}
	if _, ok, _ := other.takeSSO(ctx, token); ok {
		t.Error("it answers a question that nobody has asked")
	}
	for i, c := range []ceremonies{other, one, other} {
		if !takes(token, forSignIn) {
			t.Fatal("it is not taken")
		}
		if first, err := c.sealer.spend(ctx, token+strings.Repeat("\n", i)); err != nil || first != (i == 0) {
			t.Errorf("spent for the time %d: %v, %v", i+1, first, err)
		}
	}
	h.now = h.now.Add(ceremonyLife)
	if takes(token, forSignIn) {
		t.Error("it outlives its time")
	}

	// A key is not for ever, and one that a restore took away is not used on.
	h.now = h.now.Add(sealingLife)
	must(t, h.register.ForgetOver(ctx))
	token, err = one.begin(ctx, ceremony{Purpose: forSignIn, Challenge: &webauthn.SessionData{Challenge: "y"}})
	must(t, err)
	if !takes(token, forSignIn) {
		t.Error("after a day nobody signs in")
	}
	must(t, h.register.EndUnderway(ctx, underSealing(one.sealer.id)))
	if _, ok, err := one.take(ctx, token, forSignIn); ok || err != nil {
		t.Errorf("a key that is gone opens: %v", err)
	}
	token, err = one.begin(ctx, ceremony{Purpose: forSignIn, Challenge: &webauthn.SessionData{Challenge: "y"}})
	must(t, err)
	if !takes(token, forSignIn) {
		t.Error("the next sign-in fails too")
	}
}
