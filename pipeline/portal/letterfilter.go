package portal

import (
	"net/url"
	"slices"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// letterFilter is what the person wants to see of the letters, as the address
// has it: links from other pages use it too.
type letterFilter struct {
	Helpline  string // empty for all that are theirs
	State     string // a choice's key; empty for everything
	Reference string // in its canonical form; with it, the state does not count
	Typed     string // the reference as it was typed
	of        *choice
}

// On reports whether anything is filtered.
func (f letterFilter) On() bool { return f.Helpline != "" || f.State != "" || f.Typed != "" }

// choice is one list of letters that the filter offers.
type choice struct {
	Key  string // in addresses
	Says string // in the form, and as the list's heading
	list register.List
	days int    // working days, for what waits too long
	is   string // goes on from "No letter of Respect Phoneline"
}

func (c choice) section() sectionOf {
	return sectionOf{List: c.list, Title: c.Says, MoreSays: "More of these letters", days: c.days}
}

var choices = []choice{
	{"unopened", "Not opened yet", register.ListUnopened, 0, "is waiting to be opened"},
	{"unopened-1", "Not opened within a working day", register.ListTooLong, 1, "has waited unopened for longer than a working day"},
	{"unopened-2", "Not opened within two working days", register.ListTooLong, 2, "has waited unopened for longer than two working days"},
	{"unfinished", "Opened, and not yet said whether it can be read", register.ListUnfinished, 0, "was opened without anybody having said whether it can be read"},
	{"readable", "Found readable", register.ListReadable, 0, "was found readable"},
	{"another", "To be found readable by another person", register.ListForAnother, 0, "waits for you to find it readable too"},
	{"scan-again", "To be scanned again", register.ListScanAgain, 0, "is to be scanned again"},
	{"to-confirm", "Answers that wait for a second person", register.ListToConfirm, 0, "has an answer that waits for a second person"},
	{"held", "On hold", register.ListHeld, 0, "is on hold"},
	{"five-years", "Kept for five years", register.ListFiveYears, 0, "is kept for five years"},
	{"review-due", "Kept for five years, and due to be looked at again", register.ListReviews, 0, "is due to be looked at again"},
	{"recused", "Somebody has stepped back", register.ListRecused, 0, "has a reader who has stepped back from it"},
}

// choiceOf is the choice of that key, or nil.
func choiceOf(key string) *choice {
	for i := range choices {
		if choices[i].Key == key {
			return &choices[i]
		}
	}
	return nil
}

// readFilter reads the filter from an address, and says what is wrong with it.
func (p *Portal) readFilter(q url.Values, helplines []string) (f letterFilter, flaws []formFlaw) {
	f = letterFilter{Helpline: q.Get("helpline"), State: q.Get("state"), Typed: strings.TrimSpace(q.Get("reference"))}
	if f.Helpline != "" && !slices.Contains(helplines, f.Helpline) {
		flaws = append(flaws, formFlaw{"helpline", "Choose a helpline from the list."})
	}
	if f.of = choiceOf(f.State); f.of == nil && f.State != "" {
		flaws = append(flaws, formFlaw{"state", "Choose from the list what you want to see."})
	}
	if f.Typed != "" {
		var err error
		if f.Reference, err = letter.ParseReference(f.Typed); err != nil {
			flaws = append(flaws, formFlaw{"reference", "Read the reference from the paper again. It looks like K7QM-4T2X."})
		}
	}
	return f, flaws
}

// address is that of the filtered letters, with more in it.
func (f letterFilter) address(more url.Values) string {
	for name, value := range map[string]string{"helpline": f.Helpline, "state": f.State, "reference": f.Reference} {
		if value != "" {
			more.Set(name, value)
		}
	}
	if len(more) == 0 {
		return "/letters"
	}
	return "/letters?" + more.Encode()
}

// Address is that of the filtered letters, from their beginning.
func (f letterFilter) Address() string { return f.address(url.Values{}) }
