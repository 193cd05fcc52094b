package portal

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// The twin of the paper: what there must be in somebody's cupboard, by what is on
// record. At the end of the day somebody takes the papers in their hand and
// compares: both agree, or each difference has a name.

// countShows is how many papers are compared at one go, in the order of their
// references: a count of more has parts, each of which is an entry of its own.
const countShows = 80

// countLasts is how long after its first part a count can go on.
const countLasts = 24 * time.Hour

type papersBody struct {
	Piles []pile
	Sites []siteCount
}

// pile is the papers of one helpline at one site.
type pile struct {
	Site, Helpline                      string
	Kept, ScanAgain, MayGo, Gone, Total int
	Oldest                              time.Time
	Age                                 texts.Text // of the oldest, in words
}

// siteCount is how the last count at a site ended.
type siteCount struct {
	Site    string
	Papers  int       // that must be there now
	At      time.Time // zero for never
	By      texts.Text
	Listed  int
	Differs []difference // that still stand
	Left    int          // papers that nobody has looked at yet, since the count was not made to its end
	Next    letter.ID    // after which it goes on
	Settled int          // differences that do not any more
	Walled  int          // differences that still stand and are of letters from which the visitor is walled off
}

// difference is a paper of which the hand and the register disagree.
type difference struct {
	Reference string
	Says      texts.Text // what is wrong, and what to do
}

// papersPage says what paper there is, where and how old, and whether somebody
// has looked that it is so.
func (p *Portal) papersPage(w http.ResponseWriter, v *visit) error {
	found, err := p.cfg.Register.PaperPiles(v.Context())
	if err != nil {
		return err
	}
	body := papersBody{Piles: p.piles(found)}
	if body.Sites, err = p.siteCounts(v, body.Piles); err != nil {
		return err
	}
	pg := page{Name: "papers", Title: texts.Say("papers.papers"), Body: body}
	if v.URL.Query().Has("done") {
		pg.Note = texts.Say("papers.your-count-is-on-record")
	}
	return p.ok(w, v, pg)
}

// piles puts the states of one helpline's papers at one site into one line.
func (p *Portal) piles(found []register.PaperPile) (out []pile) {
	for _, f := range found {
		if n := len(out); n == 0 || out[n-1].Site != f.Site || out[n-1].Helpline != f.Helpline {
			out = append(out, pile{Site: f.Site, Helpline: f.Helpline, Oldest: f.Oldest})
		}
		line := &out[len(out)-1]
		switch {
		case f.LetterGone:
			line.Gone += f.Papers
		case f.State == letter.PaperMayGo:
			line.MayGo += f.Papers
		case f.State == letter.PaperScanAgain:
			line.ScanAgain += f.Papers
		default:
			line.Kept += f.Papers
		}
		line.Total += f.Papers
		if f.Oldest.Before(line.Oldest) {
			line.Oldest = f.Oldest
		}
		line.Age = age(line.Oldest, p.cfg.Now())
	}
	return out
}

// age is how many days ago, in words.
func age(since, now time.Time) texts.Text {
	from, to := letter.DateOf(since).Start(), letter.DateOf(now).Start()
	switch days := int(math.Round(to.Sub(from).Hours() / 24)); { // the clocks change
	default:
		return texts.Say("papers.days-ago", "n", days)
	case days <= 0:
		return texts.Say("papers.today")
	case days == 1:
		return texts.Say("papers.yesterday")
	}
}

// countsKept is how many of the last counts are looked through for a site's: one of many
// papers has a part for every countShows of them.
const countsKept = 1000

// siteCounts is the last count of each site that has papers or was counted lately.
func (p *Portal) siteCounts(v *visit, piles []pile) (out []siteCount, err error) {
	at := func(site string) *siteCount {
		i := slices.IndexFunc(out, func(s siteCount) bool { return s.Site == site })
		if i < 0 {
			out = append(out, siteCount{Site: site})
			i = len(out) - 1
		}
		return &out[i]
	}
	for _, line := range piles {
		at(line.Site).Papers += line.Total
	}
	entries, err := p.cfg.Register.Entries(v.Context(), -1, "papers-counted", "", countsKept)
	if err != nil {
		return nil, err
	}
	names, err := p.staffNames(v)
	if err != nil {
		return nil, err
	}
	parts := map[string][]countPart{} // newest first
	for _, e := range entries {
		part := countPart{At: e.At, By: e.By}
		if err := readEvent(e, &part.PapersCounted); err != nil {
			return nil, err
		}
		at(string(part.Site))
		parts[string(part.Site)] = append(parts[string(part.Site)], part)
	}
	walled, err := p.cfg.Register.WalledFrom(v.Context(), v.person.Number)
	if err != nil {
		return nil, err
	}
	for i := range out {
		s := &out[i]
		for _, part := range lastCount(parts[s.Site]) {
			s.At, s.By, s.Next = part.At, staffWords(names, part.By), part.Until
			s.Listed += part.Listed
			if err := p.standing(v, s, part.PapersCounted, walled); err != nil {
				return nil, err
			}
		}
		if s.Next != "" {
			if s.Left, err = p.cfg.Register.CountOfPapersAt(v.Context(), s.Site, s.Next); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// countPart is one entry of a count.
type countPart struct {
	register.PapersCounted
	At time.Time
	By int64
}

// lastCount is the parts of the count that was begun last, of all parts at a site,
// newest first. A part that was made again counts as it was made last.
func lastCount(all []countPart) (parts []countPart) {
	begin := slices.IndexFunc(all, func(c countPart) bool { return c.After == "" })
	for ; begin >= 0; begin-- {
		next := all[begin]
		again := slices.IndexFunc(parts, func(c countPart) bool { return c.After == next.After })
		switch {
		case len(parts) == 0:
			parts = append(parts, next)
		case next.At.Sub(parts[0].At) > countLasts:
		case again >= 0:
			parts = append(parts[:again], next)
		case next.After == parts[len(parts)-1].Until:
			parts = append(parts, next)
		}
	}
	return parts
}

// standing names those differences of a count that have not been settled since.
func (p *Portal) standing(v *visit, s *siteCount, d register.PapersCounted, walled []letter.ID) error {
	add := func(id letter.ID, says texts.Text) {
		switch {
		case says == nil:
			s.Settled++
		case slices.Contains(walled, id):
			s.Walled++
		default:
			s.Differs = append(s.Differs, difference{id.Reference(), says})
		}
	}
	for _, id := range d.Missing {
		waits, err := p.paperWaits(v, id)
		if err != nil {
			return err
		}
		var says texts.Text
		if waits {
			says = texts.Say("papers.it-must-be-there")
		}
		add(id, says)
	}
	for _, id := range d.Strange {
		says, err := p.strangeness(v, id, s.Site)
		if err != nil {
			return err
		}
		add(id, says)
	}
	return nil
}

// paperWaits reports whether the paper is not on record as destroyed.
func (p *Portal) paperWaits(v *visit, id letter.ID) (bool, error) {
	paper, err := p.cfg.Register.Paper(v.Context(), id)
	if errors.Is(err, register.ErrNotFound) {
		return false, nil
	}
	return err == nil && paper.State != letter.PaperDestroyed, err
}

// strangeness says why a paper that is there should not be; nil where it may.
func (p *Portal) strangeness(v *visit, id letter.ID, site string) (texts.Text, error) {
	paper, err := p.cfg.Register.Paper(v.Context(), id)
	if errors.Is(err, register.ErrNotFound) {
		paper, err = p.newerScan(v, id) // of a count on which it was found by its old reference
	}
	if err != nil && !errors.Is(err, register.ErrNotFound) {
		return nil, err
	}
	if err == nil && paper.State != letter.PaperDestroyed {
		if paper.Site == site {
			return nil, nil
		}
		return texts.Say("papers.it-was-scanned-at-and-is-missed", "site", paper.Site), nil
	}
	done, err := p.cfg.Register.Entries(v.Context(), -1, "paper-destroyed", id, 1)
	if err != nil || len(done) == 0 {
		return texts.Say("papers.no-paper-of-this-letter"), err
	}
	var d register.PaperDestroyed
	if err := readEvent(done[0], &d); err != nil {
		return nil, err
	}
	return texts.Say("papers.it-is-on-record-as-destroyed", "ledger", d.Ledger), nil
}

// newerScan is the paper under its new reference, of which the letter was an older scan.
// ErrNotFound is for one that is still called as it was, or is on record as destroyed.
func (p *Portal) newerScan(v *visit, id letter.ID) (register.Paper, error) {
	_, err := p.cfg.Register.Paper(v.Context(), id)
	if err == nil {
		return register.Paper{}, register.ErrNotFound
	}
	if !errors.Is(err, register.ErrNotFound) {
		return register.Paper{}, err
	}
	done, err := p.cfg.Register.Entries(v.Context(), -1, "paper-destroyed", id, 1)
	if err != nil {
		return register.Paper{}, err
	}
	if len(done) > 0 {
		return register.Paper{}, register.ErrNotFound
	}
	newest, err := p.cfg.Register.NewScanOf(v.Context(), id.Reference())
	if err != nil {
		return register.Paper{}, err
	}
	// Of one that the visitor knows somebody in nothing is said; it is no difference either.
	return newest, p.cfg.Register.NotWalled(v.Context(), newest.Letter, v.person.Number)
}

type countBody struct {
	Site   string
	After  letter.ID // the part begins after this one; empty for the first
	Until  letter.ID // and ends with this one; empty for the last
	Papers []register.Paper
	Left   int // papers in the parts after it
	Walled int // papers of this part that are of letters from which the visitor is walled off: a colleague looks for them
	Here   map[letter.ID]bool
	Others string // as typed
}

// countPage lists what must be at a site, to be ticked with the papers in hand.
func (p *Portal) countPage(w http.ResponseWriter, v *visit) error {
	known, err := p.countsAt(v, v.URL.Query().Get("site"))
	if err != nil {
		return err
	}
	if !known {
		redirect(w, "/papers")
		return nil
	}
	return p.showCount(w, v, v.URL.Query().Get("site"), idOr(v.URL.Query().Get("after")), v.URL.Query(), nil)
}

// countsAt reports whether there is or was paper to count at the site: what else
// an address or a form names does not come on record.
func (p *Portal) countsAt(v *visit, site string) (bool, error) {
	found, err := p.cfg.Register.PaperPiles(v.Context())
	if err != nil {
		return false, err
	}
	sites, err := p.siteCounts(v, p.piles(found))
	return slices.ContainsFunc(sites, func(s siteCount) bool { return s.Site == site }), err
}

func (p *Portal) showCount(w http.ResponseWriter, v *visit, site string, after letter.ID, form url.Values, flaws []formFlaw) error {
	papers, err := p.cfg.Register.PapersAt(v.Context(), site, after, countShows+1)
	if err != nil {
		return err
	}
	part := papers[:min(len(papers), countShows)]
	mine, err := p.unwalledPapers(v, slices.Clone(part))
	if err != nil {
		return err
	}
	body := countBody{Site: site, After: after, Papers: mine, Walled: len(part) - len(mine), Here: map[letter.ID]bool{}, Others: form.Get("others")}
	if len(papers) > countShows {
		body.Until = part[countShows-1].Letter
		if body.Left, err = p.cfg.Register.CountOfPapersAt(v.Context(), site, body.Until); err != nil {
			return err
		}
	}
	for _, id := range form["here"] {
		body.Here[letter.ID(id)] = true
	}
	pg := page{Name: "count", Title: texts.Say("papers.count-the-papers"), Errors: flaws, Body: body}
	if len(flaws) == 0 && after != "" && v.URL.Query().Has("done") {
		pg.Note = texts.Say("papers.this-part-is-on-record")
	}
	return p.ok(w, v, pg)
}

// idOr is the letter's id that the text is, or none.
func idOr(text string) letter.ID {
	id, err := letter.ParseID(text)
	if err != nil {
		return ""
	}
	return id
}

// countPapers compares what was ticked with what was listed and still waits.
func (p *Portal) countPapers(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	form := v.PostForm
	c := register.PapersCounted{Site: register.Name(form.Get("counted-at")), After: idOr(form.Get("counted-after")), Until: idOr(form.Get("counted-until")),
		Missing: []letter.ID{}, Strange: []letter.ID{}}
	known, err := p.countsAt(v, string(c.Site))
	if err != nil {
		return err
	}
	if !known {
		redirect(w, "/papers")
		return nil
	}
	if len(form["paper"]) > countShows {
		return badForm
	}
	for _, text := range form["paper"] {
		id, err := letter.ParseID(text)
		if err != nil {
			return badForm
		}
		// What came or went while somebody counted is no difference.
		waits, err := p.paperWaits(v, id)
		if err != nil {
			return err
		}
		if !waits {
			continue
		}
		c.Listed++
		if !slices.Contains(form["here"], text) {
			c.Missing = append(c.Missing, id)
		}
	}
	flaws, err := p.readStrange(v, &c)
	if err != nil {
		return err
	}
	if form.Get("looked") != "yes" {
		flaws = append(flaws, formFlaw{"looked", texts.Say("papers.take-every-paper-in-your-hand")})
	}
	if len(flaws) > 0 {
		return p.showCount(w, v, string(c.Site), c.After, form, flaws)
	}
	counted := "/papers?done=1"
	if c.Until != "" {
		counted = "/papers/count?" + url.Values{"site": {string(c.Site)}, "after": {string(c.Until)}, "done": {"1"}}.Encode()
	}
	if err := p.cfg.Register.CountPapers(v.once(counted), c, v.person.Number); err != nil {
		return err
	}
	redirect(w, v.shown(counted))
	return nil
}

// readStrange reads the references of papers that were there and not listed.
func (p *Portal) readStrange(v *visit, c *register.PapersCounted) (flaws []formFlaw, err error) {
	flaw := func(says texts.Text) { flaws = append(flaws, formFlaw{"others", says}) }
	typed := strings.FieldsFunc(v.PostForm.Get("others"), func(r rune) bool { return strings.ContainsRune("\r\n,;\t", r) })
	if len(typed) > maxTray {
		flaw(texts.Say("papers.these-are-references-enter", "n", len(typed), "most", maxTray))
		return flaws, nil
	}
	for _, text := range typed {
		reference, err := letter.ParseReference(strings.TrimSpace(text))
		if err != nil {
			flaw(noReference(text))
			continue
		}
		ids, err := p.cfg.Register.IDsOf(v.Context(), reference)
		if err != nil {
			return nil, err
		}
		if len(ids) == 0 {
			flaw(texts.Say("papers.no-letter-has-the-reference-read", "reference", reference))
			continue
		}
		for _, id := range ids {
			newest, err := p.newerScan(v, id)
			if unlessNotFound(err) != nil {
				return nil, err
			}
			if err == nil {
				flaw(texts.Say("papers.it-was-scanned-again", "reference", reference, "reference-2", newest.Reference))
			}
			if newest.Letter != "" {
				continue
			}
			says, err := p.strangeness(v, id, string(c.Site))
			if err != nil {
				return nil, err
			}
			if says != nil && !slices.Contains(c.Strange, id) {
				c.Strange = append(c.Strange, id)
			}
		}
	}
	return flaws, nil
}

// sayCounted is a count in a sentence of the register.
func sayCounted(d register.PapersCounted, e register.Entry, t teller) texts.Text {
	said := texts.Say("counted.papers-counted", "who", t.staff(e.By), "site", d.Site, "n", d.Listed)
	switch {
	case d.After != "" && d.Until != "":
		said = texts.Say("counted.part-between", "counted", said, "after", d.After.Reference(), "until", d.Until.Reference())
	case d.After != "":
		said = texts.Say("counted.part-after", "counted", said, "after", d.After.Reference())
	case d.Until != "":
		said = texts.Say("counted.part-until", "counted", said, "until", d.Until.Reference())
	}
	missing, strange := apply(d.Missing, letter.ID.Reference), apply(d.Strange, letter.ID.Reference)
	switch {
	case len(missing)+len(strange) == 0:
		return texts.Say("counted.papers-all-there", "counted", said)
	case len(strange) == 0:
		return texts.Say("counted.papers-missing", "counted", said, "missing", missing)
	case len(missing) == 0:
		return texts.Say("counted.papers-strange", "counted", said, "strange", strange)
	}
	return texts.Say("counted.papers-differ", "counted", said, "missing", missing, "strange", strange)
}
