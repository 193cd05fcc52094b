package separator

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestACodeIsReadBack(t *testing.T) {
	for _, c := range []Code{
		NewSeparator("respect-phoneline"), NewSeparator("a"), NewSeparator("1-1").On(Back),
		NewCover("mens-advice-line", 1), NewCover(strings.Repeat("x", 40), MaxLetters).On(Back),
	} {
		text, err := c.Text()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(text)
		if diff := cmp.Diff(c, back); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
		const most = 87 // characters in a QR code of version 5-Q
		if len(text) > most {
			t.Errorf("%s: %d characters", text, len(text))
		}
		for i := range text {
			if _, err := Parse(text[:i] + "X" + text[i+1:]); err == nil && text[i] != 'X' {
				t.Errorf("%s is taken with another character at %d", text, i)
			}
		}
	}
}

// The text on sheets that are in drawers already.
func TestPrintedCodesStayReadable(t *testing.T) {
	for text, want := range map[string]Code{
		"LETTERLOCK1 SEP MENS-ADVICE-LINE F 9C1D2AE2":              {Kind: Separator, Helpline: "mens-advice-line", Side: Front},
		"LETTERLOCK1 COVER MENS-ADVICE-LINE 7 4XK2M7QT B 04F46B77": {Kind: Cover, Helpline: "mens-advice-line", Side: Back, Letters: 7, Stack: "4XK2M7QT"},
	} {
		if got, err := Parse(text); got != want || err != nil {
			again, _ := want.Text()
			t.Errorf("%s: %+v, %v; want %s", text, got, err, again)
		}
	}
}

func TestNoSheetHasSuchACode(t *testing.T) {
	for name, c := range map[string]Code{
		"nothing":                 {},
		"no helpline":             {Kind: Separator, Side: Front},
		"a title":                 {Kind: Separator, Helpline: "Respect Phoneline", Side: Front},
		"no side":                 {Kind: Separator, Helpline: "a"},
		"no letters":              {Kind: Cover, Helpline: "a", Side: Front, Stack: "AAAAAAAA"},
		"too many letters":        {Kind: Cover, Helpline: "a", Side: Front, Stack: "AAAAAAAA", Letters: MaxLetters + 1},
		"no stack":                {Kind: Cover, Helpline: "a", Side: Front, Letters: 1},
		"a stack of other form":   {Kind: Cover, Helpline: "a", Side: Front, Letters: 1, Stack: "aaaaaaaa"},
		"a separator for letters": {Kind: Separator, Helpline: "a", Side: Front, Letters: 1},
	} {
		if text, err := c.Text(); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestCoversDiffer(t *testing.T) {
	if a, b := NewCover("a", 2), NewCover("a", 2); a == b {
		t.Errorf("two stacks are both %s", a.Stack)
	}
}

// FuzzParse: what is taken is what Text writes, and nothing else.
func FuzzParse(f *testing.F) {
	for _, c := range []Code{NewSeparator("a"), NewCover("respect-phoneline", 7).On(Back)} {
		text, err := c.Text()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add("https://example.org")
	f.Add("LETTERLOCK2 SEP A F 00000000")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := c.Text(); again != text || err != nil {
			t.Errorf("%q was taken and is written %q, %v", text, again, err)
		}
	})
}
