package portal

import (
	"fmt"
	"net/url"
	"strconv"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// shownPage is one page of a letter on its reader's screen. One page is turned at a
// time; with script any of them can be, and nothing is loaded anew.
type shownPage struct {
	N             int    // from 1
	Page, Source  string // its picture upright, and as it is shown
	OnScreen      string // the same for a screen without finer dots; empty where it is turned or larger
	Width, Height int    // what its picture has at pageDPI, if the paper is A4: its place is kept until it is there
	Turn          int    // clockwise, in quarters
	Before, After int    // the pages next to it; 0 for none

	TurnAt, LargerAt string // the letter with this page turned once more, and with larger pages or smaller ones
}

// An A4 page with the margins of its mark, in dots of pageDPI, and how it is turned by
// a quarter: the margins go by the width that it has then.
const (
	a4Width, a4Height         = 1303, 1816
	turnedWidth, turnedHeight = 1841, 1328
)

// shownPages are the letter's pages as the address asks for them: which of them is
// turned, and whether they are larger.
func shownPages(v *visit, l register.Letter) (out []shownPage, larger bool) {
	asked := v.URL.Query()
	turned, turn := wholeNumber(asked.Get("page")), turnOf(v)
	larger = asked.Get("larger") == "1"
	for n := 1; n <= l.Pages; n++ {
		page := fmt.Sprintf("%s/page/%d.jpg", letterPath(l.ID), n)
		f := shownPage{N: n, Page: page, Width: a4Width, Height: a4Height, Before: n - 1, After: (n + 1) % (l.Pages + 1)}
		if int64(n) == turned {
			f.Turn = turn
		}
		f.Source = pictureAt(page, f.Turn, larger)
		if f.Source == page {
			f.OnScreen = page + "?dpi=" + strconv.Itoa(screenDPI)
		}
		if f.Turn%2 == 1 {
			f.Width, f.Height = turnedWidth, turnedHeight
		}
		f.TurnAt, f.LargerAt = pageAt(l.ID, n, (f.Turn+1)%4, larger), pageAt(l.ID, n, f.Turn, !larger)
		out = append(out, f)
	}
	return out, larger
}

// pictureAt is the address of a page's picture, turned by so many quarters, and sharper
// where it is shown in twice its size.
func pictureAt(page string, turn int, larger bool) string {
	q := url.Values{}
	if turn > 0 {
		q.Set("turn", strconv.Itoa(turn))
	}
	if larger {
		q.Set("dpi", strconv.Itoa(largerDPI))
	}
	if len(q) == 0 {
		return page
	}
	return page + "?" + q.Encode()
}

// pageAt is the letter's address at a page that is turned by so many quarters.
func pageAt(id letter.ID, n, turn int, larger bool) string {
	q := url.Values{}
	if turn > 0 {
		q.Set("page", strconv.Itoa(n))
		q.Set("turn", strconv.Itoa(turn))
	}
	if larger {
		q.Set("larger", "1")
	}
	return letterPath(id) + "?" + q.Encode() + "#page-" + strconv.Itoa(n)
}

// turnOf is by how many quarters the address asks for a page to be turned.
func turnOf(v *visit) int {
	turn, _ := strconv.Atoi(v.URL.Query().Get("turn")) // anything else is upright
	return turn & 3
}
