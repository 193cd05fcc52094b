package pipeline

import (
	"image"
	"sync"
)

// rooms is the memory in which a page is made for somebody who waits for it: as it is
// drawn, and with its mark. It is kept for the next page: to get as much from the
// system anew takes longer than to make the page where memory is dear, as in a
// virtual machine.
type rooms struct{ page, marked []byte }

// mostRoom bounds what is kept of each, in bytes: a page at 225 dots per inch fits, as it is shown.
const mostRoom = 24 << 20

// sheet is a picture of that size, whose dots have any colour.
func (r *rooms) sheet(width, height int) *image.RGBA {
	if n := 4 * width * height; cap(r.marked) < n {
		r.marked = make([]byte, n)
	} else {
		r.marked = r.marked[:n]
	}
	return &image.RGBA{Pix: r.marked, Stride: 4 * width, Rect: image.Rect(0, 0, width, height)}
}

// roomsKept are the rooms in which no page is made now, as many as were in use at once.
// The one that was used last is used next.
type roomsKept struct {
	mu   sync.Mutex
	free []*rooms
}

func (k *roomsKept) take() *rooms {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.free)
	if n == 0 {
		return &rooms{}
	}
	r := k.free[n-1]
	k.free = k.free[:n-1]
	return r
}

// giveBack wipes the rooms first.
func (k *roomsKept) giveBack(r *rooms) {
	for _, room := range []*[]byte{&r.page, &r.marked} {
		clear(*room)
		if cap(*room) > mostRoom {
			*room = nil
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.free = append(k.free, r)
}
