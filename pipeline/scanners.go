package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// checkScanners says which scanners have fallen silent, which are of a version that
// nobody has tried with this server's, and what is left of those that are no more.
func (s *Server) checkScanners(ctx context.Context) (bad, good string, err error) {
	all, err := s.cfg.Register.Scanners(ctx)
	if err != nil {
		return "", "", err
	}
	left, err := s.cfg.Register.StorageUsersToEnd(ctx)
	if err != nil {
		return "", "", err
	}
	now := s.cfg.Now()
	var wrong, well []string
	for _, e := range all {
		switch e.State(now) {
		case register.ScannerRevoked:
			continue
		case register.ScannerSilent:
			since := "since it was enrolled"
			if !e.Said.At.IsZero() {
				since = "since " + e.Said.At.In(letter.London).Format("2 January 2006 15:04")
			}
			wrong = append(wrong, fmt.Sprintf("The scanner of %s has said nothing %s. See whether its machine is on, and what 'scanner check' says there; one that is gone for good: letterlock edge revoke %s.", e.Site, since, e.Site))
			continue
		}
		switch says := skewSays(e.Site, e.Said.Program, s.cfg.Program); e.Said.Program.Apart(s.cfg.Program) {
		case letter.SkewMore:
			wrong = append(wrong, says)
		case letter.SkewOne:
			well = append(well, says)
		}
	}
	if len(left) > 0 {
		wrong = append(wrong, "No scanner needs these users of the storage any more, and Letterlock could not remove them; remove them there: "+strings.Join(left, ", ")+".")
	}
	if len(well) == 0 {
		well = []string{"Every scanner that is enrolled has been heard of within a day."}
	}
	return strings.Join(wrong, " "), strings.Join(well, " "), nil
}

// skewSays says what to do about versions that differ.
func skewSays(site string, scanner, server letter.Program) string {
	if scanner.Apart(server) == letter.SkewOne {
		return fmt.Sprintf("The scanner of %s is version %s and this server %s: they work together; bring the older one up to date when you can.", site, scanner, server)
	}
	return fmt.Sprintf("The scanner of %s is version %s and this server %s: more than one release apart, which nobody has tried. What it brings is taken all the same; bring the older one up to date.", site, scanner, server)
}

// sayAbout tells scanners this server's version. Nothing waits for it.
func (s *Server) sayAbout(ctx context.Context) error {
	msg, err := s.readSmall(ctx, letter.AboutKey)
	if err != nil && !errors.Is(err, deposit.ErrNotFound) {
		return fmt.Errorf("reading what scanners are told of this server: %w", err)
	}
	if said, err := letter.OpenAbout(msg, s.cfg.Verifier); err == nil && said.Program == s.cfg.Program {
		return nil // no new version of the object without need
	}
	word, err := letter.About{Program: s.cfg.Program, At: s.cfg.Now().UTC().Truncate(time.Second)}.Sign(s.cfg.Signer)
	if err != nil {
		return err
	}
	return s.put(ctx, letter.AboutKey, word)
}
