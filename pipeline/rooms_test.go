package pipeline

import (
	"slices"
	"testing"
)

// The next page is made where the last was, of which nothing is left.
func TestRoomsAreWipedAndUsedAgain(t *testing.T) {
	var kept roomsKept
	r := kept.take()
	r.page = slices.Repeat([]byte{1}, 100)
	sheet := r.sheet(5, 5).Pix
	for i := range sheet {
		sheet[i] = 2
	}
	page := r.page
	kept.giveBack(r)
	if slices.Contains(page, 1) || slices.Contains(sheet, 2) {
		t.Error("a page is still there")
	}
	if again := kept.take(); again != r || &again.sheet(4, 5).Pix[0] != &sheet[0] {
		t.Error("the next page is made elsewhere")
	}
	r.page = make([]byte, mostRoom+1)
	if kept.giveBack(r); r.page != nil {
		t.Error("more is kept than may be")
	}
}
