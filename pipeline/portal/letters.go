package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// perPage is how many letters or entries one page lists.
const perPage = 25

// sectionShows is how many letters each list shows where the page has them all; a
// link leads to the whole of a longer one.
const sectionShows = 5

// card is one letter in the list.
type card struct {
	register.Letter
	Readers []texts.Text // who has opened it
	Mine    bool         // the visitor has
	Waiting []texts.Text // which of its team leaders have not
	Walled  []texts.Text // who knows somebody in it and must not: for a manager, and no other colleague
}

// ForAnother reports whether it waits to be opened although it was opened: all who
// have done so have stepped back since.
func (c card) ForAnother() bool { return c.State == register.Notified && len(c.Readers) > 0 }

type lettersBody struct {
	Filter    letterFilter
	Helplines []string // whose letters the person reads
	Choices   []choice
	Sections  []section
	Further   bool            // this is a further page of one of them
	Away      []register.Away // the visitor's answers to letters that are not theirs to read any more
}

// section is one list of the page.
type section struct {
	sectionOf
	Cards []card
	More  string     // where the list goes on; empty at its end
	id    string     // where it is not the list's
	None  texts.Text // what to say if nothing is in it; empty where it is then left out
}

// ID is the heading's.
func (s section) ID() string { return cmp.Or(s.id, string(s.List), "called") }

// sectionOf is what a section is, whoever looks at it.
type sectionOf struct {
	List     register.List // also the name of its cursor in addresses
	Title    texts.Text
	Says     texts.Text // what its letters have in common, where the title does not say
	MoreSays texts.Text
	Alarm    bool
	who      []register.Role // empty: whoever may see the page
	days     int             // working days before which everybody was told of its letters
}

// sections are the page's lists without a filter: mine to read first, then
// everything else that can be opened.
var sections = []sectionOf{
	{List: register.ListUrgent, Title: texts.Say("letters.somebody-is-in-danger"), Alarm: true, MoreSays: texts.Say("letters.more-letters-in-which-somebody"),
		Says: texts.Say("letters.a-reader-has-said-so-and-nobody")},
	{List: register.ListToShare, Title: texts.Say("letters.an-agency-should-be-told"), Alarm: true, MoreSays: texts.Say("letters.more-letters-of-which-an-agency"),
		Says: texts.Say("letters.a-reader-has-said-so-and-nothing")},
	{List: register.ListDrafts, Title: texts.Say("letters.answers-that-you-have-not-kept"), Alarm: true, MoreSays: texts.Say("letters.more-answers"),
		Says: texts.Say("letters.you-have-uploaded-these-copies")},
	{List: register.ListToConfirm, Title: texts.Say("letters.answers-that-wait-for-a-second"), MoreSays: texts.Say("letters.more-answers-that-wait"),
		Says: texts.Say("letters.somebody-who-did-not-upload")},
	{List: register.ListHanded, Title: texts.Say("letters.handed-over"), MoreSays: texts.Say("letters.more-letters-that-were-handed"),
		Says: texts.Say("letters.a-colleague-wants-you-to-go")},
	{List: register.ListReviews, Title: texts.Say("letters.to-be-looked-at-again"), Alarm: true, MoreSays: texts.Say("letters.more-letters-to-be-looked"),
		Says: texts.Say("letters.these-letters-are-kept")},
	{List: register.ListRecused, Title: texts.Say("letters.somebody-has-stepped-back"), who: managers, MoreSays: texts.Say("letters.more-letters-from-which-somebody"),
		Says: texts.Say("letters.these-letters-name-somebody-whom")},
	{List: register.ListUnopened, Title: texts.Say("letters.not-opened-yet"), MoreSays: texts.Say("letters.more-letters-that-nobody")},
	{List: register.ListUnfinished, Title: texts.Say("letters.opened-and-not-yet-said-whether"), MoreSays: texts.Say("letters.more-letters-of-which-nobody")},
	{List: register.ListForAnother, Title: texts.Say("letters.to-be-found-readable-by-another"), MoreSays: texts.Say("letters.more-letters-that-another-person"),
		Says: texts.Say("letters.who-found-these-readable-may")},
	{List: register.ListRiskUnsaid, Title: texts.Say("letters.not-yet-said-whether-somebody"), MoreSays: texts.Say("letters.more-letters-of-which-nobody-2"),
		Says: texts.Say("letters.these-can-be-read-and-the-paper")},
	{List: register.ListDecided, Title: texts.Say("letters.opened"), MoreSays: texts.Say("letters.older-letters")},
	{List: register.ListLoneAnswers, Title: texts.Say("letters.answers-whose-letters-are-gone"), MoreSays: texts.Say("letters.more-answers-whose-letters"),
		Says: texts.Say("letters.these-are-kept-copies-of-answers")},
}

// lettersPage lists what nobody has opened first, longest waiting on top, then
// what nobody has finished, then everything else, newest on top. Each list goes
// on by its own cursor. A filter leaves one list of all that.
func (p *Portal) lettersPage(w http.ResponseWriter, v *visit) error {
	q, who := v.URL.Query(), p.readership(v.person)
	filter, flaws := p.readFilter(q, v.person.Role, who.Helplines)
	lists := sections
	if filter.of != nil {
		lists = []sectionOf{filter.of.section()}
	}
	body := lettersBody{Filter: filter, Helplines: who.Helplines, Choices: choicesOf(v.person.Role),
		Further: slices.ContainsFunc(lists, func(s sectionOf) bool { return q.Has(string(s.List)) })}
	if filter.Helpline != "" {
		who.Helplines = []string{filter.Helpline}
	}
	pg := page{Name: "letters", Title: texts.Say("letters.letters"), Errors: flaws}
	var err error
	switch {
	case len(flaws) > 0:
	case filter.Reference != "":
		body.Sections, err = p.lettersCalled(v, who, filter)
	default:
		body.Sections, err = p.lettersListed(v, who, lists, body)
	}
	if err == nil && filter.of == nil && filter.Reference == "" && !body.Further {
		body.Away, err = p.cfg.Register.Away(v.Context(), v.person.Number)
	}
	if err != nil {
		return err
	}
	switch done := q.Get("done"); {
	case slices.Contains(register.DropReasons, register.DropReason(done)):
		pg.Note = texts.Word("dropped", done)
	case done == "recused":
		pg.Note = texts.Say("letters.it-is-recorded-that-you-know")
	case done == "recused-managing":
		pg.Note = texts.Say("letters.it-is-recorded-you-manage")
	case done == "given-away":
		pg.Note = texts.Say("letters.it-is-recorded-and-not-yours")
	case done == "recused-untold":
		pg.Note = texts.Say("letters.it-is-recorded-nobody-is-told")
	}
	pg.Body = body
	return p.ok(w, v, pg)
}

// lettersListed are the lists, or, on a further page, the one that goes on.
func (p *Portal) lettersListed(v *visit, who register.Readership, lists []sectionOf, body lettersBody) (out []section, err error) {
	filter, further := body.Filter, body.Further
	for _, s := range lists {
		cursor := string(s.List)
		if further && !v.URL.Query().Has(cursor) || len(s.who) > 0 && !slices.Contains(s.who, v.person.Role) {
			continue
		}
		found, err := p.cfg.Register.Listed(v.Context(), register.Listing{Readership: who, What: s.List, ToldBefore: p.workingDaysAgo(s.days),
			After: placeFrom(v.URL.Query().Get(cursor)), Limit: perPage + 1})
		if err != nil {
			return nil, err
		}
		listed := section{sectionOf: s, None: p.noneOf(s, v.person.Role, who.Helplines, filter, further)}
		if len(found) > perPage {
			found = found[:perPage]
			listed.More = filter.address(url.Values{cursor: {placeText(register.PlaceOf(found[perPage-1]))}})
		}
		if listed.Cards, err = p.cards(v, found); err != nil {
			return nil, err
		}
		var shown []section
		switch {
		case len(listed.Cards) > 0 && s.List == register.ListUnfinished && filter.of == nil && v.person.Role == register.TeamLeader:
			shown = mineFirst(listed)
		case len(listed.Cards) > 0 || listed.None != nil:
			shown = []section{listed}
		}
		if filter.of == nil && !further {
			shown = apply(shown, func(s section) section { return s.briefly(filter) })
		}
		out = append(out, shown...)
	}
	return out, nil
}

// briefly is the beginning of the list, which leads to the whole of it.
func (s section) briefly(filter letterFilter) section {
	if len(s.Cards) > sectionShows {
		s.Cards, s.More = s.Cards[:sectionShows], filter.address(url.Values{string(s.List): {""}})
	}
	return s
}

// mineFirst puts what the visitor has not opened before what waits only for their
// word. It divides a page and not the list: to look for either among thousands
// that nobody has finished would cost as much as those.
func mineFirst(all section) (out []section) {
	mine, rest := all, all
	mine.Title, mine.id = texts.Say("letters.opened-by-a-colleague"), "not-by-you"
	mine.Cards, rest.Cards = nil, nil
	for _, c := range all.Cards {
		if c.Mine {
			rest.Cards = append(rest.Cards, c)
		} else {
			mine.Cards = append(mine.Cards, c)
		}
	}
	switch {
	case len(mine.Cards) == 0:
		return []section{rest}
	case len(rest.Cards) == 0:
		return []section{mine}
	}
	mine.More = ""
	return []section{mine, rest}
}

// lettersCalled is what bears the reference.
func (p *Portal) lettersCalled(v *visit, who register.Readership, filter letterFilter) ([]section, error) {
	found, err := p.cfg.Register.Called(v.Context(), who, filter.Reference)
	if err != nil {
		return nil, err
	}
	cards, err := p.cards(v, found)
	return []section{{sectionOf: sectionOf{Title: texts.Say("letters.letter", "reference", filter.Reference)}, Cards: cards,
		None: texts.Say("letters.no-letter-with-this-reference-can", "helplines", p.titles(who.Helplines))}}, err
}

// noneOf is what to say where a list is empty, or nil where it is left out.
func (p *Portal) noneOf(s sectionOf, role register.Role, helplines []string, filter letterFilter, further bool) texts.Text {
	switch {
	case further:
		return texts.Say("letters.there-are-no-further-letters")
	case filter.of != nil:
		return texts.Say("letters.no-letter", "helplines", p.titles(helplines), "is", filter.of.is)
	case s.List == register.ListUnopened && role == register.Manager:
		return texts.Say("letters.nothing-is-waiting-for-the-manager", "helplines", p.titles(helplines))
	case s.List == register.ListUnopened:
		return texts.Say("letters.nothing-is-waiting-when-a-letter", "helplines", p.titles(helplines))
	case s.List == register.ListDecided:
		return texts.Say("letters.letters-of-which-somebody")
	}
	return nil
}

func (p *Portal) titles(names []string) []string { return apply(names, p.helplineTitle) }

// workingDaysAgo is the same time of day so many working days ago.
func (p *Portal) workingDaysAgo(days int) time.Time {
	return letter.WorkingDaysBefore(p.cfg.Now().In(letter.London), days)
}

// cards says who has opened each letter, and who has not.
func (p *Portal) cards(v *visit, found []register.Letter) (out []card, err error) {
	if len(found) == 0 {
		return nil, nil
	}
	opened, err := p.cfg.Register.OpenedBy(v.Context(), found)
	if err != nil {
		return nil, err
	}
	people, err := p.cfg.Register.People(v.Context())
	if err != nil {
		return nil, err
	}
	for _, l := range found {
		c := card{Letter: l}
		for _, who := range people {
			if l.WalledOff(who.Number) && v.person.Role == register.Manager {
				c.Walled = append(c.Walled, called(v, who))
			}
			switch {
			case slices.Contains(opened[l.ID], who.Number):
				c.Readers = append(c.Readers, called(v, who))
				c.Mine = c.Mine || who.Number == v.person.Number
			case who.Role == register.TeamLeader && mayRead(who, l) && !who.Disabled:
				c.Waiting = append(c.Waiting, called(v, who))
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// called is a colleague's name as the visitor reads it; of one who has left no more
// than the staff number is known.
func called(v *visit, who register.Person) texts.Text {
	switch {
	case who.Number == v.person.Number:
		return texts.Say("common.you")
	case who.Name == "":
		return texts.Say("staff.number", "number", who.Number)
	}
	return texts.Plain(who.Name)
}

// placeText writes a place in a list into an address; placeFrom reads it, and
// reads anything else as the list's beginning.
func placeText(pl register.Place) string {
	return strconv.FormatInt(pl.Received.Unix(), 10) + "." + string(pl.ID)
}

func placeFrom(s string) register.Place {
	at, id, _ := strings.Cut(s, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return register.Place{}
	}
	parsed, err := letter.ParseID(id)
	if err != nil {
		return register.Place{}
	}
	return register.Place{Received: time.Unix(seconds, 0), ID: parsed}
}
