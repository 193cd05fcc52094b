package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Why nobody can sign in at the organisation's provider, as AskIssuer finds it.
var (
	// ErrIssuerAway: nothing answers there, or not in time.
	ErrIssuerAway = errors.New("the organisation's sign-in does not answer")
	// ErrIssuerStrange: what answers there is no OpenID Connect provider.
	ErrIssuerStrange = errors.New("what answers in the place of the organisation's sign-in is none")
	// ErrIssuerOther: the provider calls itself another, be it by a slash at the end.
	ErrIssuerOther = errors.New("the organisation's sign-in calls itself another than the issuer that is configured")
	// ErrIssuerPlain: it names addresses without TLS.
	ErrIssuerPlain = errors.New("the organisation's sign-in names addresses without TLS")
)

// AskIssuer asks the provider of that issuer for its addresses, as a sign-in does
// first, and waits for ten seconds at most. Its error is one of those above.
// See OpenID Connect Discovery 1.0, section 4.
func AskIssuer(ctx context.Context, issuer string) error {
	_, err := discover(ctx, askingClient(), issuer)
	return err
}

// askingClient asks a provider and nobody else.
func askingClient() *http.Client {
	return &http.Client{Timeout: ssoPatience, CheckRedirect: stayThere}
}

// discover reads the provider's own description of itself.
func discover(ctx context.Context, client *http.Client, issuer string) (*oidc.Provider, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, client), issuer)
	if _, ok := errors.AsType[*oidc.IssuerMismatchError](err); ok {
		return nil, ErrIssuerOther
	}
	if isUnasked(err) {
		return nil, ErrIssuerAway
	}
	if err != nil {
		return nil, ErrIssuerStrange
	}
	addresses := []string{provider.Endpoint().AuthURL, provider.Endpoint().TokenURL}
	if info := provider.UserInfoEndpoint(); info != "" {
		addresses = append(addresses, info)
	}
	if strings.HasPrefix(issuer, "https:") && slices.ContainsFunc(addresses, func(a string) bool { return !strings.HasPrefix(a, "https:") }) {
		return nil, ErrIssuerPlain
	}
	return provider, nil
}
