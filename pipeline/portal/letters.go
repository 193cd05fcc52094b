package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// perPage is how many letters or entries one page lists.
const perPage = 25

// card is one letter in the list.
type card struct {
	register.Letter
	Readers []string // who has opened it
	Waiting []string // which of its team leaders have not
	Walled  []string // who knows somebody in it and must not
}

type lettersBody struct {
	Reviews                  []card // safeguarding decisions that are due to be looked at again
	Recusals                 []card // for the manager: from which somebody is walled off
	Unopened, Opened         []card
	Orphans                  []card // answers whose letters are gone
	MoreUnopened, MoreOpened string // where the lists go on; empty at their end
	MoreOrphans              string
	Further                  bool // this is a further page of one of them
	Helplines                []string
}

// lettersPage lists what nobody has opened first, longest waiting on top, then
// what was opened, newest on top, and answers that no letter leads to any more. Each list goes on by its own cursor.
func (p *Portal) lettersPage(w http.ResponseWriter, v *visit) error {
	q, who := v.URL.Query(), p.readership(v.person)
	body := lettersBody{Helplines: who.Helplines, Further: q.Has("unopened") || q.Has("opened") || q.Has("answers")}
	if !body.Further {
		found, err := p.cfg.Register.ReviewsOf(v.Context(), who, perPage)
		if err != nil {
			return err
		}
		if body.Reviews, _, err = p.cards(v, found, ""); err != nil {
			return err
		}
	}
	if !body.Further && v.person.Role == register.Manager {
		found, err := p.cfg.Register.Recusals(v.Context(), who, perPage)
		if err != nil {
			return err
		}
		if body.Recusals, _, err = p.cards(v, found, ""); err != nil {
			return err
		}
	}
	if !body.Further || q.Has("answers") {
		found, err := p.cfg.Register.Orphans(v.Context(), who, placeFrom(q.Get("answers")), perPage+1)
		if err != nil {
			return err
		}
		if body.Orphans, body.MoreOrphans, err = p.cards(v, found, "answers"); err != nil {
			return err
		}
	}
	if !body.Further || q.Has("unopened") {
		found, err := p.cfg.Register.Unopened(v.Context(), who, placeFrom(q.Get("unopened")), perPage+1)
		if err != nil {
			return err
		}
		if body.Unopened, body.MoreUnopened, err = p.cards(v, found, "unopened"); err != nil {
			return err
		}
	}
	if !body.Further || q.Has("opened") {
		found, err := p.cfg.Register.OpenedLetters(v.Context(), who, placeFrom(q.Get("opened")), perPage+1)
		if err != nil {
			return err
		}
		if body.Opened, body.MoreOpened, err = p.cards(v, found, "opened"); err != nil {
			return err
		}
	}
	pg := page{Name: "letters", Title: "Letters", Body: body}
	if q.Get("done") == "recused" {
		pg.Note = "It is recorded that you know somebody in a letter. You will not see that letter any more, and the helplines’ manager is told here."
	}
	return p.ok(w, v, pg)
}

// cards says who has opened each letter; with one letter more than a page
// holds it also says where the list goes on.
func (p *Portal) cards(v *visit, found []register.Letter, cursor string) (out []card, more string, err error) {
	if len(found) > perPage {
		found = found[:perPage]
		more = "/letters?" + url.Values{cursor: {placeText(register.PlaceOf(found[perPage-1]))}}.Encode()
	}
	opened, err := p.cfg.Register.OpenedBy(v.Context(), found)
	if err != nil {
		return nil, "", err
	}
	people, err := p.cfg.Register.People(v.Context())
	if err != nil {
		return nil, "", err
	}
	for _, l := range found {
		c := card{Letter: l}
		for _, who := range people {
			if l.WalledOff(who.Number) {
				c.Walled = append(c.Walled, p.called(v, who))
			}
			switch {
			case slices.Contains(opened[l.ID], who.Number):
				c.Readers = append(c.Readers, p.called(v, who))
			case who.Role == register.TeamLeader && mayRead(who, l) && !who.Disabled:
				c.Waiting = append(c.Waiting, p.called(v, who))
			}
		}
		out = append(out, c)
	}
	return out, more, nil
}

// called is a colleague's name as the visitor reads it.
func (p *Portal) called(v *visit, who register.Person) string {
	if who.Number == v.person.Number {
		return "you"
	}
	return who.Name
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
