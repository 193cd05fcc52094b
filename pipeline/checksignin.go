package pipeline

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// checkSignIn finds out whether people's passkeys open the portal where it is
// now, and whether a single lost device would leave nobody who can invite.
func (s *Server) checkSignIn(ctx context.Context) (bad, good texts.Text, err error) {
	people, err := s.cfg.Register.People(ctx)
	if err != nil {
		return nil, nil, err
	}
	host := s.cfg.Origin.Hostname()
	var administrators, elsewhere int
	var few []string
	for _, who := range people {
		if who.Disabled {
			continue
		}
		records, err := s.cfg.Register.Passkeys(ctx, who.Number)
		if err != nil {
			return nil, nil, err
		}
		opens := 0
		for _, record := range records {
			if portal.OpensAt(record, host) {
				opens++
			}
		}
		if len(records) > opens {
			elsewhere++
		}
		if who.Role == register.Administrator {
			administrators += opens
		}
		if opens < 2 {
			few = append(few, strconv.FormatInt(who.Number, 10))
		}
	}
	switch {
	case elsewhere > 0:
		bad = texts.Say("check-sign-in.elsewhere", "n", elsewhere, "host", host)
	case administrators == 1:
		bad = texts.Say("check-sign-in.one-for-all")
	}
	good = texts.Say("check-sign-in.all-have-two", "host", host)
	switch {
	case len(people) == 0:
		good = texts.Say("check-sign-in.nobody-yet", "host", host)
	case len(few) > 0:
		good = texts.Say("check-sign-in.some-have-one", "host", host, "numbers", strings.Join(few, ", "))
	}
	if s.cfg.WeakSSO {
		good = joined("list.sentence", []texts.Text{good, texts.Say("check-sign-in.weak-sso")})
	}
	return bad, good, nil
}

// checkSSO finds out whether people can sign in at the organisation's own provider,
// as far as that shows without anybody.
func (s *Server) checkSSO(ctx context.Context) (bad, good texts.Text, err error) {
	issuer := s.cfg.Issuer
	if issuer == "" {
		return nil, texts.Say("check-sso.none"), nil
	}
	err = portal.AskIssuer(ctx, issuer)
	switch {
	case errors.Is(err, portal.ErrIssuerAway):
		bad = texts.Say("check-sso.away", "issuer", issuer)
	case errors.Is(err, portal.ErrIssuerOther):
		bad = texts.Say("check-sso.other", "issuer", issuer)
	case errors.Is(err, portal.ErrIssuerPlain):
		bad = texts.Say("check-sso.plain", "issuer", issuer)
	case err != nil:
		bad = texts.Say("check-sso.strange", "issuer", issuer)
	}
	return bad, texts.Say("check-sso.answers", "issuer", issuer), nil
}

// checkDoor finds out whether other machines reach the portal of a server that is
// at work without TLS, and whether people come by way of one that it does not know.
func (s *Server) checkDoor(ctx context.Context) (bad, good texts.Text, err error) {
	all, err := s.cfg.Register.Running(ctx)
	for _, one := range all {
		switch {
		case one.Exposed == "" || bad != nil:
		case len(all) == 1:
			bad = texts.Say("check-door.open", "address", one.Exposed)
		default:
			bad = texts.Say("check-door.open-at", "server", one.Name, "address", one.Exposed)
		}
	}
	if err != nil || bad != nil {
		return bad, nil, err
	}
	if unbelieved, err := portal.ProxyNotBelieved(ctx, s.cfg.Register); err != nil || unbelieved {
		return texts.Say("check-door.proxy"), nil, err
	}
	return nil, texts.Say("check-door.shut"), nil
}
