package pipeline

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
)

// checkSignIn finds out whether people's passkeys open the portal where it is
// now, and whether a single lost device would leave nobody who can invite.
func (s *Server) checkSignIn(ctx context.Context) (bad, good string, err error) {
	people, err := s.cfg.Register.People(ctx)
	if err != nil {
		return "", "", err
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
			return "", "", err
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
		bad = fmt.Sprintf("%s passkeys that were made under another host name than %s and do not open the portal any more. Put [portal] origin back to what it was, or make each of them a new code: letterlock user code NUMBER.",
			has(elsewhere), host)
	case administrators == 1:
		bad = "The administrators have one passkey between them. If its device is lost nobody can be invited but at this console. Make a second one, on another device, at the portal's page \"Your account\"."
	}
	good = "Passkeys open the portal at " + host + ". Everybody has two or more."
	if len(few) > 0 {
		good = "Passkeys open the portal at " + host + ". Staff numbers with fewer than two, who should make another on another device: " + strings.Join(few, ", ") + "."
	}
	if s.cfg.WeakSSO {
		good += " The organisation's sign-in is believed whatever it asked of a person, be it a password alone: [sso] strong asks for more."
	}
	return bad, good, nil
}

// checkDoor finds out whether other machines reach the portal without TLS, as it
// was last started.
func (s *Server) checkDoor(ctx context.Context) (bad, good string, err error) {
	at, err := s.cfg.Register.Meta(ctx, register.MetaExposed)
	if at != "" {
		bad = "The portal listens on " + at + " without TLS, where other machines can reach it: what they send and see can be read on the way. Start it with --listen localhost:8080 behind a web server on this machine that ends TLS, or set [portal] certificate_file."
	}
	return bad, "No other machine reaches the portal without TLS.", err
}

func has(people int) string {
	if people == 1 {
		return "1 person has"
	}
	return fmt.Sprintf("%d people have", people)
}
