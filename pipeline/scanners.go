package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// checkScanners says which scanners have fallen silent, which are of a version that
// nobody has tried with this server's, and what is left of those that are no more.
func (s *Server) checkScanners(ctx context.Context) (bad, good texts.Text, err error) {
	all, err := s.cfg.Register.Scanners(ctx)
	if err != nil {
		return nil, nil, err
	}
	left, err := s.cfg.Register.StorageUsersToEnd(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	unheard, err := s.cfg.Register.Unheard(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys, err := s.cfg.Register.ServerKeys(ctx)
	if err != nil {
		return nil, nil, err
	}
	step, _ := keys.Last()
	now := s.cfg.Now()
	var wrong, well []texts.Text
	if lacks, err := s.lacksKey(step); err != nil {
		return nil, nil, err
	} else if lacks {
		wrong = append(wrong, texts.Say("check-scanners.server-key-missing"))
	}
	if _, _, err := s.signerHere(ctx); errors.Is(err, ErrNoServerKey) {
		wrong = append(wrong, texts.Say("check-scanners.no-server-key"))
	}
	lost, _, err := s.cfg.Register.LostServerKey(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, site := range lost.Sites {
		wrong = append(wrong, texts.Say("check-scanners.key-lost", "site", site, "since", lost.Since))
	}
	for _, site := range unheard {
		if says, bad := keySays(site, step, now); bad {
			wrong = append(wrong, says)
		} else {
			well = append(well, says)
		}
	}
	odd, err := s.keptOdd(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range all {
		for _, what := range odd[e.Site] {
			wrong = append(wrong, oddSays(e.Site, what))
		}
		switch e.State(now) {
		case register.ScannerRevoked:
			continue
		case register.ScannerSilent:
			says := texts.Say("check-scanners.silent", "site", e.Site, "since", e.Said.At)
			if e.Said.At.IsZero() {
				says = texts.Say("check-scanners.never-heard-of", "site", e.Site)
			}
			wrong = append(wrong, says)
			continue
		}
		switch says := skewSays(e.Site, e.Said.Program, s.cfg.Program); e.Said.Program.Apart(s.cfg.Program) {
		case letter.SkewMore:
			wrong = append(wrong, says)
		case letter.SkewOne:
			well = append(well, says)
		}
	}
	for _, helpline := range s.servedByNone(all) {
		wrong = append(wrong, texts.Say("check-scanners.no-folder", "helpline", helpline))
	}
	if len(left) > 0 {
		wrong = append(wrong, texts.Say("check-scanners.users-left", "users", strings.Join(left, ", ")))
	}
	if len(well) == 0 {
		well = []texts.Text{texts.Say("check-scanners.all-heard-of")}
	}
	return joined("list.sentence", wrong), joined("list.sentence", well), nil
}

// overHolidays is for longer than a machine is switched off over a weekend with a
// holiday on either side: that is for a check to say, and no alarm.
const overHolidays = 5 * 24 * time.Hour

// silentScanners counts those that have said nothing for so long.
func (s *Server) silentScanners(ctx context.Context) (n int, err error) {
	all, err := s.cfg.Register.Scanners(ctx)
	for _, e := range all {
		if now := s.cfg.Now(); e.State(now) == register.ScannerSilent && e.Heard().Before(now.Add(-overHolidays)) {
			n++
		}
	}
	return n, err
}

// oddSays says what to do about what no scanner leaves in its place.
func oddSays(site string, what oddity) texts.Text {
	switch what {
	case oddSeen:
		return texts.Say("check-scanners.odd-seen", "site", site)
	case oddFlood:
		return texts.Say("check-scanners.odd-flood", "site", site, "n", mostListed)
	}
	return texts.Say("check-scanners.odd-unreadable", "site", site)
}

// skewSays says what to do about versions that differ.
func skewSays(site string, scanner, server letter.Program) texts.Text {
	if scanner.Apart(server) == letter.SkewOne {
		return texts.Say("check-scanners.one-apart", "site", site, "version", scanner, "servers", server)
	}
	return texts.Say("check-scanners.more-apart", "site", site, "version", scanner, "servers", server)
}

// sayAbout tells scanners this server's version. Nothing waits for it.
func (s *Server) sayAbout(ctx context.Context) error {
	msg, err := s.readSmall(ctx, letter.AboutKey)
	if err != nil && !errors.Is(err, deposit.ErrNotFound) {
		return fmt.Errorf("reading what scanners are told of this server: %w", err)
	}
	signer, err := s.signer(ctx)
	if err != nil {
		return err
	}
	keys, err := s.ownKeys(ctx)
	if err != nil {
		return err
	}
	if said, err := letter.ByAny(letter.OpenAbout, msg, keys); err == nil && said.Program == s.cfg.Program && signedWith(msg, signer) {
		return nil // no new version of the object without need
	}
	word, err := letter.About{Program: s.cfg.Program, At: s.cfg.Now().UTC().Truncate(time.Second)}.Sign(signer)
	if err != nil {
		return err
	}
	return s.put(ctx, letter.AboutKey, word)
}

// servedByNone are the helplines that no scanner has a folder for, as where one was added
// here and at no scanner. One site may serve a few of them, and nobody else's, on purpose;
// and while a scanner has yet to say what it serves, nobody knows.
func (s *Server) servedByNone(all []register.Scanner) []string {
	served := map[string]bool{}
	for _, e := range all {
		if !e.Revoked.IsZero() {
			continue
		}
		if n := len(e.Said.Folders); n == 0 || n >= letter.MaxFolders { // of more it does not tell
			return nil
		}
		for _, f := range e.Said.Folders {
			served[f.Helpline] = true
		}
	}
	if len(all) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.cfg.Helplines), func(helpline string) bool { return served[helpline] })
}
