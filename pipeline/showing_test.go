package pipeline

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"letterlock/pipeline/portal"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// reads counts how often the storage is read.
type reads struct {
	Store
	n atomic.Int32
}

func (r *reads) Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error) {
	r.n.Add(1)
	return r.Store.Read(ctx, key, version)
}

// A letter is fetched and opened once for all of its pages, the next page is there
// before it is asked for, and nothing is left in memory once the letter has ended.
func TestALetterIsOpenedOnceForItsReader(t *testing.T) {
	counted := &reads{}
	o := newOffice(t, func(c *Config) {
		counted.Store = c.Store
		c.Store = counted
	})
	m := o.depositPDF(specimen.New(1, 3).ColourPDF(), func(m *letter.Manifest, _ *[]byte) { m.Pages = 3 })
	o.work(m.ID)
	l, ctx := o.state(m.ID), t.Context()
	before := counted.n.Load()
	view := portal.View{Page: 1, DPI: 50, Mark: "Staff number 1"}
	o.must(o.Ready(ctx, l, view))
	first, err := o.Page(ctx, l, view)
	o.must(err)
	ahead := view
	ahead.Page = 2
	for !o.showing.pictures.has(pictureKey{openedKey{l.ID, l.Lies}, ahead}) {
		time.Sleep(time.Millisecond)
	}
	second, err := o.Page(ctx, l, ahead)
	o.must(err)
	if bytes.Equal(first, second) {
		t.Error("two pages are one")
	}
	if n := counted.n.Load() - before; n != 1 {
		t.Errorf("the storage was read %d times", n)
	}
	other := view
	other.Mark = "Staff number 2"
	theirs, err := o.Page(ctx, l, other)
	o.must(err)
	if bytes.Equal(first, theirs) {
		t.Error("somebody is shown a page with another person's mark")
	}

	plain, done, err := o.plain(ctx, l)
	o.must(err)
	done()
	if !bytes.HasPrefix(plain, []byte("%PDF")) {
		t.Fatal("what is held is not the letter")
	}
	for len(o.showing.ahead) > 0 {
		time.Sleep(time.Millisecond)
	}
	o.toDeadline(m)
	o.work(m.ID)
	if !wiped(plain) || len(o.showing.opened.held)+len(o.showing.pictures.held) != 0 {
		t.Errorf("the letter has ended, and is in memory: %s", o.log)
	}
}

// The first page is made while the letter's page is on its way to whoever opens it,
// and those that the browser asks for beside it come after it.
func TestTheFirstPageIsMadeFirst(t *testing.T) {
	o := newOffice(t)
	m := o.depositPDF(specimen.New(1, 3).ColourPDF(), func(m *letter.Manifest, _ *[]byte) { m.Pages = 3 })
	o.work(m.ID)
	l, ctx := o.state(m.ID), t.Context()
	view := func(page int) portal.View { return portal.View{Page: page, DPI: 50, Mark: "Staff number 1"} }
	held := func(page int) bool { return o.showing.pictures.has(pictureKey{openedKey{l.ID, l.Lies}, view(page)}) }
	o.must(o.Ready(ctx, l, view(1)))
	for len(o.showing.begun) > 0 {
		time.Sleep(time.Millisecond)
	}
	if !held(1) {
		t.Error("the letter is ready, and its first page was not made")
	}

	asked := make(chan error, 1)
	_, done, err := o.showing.pictures.get(ctx, pictureKey{openedKey{l.ID, l.Lies}, view(2)}, func(context.Context) ([]byte, error) {
		go func() {
			_, err := o.Page(ctx, l, view(3))
			asked <- err
		}()
		time.Sleep(20 * time.Millisecond) // if it does not wait, it has begun by then
		if held(3) {
			t.Error("the third page is made while the second is")
		}
		return []byte("a page"), nil
	})
	o.must(err)
	done()
	o.must(<-asked)
	if !held(3) {
		t.Error("the third page was never made")
	}
}

// The mark stands beside the page and never on it, whichever way it is turned; and it
// is large enough to be read where the page is as wide as a phone, once whole at its foot.
func TestTheMarkIsNotOnThePage(t *testing.T) {
	page := image.NewRGBA(image.Rect(0, 0, 300, 400))
	for i := range page.Pix {
		page.Pix[i] = byte(i)
	}
	for turn := range 4 {
		upright := turned(page, turn)
		plain, err := withMark(upright, "", &rooms{})
		if err != nil {
			t.Fatal(err)
		}
		marked, err := withMark(upright, "Staff number 12, opened 24 November 2026 at 12:02pm", &rooms{})
		if err != nil {
			t.Fatal(err)
		}
		var right, foot int
		rows, columns := map[int]bool{}, map[int]bool{} // of the foot, with ink
		for y := range marked.Rect.Dy() {
			for x := range marked.Rect.Dx() {
				at := marked.RGBAAt(x, y)
				switch {
				case x < upright.Rect.Dx() && y < upright.Rect.Dy():
					if at != upright.RGBAAt(x, y) {
						t.Fatalf("turned %d: the page is changed at %d,%d", turn, x, y)
					}
				case at == plain.RGBAAt(x, y):
				case y >= upright.Rect.Dy():
					foot++
					rows[y], columns[x] = true, true
				default:
					right++
				}
			}
		}
		if right < 300 || foot < 300 {
			t.Errorf("turned %d: %d dots of the mark at the right, %d at the foot", turn, right, foot)
		}
		if high := float64(len(rows)) / float64(marked.Rect.Dx()) * 360; high < 10 {
			t.Errorf("turned %d: the mark is %.1f pixels high on a phone", turn, high)
		}
		margin, gap := marked.Rect.Dx()-upright.Rect.Dx(), 0
		for x := slices.Min(slices.Collect(maps.Keys(columns))); x < marked.Rect.Dx() && gap < margin; x++ {
			if gap++; columns[x] {
				gap = 0
			}
		}
		if gap < margin/2 {
			t.Errorf("turned %d: the mark does not fit the foot", turn)
		}
	}
}

func TestTurned(t *testing.T) {
	page := image.NewRGBA(image.Rect(0, 0, 3, 2))
	ink := color.RGBA{1, 2, 3, 255}
	page.SetRGBA(2, 0, ink) // at the top, to the right
	for turn, at := range []image.Point{{2, 0}, {1, 2}, {0, 1}, {0, 0}} {
		if got := turned(page, turn); got.RGBAAt(at.X, at.Y) != ink {
			t.Errorf("turned %d: it is not at %v of %v", turn, at, got.Rect)
		}
	}
	shown, err := shownJPEG(page, 1, "x", &rooms{})
	if err != nil {
		t.Fatal(err)
	}
	if size, err := jpeg.DecodeConfig(bytes.NewReader(shown)); err != nil || size.Width != 2+1 || size.Height != 3+1 {
		t.Errorf("%+v, %v", size, err)
	}
}
