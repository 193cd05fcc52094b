package register

import (
	"context"

	"letterlock/scanner/letter"
)

// outlivesScanner reports whether the letter lives on when the six months for which
// its scanner sealed are over, and with them the scanner's memory of it.
func (l Letter) outlivesScanner() bool {
	return l.Held() || l.forgottenOn().Before(l.Deadline())
}

// ForgottenBy reports whether the letter's scanner has forgotten it on that day, and
// no slip lies there that asks for anything.
func (l Letter) ForgottenBy(day letter.Date) bool { return !day.Before(l.forgottenOn()) }

func (l Letter) forgottenOn() letter.Date { return letter.Deadline(l.ReceivedOn(), letter.SixMonths) }

// scannedLate reports whether on that day a new scan of the letter's paper is taken
// by the list that Again makes: its scanner has forgotten it, or will before a scan
// that waits for a dead storage or server is sure to be here.
func (l Letter) scannedLate(on letter.Date) bool {
	return l.outlivesScanner() && !on.Before(l.forgottenOn().AddDays(-letter.BriefDays))
}

// Again returns, by the site, the papers that are to be scanned again although
// their scanners forget the letters; those that came first where all of them are too
// many for one statement.
func (r *Register) Again(ctx context.Context) (map[string][]letter.AgainLetter, error) {
	now := r.Now()
	// By the paper, as takeNewScan: few papers are in that state, and they have an index.
	letters, err := r.letters(ctx, `WHERE l.id IN (SELECT letter FROM papers WHERE state = $1) ORDER BY l.received, l.id`, letter.PaperScanAgain)
	if err != nil {
		return nil, err
	}
	sites := map[string][]letter.AgainLetter{}
	for _, l := range letters {
		if l.IsResponse() || !l.Open(now) || !l.scannedLate(letter.DateOf(now)) ||
			!letter.ValidName(l.Site) || len(sites[l.Site]) >= letter.MaxAgain {
			continue
		}
		sites[l.Site] = append(sites[l.Site], letter.AgainLetter{ID: l.ID, Helpline: l.Helpline, Received: l.ReceivedOn(), Reason: string(l.PaperReason)})
	}
	return sites, nil
}
