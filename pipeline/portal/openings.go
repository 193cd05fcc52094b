package portal

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// What is marked as unusual. It is no reproach: it is what somebody may ask about.
const (
	nightBegins = 22 // o'clock, in London, until
	nightEnds   = 6
	manyInARow  = 10 // different letters within an hour: so many are not read, and hardly needed
	manyTimes   = 10 // openings of one letter by one person: so often it is hardly read

	// newFor is for how long a way to sign in is new. Whoever got hold of somebody's
	// code makes one, and reads.
	newFor = 24 * time.Hour
)

// How far back the page looks, and at how many openings at most.
var openingDays = []int{7, 30, 90}

const maxOpenings = 20000

type openingsBody struct {
	Days    int
	Choices []int
	Chosen  bool // somebody asked for so many
	Looked  int  // openings
	Cut     bool // there are more in that time
	People  []opener
	Letters []openedLetter
	Unusual int // people of whom something is marked
	Odd     int // letters of which something is
	Shows   int

	NightBegins, NightEnds texts.Text
	Many, Times            int // see manyInARow and manyTimes
	Once                   int // minutes, see register.OpeningCounts
	NewFor                 int // hours
}

// opener is what one person has opened.
type opener struct {
	Number   int64
	Who      texts.Text
	Openings int
	Letters  int
	Night    int // openings at night
	InARow   int // the most different letters within an hour
	New      int // openings within newFor of a new way to sign in
	Marks    []texts.Text
}

// openedLetter is who has opened one letter.
type openedLetter struct {
	Letter   letter.ID
	Openings int
	People   int
	Marks    []texts.Text
	Walled   bool // the visitor is walled off from it: it is counted, and not named
	most     int  // openings by one person
	night    int
	new      int
}

// openingsPage says who has opened how much, and marks what is unusual.
func (p *Portal) openingsPage(w http.ResponseWriter, v *visit) error {
	days, err := strconv.Atoi(v.URL.Query().Get("days"))
	chosen := err == nil && slices.Contains(openingDays, days)
	if !chosen {
		days = 30
	}
	body := openingsBody{Days: days, Choices: openingDays, Chosen: chosen, Shows: 4 * perPage,
		NightBegins: texts.Hour(nightBegins), NightEnds: texts.Hour(nightEnds), Many: manyInARow, Times: manyTimes, Once: int(register.OpeningCounts.Minutes()), NewFor: int(newFor.Hours())}
	since := letter.DateOf(p.cfg.Now()).AddDays(-days).Start()
	entries, cut, err := p.entriesSince(v, "letter-opened", since)
	if err != nil {
		return err
	}
	fresh, err := p.newSignIns(v, since)
	if err != nil {
		return err
	}
	body.Looked, body.Cut = len(entries), cut
	body.People = openers(entries, fresh)
	names, err := p.staffNames(v)
	if err != nil {
		return err
	}
	for i := range body.People {
		body.People[i].Who = staffWords(names, body.People[i].Number)
		if len(body.People[i].Marks) > 0 {
			body.Unusual++
		}
	}
	walled, err := p.cfg.Register.WalledFrom(v.Context(), v.person.Number)
	if err != nil {
		return err
	}
	all := openedLetters(entries, fresh)
	for i, l := range all {
		all[i].Walled = slices.Contains(walled, l.Letter)
		if len(l.Marks) > 0 {
			body.Odd++
		}
	}
	body.Letters = all[:min(len(all), body.Shows)]
	return p.ok(w, v, page{Name: "openings", Title: texts.Say("openings.openings"), Body: body})
}

// newSignIns is when each person, by number, got a new way to sign in, as it counts for
// openings since then.
func (p *Portal) newSignIns(v *visit, since time.Time) (signIns, error) {
	at := signIns{}
	for _, kind := range []string{"passkey-added", "sso-linked"} {
		entries, _, err := p.entriesSince(v, kind, since.Add(-newFor))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			at[e.By] = append(at[e.By], e.At)
		}
	}
	return at, nil
}

// signIns is when people got a new way to sign in.
type signIns map[int64][]time.Time

// fresh reports whether whoever opened the letter had got one shortly before. With which
// of theirs they had signed in is on no record.
func (s signIns) fresh(opened register.Entry) bool {
	return slices.ContainsFunc(s[opened.By], func(at time.Time) bool { return !opened.At.Before(at) && opened.At.Sub(at) < newFor })
}

// entriesSince reads the entries of a kind since then, newest first. It goes by their
// order, and not by what a wrong clock said for a moment.
func (p *Portal) entriesSince(v *visit, kind string, since time.Time) (out []register.Entry, cut bool, err error) {
	begins, err := p.cfg.Register.EntriesBefore(v.Context(), since)
	if err != nil {
		return nil, false, err
	}
	for before := int64(-1); len(out) < maxOpenings; {
		part, err := p.cfg.Register.Entries(v.Context(), before, kind, "", 1000)
		if err != nil {
			return nil, false, err
		}
		for _, e := range part {
			if e.N < begins {
				return out, false, nil
			}
			out = append(out, e)
			before = e.N
		}
		if len(part) < 1000 {
			return out, false, nil
		}
	}
	return out, true, nil
}

// openers counts openings, newest first, by person: what is marked on top, then
// whoever has opened most.
func openers(entries []register.Entry, new signIns) []opener {
	of := map[int64][]register.Entry{}
	for _, e := range entries {
		of[e.By] = append(of[e.By], e)
	}
	var out []opener
	for number, opened := range of {
		o := opener{Number: number, Openings: len(opened), InARow: inARow(opened)}
		letters := map[letter.ID]bool{}
		for _, e := range opened {
			letters[e.Letter] = true
			if atNight(e.At) {
				o.Night++
			}
			if new.fresh(e) {
				o.New++
			}
		}
		o.Letters = len(letters)
		if o.Night > 0 {
			o.Marks = append(o.Marks, texts.Say("openings.at-night-count", "count", o.Night))
		}
		if o.InARow >= manyInARow {
			o.Marks = append(o.Marks, texts.Say("openings.many-in-a-row", "n", o.InARow))
		}
		if o.New > 0 {
			o.Marks = append(o.Marks, texts.Say("openings.new-sign-in", "count", o.New))
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b opener) int {
		if a, b := len(a.Marks), len(b.Marks); a != b {
			return b - a
		}
		if a.Openings != b.Openings {
			return b.Openings - a.Openings
		}
		return int(a.Number - b.Number)
	})
	return out
}

func atNight(at time.Time) bool {
	hour := at.In(letter.London).Hour()
	return hour >= nightBegins || hour < nightEnds
}

// inARow is the most different letters that were opened within an hour; the
// openings are newest first.
func inARow(opened []register.Entry) (most int) {
	within := map[letter.ID]int{}
	last := 0
	for _, e := range opened {
		within[e.Letter]++
		for opened[last].At.Sub(e.At) > time.Hour {
			if within[opened[last].Letter]--; within[opened[last].Letter] == 0 {
				delete(within, opened[last].Letter)
			}
			last++
		}
		most = max(most, len(within))
	}
	return most
}

// openedLetters counts openings by letter: what is marked on top, then what was
// opened most.
func openedLetters(entries []register.Entry, new signIns) []openedLetter {
	at := map[letter.ID]int{}
	people := map[letter.ID]map[int64]int{}
	var out []openedLetter
	for _, e := range entries {
		i, known := at[e.Letter]
		if !known {
			i = len(out)
			at[e.Letter], people[e.Letter] = i, map[int64]int{}
			out = append(out, openedLetter{Letter: e.Letter})
		}
		out[i].Openings++
		people[e.Letter][e.By]++
		out[i].most = max(out[i].most, people[e.Letter][e.By])
		out[i].People = len(people[e.Letter])
		if atNight(e.At) {
			out[i].night++
		}
		if new.fresh(e) {
			out[i].new++
		}
	}
	for i := range out {
		l := &out[i]
		if l.night > 0 {
			l.Marks = append(l.Marks, texts.Say("openings.at-night-count", "count", l.night))
		}
		if l.most >= manyTimes {
			l.Marks = append(l.Marks, texts.Say("openings.many-times", "n", l.most))
		}
		if l.new > 0 {
			l.Marks = append(l.Marks, texts.Say("openings.new-sign-in", "count", l.new))
		}
	}
	slices.SortStableFunc(out, func(a, b openedLetter) int {
		if a, b := len(a.Marks), len(b.Marks); a != b {
			return b - a
		}
		return b.Openings - a.Openings
	})
	return out
}
