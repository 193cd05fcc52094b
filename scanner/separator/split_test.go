package separator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/texts"
)

const ours1 = "respect-phoneline"

// stack reads a stack as it is written in the tables below, one word a page:
//
//	S s   front and back of a separator    O  another helpline's
//	C7 c7 front and back of a cover for 7  D7 another cover for 7
//	x     a damaged code                   S+C7  two codes on one page
//	-     blank                            anything else: a letter's page
func stack(words string) (pages []Page) {
	for _, word := range strings.Fields(words) {
		pages = append(pages, page(word))
	}
	return pages
}

func page(word string) (p Page) {
	for _, w := range strings.Split(word, "+") {
		switch letters, err := strconv.Atoi(w[1:]); {
		case w == "-":
			p.Blank = true
		case w == "x":
			p.Marks.Damaged = true
		case w == "S", w == "s", w == "O", w == "o":
			c := NewSeparator(ours1)
			if strings.ToUpper(w) == "O" {
				c.Helpline = "mens-advice-line"
			}
			p.Marks.Codes = append(p.Marks.Codes, c.On(side(w)))
		case err == nil:
			c := Code{Kind: Cover, Helpline: ours1, Letters: letters, Stack: strings.Repeat(strings.ToUpper(w[:1]), 8)}
			p.Marks.Codes = append(p.Marks.Codes, c.On(side(w)))
		}
	}
	return p
}

func side(word string) Side {
	if strings.ToLower(word) == word {
		return Back
	}
	return Front
}

// told is a batch in one line: the pages of its letters with sheets and sides, or
// why it is held.
func told(b Batch) string {
	var out []string
	for _, l := range b.Letters {
		doubt := ""
		if l.Uncertain {
			doubt = "?"
		}
		out = append(out, fmt.Sprintf("%s (%d%s/%d)", strings.Trim(fmt.Sprint(l.Pages), "[]"), l.Sheets, doubt, l.Sides))
	}
	for _, h := range b.Held {
		out = append(out, fmt.Sprintf("%s %d", h.Reason, h.Page))
	}
	return strings.Join(out, ", ")
}

func TestStacksAreSplitOrHeld(t *testing.T) {
	for _, c := range []struct {
		name   string
		stack  string
		duplex Duplex
		want   string // letters as "pages (sheets/sides)", or reasons as "reason page"
	}{
		{"one page", "a", DuplexAuto, "1 (1/1)"},
		{"one letter, nobody said how it was scanned", "a b c", DuplexAuto, "1 2 3 (3?/3)"},
		{"four sides, two sheets or four", "a b c d", DuplexAuto, "1 2 3 4 (4?/4)"},
		{"every back is blank", "a - b -", DuplexAuto, "1 2 3 4 (2/2)"},
		{"some backs are blank", "a b c -", DuplexAuto, "1 2 3 4 (2?/3)"},
		{"a front is blank", "a b - d", DuplexAuto, "1 2 3 4 (4?/3)"},
		{"one side, said", "a b - d", DuplexNo, "1 2 3 4 (4/3)"},
		{"both sides, said", "a b c -", DuplexYes, "1 2 3 4 (2/3)"},
		{"both sides, said, but a blank back was skipped", "a b c", DuplexYes, "1 2 3 (2?/3)"},
		{"a blank scan is a letter all the same", "- -", DuplexAuto, "1 2 (2?/0)"},

		{"one side", "a S b c S d", DuplexNo, "1 (1/1), 3 4 (2/2), 6 (1/1)"},
		{"one side, found out", "a S b c S d", DuplexAuto, "1 (1/1), 3 4 (2?/2), 6 (1/1)"},
		{"a sheet first and last", "S a S b S", DuplexNo, "2 (1/1), 4 (1/1)"},
		{"only a sheet at the end", "a b S", DuplexNo, "1 2 (2/2)"},
		{"a blank page behind a sheet is a letter's when one side was scanned", "a S - b", DuplexNo, "1 (1/1), 3 4 (2/1)"},
		{"cover", "C2 a S b", DuplexNo, "2 (1/1), 4 (1/1)"},
		{"cover with a separator behind it", "C2 S a S b S", DuplexNo, "3 (1/1), 5 (1/1)"},
		{"upside down, face down", "a s b", DuplexNo, "1 (1/1), 3 (1/1)"},

		{"both sides, printed on both", "a - S s b c", DuplexYes, "1 2 (1/1), 5 6 (1/2)"},
		{"both sides, printed on one", "a - S - b c", DuplexYes, "1 2 (1/1), 5 6 (1/2)"},
		{"both sides, sheet face down", "a - - S b c", DuplexYes, "1 2 (1/1), 5 6 (1/2)"},
		{"both sides, found out", "C2 c2 a - s S b c d -", DuplexAuto, "3 4 (1/1), 7 8 9 10 (2/3)"},
		{"both sides, found out by blank backs", "C2 - a - S - b c", DuplexAuto, "3 4 (1/1), 7 8 (1/2)"},
		{"the cover tells a blank back from a letter", "C1 - a b S -", DuplexAuto, "3 4 (1/2)"},
		{"a sheet printed on both sides does too", "a b S s c d S -", DuplexAuto, "1 2 (1/2), 5 6 (1/2)"},
		{"a faint letter at the end, or a blank back", "a b S -", DuplexAuto, "letter-missing 4"},
		{"a faint letter at the start, or a sheet face down", "- S a b", DuplexAuto, "letter-missing 1"},
		{"a blank back at the end, both sides said", "a b S -", DuplexYes, "1 2 (1/2)"},

		{"the cover says more", "C3 a S b", DuplexNo, "count-differs 0"},
		{"the cover says fewer", "C1 a S b", DuplexNo, "count-differs 0"},
		{"nothing but a cover", "C1", DuplexNo, "letter-missing 1"},
		{"nothing but sheets", "S s", DuplexAuto, "letter-missing 2"},
		{"damaged", "a x b", DuplexNo, "code-damaged 2"},
		{"damaged, and no other", "x", DuplexAuto, "code-damaged 1, letter-missing 1"},
		{"something lies over a sheet", "a S+x b", DuplexNo, "sheet-covered 2"},
		{"something lies over a cover sheet", "C2+x a S b", DuplexNo, "sheet-covered 1"},
		{"something lies over one side of a sheet", "a - S s+x b c", DuplexAuto, "sheet-covered 4"},
		{"damaged on one side", "a - S x b c", DuplexYes, "code-damaged 4"},
		{"the front shines through a blank back", "a - S -+x b c", DuplexYes, "1 2 (1/1), 5 6 (1/2)"},
		{"the same, found out", "a - S -+x b c", DuplexAuto, "1 2 (1/1), 5 6 (1/2)"},
		{"a sheet face down shines through", "a -+x b", DuplexNo, "code-damaged 2"},
		{"two sheets together", "a S S b", DuplexNo, "letter-missing 3"},
		{"two sheets together on top", "S S b", DuplexNo, "letter-missing 2"},
		{"two sheets together at the end", "b S S", DuplexNo, "letter-missing 3"},
		{"two sheets together, nobody said how scanned", "a b S S c d", DuplexAuto, "letter-missing 4"},
		{"two sheets together, both sides", "a - S s S s b -", DuplexYes, "letter-missing 5"},
		{"two fronts cannot be one sheet", "a - S S b -", DuplexYes, "letter-missing 4"},
		{"a sheet was scanned on both sides though one was said", "a S s b", DuplexNo, "letter-missing 3"},
		{"a blank letter", "a S - S b", DuplexNo, "letter-missing 3"},
		{"a blank letter at the end", "a S -", DuplexNo, "letter-missing 3"},
		{"a blank letter at the end, both sides", "a - S s - -", DuplexYes, "letter-missing 5"},
		{"another helpline's sheet", "a O b", DuplexNo, "other-helpline 2"},
		{"another helpline's stack, both sides", "a - O o b -", DuplexAuto, "other-helpline 3, other-helpline 4"},
		{"second cover", "C2 a S b C2 c", DuplexNo, "second-cover 5, count-differs 0"},
		{"cover in the middle", "a C2 b S c", DuplexNo, "cover-not-first 2, count-differs 0"},
		{"cover at the end", "a S b C2", DuplexNo, "cover-not-first 4"},
		{"two codes on one page", "a S+C1 b", DuplexNo, "codes-disagree 2"},
		{"front and back on one page", "a S+s b", DuplexNo, "codes-disagree 2"},
		{"two covers on one sheet", "C1 d1 a -", DuplexYes, "codes-disagree 2"},
		{"a sheet that was written on", "a - S n b -", DuplexYes, "sheet-written-on 4"},
		{"a sheet in the back of a letter", "a S b -", DuplexYes, "sheet-written-on 1"},
		{"both sides, but one is missing", "a - S s b", DuplexYes, "side-missing 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := Split(ours1, stack(c.stack), c.duplex)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(b); got != c.want {
				t.Errorf("%s as %s: %s, want %s", c.stack, c.duplex, got, c.want)
			}
			for _, h := range b.Held {
				if s := h.Says(texts.English()); strings.Contains(s, "%!") || !strings.HasSuffix(s, ".") {
					t.Errorf("it says %q", s)
				}
			}
			if (len(b.Held) > 0) == (len(b.Letters) > 0) {
				t.Error("a stack is either held or has letters")
			}
		})
	}
}

func TestWhatCannotBeSplit(t *testing.T) {
	for name, split := range map[string]func() (Batch, error){
		"no pages":     func() (Batch, error) { return Split(ours1, nil, DuplexNo) },
		"no helpline":  func() (Batch, error) { return Split("", stack("a"), DuplexNo) },
		"no such word": func() (Batch, error) { return Split(ours1, stack("a"), "maybe") },
	} {
		if _, err := split(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A person sees the pages on both sides of each boundary, and of what is odd.
func TestBoundariesForAPerson(t *testing.T) {
	b, err := Split(ours1, stack("C3 a b c S d e x f g"), DuplexNo)
	if err != nil {
		t.Fatal(err)
	}
	want := Cuts{Begins: []int{2, 6, 9}, LeaveOut: []int{1, 5, 8}}
	if diff := cmp.Diff(want, b.Cuts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, 2, 4, 5, 6, 7, 8, 9}, b.Boundaries()); diff != "" {
		t.Error(diff)
	}
}

// Of a page that may be a letter's a person has to say that it goes.
func TestDoubtfulPages(t *testing.T) {
	for words, want := range map[string][]int{
		"C2 a S+x b":     {3},
		"C3 a x b S+x c": {3, 5},
		"a - S s+x b c":  {4},
		"a - S -+x b c":  nil, // the front shines through
		"C3 a S b":       nil,
		"a O b":          nil,
		"S s":            nil,
		"x":              {1},
	} {
		b, err := Split(ours1, stack(words), DuplexAuto)
		if diff := cmp.Diff(want, b.Doubtful()); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", words, err, diff)
		}
	}
}

// What is held is kept as JSON until a person has looked at it.
func TestAPersonsCuts(t *testing.T) {
	held, err := Split(ours1, stack("C2 a b x c S - d"), DuplexNo)
	if err != nil || len(held.Held) == 0 {
		t.Fatalf("%v, %v", held, err)
	}
	kept, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	var b Batch
	if err := json.Unmarshal(kept, &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(held, b); diff != "" {
		t.Fatal(diff)
	}
	for _, c := range []struct {
		name string
		cuts Cuts
		want string
		err  error
	}{
		{"as proposed", b.Cuts, "2 3 (2/2), 5 (1/1), 7 8 (2/1)", nil},
		{"the damaged page is a letter's", Cuts{[]int{2, 7}, []int{1, 6}, nil, nil}, "2 3 4 5 (4/4), 7 8 (2/1)", nil},
		{"the blank page goes too", Cuts{[]int{2, 8}, []int{1, 6, 7}, nil, nil}, "2 3 4 5 (4/4), 8 (1/1)", nil},
		{"a sheet stays in a letter", Cuts{[]int{2}, []int{1}, nil, nil}, "", ErrCutsSheet},
		{"a letter over a sheet", Cuts{[]int{2}, []int{1, 6}, nil, nil}, "", ErrCutsBegin},
		{"a first page of nobody", Cuts{[]int{3, 7}, []int{1, 6}, nil, nil}, "", ErrCutsBegin},
		{"begins on a sheet", Cuts{[]int{2, 6}, []int{1, 6}, nil, nil}, "", ErrCutsNobody},
		{"out of order", Cuts{[]int{7, 2}, []int{1, 6}, nil, nil}, "", ErrCutsOrder},
		{"beyond the end", Cuts{[]int{2, 7, 9}, []int{1, 6}, nil, nil}, "", ErrCutsOrder},
		{"page nought", Cuts{[]int{0, 2, 7}, []int{1, 6}, nil, nil}, "", ErrCutsOrder},
		{"twice", Cuts{[]int{2, 2, 7}, []int{1, 6}, nil, nil}, "", ErrCutsOrder},
		{"a sheet is kept", Cuts{[]int{2, 7}, []int{1}, []int{6}, nil}, "", ErrCutsKept},
		{"what is kept begins", Cuts{[]int{2, 4, 7}, []int{1, 6}, []int{4}, nil}, "", ErrCutsKept},
		{"what is kept goes", Cuts{[]int{2, 5, 7}, []int{1, 4, 6}, []int{4}, nil}, "", ErrCutsKept},
		{"a letter goes on after what is kept", Cuts{[]int{2, 7}, []int{1, 6}, []int{4}, nil}, "", ErrCutsBegin},
		{"kept twice", Cuts{[]int{2, 5, 7}, []int{1, 6}, []int{4, 4}, nil}, "", ErrCutsOrder},
		{"the damaged page is kept", Cuts{[]int{2, 5, 7}, []int{1, 6}, []int{4}, nil}, "2 3 4 (3?/3), 5 (1/1), 7 8 (2/1)", nil},
		{"the sheet is a letter's page", Cuts{[]int{2, 7}, []int{1}, nil, []int{6}}, "2 3 4 5 6 (5?/5), 7 8 (2/1)", nil},
		{"a letter begins on the sheet", Cuts{[]int{2, 6}, []int{1}, nil, []int{6}}, "2 3 4 5 (4/4), 6 7 8 (3?/2)", nil},
		{"another page is said to bear a code", Cuts{[]int{2, 7}, []int{1, 6}, nil, []int{5}}, "", ErrCutsCode},
		{"a letter's page with a code goes", Cuts{[]int{2, 7}, []int{1, 6}, nil, []int{6}}, "", ErrCutsCode},
		{"one of two pages with a code is a letter's", Cuts{[]int{1, 7}, nil, nil, []int{6}}, "", ErrCutsSheet},
		{"a page with a code beyond the end", Cuts{[]int{2, 7}, []int{1, 6}, nil, []int{9}}, "", ErrCutsOrder},
		{"nothing but a page with a code", Cuts{[]int{1, 2, 7}, []int{6}, nil, []int{1}}, "1 (1/1), 2 3 4 5 (4/4), 7 8 (2/1)", nil},
		{"no letter", Cuts{nil, []int{1, 2, 3, 4, 5, 6, 7, 8}, nil, nil}, "", ErrCutsNone},
	} {
		done, err := b.Confirm(c.cuts)
		if err != c.err || told(done) != c.want {
			t.Errorf("%s: %s, %v; want %s, %v", c.name, told(done), err, c.want, c.err)
		}
	}
	if len(b.Held) == 0 {
		t.Error("the held stack itself was changed")
	}
}

// Who says in the folder that a stack is to be split at its sheets has perhaps not
// looked at each: what may be a letter's stays with one.
func TestDoubtfulPagesAreKeptWithALetter(t *testing.T) {
	for words, want := range map[string]string{
		"a b x c S d":   "1 2 3 (3?/3) kept 3, 4 (1/1), 6 (1/1)",
		"a S+x b":       "1 2 (2?/2) kept 2, 3 (1/1)",
		"C2+x a S b":    "1 2 (2?/2) kept 1, 4 (1/1)",
		"C2+x S a S b":  "1 3 (2?/2) kept 1, 5 (1/1)",
		"a - S s+x b -": "1 2 4 (2?/2) kept 4, 5 6 (1/1)",
		"a x x b":       "1 2 3 (3?/3) kept 2 3, 4 (1/1)",
		"a x":           "1 2 (2?/2) kept 2",
		"x":             "1 (1/1) kept 1",
		"S x S+x":       "2 3 (2?/2) kept 2 3",
		"S s":           "",
		"C3 a S b":      "2 (1/1), 4 (1/1)",
	} {
		duplex := DuplexNo
		if strings.Contains(words, "-") {
			duplex = DuplexYes
		}
		b, err := Split(ours1, stack(words), duplex)
		if err != nil || len(b.Held) == 0 {
			t.Fatalf("%s: %v, %v", words, b.Held, err)
		}
		if b, err = b.Confirm(b.AtSheets()); (err != nil) != (want == "") {
			t.Errorf("%s: %v", words, err)
			continue
		}
		var got []string
		for _, l := range b.Letters {
			one := told(Batch{Letters: []Letter{l}})
			if len(l.Kept) > 0 {
				one += " kept " + strings.Trim(fmt.Sprint(l.Kept), "[]")
			}
			got = append(got, one)
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("%s: %s, want %s", words, got, want)
		}
	}
}

func TestACutBetweenTheSidesOfASheetIsUncertain(t *testing.T) {
	held, err := Split(ours1, stack("a b S s c d e f x -"), DuplexYes)
	if err != nil {
		t.Fatal(err)
	}
	done, err := held.Confirm(Cuts{Begins: []int{1, 5, 8}, LeaveOut: []int{3, 4, 9, 10}})
	if got, want := told(done), "1 2 (1/2), 5 6 7 (2?/3), 8 (1/1)"; got != want || err != nil {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestEveryReasonHasItsSentence(t *testing.T) {
	all := []Reason{CodeDamaged, SheetCovered, CodesDisagree, OtherHelpline, SheetWrittenOn, LetterMissing, CountDiffers, CoverNotFirst, SecondCover, SideMissing}
	for _, r := range all {
		if !texts.English().Has("hold." + string(r)) {
			t.Errorf("%s has no sentence", r)
		}
	}
}
