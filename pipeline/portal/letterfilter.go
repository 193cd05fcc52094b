package portal

import (
	"net/url"
	"slices"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
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
	Key  string     // in addresses
	Says texts.Text // in the form, and as the list's heading
	list register.List
	days int        // working days, for what waits too long
	is   texts.Text // goes on from "No letter of Respect Phoneline"
	who  []register.Role
}

func (c choice) section() sectionOf {
	return sectionOf{List: c.list, Title: c.Says, MoreSays: texts.Say("letters.more-of-these-letters"), days: c.days}
}

var choices = []choice{
	{"urgent", texts.Say("letters.somebody-is-in-danger"), register.ListUrgent, 0, texts.Say("letters.tells-of-somebody-in-danger"), readers},
	{"to-share", texts.Say("letters.an-agency-should-be-told"), register.ListToShare, 0, texts.Say("letters.tells-of-somebody-of-whom-an-agency"), readers},
	{"unopened", texts.Say("letters.not-opened-yet"), register.ListUnopened, 0, texts.Say("letters.is-waiting-to-be-opened"), readers},
	{"unopened-1", texts.Say("letters.not-opened-within-a-working-day"), register.ListTooLong, 1, texts.Say("letters.has-waited-unopened-for-longer"), readers},
	{"unopened-2", texts.Say("letters.not-opened-within-two-working"), register.ListTooLong, 2, texts.Say("letters.has-waited-unopened-for-longer-2"), readers},
	{"unfinished", texts.Say("letters.opened-and-not-yet-said-whether"), register.ListUnfinished, 0, texts.Say("letters.was-opened-without-anybody-having"), readers},
	{"risk-open", texts.Say("letters.not-yet-said-whether-somebody"), register.ListRiskUnsaid, 0, texts.Say("letters.waits-for-the-answer-on-risk"), readers},
	{"readable", texts.Say("letters.found-readable"), register.ListReadable, 0, texts.Say("letters.was-found-readable"), readers},
	{"another", texts.Say("letters.to-be-found-readable-by-another"), register.ListForAnother, 0, texts.Say("letters.waits-for-you-to-find-it-readable"), readers},
	{"scan-again", texts.Say("letters.to-be-scanned-again"), register.ListScanAgain, 0, texts.Say("letters.is-to-be-scanned-again"), readers},
	{"to-confirm", texts.Say("letters.answers-that-wait-for-a-second"), register.ListToConfirm, 0, texts.Say("letters.has-an-answer-that-waits"), readers},
	{"held", texts.Say("letters.on-hold"), register.ListHeld, 0, texts.Say("letters.is-on-hold"), readers},
	{"five-years", texts.Say("letters.kept-for-five-years"), register.ListFiveYears, 0, texts.Say("letters.is-kept-for-five-years"), readers},
	{"review-due", texts.Say("letters.kept-for-five-years-and-due"), register.ListReviews, 0, texts.Say("letters.is-due-to-be-looked-at-again"), readers},
	{"recused", texts.Say("letters.somebody-has-stepped-back"), register.ListRecused, 0, texts.Say("letters.has-a-reader-who-has-stepped-back"), managers},
}

// choicesOf are those that the filter offers to people of that role.
func choicesOf(role register.Role) []choice {
	return slices.DeleteFunc(slices.Clone(choices), func(c choice) bool { return !slices.Contains(c.who, role) })
}

// choiceOf is the choice of that key for people of that role, or nil.
func choiceOf(key string, role register.Role) *choice {
	for i := range choices {
		if choices[i].Key == key && slices.Contains(choices[i].who, role) {
			return &choices[i]
		}
	}
	return nil
}

// readFilter reads the filter from an address, and says what is wrong with it.
func (p *Portal) readFilter(q url.Values, role register.Role, helplines []string) (f letterFilter, flaws []formFlaw) {
	f = letterFilter{Helpline: q.Get("helpline"), State: q.Get("state"), Typed: strings.TrimSpace(q.Get("reference"))}
	if f.Helpline != "" && !slices.Contains(helplines, f.Helpline) {
		flaws = append(flaws, formFlaw{"helpline", texts.Say("letters.choose-a-helpline-from-the-list")})
	}
	if f.of = choiceOf(f.State, role); f.of == nil && f.State != "" {
		flaws = append(flaws, formFlaw{"state", texts.Say("letters.choose-from-the-list")})
	}
	if f.Typed != "" {
		var err error
		if f.Reference, err = letter.ParseReference(f.Typed); err != nil {
			flaws = append(flaws, formFlaw{"reference", texts.Say("letters.read-the-reference-from-the-paper")})
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
