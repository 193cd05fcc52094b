package letter

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Flag is something a reader should know of a page before trusting the scan. It
// is a hint: nothing is ever removed because of one (RESISCAN A.AM.VF.H.1: a
// person resolves what a machine has flagged).
type Flag string

// The flags, in the order in which they are shown.
const (
	Blank         Flag = "blank"          // nothing is to be seen on it
	NearlyBlank   Flag = "nearly-blank"   // next to nothing
	MostlyBlack   Flag = "mostly-black"   // black, and next to nothing else
	Skewed        Flag = "skewed"         // it lay askew on the scanner
	LowResolution Flag = "low-resolution" // fewer than 200 dots per inch
	MaybeSheet    Flag = "maybe-sheet"    // a separator sheet of its stack, or a page that lay over one
)

// AllFlags lists them.
var AllFlags = []Flag{Blank, NearlyBlank, MostlyBlack, Skewed, LowResolution, MaybeSheet}

// Flags are the flags of all pages as one word a flag, "3:blank 7:skewed", in
// order of page; empty for none. A manifest holds them so, which keeps two
// manifests comparable.
type Flags string

// Add adds a flag of a page, which must not come before the last one added.
func (f Flags) Add(page int, flag Flag) Flags {
	word := strconv.Itoa(page) + ":" + string(flag)
	if f == "" {
		return Flags(word)
	}
	return f + " " + Flags(word)
}

// Of lists the flags of a page, from 1.
func (f Flags) Of(page int) (flags []Flag) {
	_ = f.each(func(n int, flag Flag) {
		if n == page {
			flags = append(flags, flag)
		}
	})
	return flags
}

// each calls see for every flag. It fails where f is not of the agreed form.
func (f Flags) each(see func(page int, flag Flag)) error {
	if f == "" {
		return nil
	}
	for _, word := range strings.Split(string(f), " ") {
		number, flag, _ := strings.Cut(word, ":")
		page, err := strconv.Atoi(number)
		if err != nil || page < 1 || strconv.Itoa(page) != number || !slices.Contains(AllFlags, Flag(flag)) {
			return errors.New("a flag is not of the agreed form")
		}
		see(page, Flag(flag))
	}
	return nil
}

// valid checks the form, and that every flag is of one of so many pages.
func (f Flags) valid(pages int) bool {
	last := 0
	err := f.each(func(page int, _ Flag) {
		if page < last || page > pages {
			last = pages + 1
		} else {
			last = page
		}
	})
	return err == nil && last <= pages
}
