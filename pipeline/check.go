package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

// Line is one answer of a check: whether it is well, and in plain words what
// was found and, where it is not, what to do.
type Line struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
}

// Lifecycle is what a check needs to know of the storage's own rules.
type Lifecycle interface {
	Drift(ctx context.Context) ([]string, error)
}

// Check looks at everything that a person may have to mend. A line that could
// not be found out is not well.
func (s *Server) Check(ctx context.Context) []Line {
	var lines []Line
	for _, c := range []struct {
		name string
		find func(context.Context) (bad, good string, err error)
	}{
		{"restore", s.checkRestore},
		{"clock", s.checkClock},
		{"storage", s.checkStorage},
		{"register", s.checkRegister},
		{"backup", s.checkBackup},
		{"counts", s.checkCounts},
		{"keys", s.checkKeys},
		{"keyring", s.checkKeyring},
		{"escrow", s.checkShares},
		{"overdue", s.checkOverdue},
		{"paper", s.checkPaper},
		{"letters", s.checkLetters},
		{"missing", s.checkMissing},
		{"held", s.checkHeld},
		{"scanners", s.checkScanners},
		{"reviews", s.checkReviews},
		{"holds", s.checkHolds},
		{"mail", s.checkMail},
		{"people", s.checkPeople},
		{"sign-in", s.checkSignIn},
		{"certificate", s.checkCertificate},
		{"door", s.checkDoor},
		{"settings", s.checkSettings},
		{"servers", s.checkServers},
	} {
		bad, good, err := c.find(ctx)
		switch {
		case err != nil:
			s.cfg.Log.Error("a check could not be made", "check", c.name, "error", err)
			lines = append(lines, Line{c.name, false, "This could not be found out just now; the log says why. Try again."})
		case bad != "":
			lines = append(lines, Line{c.name, false, bad})
		default:
			lines = append(lines, Line{c.name, true, good})
		}
	}
	return lines
}

func (s *Server) checkClock(ctx context.Context) (bad, good string, err error) {
	if theirs, err := s.storeClockDiffers(ctx); err == nil && theirs != "" {
		return fmt.Sprintf("Nothing is deleted while this machine's clock is in doubt: %s. Set the one that is wrong; deleting then goes on by itself.", theirs), "", nil
	}
	why, err := s.clockDoubt(ctx)
	if errors.Is(err, deposit.ErrUnavailable) {
		return "The storage cannot be asked for its clock; until then nothing is deleted.", "", nil
	}
	if why != "" {
		bad = fmt.Sprintf("Nothing is deleted while the clock is in doubt: %s. It says %s now. If that is right, run: letterlock check --clock-is-right",
			why, s.cfg.Now().In(letter.London).Format("2 January 2006 15:04"))
	}
	return bad, "The clock is believed: it agrees with the storage's, or with the register.", err
}

func (s *Server) checkStorage(ctx context.Context) (bad, good string, err error) {
	why, err := s.BucketDoubt(ctx)
	if why != "" {
		return "Nothing is deleted: " + why + " If you are sure that it is the right one, run: letterlock setup --repair", "", nil
	}
	if n, err := s.straysLeft(ctx); err != nil || n > 0 {
		lie := fmt.Sprintf("%d objects lie in the storage beyond their deadline, belong to no letter on record, and do not go when they are removed.", n)
		if n == 1 {
			lie = "1 object lies in the storage beyond its deadline, belongs to no letter on record, and does not go when it is removed."
		}
		return lie + " Look at the storage: letterlock check storage", "", err
	}
	store, ok := s.cfg.Store.(Lifecycle)
	if !s.cfg.HasLifecycle || !ok {
		return "", "A folder: Letterlock itself deletes what is due.", err
	}
	var drift []string
	if err == nil {
		drift, err = store.Drift(ctx)
	}
	switch {
	case errors.Is(err, deposit.ErrUnavailable):
		return "The storage cannot be reached. Scans wait at the edge and letters cannot be opened until it is back.", "", nil
	case errors.Is(err, deposit.ErrRefused):
		return "The storage refuses. Look at the access key, the secret key and the bucket's name.", "", nil
	case len(drift) > 0:
		bad = "The storage's own deletion rules are not Letterlock's: " + strings.Join(drift, "; ") +
			". Look at who changed them, then run: letterlock setup --repair"
	}
	return bad, "The storage's own deletion rules are as they must be.", err
}

func (s *Server) checkRegister(ctx context.Context) (bad, good string, err error) {
	n, err := s.cfg.Register.VerifyTip(ctx)
	var wrong *register.Wrong
	if errors.As(err, &wrong) {
		return "The register does not agree with its signed checkpoint. Stop, keep a copy of the data folder, and verify your last export.", "", nil
	}
	if err != nil {
		return "", "", err
	}
	differs, err := s.anchorsDiffer(ctx)
	if errors.Is(err, deposit.ErrUnavailable) {
		return "", fmt.Sprintf("%d entries, signed. The checkpoints in the bucket could not be compared just now.", n), nil
	}
	if differs != "" {
		bad = "The register is not what it was when its last checkpoint went into the bucket: " + differs +
			". An old backup was brought back, or it was written anew. Stop, keep a copy of the data folder, and compare your last export."
	}
	return bad, fmt.Sprintf("%d entries, signed, and as the last checkpoint in the bucket says.", n), err
}

func (s *Server) checkCounts(ctx context.Context) (bad, good string, err error) {
	b, err := s.cfg.Register.Balance(ctx)
	said := fmt.Sprintf("%d letters arrived and %d responses were filed: %d proven gone, %d living; the letters' papers: %d destroyed, %d waiting.",
		b.Arrived, b.Filed, b.Deleted, b.Living, b.Destroyed, b.Waiting)
	if b.Differs() != 0 {
		bad = "The register and the database do not add up. " + said + " Stop, keep a copy of the data folder, and look at: letterlock retention"
	}
	return bad, said, err
}

func (s *Server) checkOverdue(ctx context.Context) (bad, good string, err error) {
	n, err := s.cfg.Register.Overdue(ctx, letter.DateOf(s.cfg.Now()))
	if n > 0 {
		bad = fmt.Sprintf("%s past the deadline and not yet proven gone. If this stays for more than a few minutes, the storage or the clock needs you.", words.Are(n, "letter"))
	}
	return bad, "No letter is past its deadline.", err
}

func (s *Server) checkPaper(ctx context.Context) (bad, good string, err error) {
	n, err := s.cfg.Register.Forgotten(ctx)
	if n > 0 {
		bad = fmt.Sprintf("Papers that have outlived their letters: %d. Find and destroy them, and record it at the destruction desk.", n)
	}
	return bad, "No paper has outlived its letter.", err
}

func (s *Server) checkLetters(ctx context.Context) (bad, good string, err error) {
	troubles, err := s.cfg.Register.Troubles(ctx)
	var says []string
	for _, t := range []struct {
		why  register.Trouble
		text string
	}{
		{register.StoreDown, "the storage did not answer"},
		{register.ObjectMissing, "announced, but not in the storage"},
		{register.CannotUnseal, "cannot be opened with the key; what was scanned is kept at the edge"},
		{register.CannotRender, "a page cannot be drawn; what was scanned is kept at the edge"},
		{register.PagesDiffer, "another number of pages than was announced; what was scanned is kept at the edge"},
		{register.StillShown, "deleted, but the storage still shows it"},
		{register.RendererBroken, "the page renderer could not run"},
		{register.CannotMove, "must be sealed anew, and cannot be read where it lies; look at the storage and the keyring before its old deadline comes"},
	} {
		if n := troubles[t.why]; n > 0 {
			says = append(says, words.Number(n, "letter")+": "+t.text)
		}
	}
	return strings.Join(says, "; "), "Every letter is on its way.", err
}

func (s *Server) checkMissing(ctx context.Context) (bad, good string, err error) {
	const enough = 10 // by their references; the rest is a number
	missing, err := s.Missing(ctx)
	if errors.Is(err, deposit.ErrUnavailable) {
		return "The storage cannot be asked whether every letter is there.", "", nil
	}
	if len(missing) > 0 {
		var references []string
		for _, id := range missing[:min(len(missing), enough)] {
			references = append(references, id.Reference())
		}
		bad = words.Are(len(missing), "letter") + " not in the storage any more, before the deadline, and it was not Letterlock that removed them: " + strings.Join(references, ", ")
		if len(missing) > enough {
			bad += " and others"
		}
		bad += ". Find out who did, keep their papers, and have them scanned again."
	}
	known, knownErr := s.cfg.Register.MissingLetters(ctx)
	good = "Every letter that can be opened is in the storage."
	if known > 0 {
		good = words.Are(known, "letter") + " on record and in the storage no more since a restore, until the deadline; the register says which (letter-not-found). All others are there."
	}
	return bad, good, errors.Join(err, knownErr)
}

func (s *Server) checkHeld(ctx context.Context) (bad, good string, err error) {
	held, err := s.cfg.Register.Held(ctx)
	if len(held) > 0 {
		var reasons []string
		for _, why := range held {
			if !slices.Contains(reasons, string(why)) {
				reasons = append(reasons, string(why))
			}
		}
		slices.Sort(reasons)
		bad = fmt.Sprintf("%s not believed (%s). What was scanned is kept at the edge; 'letterlock held' says more.", words.Are(len(held), "announced letter"), strings.Join(reasons, ", "))
	}
	return bad, "Nothing is held.", err
}

func (s *Server) checkReviews(ctx context.Context) (bad, good string, err error) {
	n, err := s.cfg.Register.ReviewsDue(ctx, letter.DateOf(s.cfg.Now()))
	if n > 0 {
		bad = words.Are(n, "letter") + " kept for safeguarding and due to be looked at again. The helplines' manager finds what is due on the portal's list of letters."
	}
	left, leftErr := s.cfg.Register.NamedHaveLeft(ctx)
	if left > 0 {
		bad = strings.TrimSpace(bad + " " + words.Are(left, "letter") + " kept for safeguarding in the name of a leader who has left, so that the manager alone can open what is kept. The manager names another leader on the letter's page.")
	}
	return bad, "No safeguarding decision is due to be looked at again, and every leader named in one is still there.", errors.Join(err, leftErr)
}

func (s *Server) checkHolds(ctx context.Context) (bad, good string, err error) {
	holds, err := s.cfg.Register.HoldsInForce(ctx)
	if err != nil || len(holds) == 0 {
		return "", "No hold stops the deletion of any letter.", err
	}
	held, err := s.cfg.Register.HeldLetters(ctx)
	today := letter.DateOf(s.cfg.Now())
	due := 0
	for _, h := range holds {
		if !today.Before(h.Review) {
			due++
		}
	}
	good = words.Number(len(holds), "hold") + " in force; the deletion of " + words.Number(held, "letter") + " is stopped until the helplines' manager releases what holds it."
	left, leftErr := s.ownersLeft(ctx, holds)
	err = errors.Join(err, leftErr)
	if left > 0 {
		bad = "Holds for which somebody answers who has left: " + strconv.Itoa(left) + ". The manager names somebody else on the portal's page of each."
	}
	if due > 0 {
		bad = strings.TrimSpace(bad + " Of " + good + " Due to be looked at again: " + words.Number(due, "hold") + ". The manager does that on the portal's page of holds.")
	}
	return bad, good, err
}

// ownersLeft counts the holds for which somebody answers who can no longer sign in.
func (s *Server) ownersLeft(ctx context.Context, holds []register.Hold) (n int, err error) {
	people, err := s.cfg.Register.People(ctx)
	if err != nil {
		return 0, err
	}
	for _, h := range holds {
		if slices.ContainsFunc(people, func(who register.Person) bool { return who.Number == h.Owner && who.Disabled }) {
			n++
		}
	}
	return n, nil
}

// pinger is a mail system that can be asked whether it would take mail.
type pinger interface {
	Ping(ctx context.Context) error
}

func (s *Server) checkMail(ctx context.Context) (bad, good string, err error) {
	if p, ok := s.cfg.Mail.(pinger); ok {
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		if err := p.Ping(ctx); err != nil {
			return "The mail server does not take mail just now (" + err.Error() + "). Letters are announced when it does.", "", nil
		}
	}
	troubles, err := s.cfg.Register.Troubles(ctx)
	if n := troubles[register.MailDown]; n > 0 {
		bad = fmt.Sprintf("%s not yet announced to everyone: the mail server refused. It is tried again by itself.", words.Are(n, "letter"))
	}
	return bad, "Mail is taken, and none is stuck.", err
}

func (s *Server) checkPeople(ctx context.Context) (bad, good string, err error) {
	people, err := s.cfg.Register.People(ctx)
	if err != nil {
		return "", "", err
	}
	var says []string
	for _, h := range s.cfg.Helplines {
		if !slices.ContainsFunc(people, func(p register.Person) bool { return !p.Disabled && p.LeadsHelpline(h) && p.Email != "" }) {
			says = append(says, fmt.Sprintf("The helpline %s has no team leader: nobody is told of its letters. Run: letterlock user add --role team-leader --helpline %s --name NAME --email ADDRESS.", h, h))
		}
	}
	told, err := s.cfg.Register.ToldOfAlarms(ctx)
	if told == 0 {
		says = append(says, "Neither a manager nor a data-protection officer has an address: nobody is written to when something goes wrong. Run: letterlock user add --role manager --name NAME --email ADDRESS.")
	}
	return strings.Join(says, " "), "Every helpline has a team leader, and somebody is told when something goes wrong.", err
}
