package portal

import (
	"html/template"
	"maps"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// flagsOf says what the scanner noticed about a page, each in a few words.
func flagsOf(l register.Letter, page int) []texts.Text {
	return apply(l.Flags.Of(page), func(f letter.Flag) texts.Text { return texts.Word("flag", f) })
}

// anomaliesOf says what was not as it should be.
func anomaliesOf(d register.PaperDestroyed) []texts.Text {
	return apply(d.Anomalies, func(a register.Anomaly) texts.Text { return texts.Word("anomaly", a) })
}

// roleOr is what a person is, or that they may do nothing at present.
func roleOr(r register.Role) texts.Text {
	if r == "" {
		return texts.Say("role.none")
	}
	return texts.Word("role", r)
}

func (p *Portal) templateFuncs() template.FuncMap {
	funcs := template.FuncMap{
		"roleOf":             p.roleOf,
		"passkeysOf":         passkeysOf,
		"passkeyMade":        func(k register.Passkey) any { return p.language.Show(passkeyMade(k)) },
		"whereabouts":        placesWords,
		"how":                howWords,
		"titles":             func(of []Helpline) []string { return apply(of, func(h Helpline) string { return h.Title }) },
		"static":             p.files.address,
		"helpline":           p.helplineTitle,
		"helplines":          func(names []string) string { return p.language.List(apply(names, p.helplineTitle)) },
		"againSSO":           p.againSSO,
		"moment":             p.language.Moment,
		"day":                p.language.Day,
		"received":           p.received,
		"largerDPI":          func() int { return largerDPI },
		"pageDPI":            func() int { return pageDPI },
		"role":               func(r register.Role) any { return p.language.Show(roleOr(r)) },
		"roleDoes":           word[register.Role](p.language, "role-does"),
		"state":              word[register.State](p.language, "state"),
		"stateSentence":      word[register.State](p.language, "state-sentence"),
		"risk":               word[register.Risk](p.language, "risk"),
		"reason":             word[register.ScanAgainReason](p.language, "reason"),
		"paper":              word[register.PaperState](p.language, "paper-state"),
		"recountField":       recountField,
		"lost":               word[register.LostPaper](p.language, "lost-paper"),
		"method":             word[register.Method](p.language, "method"),
		"anomalies":          func(d register.PaperDestroyed) any { return p.language.Show(texts.Listed(anomaliesOf(d))) },
		"class":              word[letter.Class](p.language, "class"),
		"question":           word[QuestionKind](p.language, "question-kind"),
		"flags":              func(l register.Letter, page int) any { return p.language.Show(texts.Listed(flagsOf(l, page))) },
		"openUntil":          func(l register.Letter) any { return p.language.Show(p.openUntil(l)) },
		"addressCheck":       word[register.AddressCheck](p.language, "address-check"),
		"safeguardingReason": word[register.SafeguardingReason](p.language, "safeguarding-reason"),
		"told":               word[register.Told](p.language, "told"),
		"agency":             word[register.Agency](p.language, "agency"),
		"holdReason":         word[register.HoldReason](p.language, "hold-reason"),
		"eraseReason":        word[register.EraseReason](p.language, "erase-reason"),
		"withdrawReason":     word[register.WithdrawReason](p.language, "withdraw-reason"),
		"basis":              word[register.Basis](p.language, "basis"),
	}
	maps.Copy(funcs, speak(p.language))
	return funcs
}

// received says when a letter came. Of one that was found in the bucket again after a
// restore the day alone is known, and its first moment stands for that.
func (p *Portal) received(at time.Time) string {
	if day := letter.DateOf(at); at.Equal(day.Start()) {
		return p.language.Day(day)
	}
	return p.language.Moment(at)
}

// openUntil is the last day on which the letter can surely be opened, and how
// near that is once it is near.
func (p *Portal) openUntil(l register.Letter) texts.Text {
	if l.Held() {
		return texts.Say("letter.until-hold-is-released")
	}
	last := letter.OpenUntil(l.Since, l.Class)
	today := letter.DateOf(p.cfg.Now())
	switch {
	case last.Before(today):
		return texts.Say("letter.until-any-moment", "day", last)
	case last == today:
		return texts.Say("letter.until-today", "day", last)
	case last == today.AddDays(1):
		return texts.Say("letter.until-tomorrow", "day", last)
	}
	for n := 2; n <= 14; n++ {
		if last == today.AddDays(n) {
			return texts.Say("letter.until-days-left", "day", last, "n", n)
		}
	}
	return texts.Say("letter.until", "day", last)
}

// word returns the template function that says an enumerated word.
func word[K ~string](l *texts.Language, group string) func(K) any {
	return func(k K) any { return l.Show(texts.Word(group, k)) }
}

func apply[T, U any](in []T, f func(T) U) []U {
	out := make([]U, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}
