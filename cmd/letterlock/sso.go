package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
)

// sso is the organisation's own sign-in. A sample reaches nothing beyond this
// machine, and has none.
func (in *installation) sso() (*portal.SSO, error) {
	s := in.cfg.SSO
	if s == nil || in.sample {
		return nil, nil
	}
	secret := func() (string, error) {
		return configfile.Secret(in.dir.config, s.ClientSecretFile, "organisation's sign-in's client secret")
	}
	if _, err := secret(); err != nil {
		return nil, err
	}
	groups, err := s.groups(in.cfg.names())
	if err != nil {
		return nil, err
	}
	return &portal.SSO{Issuer: s.Issuer, ClientID: s.ClientID, Secret: secret, Name: s.Name, Groups: groups, Claim: s.GroupsClaim,
		Scopes: s.Scopes, StepUpACR: s.StepUpACR, StepUpAMR: s.StepUpAMR, Strong: s.Strong}, nil
}

// issuer is the organisation's sign-in's, or empty where there is none.
func (in *installation) issuer() string {
	if in.cfg.SSO == nil || in.sample {
		return ""
	}
	return in.cfg.SSO.Issuer
}

// actingIssuer is the issuer where its sign-ins do all that a passkey does: let people
// in, and show anew that it is them. Without the latter nobody could be invited.
func (in *installation) actingIssuer() string {
	if s := in.cfg.SSO; s == nil || len(s.StepUpACR)+len(s.StepUpAMR) == 0 {
		return ""
	}
	return in.issuer()
}

// checkStrength refuses words for a strong sign-in that no token would have to say.
func (s *SSO) checkStrength() error {
	if slices.Contains(slices.Concat(s.StepUpACR, s.StepUpAMR), "") {
		return errors.New("[sso] step_up_acr and step_up_amr name words of the provider's tokens: an empty one would fit every token")
	}
	if s.Strong && len(s.StepUpACR)+len(s.StepUpAMR) == 0 {
		return errors.New("[sso] strong needs step_up_acr or step_up_amr: they say what is strong enough")
	}
	return nil
}

// groups reads who may do what by their groups: "GROUP = ROLE HELPLINE...".
func (s *SSO) groups(helplines []string) ([]portal.Group, error) {
	var out []portal.Group
	for _, line := range s.Groups {
		at := strings.LastIndex(line, "=") // a group's name may hold one
		group := portal.Group{Name: strings.TrimSpace(line[:max(at, 0)])}
		words := strings.Fields(line[at+1:])
		if at < 0 || group.Name == "" || len(words) == 0 {
			return nil, fmt.Errorf("[sso] groups: %q is not like \"LL leaders = team-leader respect-phoneline\"", line)
		}
		group.Role, group.Helplines = register.Role(words[0]), words[1:]
		if !slices.Contains(register.Roles, group.Role) {
			return nil, fmt.Errorf("[sso] groups: there is no role %q: it is one of operations, team-leader, manager, dpo, administrator", words[0])
		}
		for _, h := range group.Helplines {
			if !slices.Contains(helplines, h) {
				return nil, fmt.Errorf("[sso] groups: there is no helpline %q: it is one of %s", h, list(helplines))
			}
		}
		if (group.Role == register.TeamLeader) != (len(group.Helplines) > 0) {
			return nil, fmt.Errorf("[sso] groups: a team leader needs a helpline, and nobody else has one: %q", line)
		}
		out = append(out, group)
	}
	return out, nil
}
