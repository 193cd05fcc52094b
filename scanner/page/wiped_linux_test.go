package page

import (
	"bytes"
	"slices"
	"testing"

	"letterlock/scanner/specimen"
)

// What is kept for the next letter holds nothing of the last, and has bounds.
func TestWhatIsKeptIsWiped(t *testing.T) {
	isWiped := func(room []byte) bool { return !slices.ContainsFunc(room, func(b byte) bool { return b != 0 }) }

	l := specimen.New(1, 1)
	l.DPI = 100
	scan := l.ColourPDF()
	d := &desk{}
	q := request{kind: askShow, dpi: 100, body: bytes.Clone(scan)}
	var shown []byte
	if err := d.show(q, func(a answer, err error) error { shown = a.body; return err }); err != nil {
		t.Fatal(err)
	}
	if len(shown) == 0 || cap(d.shown.letter) < len(scan) || cap(d.shown.picture) < len(shown) {
		t.Error("no room is kept")
	}
	if !isWiped(q.body) || !isWiped(shown) {
		t.Error("a page that was shown is still there")
	}
	d.shown.letter = make([]byte, mostKept+1)
	if d.wipe(); d.shown.letter != nil {
		t.Error("more is kept than may be")
	}

	const most = 128 << 20
	used := func(size uint64) []byte {
		memory := reserve(0, most)
		defer memory.Free()
		room := memory.Reallocate(size)
		if !isWiped(room) {
			t.Error("a sandbox finds what another has left")
		}
		for i := range room {
			room[i] = 0xaa
		}
		return room
	}
	warm.cool()
	first := used(1 << 20)
	if again := used(2 << 20); &again[0] != &first[0] {
		t.Error("a sandbox does not get the memory of the one before")
	}
	warm.cool()
	if used(mostWarm + 1); len(warm.kept) != 0 {
		t.Error("more is kept of a sandbox than may be")
	}
}
