package separator

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// office is a stack as it really is: what a person put together, and how it was
// scanned. Split sees only its pages.
type office struct {
	duplex bool
	words  []string // of the pages, as stack reads them
	owner  []int    // of each page: the letter, from 1; 0 for a sheet and its back
	sheets []int    // of each letter
	cover  bool
}

func (o office) String() string { return strings.Join(o.words, " ") }

func (o *office) put(owner int, words ...string) {
	for _, w := range words {
		o.words = append(o.words, w)
		o.owner = append(o.owner, owner)
	}
}

// sheet puts a separator or a cover into the stack, as people do: printed on one
// side or on both, face up or face down.
func (o *office) sheet(t *rapid.T, front, back string) {
	both, turned := rapid.Bool().Draw(t, "printed on both sides"), rapid.Bool().Draw(t, "face down")
	if !both {
		back = "-"
	}
	switch {
	case o.duplex && turned:
		o.put(0, back, front)
	case o.duplex:
		o.put(0, front, back)
	case turned && both:
		o.put(0, back)
	default:
		o.put(0, front)
	}
}

func (o *office) letter(t *rapid.T) {
	owner := len(o.sheets) + 1
	n := rapid.IntRange(1, 4).Draw(t, "sheets")
	o.sheets = append(o.sheets, n)
	for i := range n {
		word := "L"
		// A blank page beside a separator is taken for its back: that one side was
		// scanned, and the letter begins or ends with a blank page, is not supposed.
		if i > 0 && i < n-1 && rapid.Bool().Draw(t, "blank") {
			word = "-"
		}
		o.put(owner, word)
		if o.duplex {
			o.put(owner, rapid.SampledFrom([]string{"-", "L"}).Draw(t, "back"))
		}
	}
}

// drawOffice draws a stack without a mistake.
func drawOffice(t *rapid.T, cover bool) (o office) {
	o.duplex, o.cover = rapid.Bool().Draw(t, "duplex"), cover
	letters := rapid.IntRange(1, 5).Draw(t, "letters")
	if cover {
		o.sheet(t, fmt.Sprintf("C%d", letters), fmt.Sprintf("c%d", letters))
	}
	if rapid.Bool().Draw(t, "a sheet first") {
		o.sheet(t, "S", "s")
	}
	for i := range letters {
		if i > 0 {
			o.sheet(t, "S", "s")
		}
		o.letter(t)
	}
	if rapid.Bool().Draw(t, "a sheet last") {
		o.sheet(t, "S", "s")
	}
	return o
}

func (o office) setting() Duplex {
	if o.duplex {
		return DuplexYes
	}
	return DuplexNo
}

func split(t *rapid.T, words []string, duplex Duplex) Batch {
	b, err := Split(ours1, stack(strings.Join(words, " ")), duplex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Told how it was scanned, Split finds each letter of a stack without mistakes,
// with its sheets and sides.
func TestASoundStackIsSplitAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOffice(t, rapid.Bool().Draw(t, "cover"))
		b := split(t, o.words, o.setting())
		if len(b.Held) > 0 || len(b.Letters) != len(o.sheets) {
			t.Fatalf("%s: %s", o, told(b))
		}
		for i, l := range b.Letters {
			sides := 0
			for _, n := range l.Pages {
				if o.owner[n-1] != i+1 {
					t.Fatalf("%s: page %d is in letter %d", o, n, i+1)
				}
				if o.words[n-1] != "-" {
					sides++
				}
			}
			if l.Sheets != o.sheets[i] || l.Sides != sides || l.Uncertain {
				t.Fatalf("%s: letter %d: %+v", o, i+1, l)
			}
		}
		whole(t, b)
	})
}

// Left to find out how it was scanned, it may hold a stack, but mixes no letters,
// loses no page with something on it, and what it says of the sheets is right or
// marked as uncertain.
func TestFindingOutNeverMixesLetters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOffice(t, rapid.Bool().Draw(t, "cover"))
		b := split(t, o.words, DuplexAuto)
		unmixed(t, o, b)
		for _, l := range b.Letters {
			if i := o.owner[l.Pages[0]-1]; !l.Uncertain && i > 0 && l.Sheets != o.sheets[i-1] {
				t.Fatalf("%s: letter %d has %d sheets, not %d", o, i, o.sheets[i-1], l.Sheets)
			}
		}
	})
}

// Behind a cover sheet any one fault holds the stack or does no harm.
func TestOneFaultNeverMixesLetters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOffice(t, true)
		fault := rapid.SampledFrom([]string{
			"unseen", "seen blank", "damaged", "other helpline", "sheet gone", "page gone", "sheet twice", "letter gone",
		}).Draw(t, "fault")
		o, at := o.spoil(t, fault)
		for _, duplex := range []Duplex{o.setting(), DuplexAuto} {
			b := split(t, o.words, duplex)
			unmixed(t, o, b)
			switch {
			case fault == "damaged" || fault == "other helpline":
				if len(b.Held) == 0 {
					t.Fatalf("%s at %d: not held: %s", fault, at, o)
				}
			case fault == "letter gone" && len(b.Held) == 0:
				t.Fatalf("%s at %d: not held: %s: %s", fault, at, o, told(b))
			}
		}
	})
}

// spoil does something to a page of a sheet, or to a letter; at is its page.
func (o office) spoil(t *rapid.T, fault string) (spoilt office, at int) {
	var marked []int
	for i, w := range o.words {
		if page(w).Marks.any() {
			marked = append(marked, i)
		}
	}
	i := rapid.SampledFrom(marked).Draw(t, "page")
	from, to := i, i+1
	if o.duplex && fault != "page gone" {
		from, to = i-i%2, i-i%2+2
	}
	words, owner := slices.Clone(o.words), slices.Clone(o.owner)
	switch fault {
	case "unseen":
		words[i] = "n"
	case "seen blank":
		words[i] = "-"
	case "damaged":
		words[i] = "x"
	case "other helpline":
		words[i] = "O"
	case "sheet gone", "page gone":
		words, owner = slices.Delete(words, from, to), slices.Delete(owner, from, to)
	case "sheet twice":
		words, owner = slices.Insert(words, to, words[from:to]...), slices.Insert(owner, to, owner[from:to]...)
	case "letter gone":
		gone := rapid.IntRange(1, len(o.sheets)).Draw(t, "letter")
		words, owner = nil, nil
		for i, of := range o.owner {
			if of != gone {
				words, owner = append(words, o.words[i]), append(owner, of)
			}
		}
		i = gone
	}
	o.words, o.owner = words, owner
	return o, i + 1
}

// unmixed says that no letter has pages of two, no page with something on it is
// missing, and no letter is torn apart: unless the stack is held.
func unmixed(t *rapid.T, o office, b Batch) {
	whole(t, b)
	if len(b.Held) > 0 {
		return
	}
	placed, torn := map[int]bool{}, map[int]int{}
	for i, l := range b.Letters {
		of := 0
		for _, n := range l.Pages {
			placed[n] = true
			owner := o.owner[n-1]
			if owner == 0 {
				continue // a back, or a sheet that was not seen: no one else's page
			}
			if of != 0 && of != owner {
				t.Fatalf("%s: letters %d and %d became one: %s", o, of, owner, told(b))
			}
			if before, known := torn[owner]; known && before != i {
				t.Fatalf("%s: letter %d was torn apart: %s", o, owner, told(b))
			}
			of, torn[owner] = owner, i
		}
	}
	for i, owner := range o.owner {
		if owner > 0 && o.words[i] != "-" && !placed[i+1] {
			t.Fatalf("%s: page %d is in no letter: %s", o, i+1, told(b))
		}
	}
}

// whole says that each page is in one letter or left out, and no sheet in a letter.
func whole(t *rapid.T, b Batch) {
	if len(b.Held) > 0 {
		if len(b.Letters) > 0 {
			t.Fatalf("held, and yet letters: %s", told(b))
		}
		if len(b.Cuts.Begins) == 0 {
			return
		}
		var err error
		if b, err = b.Confirm(b.Cuts); err != nil {
			t.Fatalf("the proposal does not hold: %v", err)
		}
	}
	times := make([]int, len(b.Pages)+1)
	for _, n := range b.Cuts.LeaveOut {
		times[n]++
	}
	last := 0
	for _, l := range b.Letters {
		for _, n := range l.Pages {
			times[n]++
			if n <= last {
				t.Fatalf("page %d comes after page %d", n, last)
			}
			if last = n; len(b.Pages[n-1].Marks.Codes) > 0 && !slices.Contains(b.Cuts.Despite, n) {
				t.Fatalf("page %d is a sheet, in a letter", n)
			}
		}
		for n := l.Pages[0]; n <= last; n++ {
			if slices.Contains(b.Cuts.LeaveOut, n) {
				t.Fatalf("a letter reaches over page %d", n)
			}
		}
	}
	for n, count := range times[1:] {
		if count != 1 {
			t.Fatalf("page %d is in %d places", n+1, count)
		}
	}
}

// Whatever a stack holds, each of its pages is in one place.
func TestAnyPagesAreInOnePlace(t *testing.T) {
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a", "-", "S", "s", "C1", "c1", "C2", "D2", "O", "x", "S+C1", "S+x"}), 1, 14)
	settings := rapid.SampledFrom([]Duplex{DuplexAuto, DuplexYes, DuplexNo})
	cuts := rapid.SliceOfN(rapid.IntRange(-1, 15), 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		b := split(t, words.Draw(t, "stack"), settings.Draw(t, "duplex"))
		whole(t, b)
		begins, out, despite := cuts.Draw(t, "begins"), cuts.Draw(t, "left out"), cuts.Draw(t, "despite a code")
		slices.Sort(begins)
		slices.Sort(out)
		slices.Sort(despite)
		if done, err := b.Confirm(Cuts{Begins: begins, LeaveOut: out, Despite: despite}); err == nil {
			if len(done.Letters) != len(begins) {
				t.Fatalf("%d letters of %d cuts", len(done.Letters), len(begins))
			}
			whole(t, done)
		}
	})
}

// Split at its sheets, a held stack loses no page that is not a sheet for certain.
func TestNoDoubtfulPageIsLost(t *testing.T) {
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a", "-", "S", "s", "C1", "O", "x", "-+x", "S+C1", "S+x", "s+x"}), 1, 14)
	settings := rapid.SampledFrom([]Duplex{DuplexAuto, DuplexYes, DuplexNo})
	rapid.Check(t, func(t *rapid.T) {
		held := split(t, words.Draw(t, "stack"), settings.Draw(t, "duplex"))
		if len(held.Held) == 0 {
			t.Skip("not held")
		}
		doubtful := held.Doubtful()
		done, err := held.Confirm(held.AtSheets())
		if nobody := len(held.Cuts.Begins)+len(doubtful) == 0; (err == nil) == nobody {
			t.Fatalf("%d letters and %d doubtful pages: %v", len(held.Cuts.Begins), len(doubtful), err)
		}
		if err != nil {
			return
		}
		var in []int
		for _, l := range done.Letters {
			if len(l.Pages) == 0 || !slices.IsSorted(l.Pages) {
				t.Fatalf("a letter of pages %v", l.Pages)
			}
			in = append(in, l.Pages...)
		}
		slices.Sort(in)
		for n, p := range held.Pages {
			n++
			_, is := slices.BinarySearch(in, n)
			if doubt := slices.Contains(doubtful, n); doubt && !is || !doubt && is && len(p.Marks.Codes) > 0 {
				t.Fatalf("page %d: in a letter: %v, doubtful: %v", n, is, doubt)
			}
			if !is && !p.Blank && !p.Marks.any() {
				t.Fatalf("page %d is lost", n)
			}
		}
		if len(slices.Compact(in)) != len(in) {
			t.Fatalf("a page is in two places: %v", in)
		}
	})
}
