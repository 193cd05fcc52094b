package portal

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"letterlock/pipeline/register"
)

// governs reports whether what people may do is what their groups at the
// provider say.
func (s *sso) governs() bool { return len(s.Groups) > 0 }

// given is what those groups let a person do; may is false for nothing.
func (s *sso) given(groups []string) (role register.Role, helplines []string, may bool) {
	for _, g := range s.Groups {
		if !slices.Contains(groups, g.Name) || may && g.Role != role {
			continue
		}
		role, may = g.Role, true
		helplines = append(helplines, g.Helplines...)
	}
	return role, helplines, may
}

// groups are the person's at the provider: as the token says, or where it says
// nothing of them the provider itself. Whoever is in none is in none.
func (s *sso) groups(ctx context.Context, provider *oidc.Provider, id *oidc.IDToken, token *oauth2.Token) ([]string, error) {
	groups, said, err := s.groupsIn(id.Claims)
	if said || err != nil || provider.UserInfoEndpoint() == "" {
		return groups, err
	}
	info, err := provider.UserInfo(s.with(ctx), oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, errors.New("the organisation's sign-in does not answer of which groups somebody is")
	}
	if info.Subject != id.Subject {
		return nil, errors.New("the organisation's sign-in answers of which groups somebody else is")
	}
	groups, _, err = s.groupsIn(info.Claims)
	return groups, err
}

// groupsIn reads the groups out of what the provider said, if it said any.
func (s *sso) groupsIn(claims func(into any) error) (groups []string, said bool, err error) {
	var all map[string]json.RawMessage
	if err := claims(&all); err != nil {
		return nil, false, errors.New("what the organisation's sign-in says of somebody cannot be read")
	}
	var elsewhere map[string]json.RawMessage
	_ = json.Unmarshal(all["_claim_names"], &elsewhere)
	if _, moved := elsewhere[s.Claim]; moved { // OpenID Connect Core 5.6.2: more than the token has room for
		return nil, false, errors.New("somebody is of more groups than the token has room for: let the provider name only the groups that Letterlock knows")
	}
	value, said := all[s.Claim]
	if !said {
		return nil, false, nil
	}
	if err := json.Unmarshal(value, &groups); err == nil {
		return groups, true, nil
	}
	var one string
	if err := json.Unmarshal(value, &one); err != nil {
		return nil, true, errors.New("the claim with the groups holds no names of groups")
	}
	return []string{one}, true, nil
}

// takeTheirWord has the person do what their groups say, or nothing any more.
func (p *Portal) takeTheirWord(v *visit, who register.Person, a ssoAnswer) error {
	role, helplines, may := p.sso.given(a.groups)
	if may {
		return p.cfg.Register.GiveRole(v.Context(), who.Number, role, helplines)
	}
	if err := p.cfg.Register.TakeRole(v.Context(), who.Number); err != nil {
		return err
	}
	return notBelieved(ssoNoGroup, bySSO, noGroup)
}

// askedElsewhere reports whether the person signs in with the organisation's
// sign-in alone, since it says what they may do. Their passkey shows that it is
// them, and signs nobody in: a group that was taken away would not be missed.
func (p *Portal) askedElsewhere(v *visit, who register.Person) (bool, error) {
	if p.sso == nil || !p.sso.governs() {
		return false, nil
	}
	return p.cfg.Register.SignsInWith(v.Context(), who.Number, p.sso.Issuer)
}
