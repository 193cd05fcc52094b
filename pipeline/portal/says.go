package portal

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// entryKind is how entries of one kind are said.
type entryKind struct {
	Kind string
	Name texts.Text                                  // in the filter
	say  func(e register.Entry, t teller) texts.Text // what it says, in one sentence; nil for an entry that cannot be read
}

// teller knows what a sentence needs beyond the entry.
type teller struct {
	staff    func(number int64) texts.Text
	helpline func(name string) string
	answer   func(letter.ID) bool // whether it is the kept copy of an answer; nil where nobody knows
}

// about makes a kind's sentence out of one over its own event.
func about[E register.Event](say func(d E, e register.Entry, t teller) texts.Text) func(register.Entry, teller) texts.Text {
	return func(e register.Entry, t teller) texts.Text {
		var d E
		if readEvent(e, &d) != nil {
			return nil
		}
		return say(d, e, t)
	}
}

// readEvent reads an entry's own fields.
func readEvent(e register.Entry, into any) error {
	if len(e.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(e.Data, into); err != nil {
		return errors.New("reading an entry's event: it is not of its kind")
	}
	return nil
}

// say is the entry in words. A kind of a newer version is named, not guessed at.
func say(e register.Entry, t teller) texts.Text {
	for _, k := range entryKinds {
		if k.Kind == e.Kind {
			if said := k.say(e, t); said != nil {
				return said
			}
		}
	}
	return texts.Say("entry.an-entry-of-the-kind", "kind", e.Kind)
}

// told is the entry in words, of a letter or, where its letter is one, of an answer.
func (p *Portal) told(e register.Entry, t teller) string {
	said := p.language.Text(say(e, t))
	if e.Letter == "" || strings.HasPrefix(e.Kind, "response-") || t.answer == nil || !t.answer(e.Letter) {
		return said
	}
	for _, c := range [][2]texts.Text{{texts.Say("answer.the-letter"), texts.Say("answer.the-answer")}, {texts.Say("answer.the-letter-first"), texts.Say("answer.the-answer-first")}} {
		letter := regexp.MustCompile(`\b` + regexp.QuoteMeta(p.language.Text(c[0])) + `\b`)
		said = letter.ReplaceAllLiteralString(said, p.language.Text(c[1]))
	}
	return said
}

// placeWords says where in the storage something lies.
func placeWords(c letter.Class, helpline register.Name, t teller) texts.Text {
	return texts.Say("entry.among-the-letters", "class", texts.Word("class", c), "helpline", t.helpline(string(helpline)))
}

// foundWords says what lay in the storage.
func foundWords(versions, markers, uploads int) texts.Text {
	var found []texts.Text
	if versions > 0 {
		found = append(found, texts.Say("count.version", "n", versions))
	}
	if markers > 0 {
		found = append(found, texts.Say("count.deletion-marker", "n", markers))
	}
	if uploads > 0 {
		found = append(found, texts.Say("count.unfinished-upload", "n", uploads))
	}
	if found == nil {
		return texts.Say("entry.nothing-of")
	}
	return texts.Listed(found)
}

// weekWords is an expiry week as a reader knows weeks: that of 24 May 2027.
func weekWords(w letter.Week) texts.Text {
	parsed, err := letter.ParseWeek(string(w))
	if err != nil {
		return texts.Plain(string(w))
	}
	return texts.Say("entry.the-week-from-monday", "week", parsed, "monday", parsed.Over().AddDays(-7))
}

// lower has a person named in the middle of a sentence.
func lower(staff func(int64) texts.Text) func(int64) texts.Text {
	return func(n int64) texts.Text { return texts.Say("staff.lower", "who", staff(n)) }
}

// toldEntry is one entry as the register's page shows it.
type toldEntry struct {
	N         int64
	At        time.Time
	Says      string
	Letter    letter.ID
	Reference string
}
