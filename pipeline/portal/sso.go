package portal

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// SSO is the organisation's own sign-in: one OpenID Connect provider.
type SSO struct {
	Issuer   string // of this organisation alone, exactly as the provider's tokens name it
	ClientID string
	Secret   func() (string, error) // as it is now: a new one counts without a restart
	Name     string                 // as people call it

	// Groups are who may do what, by the groups that the provider names; empty
	// where that is Letterlock's to say. A person of several is what the first
	// that fits says; a team leader leads the helplines of all that fit.
	Groups []Group
	Claim  string   // in which the provider names a person's groups
	Scopes []string // to be asked for beside openid

	// StepUpACR and StepUpAMR are what the provider must say of how a person has
	// just shown who they are (acr, or one of amr), for that to serve in place
	// of a passkey; with both empty only a passkey does.
	StepUpACR, StepUpAMR []string

	// Strong says that a sign-in too is believed only where the provider says so.
	Strong bool
}

// Group is what a group of the organisation's sign-in lets people do.
type Group struct {
	Name      string // exactly as the provider's tokens say it
	Role      register.Role
	Helplines []string // a team leader's
}

const (
	// ssoBack is where the provider sends people back to.
	ssoBack = "/sign-in/sso/back"
	// ssoMaxAge is how long ago somebody may have shown the provider who they are.
	ssoMaxAge = 15 * time.Minute
	// ssoLeeway is how much the provider's clock may differ.
	ssoLeeway = time.Minute
	// ssoPatience is how long one answer of the provider may take, and for how
	// long one that does not answer is left alone.
	ssoPatience = 10 * time.Second
)

// sso asks the provider who somebody is.
type sso struct {
	SSO
	back   string // ssoBack with the portal's origin
	now    func() time.Time
	client *http.Client

	mu       sync.Mutex
	provider *oidc.Provider // once it has answered
	failed   time.Time      // when it last did not
}

// newSSO refuses an issuer that is not of one organisation alone: its tokens
// would let in anybody who has an account somewhere.
func newSSO(cfg SSO, origin string, now func() time.Time) (*sso, error) {
	u, err := url.Parse(cfg.Issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") {
		return nil, errors.New("the organisation's sign-in needs an issuer like https://login.example.org, without a query")
	}
	for _, part := range strings.Split(u.Path, "/") {
		if part == "common" || part == "organizations" || part == "consumers" {
			return nil, errors.New("the issuer of the organisation's sign-in is everybody's: use the one with your own tenant's id")
		}
	}
	if len(cfg.Groups) > 0 && cfg.Claim == "" {
		return nil, errors.New("the organisation's sign-in needs the name of the claim in which it names a person's groups")
	}
	if cfg.Strong && len(cfg.StepUpACR)+len(cfg.StepUpAMR) == 0 {
		return nil, errors.New("the organisation's sign-in is to be strong, and it is not said what that is")
	}
	if cfg.ClientID == "" || cfg.Secret == nil || cfg.Name == "" {
		return nil, errors.New("the organisation's sign-in needs a client id, a secret and a name")
	}
	return &sso{SSO: cfg, back: origin + ssoBack, now: now, client: askingClient()}, nil
}

// stayThere follows an answer only to the host that gave it: what is asked of the
// provider holds a secret, and leads nowhere else on anybody's word.
func stayThere(r *http.Request, via []*http.Request) error {
	if r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme || len(via) > 3 {
		return http.ErrUseLastResponse
	}
	return nil
}

// ssoChallenge is what binds a provider's answer to this browser and this try.
type ssoChallenge struct {
	State, Nonce, Verifier string
	To                     string    // where the way leads on
	Anew                   time.Time // when the person was to be asked anew; zero for a sign-in
}

// reach finds the provider's addresses and keys, once.
func (s *sso) reach(ctx context.Context) (*oidc.Provider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider != nil {
		return s.provider, nil
	}
	if s.now().Sub(s.failed).Abs() < ssoPatience {
		return nil, errors.New("the organisation's sign-in did not answer a moment ago")
	}
	provider, err := discover(context.WithoutCancel(ctx), s.client, s.Issuer) // which asks for its keys later too
	if err != nil {
		s.failed = s.now()
		return nil, err
	}
	s.provider = provider
	return provider, nil
}

func (s *sso) with(ctx context.Context) context.Context { return oidc.ClientContext(ctx, s.client) }

func (s *sso) oauth(provider *oidc.Provider, secret string) *oauth2.Config {
	return &oauth2.Config{ClientID: s.ClientID, ClientSecret: secret, Endpoint: provider.Endpoint(), RedirectURL: s.back, Scopes: append([]string{oidc.ScopeOpenID}, s.Scopes...)}
}

// ask returns the provider's address to which the browser goes. With anew the
// person is to be asked who they are there, however short ago they were.
func (s *sso) ask(ctx context.Context, to string, anew bool) (address string, ch ssoChallenge, err error) {
	provider, err := s.reach(ctx)
	if err != nil {
		return "", ssoChallenge{}, err
	}
	ch = ssoChallenge{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), To: to}
	options := []oauth2.AuthCodeOption{oidc.Nonce(ch.Nonce), oauth2.S256ChallengeOption(ch.Verifier)}
	if anew {
		ch.Anew = s.now()
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"), oauth2.SetAuthURLParam("prompt", "login"))
	} else {
		options = append(options, oauth2.SetAuthURLParam("max_age", fmt.Sprint(int(ssoMaxAge.Seconds()))))
	}
	if (anew || s.Strong) && len(s.StepUpACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(s.StepUpACR, " ")))
	}
	return s.oauth(provider, "").AuthCodeURL(ch.State, options...), ch, nil
}

// ssoAnswer is what the provider says, once all of it is checked.
type ssoAnswer struct {
	subject string   // its name for the person
	groups  []string // of the person, where they decide
	strong  bool     // the person has shown who they are in a way that serves as a step-up
}

// oauthError is what a provider may call an error: a word, and never a sentence
// that could name somebody.
var oauthError = regexp.MustCompile(`^[a-z_]{1,40}$`)

// errSSOAway says that the provider could not be asked: its name is not known any
// more, or nothing answers there. It says nothing of the person.
var errSSOAway = errors.New("the organisation's sign-in cannot be reached")

// isUnasked reports whether err came before the provider could say anything.
func isUnasked(err error) bool {
	_, is := errors.AsType[net.Error](err)
	return is
}

// answer exchanges the code and returns what the provider says of the person. No
// error holds anything of the token.
func (s *sso) answer(ctx context.Context, code string, ch ssoChallenge) (ssoAnswer, error) {
	provider, err := s.reach(ctx)
	if err != nil {
		return ssoAnswer{}, err
	}
	secret, err := s.Secret()
	if err != nil {
		return ssoAnswer{}, err
	}
	token, err := s.oauth(provider, secret).Exchange(s.with(ctx), code, oauth2.VerifierOption(ch.Verifier))
	if isUnasked(err) {
		return ssoAnswer{}, errSSOAway
	}
	if err != nil {
		said, ok := errors.AsType[*oauth2.RetrieveError](err)
		if ok && said.ErrorCode == "invalid_client" {
			return ssoAnswer{}, errors.New("the organisation's sign-in does not take the client secret (invalid_client): write the one that it has now into the file that client_secret_file names")
		}
		if ok && oauthError.MatchString(said.ErrorCode) {
			return ssoAnswer{}, fmt.Errorf("the organisation's sign-in refuses to exchange the code: %s", said.ErrorCode)
		}
		return ssoAnswer{}, errors.New("the organisation's sign-in does not exchange the code")
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.VerifierContext(s.with(ctx), &oidc.Config{ClientID: s.ClientID, Now: s.now}).Verify(ctx, raw)
	if isUnasked(err) { // for its keys
		return ssoAnswer{}, errSSOAway
	}
	if err != nil {
		if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
			return ssoAnswer{}, errors.New("the token of the organisation's sign-in has expired")
		}
		return ssoAnswer{}, errors.New("the token of the organisation's sign-in is not signed by it, or not for this portal")
	}
	a, err := s.check(id, ch)
	if err == nil && s.governs() {
		a.groups, err = s.groups(ctx, provider, id, token)
	}
	return a, err
}

// check makes the comparisons that the library leaves to its user.
func (s *sso) check(id *oidc.IDToken, ch ssoChallenge) (ssoAnswer, error) {
	var claims struct {
		AuthorizedParty string `json:"azp"`
		AuthTime        int64  `json:"auth_time"`
		ACR             string `json:"acr"`
	}
	var methods struct {
		AMR []string `json:"amr"`
	}
	if err := id.Claims(&claims); err != nil {
		return ssoAnswer{}, errors.New("the token of the organisation's sign-in cannot be read")
	}
	_ = id.Claims(&methods) // some providers write one word in place of a list: that is none
	since := s.now().Sub(time.Unix(claims.AuthTime, 0))
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(ch.Nonce)) != 1:
		return ssoAnswer{}, errors.New("the token answers another try")
	case claims.AuthorizedParty != "" && claims.AuthorizedParty != s.ClientID, claims.AuthorizedParty == "" && len(id.Audience) > 1:
		return ssoAnswer{}, errors.New("the token was made for another application")
	case claims.AuthTime == 0:
		return ssoAnswer{}, errors.New("the token does not say when the person showed who they are (auth_time)")
	case since > ssoMaxAge+ssoLeeway, since < -ssoLeeway, id.IssuedAt.After(s.now().Add(ssoLeeway)):
		return ssoAnswer{}, errors.New("the token says that the person showed too long ago who they are, or in the future")
	case !ch.Anew.IsZero() && time.Unix(claims.AuthTime, 0).Before(ch.Anew.Add(-ssoLeeway)):
		return ssoAnswer{}, errors.New("the token says that the person was not asked anew who they are")
	case id.Subject == "" || len(id.Subject) > 255: // OpenID Connect Core 2
		return ssoAnswer{}, errors.New("the token does not say who the person is")
	}
	return ssoAnswer{subject: id.Subject, strong: slices.Contains(s.StepUpACR, claims.ACR) ||
		slices.ContainsFunc(methods.AMR, func(m string) bool { return slices.Contains(s.StepUpAMR, m) })}, nil
}

// longestTo is the longest address, in bytes, to which a sign-in leads on: with it a
// cookie is as long as browsers keep.
const longestTo = 1000

// beginSSO sends the browser to the organisation's sign-in. It is a link and no
// form: the content policy keeps a form from leading elsewhere. From another site
// it leads to our own page with that link, so that nobody is signed in who has not
// asked for it here.
func (p *Portal) beginSSO(w http.ResponseWriter, v *visit) error {
	if site := v.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		redirect(w, "/sign-in?"+url.Values{"to": {samePath(v.URL.Query().Get("to"))}}.Encode())
		return nil
	}
	to := samePath(v.URL.Query().Get("to"))
	if len(to) > longestTo {
		to = "/"
	}
	return p.sendToSSO(w, v, "", ceremony{Purpose: forSSO}, to)
}

// enrolSSO does so for somebody whose enrolment code was right in this browser.
func (p *Portal) enrolSSO(w http.ResponseWriter, v *visit) error {
	token, _, ok, err := p.enrolling(v)
	if err != nil {
		return err
	}
	if !ok {
		redirect(w, "/enrol")
		return nil
	}
	return p.sendToSSO(w, v, token, ceremony{}, "/account?linked=1")
}

// sendToSSO begins a ceremony, unless there is one, and asks the provider.
func (p *Portal) sendToSSO(w http.ResponseWriter, v *visit, token string, cer ceremony, to string) error {
	address, ch, err := p.sso.ask(v.Context(), to, cer.Purpose == forAgain)
	if err != nil {
		return because(ssoUnreachable, err)
	}
	if token == "" {
		cer.SSO = &ch
		_, err = p.beginCeremony(w, v, cer)
	} else {
		err = p.ceremonies.asksSSO(v.Context(), token, ch)
	}
	if err != nil {
		return err
	}
	redirect(w, address)
	return nil
}

// backFromSSO takes the provider's answer: it signs in whom it names, or has the
// person sign in so from now on whose enrolment code was right in this browser,
// or takes it for a showing of who is signed in.
func (p *Portal) backFromSSO(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	token := p.ceremonyToken(v)
	cer, ok, err := p.ceremonies.takeSSO(v.Context(), token)
	if err != nil {
		return err
	}
	if strings.HasPrefix(token, sealed) {
		clearCookie(w, ceremonyCookie) // one try, one question
	}
	if !ok || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(cer.SSO.State)) != 1 {
		return notBelieved(ssoOver, bySSO, notBegun)
	}
	if q.Get("code") == "" {
		return notBelieved(ssoRefused, bySSO, "refused there, by the provider or by the person")
	}
	a, err := p.sso.answer(v.Context(), q.Get("code"), *cer.SSO)
	if errors.Is(err, errSSOAway) {
		return because(ssoUnreachable, err)
	}
	if err != nil {
		return notBelieved(because(ssoRefused, err), bySSO, "its answer is not one to believe")
	}
	switch {
	case p.sso.Strong && !a.strong && cer.Purpose != forAgain:
		v.tried = cer.Person
		err = notBelieved(ssoNotStrong, bySSO, notEnough)
	case cer.Purpose == forAgain:
		err = p.shownBySSO(w, v, cer, a)
	case cer.Purpose == forEnrolment:
		err = p.linkBySSO(w, v, cer, a)
	default:
		if err = p.spend(v, token, ssoOver, bySSO); err == nil {
			err = p.signInBySSO(w, v, a)
		}
	}
	if err != nil {
		return err
	}
	p.endCeremony(w, v, token)
	redirect(w, cer.SSO.To)
	return nil
}

// signInBySSO signs in whom the provider names.
func (p *Portal) signInBySSO(w http.ResponseWriter, v *visit, a ssoAnswer) error {
	who, err := p.whoSSO(v, a)
	if err != nil {
		return err
	}
	_, err = p.signIn(w, v, who.Number, register.WithSSO)
	return err
}

// linkBySSO has the person whose code was right sign in as whom the provider
// names from now on. Whom it names no group for that may do anything keeps the
// code for another try.
func (p *Portal) linkBySSO(w http.ResponseWriter, v *visit, cer ceremony, a ssoAnswer) error {
	if _, _, may := p.sso.given(a.groups); p.sso.governs() && !may {
		v.tried = cer.Person
		return notBelieved(ssoNoGroup, bySSO, noGroup)
	}
	err := p.cfg.Register.LinkSSO(v.Context(), cer.Person, cer.Proof, p.sso.Issuer, a.subject)
	if errors.Is(err, register.ErrCode) {
		v.tried = cer.Person
		return notBelieved(codeOver, byCode, codeReplaced)
	}
	if err != nil {
		return err
	}
	who, err := p.whoSSO(v, a)
	if err != nil {
		return err
	}
	_, err = p.signInByCode(w, v, who.Number, register.WithSSO)
	return err
}

// whoSSO is the person whom the provider names, who from now on may do what
// their groups say, where groups decide.
func (p *Portal) whoSSO(v *visit, a ssoAnswer) (register.Person, error) {
	who, err := p.cfg.Register.PersonBySSO(v.Context(), p.sso.Issuer, a.subject)
	if errors.Is(err, register.ErrNotFound) || err == nil && who.Disabled {
		return register.Person{}, notBelieved(ssoUnknown, bySSO, "of nobody who is known here")
	}
	if err != nil {
		return register.Person{}, err
	}
	v.tried = who.Number
	if p.sso.governs() {
		return who, p.takeTheirWord(v, who, a)
	}
	if who.Role == "" { // taken when groups decided
		return register.Person{}, notBelieved(ssoNoGroup, bySSO, noGroup)
	}
	return who, nil
}

// linked reports whether the person signs in with the organisation's sign-in as it is
// configured now. A link to a former issuer signs nobody in.
func (p *Portal) linked(v *visit, who register.Person) (bool, error) {
	if p.sso == nil || !who.SSO {
		return false, nil
	}
	return p.cfg.Register.SignsInWith(v.Context(), who.Number, p.sso.Issuer)
}

// endSSO has somebody sign in with the organisation's sign-in no more.
func (p *Portal) endSSO(w http.ResponseWriter, v *visit) error {
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
	if !confirmed(v.PostForm) {
		says := []texts.Text{texts.Say("person.they-are-signed-out", "name", body.Name)}
		if len(body.Passkeys) == 0 {
			says = append(says, texts.Say("person.they-cannot-sign-in-then", "name", body.Name))
		}
		return p.ok(w, v, page{Name: "confirm", Title: texts.Say("person.end-it-really", "name", body.Name), Body: confirmBody{Back: body.Path, Action: body.Path + "/end-sso",
			Says: says, Form: v.PostForm, Button: texts.Say("person.end-it", "name", body.Name), Danger: true}})
	}
	ended := body.Path + "?done=unlinked"
	if err := p.cfg.Register.UnlinkSSO(v.once(ended), body.Number, v.person.Number); err != nil && !errors.Is(err, register.ErrNotFound) {
		return err
	}
	p.used(v, body.Path)
	redirect(w, ended)
	return nil
}

// issuer is that of the organisation's sign-in as it is configured now; "" for none.
func (p *Portal) issuer() string {
	if p.sso == nil {
		return ""
	}
	return p.sso.Issuer
}

// ssoName is what the organisation's sign-in is called, or empty where there is none.
func (p *Portal) ssoName() string {
	if p.sso == nil {
		return ""
	}
	return p.sso.Name
}
