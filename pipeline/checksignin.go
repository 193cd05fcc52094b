package pipeline

import (
	"context"
	"fmt"
	"strconv"

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
	var administrators, elsewhere, few int
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
			few++
		}
	}
	switch {
	case elsewhere > 0:
		bad = fmt.Sprintf("%s passkeys that were made under another host name than %s and do not open the portal any more. Put [portal] origin back to what it was, or make each of them a new code: letterlock user code NUMBER.",
			has(elsewhere), host)
	case administrators == 1:
		bad = "The administrators have one passkey between them. If its device is lost nobody can be invited but at this console. Make a second one, on another device, at the portal's page \"Your account\"."
	}
	return bad, "Passkeys open the portal at " + host + ". Who has fewer than two, and should make a second one on another device: " + strconv.Itoa(few) + ".", nil
}

func has(people int) string {
	if people == 1 {
		return "1 person has"
	}
	return fmt.Sprintf("%d people have", people)
}
