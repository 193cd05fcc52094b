package pdf

import (
	"bytes"
	"hash/maphash"
)

// jpegIntervals remembers the picture data between restart markers.
//
// Some scanners (Brother's DSmobile) go on after the last row with what is in
// their memory: the last strips once more, round and round, each behind a restart
// marker, until they are told to stop. Viewers do not draw it. It is left out as
// long as every strip of it has been drawn, byte for byte: a strip that stands
// nowhere in the picture may be a piece of the letter.
type jpegIntervals struct {
	seed  maphash.Seed
	drawn map[uint64]bool
	from  int // where the one under way begins
}

func (v *jpegIntervals) begin(at int) {
	if v.drawn == nil {
		v.seed, v.drawn = maphash.MakeSeed(), map[uint64]bool{}
	}
	v.from = at
}

// end says that the interval under way has been read up to there.
func (v *jpegIntervals) end(data []byte, at int) {
	v.drawn[maphash.Bytes(v.seed, data[v.from:max(at, v.from)])] = true
}

// repeated reports whether what stands between the end of the picture and the
// next marker, restart markers apart, is nothing but what fills up the last
// interval and drawn ones once more.
func (v *jpegIntervals) repeated(rest []byte) bool {
	for first := true; ; first = false {
		at := restartIn(rest)
		part := rest
		if at >= 0 {
			part = rest[:at]
		}
		if len(part) > maxRest && (first || !v.known(part)) {
			return false
		}
		if at < 0 {
			return true
		}
		rest = rest[at+2:]
	}
}

// known reports whether that is the data of an interval that was drawn, and of up
// to maxRest bytes behind it.
func (v *jpegIntervals) known(part []byte) bool {
	for fill := range maxRest + 1 {
		if len(part) > fill && v.drawn[maphash.Bytes(v.seed, part[:len(part)-fill])] {
			return true
		}
	}
	return false
}

// restartIn is where in picture data the next restart marker stands, or -1.
func restartIn(b []byte) int {
	for i := 0; ; i += 2 {
		at := bytes.IndexByte(b[i:], 0xff)
		if i += at; at < 0 || i+1 >= len(b) {
			return -1
		}
		if next := b[i+1]; next >= rst0 && next < soi {
			return i
		}
	}
}
