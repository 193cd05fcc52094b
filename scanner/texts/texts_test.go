package texts

import (
	"html/template"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"letterlock/scanner/letter"
)

const english = `language = "en-GB"
[date]
day = "{day} {month} {year}"
moment = "{day} {month} {year} at {hour}:{minute}{half}"
am = "am"
pm = "pm"
month-11 = "November"
[list]
more = "{before}, {next}"
last = "{before} and {last}"
[letters]
empty = "Nothing is here yet, 100 % sure."
count = { one = "{n} letter", other = "{n} letters" }
due = "{who} says: {what lower}, by {day}."
again = "If you lose it, <link>make a second one</link> of <ref>{reference}</ref> & go on."
some = { one = "One letter, <strong>{name}</strong>", other = "{n} letters, <strong>{name}</strong>" }
[risk]
none = "Nobody is at risk"
`

// in is a language of texts, by what is changed in the English.
func in(t *testing.T, name string, change ...string) (*Language, error) {
	t.Helper()
	changed := strings.NewReplacer(change...).Replace(english)
	if len(change) > 0 && changed == english {
		t.Fatal("nothing was changed")
	}
	return New(fstest.MapFS{"en.toml": {Data: []byte(english)}, name + ".toml": {Data: []byte(changed)}}, name)
}

func TestSay(t *testing.T) {
	l, err := in(t, "en")
	if err != nil {
		t.Fatal(err)
	}
	day := letter.Date{Year: 2026, Month: 11, Day: 24}
	for _, c := range []struct {
		text Text
		want any
	}{
		{nil, ""},
		{Plain(""), ""},
		{Word("risk", ""), ""},
		{Say("letters.empty"), "Nothing is here yet, 100 % sure."},
		{Say("letters.count", "n", 1), "1 letter"},
		{Say("letters.count", "n", int64(0)), "0 letters"},
		{Say("letters.count", "n", 100000), "100,000 letters"},
		{Say("letters.due", "who", "Ada", "what", Word("risk", "none"), "day", day), "Ada says: nobody is at risk, by 24 November 2026."},
		{Say("letters.due", "day", []letter.Date{day, day, day}, "what", "", "who", 7), "7 says: , by 24 November 2026, 24 November 2026 and 24 November 2026."},
		{Word("risk", "new-inside"), "new-inside"},
		{Plain("{name} <b>"), "{name} <b>"},
		{Say("letters.again", "link", Link(`/l/x?a="1"&b=2`), "reference", "<i>K7</i>"),
			template.HTML(`If you lose it, <a href="/l/x?a=&#34;1&#34;&amp;b=2">make a second one</a> of <span class="reference">&lt;i&gt;K7&lt;/i&gt;</span> &amp; go on.`)},
		{Say("letters.some", "n", 3, "name", "%[1]s"), template.HTML("3 letters, <strong>%[1]s</strong>")},
	} {
		if got := l.Show(c.text); got != c.want {
			t.Errorf("%v is shown as %q, want %q", c.text, got, c.want)
		}
	}
	if got, want := l.Text(Say("letters.again", "link", Link("/"), "reference", "<K7>")), "If you lose it, make a second one of <K7> & go on."; got != want {
		t.Errorf("without markup it is %q, want %q", got, want)
	}
	for at, want := range map[time.Time]string{
		time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC): "24 November 2026 at 2:02pm",
		time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC):  "24 November 2026 at 12:00am",
		time.Date(2026, 11, 24, 12, 5, 0, 0, time.UTC): "24 November 2026 at 12:05pm",
	} {
		if got := l.Moment(at); got != want {
			t.Errorf("%v is %q, want %q", at, got, want)
		}
	}
}

// A language has its own plural forms, order and clock.
func TestAnotherLanguage(t *testing.T) {
	l, err := in(t, "cy", `"en-GB"`, `"cy"`,
		`{ one = "{n} letter", other = "{n} letters" }`, `{ zero = "dim llythyrau", one = "{n} llythyr", two = "{n} lythyr", few = "{n} llythyr (few)", many = "{n} llythyr (many)", other = "{n} o lythyrau" }`,
		`{ one = "One letter, <strong>{name}</strong>", other`, `{ zero = "<strong>{name}</strong>", one = "<strong>{name}</strong>", two = "<strong>{name}</strong>", few = "<strong>{name}</strong>", many = "<strong>{name}</strong>", other`,
		"{who} says: {what lower}, by {day}.", "{day}: {what} ({who})", "{hour}:{minute}{half}", "{hour24}.{minute}")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, n := range []int{0, 1, 2, 3, 6, 20} {
		said = append(said, l.Text(Say("letters.count", "n", n)))
	}
	said = append(said, l.Text(Say("letters.due", "who", "Ada", "what", "A", "day", "B")), l.Moment(time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)), l.Tag())
	if got, want := strings.Join(said, "; "), "dim llythyrau; 1 llythyr; 2 lythyr; 3 llythyr (few); 6 llythyr (many); 20 o lythyrau; B: A (Ada); 24 November 2026 at 14.02; cy"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`language = "en-GB"`, ``, "its first line must name the language"},
		{`empty = "Nothing is here yet, 100 % sure."`, ``, `xx.toml: the text "letters.empty" is missing; copy it from en.toml and translate it`},
		{`empty =`, "full = \"Full\"\nempty =", `there is no text "letters.full" in en.toml; take it out`},
		{`{who} says`, `{whom} says`, `the text "letters.due" has the placeholder whom, which the English has not`},
		{`{who} says: `, ``, `the text "letters.due" lacks the placeholder who`},
		{`{who} says`, `{who says`, `the text "letters.due" has { where nothing begins or ends`},
		{`<link>make a second one</link>`, `make a second one`, `the text "letters.again" lacks the placeholder <link>`},
		{`</link>`, ``, `the text "letters.again" has <ref> where nothing begins or ends`},
		{` & go on`, ` <script>alert(1)`, `the text "letters.again" lacks </script>`},
		{` & go on`, ` <script>alert(1)</script>`, `the text "letters.again" has the placeholder <script>, which the English has not`},
		{` & go on`, ` <a href=/x>`, `the text "letters.again" has < where nothing begins or ends`},
		{`, other = "{n} letters" }`, ` }`, `the text "letters.count" lacks the plural form other`},
		{`one = "{n} letter", `, ``, `the text "letters.count" lacks the plural form one`},
		{`one = "{n} letter", `, `one = "{n} letter", few = "{n}", `, `form "few" not supported`},
		{`{ one = "{n} letter", other = "{n} letters" }`, `"{n} letters"`, `the text "letters.count" needs plural forms`},
		{`"Nobody is at risk"`, `{ one = "x", other = "y" }`, `the text "risk.none" has plural forms, and in English it has none`},
		{`"Nobody is at risk"`, `" "`, `the text "risk.none" says nothing`},
		{`"Nobody is at risk"`, `7`, `the text "risk.none" is neither words in quotation marks nor plural forms`},
		{`"Nobody is at risk"`, `Nobody`, "xx.toml cannot be read"},
	} {
		_, err := in(t, "xx", c.old, c.new)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("with %q for %q it says %v, want %q", c.new, c.old, err, c.want)
		}
	}
	if _, err := New(Files, "xx"); err == nil || err.Error() != `there is no language "xx"; there is: en` {
		t.Errorf("of a language that is not there it says %v", err)
	}
}

// Whoever translates is told all that is wrong at once, and each thing once.
func TestEveryFaultAtOnce(t *testing.T) {
	_, err := in(t, "xx",
		`empty = "Nothing is here yet, 100 % sure."`, `full = "Full"`,
		`{who} says: {what lower}, by {day}`, `{whom} says: {what lower}, on {day}`,
		`<link>make a second one</link>`, `<link>make a second one`,
		`one = "{n} letter", `, ``,
		`am = "am"`, `am = 7`)
	want := `xx.toml has 7 faults:
- the text "date.am" is neither words in quotation marks nor plural forms; write it as in English
- the text "letters.again" has <ref> where nothing begins or ends; keep what is put in as in English, like {name}, <name> and </name>
- the text "letters.empty" is missing; copy it from en.toml and translate it
- the text "letters.due" has the placeholder whom, which the English has not; take it out, or write it as there
- the text "letters.due" lacks the placeholder who; put it in as in English
- there is no text "letters.full" in en.toml; take it out
- the text "letters.count" lacks the plural form one; add it`
	if err == nil || err.Error() != want {
		t.Errorf("it says\n%v\nwant\n%s", err, want)
	}
}

func BenchmarkText(b *testing.B) {
	l, err := New(Files, "en")
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)
	b.Run("moment", func(b *testing.B) {
		for b.Loop() {
			l.Moment(at)
		}
	})
}
