package portal

import (
	"net/http"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

type overviewBody struct {
	Helplines []Helpline
	Rows      []overviewRow
	Lines     []overviewCell // what is of no one helpline
	Differs   overviewCell   // which is loud where there is any
}

// overviewRow is one thing that is counted, for each of the helplines.
type overviewRow struct {
	Says  texts.Text
	Cells []overviewCell
	loud  bool // more than none of it needs somebody soon
}

// Loud reports whether somebody should see to it soon.
func (r overviewRow) Loud() bool {
	for _, c := range r.Cells {
		if r.loud && c.Count > 0 {
			return true
		}
	}
	return false
}

// overviewCell is a count and the list that it counts.
type overviewCell struct {
	Count int
	Of    texts.Text // what is counted
	To    string
}

// overviewRows are the lists of letters that the overview counts, in its order.
var overviewRows = []struct {
	choice string
	loud   bool
}{
	{"urgent", true}, {"to-share", true}, {"unopened", false}, {"unopened-1", true}, {"unopened-2", true}, {"unfinished", false}, {"risk-open", false}, {"scan-again", false}, {"to-confirm", true},
	{"recused", false}, {"held", false}, {"five-years", false}, {"review-due", true},
}

// overviewPage is everything of the helplines at a glance: how much there is of
// what somebody may have to do, each count with the way to what it counts.
func (p *Portal) overviewPage(w http.ResponseWriter, v *visit) error {
	body := overviewBody{Helplines: p.cfg.Helplines}
	for _, r := range overviewRows {
		row, err := p.lettersRow(v, choiceOf(r.choice, v.person.Role))
		if err != nil {
			return err
		}
		row.loud = r.loud
		body.Rows = append(body.Rows, row)
	}
	more, err := p.dueAndPapers(v)
	if err != nil {
		return err
	}
	body.Rows = append(body.Rows, more...)
	if body.Lines, err = p.overviewLines(v); err != nil {
		return err
	}
	if body.Differs, err = p.differences(v); err != nil {
		return err
	}
	return p.ok(w, v, page{Name: "overview", Title: texts.Say("overview.overview"), Body: body})
}

// ofHelpline is what is counted, and of whom.
func ofHelpline(says texts.Text, h Helpline) texts.Text {
	return texts.Say("overview.of-helpline", "says", says, "title", h.Title)
}

// lettersRow counts one list of the letters page.
func (p *Portal) lettersRow(v *visit, c *choice) (overviewRow, error) {
	row := overviewRow{Says: c.Says}
	for _, h := range p.cfg.Helplines {
		who := p.readership(v.person)
		who.Helplines = []string{h.Name}
		n, err := p.cfg.Register.CountListed(v.Context(), register.Listing{Readership: who, What: c.list, ToldBefore: p.workingDaysAgo(c.days)})
		if err != nil {
			return row, err
		}
		row.Cells = append(row.Cells, overviewCell{n, ofHelpline(c.Says, h), letterFilter{Helpline: h.Name, State: c.Key}.Address()})
	}
	return row, nil
}

// dueAndPapers counts what the calendar lists as overdue, and the papers.
func (p *Portal) dueAndPapers(v *visit) ([]overviewRow, error) {
	today := letter.DateOf(p.cfg.Now())
	due, err := p.cfg.Register.DueUntil(v.Context(), today.AddDays(-1))
	if err != nil {
		return nil, err
	}
	found, err := p.cfg.Register.PaperPiles(v.Context())
	if err != nil {
		return nil, err
	}
	overdue := overviewRow{Says: texts.Say("overview.past-their-day-and-not-proven"), loud: true}
	papers, outlived := overviewRow{Says: texts.Say("overview.papers-that-are-not-destroyed")}, overviewRow{Says: texts.Say("overview.papers-that-outlived-their"), loud: true}
	for _, h := range p.cfg.Helplines {
		late, there, gone := 0, 0, 0
		for _, d := range due {
			if d.Helpline == h.Name {
				late += d.Letters + d.Answers
			}
		}
		for _, pile := range found {
			if pile.Helpline == h.Name {
				there += pile.Papers
				if pile.LetterGone {
					gone += pile.Papers
				}
			}
		}
		overdue.Cells = append(overdue.Cells, overviewCell{late, ofHelpline(overdue.Says, h), "/calendar"})
		papers.Cells = append(papers.Cells, overviewCell{there, ofHelpline(papers.Says, h), "/papers"})
		outlived.Cells = append(outlived.Cells, overviewCell{gone, ofHelpline(outlived.Says, h), "/papers"})
	}
	return []overviewRow{overdue, papers, outlived}, nil
}

// differences counts what the last count of papers found at the sites that is not
// settled: whoever counts sees it, and has nobody to tell here.
func (p *Portal) differences(v *visit) (overviewCell, error) {
	row := overviewCell{0, texts.Say("overview.differences-of-the-last-count"), "/papers"}
	sites, err := p.siteCounts(v, nil)
	for _, s := range sites {
		row.Count += len(s.Differs)
	}
	return row, err
}

// overviewLines count what is of no one helpline.
func (p *Portal) overviewLines(v *visit) ([]overviewCell, error) {
	holds, err := p.cfg.Register.HoldsShown(v.Context(), v.person.Number)
	if err != nil {
		return nil, err
	}
	due, asked, unanswered, today := 0, 0, 0, letter.DateOf(p.cfg.Now())
	for _, h := range holds {
		if !today.Before(h.Review) {
			due++
		}
		if h.ReleaseBy != 0 {
			asked++
		}
		if h.Unanswered {
			unanswered++
		}
	}
	requests, err := p.cfg.Register.Requests(v.Context(), v.person.Number)
	if err != nil {
		return nil, err
	}
	return []overviewCell{{len(requests), texts.Say("overview.requests-that-wait-for-a-second"), "/requests"}, {len(holds), texts.Say("overview.holds-in-force"), "/holds"},
		{due, texts.Say("overview.holds-that-are-due-to-be-looked"), "/holds"}, {unanswered, texts.Say("overview.holds-for-which-nobody-answers"), "/holds"}, {asked, texts.Say("overview.holds-whose-end-waits"), "/holds"}}, nil
}
