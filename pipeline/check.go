package pipeline

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/child"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// Line is one answer of a check: whether it is well, and in plain words what
// was found and, where it is not, what to do.
type Line struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Says string `json:"says"` // in English, as everything on the console

	Text texts.Text `json:"-"` // the same, for the portal to say; nil for what only the console says
}

// line is a line of what was found.
func line(name string, ok bool, found texts.Text) Line {
	return Line{name, ok, texts.English().Text(found), found}
}

// Lifecycle is what a check needs to know of the storage's own rules.
type Lifecycle interface {
	Drift(ctx context.Context) ([]string, error)
}

// Check looks at everything that a person may have to mend. A line that could
// not be found out is not well.
func (s *Server) Check(ctx context.Context) []Line {
	var lines []Line
	checks := []struct {
		name string
		find func(context.Context) (bad, good texts.Text, err error)
	}{
		{"restore", s.checkRestore},
		{"clock", s.checkClock},
		{"storage", s.checkStorage},
		{"conformance", s.checkConformance},
		{"database", s.checkDatabase},
		{"disk", s.checkDisk},
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
		{"policy", s.checkPolicy},
		{"sign-in", s.checkSignIn},
		{"sso", s.checkSSO},
		{"certificate", s.checkCertificate},
		{"storage-tls", s.checkStorageCertificate},
		{"database-tls", s.checkDatabaseCertificate},
		{"door", s.checkDoor},
		{"confinement", s.checkConfinement},
		{"settings", s.checkSettings},
		{"servers", s.checkServers},
	}
	for i, c := range checks {
		s.cfg.Far(i, len(checks))
		bad, good, err := c.find(ctx)
		switch {
		case c.name != "storage" && (errors.Is(err, deposit.ErrUnavailable) || errors.Is(err, deposit.ErrRefused)):
			lines = append(lines, line(c.name, false, texts.Say("check.needs-the-storage"))) // of which its own line says more
		case err != nil:
			s.cfg.Log.Error("a check could not be made", "check", c.name, "error", err)
			lines = append(lines, line(c.name, false, texts.Say("check.not-found-out")))
		case bad != nil:
			lines = append(lines, line(c.name, false, bad))
		default:
			lines = append(lines, line(c.name, true, good))
		}
	}
	return lines
}

func (s *Server) checkClock(ctx context.Context) (bad, good texts.Text, err error) {
	if theirs, err := s.storeClockDiffers(ctx); err == nil && theirs != "" {
		return texts.Say("check-clock.differs", "why", theirs), nil, nil
	}
	why, err := s.clockDoubt(ctx)
	if errors.Is(err, deposit.ErrUnavailable) {
		return texts.Say("check-clock.cannot-ask"), nil, nil
	}
	if why != "" {
		bad = texts.Say("check-clock.in-doubt", "why", why, "now", s.cfg.Now())
	}
	return bad, texts.Say("check-clock.believed"), err
}

func (s *Server) checkStorage(ctx context.Context) (bad, good texts.Text, err error) {
	why, err := s.BucketDoubt(ctx)
	if why != "" {
		return texts.Say("check-storage.strange", "why", why), nil, nil
	}
	if n, err := s.straysLeft(ctx); err != nil || n > 0 {
		return texts.Say("check-storage.strays", "n", n), nil, err
	}
	store, ok := s.cfg.Store.(Lifecycle)
	inFolder := !s.cfg.HasLifecycle || !ok
	var drift []string
	if err == nil && !inFolder {
		drift, err = store.Drift(ctx)
	}
	switch {
	case errors.Is(err, deposit.ErrUnavailable):
		return texts.Say("check-storage.away"), nil, nil
	case deposit.IsSkewed(err):
		return texts.Say("check-storage.skewed"), nil, nil
	case errors.Is(err, deposit.ErrRefused):
		return texts.Say("check-storage.refuses"), nil, nil
	case inFolder:
		return nil, texts.Say("check-storage.folder"), err
	case len(drift) > 0:
		bad = texts.Say("check-storage.drift", "rules", strings.Join(drift, "; "))
	}
	return bad, texts.Say("check-storage.rules-are-right"), err
}

func (s *Server) checkRegister(ctx context.Context) (bad, good texts.Text, err error) {
	n, err := s.cfg.Register.VerifyTip(ctx)
	var wrong *register.Wrong
	if errors.As(err, &wrong) {
		return texts.Say("check-register.wrong"), nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	since, err := s.cfg.Register.Signing(ctx)
	if errors.Is(err, register.ErrNoKey) {
		return texts.Say("check-register.no-key"), nil, nil
	}
	if errors.Is(err, register.ErrOldKey) {
		return texts.Say("check-register.old-key"), nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	differs, err := s.anchorsDiffer(ctx)
	if errors.Is(err, deposit.ErrUnavailable) {
		return nil, texts.Say("check-register.not-compared", "n", n), nil
	}
	if differs != "" {
		bad = texts.Say("check-register.differs", "why", differs)
	}
	return bad, texts.Say("check-register.right", "n", n, "since", letter.DateOf(since)), err
}

// checkConfinement says what the child processes that open letters and answers are not
// denied. It is no fault of anybody's that a system lacks the means.
func (s *Server) checkConfinement(context.Context) (bad, good texts.Text, err error) {
	if gaps := child.Confinement(); len(gaps) > 0 {
		return nil, texts.Say("check-confinement.gaps", "why", strings.Join(gaps, " ")), nil
	}
	return nil, texts.Say("check-confinement.confined"), nil
}

func (s *Server) checkCounts(ctx context.Context) (bad, good texts.Text, err error) {
	b, err := s.cfg.Register.Balance(ctx)
	said := texts.Say("check-counts.counts", "arrived", b.Arrived, "filed", b.Filed, "gone", b.Deleted, "living", b.Living, "destroyed", b.Destroyed, "waiting", b.Waiting)
	if b.Differs() != 0 {
		bad = texts.Say("check-counts.wrong", "counts", said)
	}
	return bad, said, err
}

func (s *Server) checkOverdue(ctx context.Context) (bad, good texts.Text, err error) {
	n, err := s.cfg.Register.Overdue(ctx, letter.DateOf(s.cfg.Now()))
	if n > 0 {
		bad = texts.Say("check-overdue.overdue", "n", n)
	}
	return bad, texts.Say("check-overdue.none"), err
}

func (s *Server) checkPaper(ctx context.Context) (bad, good texts.Text, err error) {
	n, err := s.cfg.Register.Forgotten(ctx)
	if n > 0 {
		bad = texts.Say("check-paper.outlived", "n", n)
	}
	return bad, texts.Say("check-paper.none"), err
}

func (s *Server) checkLetters(ctx context.Context) (bad, good texts.Text, err error) {
	troubles, err := s.cfg.Register.Troubles(ctx)
	var says []texts.Text
	for _, why := range []register.Trouble{register.StoreDown, register.ObjectMissing, register.CannotUnseal, register.CannotRender, register.PagesDiffer,
		register.StillShown, register.RendererBroken, register.KeyMissing, register.CannotMove} {
		if n := troubles[why]; n > 0 {
			says = append(says, texts.Say("check-letters.trouble", "n", n, "what", texts.Word("check-trouble", why)))
		}
	}
	return joined("list.part", says), texts.Say("check-letters.none"), err
}

// joined are texts one after the other, as the text of that id puts two; nil for none.
func joined(id string, all []texts.Text) (said texts.Text) {
	for _, next := range all {
		if said == nil {
			said = next
			continue
		}
		said = texts.Say(id, "before", said, "next", next)
	}
	return said
}

func (s *Server) checkMissing(ctx context.Context) (bad, good texts.Text, err error) {
	const enough = 10 // by their references; the rest is a number
	missing, err := s.Missing(ctx)
	if errors.Is(err, deposit.ErrUnavailable) {
		return texts.Say("check-missing.cannot-ask"), nil, nil
	}
	if len(missing) > 0 {
		var references []string
		for _, id := range missing[:min(len(missing), enough)] {
			references = append(references, id.Reference())
		}
		bad = texts.Say("check-missing.missing", "n", len(missing), "references", references)
		if len(missing) > enough {
			bad = texts.Say("check-missing.many", "n", len(missing), "references", strings.Join(references, ", "))
		}
	}
	known, knownErr := s.cfg.Register.MissingLetters(ctx)
	good = texts.Say("check-missing.none")
	if known > 0 {
		good = texts.Say("check-missing.since-a-restore", "n", known)
	}
	return bad, good, errors.Join(err, knownErr)
}

func (s *Server) checkHeld(ctx context.Context) (bad, good texts.Text, err error) {
	held, err := s.cfg.Register.Held(ctx)
	if len(held) > 0 {
		var reasons []string
		for _, why := range held {
			if !slices.Contains(reasons, string(why)) {
				reasons = append(reasons, string(why))
			}
		}
		slices.Sort(reasons)
		bad = texts.Say("check-held.held", "n", len(held), "reasons", strings.Join(reasons, ", "))
	}
	return bad, texts.Say("check-held.none"), err
}

func (s *Server) checkReviews(ctx context.Context) (bad, good texts.Text, err error) {
	var says []texts.Text
	n, err := s.cfg.Register.ReviewsDue(ctx, letter.DateOf(s.cfg.Now()))
	if n > 0 {
		says = append(says, texts.Say("check-reviews.due", "n", n))
	}
	unnamed, unnamedErr := s.cfg.Register.NamedMayNotOpen(ctx)
	if unnamed > 0 {
		says = append(says, texts.Say("check-reviews.named-may-not-open", "n", unnamed))
	}
	return joined("list.sentence", says), texts.Say("check-reviews.none"), errors.Join(err, unnamedErr)
}

func (s *Server) checkHolds(ctx context.Context) (bad, good texts.Text, err error) {
	holds, err := s.cfg.Register.HoldsInForce(ctx)
	if err != nil || len(holds) == 0 {
		return nil, texts.Say("check-holds.none"), err
	}
	held, err := s.cfg.Register.HeldLetters(ctx, 0)
	today := letter.DateOf(s.cfg.Now())
	due, unanswered := 0, 0
	for _, h := range holds {
		if !today.Before(h.Review) {
			due++
		}
		if h.Unanswered {
			unanswered++
		}
	}
	good = texts.Say("check-holds.in-force", "n", len(holds), "letters", texts.Say("check-holds.letters", "n", held))
	var says []texts.Text
	if unanswered > 0 {
		says = append(says, texts.Say("check-holds.owner-has-left", "n", unanswered))
	}
	if due > 0 {
		says = append(says, good, texts.Say("check-holds.due", "n", due))
	}
	return joined("list.sentence", says), good, err
}

// pinger is a mail system that can be asked whether it would take mail.
type pinger interface {
	Ping(ctx context.Context) error
}

func (s *Server) checkMail(ctx context.Context) (bad, good texts.Text, err error) {
	if p, ok := s.cfg.Mail.(pinger); ok {
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		if err := p.Ping(ctx); err != nil {
			return texts.Say("check-mail.refuses", "why", err), nil, nil
		}
	}
	troubles, err := s.cfg.Register.Troubles(ctx)
	if n := troubles[register.MailDown]; n > 0 && err == nil {
		people, err := s.cfg.Register.Untold(ctx)
		if err != nil {
			return nil, nil, err
		}
		var numbers []string
		for _, number := range people {
			numbers = append(numbers, strconv.FormatInt(number, 10))
		}
		if len(numbers) > 0 { // else they were told, or have left, just now
			bad = texts.Say("check-mail.waiting", "n", n, "numbers", strings.Join(numbers, ", "))
		}
	}
	if s.cfg.Outbox && bad == nil {
		bad = texts.Say("check-mail.outbox")
	}
	return bad, texts.Say("check-mail.taken"), err
}

// checkPolicy finds out whether people confirm the organisation's own policy, by
// whose authority paper is destroyed, and not the example.
func (s *Server) checkPolicy(context.Context) (bad, good texts.Text, err error) {
	if s.cfg.ExamplePolicy == nil {
		return nil, texts.Say("check-policy.sample"), nil
	}
	example, err := s.cfg.ExamplePolicy()
	if example {
		bad = texts.Say("check-policy.example")
	}
	return bad, texts.Say("check-policy.own"), err
}

func (s *Server) checkPeople(ctx context.Context) (bad, good texts.Text, err error) {
	people, err := s.cfg.Register.People(ctx)
	if err != nil {
		return nil, nil, err
	}
	people = slices.DeleteFunc(people, func(p register.Person) bool { return p.Disabled })
	comeIn, err := s.whoComeIn(ctx, people)
	if err != nil {
		return nil, nil, err
	}
	var says []texts.Text
	for _, h := range s.cfg.Helplines {
		leads := func(p register.Person) bool { return p.LeadsHelpline(h) && p.Email != "" }
		switch {
		case !slices.ContainsFunc(people, leads):
			says = append(says, texts.Say("check-people.no-leader", "helpline", h))
		case !slices.ContainsFunc(comeIn, leads):
			says = append(says, texts.Say("check-people.no-leader-signs-in", "helpline", h))
		}
	}
	manages := func(p register.Person) bool { return p.Role == register.Manager }
	switch {
	case !slices.ContainsFunc(people, manages):
		says = append(says, texts.Say("check-people.no-manager"))
	case !slices.ContainsFunc(comeIn, manages):
		says = append(says, texts.Say("check-people.no-manager-signs-in"))
	}
	told, err := s.cfg.Register.ToldOfAlarms(ctx)
	if told == 0 {
		says = append(says, texts.Say("check-people.nobody-is-told"))
	}
	return joined("list.sentence", says), texts.Say("check-people.all-there"), err
}

// whoComeIn are those of the people who have a sign-in, so that somebody opens what
// comes. In a sample nobody needs one.
func (s *Server) whoComeIn(ctx context.Context, people []register.Person) (in []register.Person, err error) {
	kind, err := s.cfg.Register.Meta(ctx, register.MetaKind)
	if err != nil || kind == register.KindSample {
		return people, err
	}
	for _, who := range people {
		comes, err := s.cfg.Register.ComesIn(ctx, who, s.cfg.Issuer)
		if err != nil {
			return nil, err
		}
		if comes {
			in = append(in, who)
		}
	}
	return in, nil
}
