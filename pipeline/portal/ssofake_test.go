package portal

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fakeProvider is an OpenID Connect provider that can be told to lie. It polices
// what the portal must do: PKCE, the client's secret, its own address. What is
// true of it when it does not lie, TestAgainstARealProvider holds a real one to.
type fakeProvider struct {
	t       testing.TB
	url     string
	now     func() time.Time
	key     *rsa.PrivateKey
	subject string
	lie     func(claims map[string]any)           // changes what the token says
	sign    func(signed, header string) string    // replaces the signature
	asked   url.Values                            // with what the browser came last
	answers func(w http.ResponseWriter) (ok bool) // instead of the token
	scope   string                                // that it wants to be asked for
	acr     string                                // values that it wants to be asked for, where somebody is to show anew who they are
	strong  bool                                  // or whenever
	secret  string                                // of the client; "" is that of theSecret
	info    func() map[string]any                 // what its userinfo says; it has none if nil
}

func newFakeProvider(t testing.TB, now func() time.Time) *fakeProvider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f := &fakeProvider{scope: "openid", t: t, now: now, subject: "subject-of-ada", url: "http://localhost:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)}
	f.key, err = rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		says := map[string]any{"issuer": f.url, "authorization_endpoint": f.url + "/auth", "token_endpoint": f.url + "/token",
			"jwks_uri": f.url + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}}
		if f.info != nil {
			says["userinfo_endpoint"] = f.url + "/userinfo"
		}
		_ = json.NewEncoder(w).Encode(says)
	})
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer x" {
			f.t.Errorf("userinfo was asked as %q", r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(f.info())
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": b64(f.key.N.Bytes()), "e": b64(big.NewInt(int64(f.key.E)).Bytes())}}})
	})
	mux.HandleFunc("POST /token", f.token)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return f
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// logsIn is what a person does at the provider: the browser comes from the
// portal, and goes back with a code.
func (f *fakeProvider) logsIn(t testing.TB, address string) (back string) {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	f.asked = u.Query()
	wants := map[string]string{"response_type": "code", "client_id": "web", "scope": f.scope, "code_challenge_method": "S256", "max_age": "900", "prompt": "", "acr_values": ""}
	if f.asked.Has("prompt") { // who is to be asked anew
		wants["max_age"], wants["prompt"], wants["acr_values"] = "0", "login", f.acr
	}
	if f.strong {
		wants["acr_values"] = f.acr
	}
	for name, want := range wants {
		if got := f.asked.Get(name); got != want {
			t.Errorf("asked with %s=%q, want %q", name, got, want)
		}
	}
	return f.asked.Get("redirect_uri") + "?" + url.Values{"code": {"the-code"}, "state": {f.asked.Get("state")}}.Encode()
}

func (f *fakeProvider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if id != "web" || secret != cmp.Or(f.secret, "secret") || r.PostFormValue("code") != "the-code" || b64(sum[:]) != f.asked.Get("code_challenge") ||
		r.PostFormValue("redirect_uri") != f.asked.Get("redirect_uri") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"Zuleika Canary"}`))
		return
	}
	if f.answers != nil && f.answers(w) {
		return
	}
	now := f.now()
	claims := map[string]any{"iss": f.url, "sub": f.subject, "aud": "web", "nonce": f.asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"auth_time": now.Unix(), "email": "zuleika@canary.example", "name": "Zuleika Canary"}
	if f.lie != nil {
		f.lie(claims)
	}
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	body, _ := json.Marshal(claims)
	header := b64([]byte(`{"alg":"RS256","kid":"1"}`))
	digest := sha256.Sum256([]byte(header + "." + b64(body)))
	signature, err := rsa.SignPKCS1v15(rand.Reader, f.key, crypto.SHA256, digest[:])
	if err != nil {
		f.t.Error(err)
	}
	jwt := header + "." + b64(body) + "." + b64(signature)
	if f.sign != nil {
		jwt = f.sign(jwt, b64(body))
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token":"x","token_type":"Bearer","id_token":%q}`, jwt)
}

// follows goes to the organisation's sign-in from that page, and comes back.
func (v *visitor) follows(t testing.TB, logsIn func(testing.TB, string) string, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := v.get(path)
	wantStatus(t, w, http.StatusSeeOther)
	back := logsIn(t, w.Header().Get("Location"))
	if !strings.HasPrefix(back, v.h.portal.cfg.Origin+ssoBack+"?") {
		t.Fatalf("came back to %s", back)
	}
	return v.get(strings.TrimPrefix(back, v.h.portal.cfg.Origin))
}
