package scanned

// bits reads a JPEG's picture data. The same is done in package pdf, with a view to
// what is missing or too much; here only speed counts, and whatever is odd ends it.
type bits struct {
	data []byte
	at   int    // the next byte to look at
	hold uint64 // bits read ahead, the next highest
	held int    // how many
	made int    // zeros that were invented behind the data's end
}

// fill reads ahead until there are more than 56 bits.
func (b *bits) fill() {
	for b.held <= 56 {
		var v byte
		switch {
		case b.at < len(b.data) && b.data[b.at] != 0xff:
			v = b.data[b.at]
			b.at++
		case b.at+1 < len(b.data) && b.data[b.at+1] == 0:
			v = 0xff
			b.at += 2
		default: // a marker
			b.made += 8
		}
		b.hold |= uint64(v) << (56 - b.held)
		b.held += 8
	}
}

// overrun reports whether bits were read that are not there.
func (b *bits) overrun() bool { return b.held < b.made }

// fresh forgets what is read ahead, before a marker.
func (b *bits) fresh() { b.hold, b.held, b.made = 0, 0, 0 }

// shortBits is how long a code word is that is found at first sight.
const shortBits = 10

// huffman looks code words up (T.81, annexes C and F.2.2.3).
type huffman struct {
	// short is value and length of the word that the next bits begin with, 0 for a
	// longer one.
	short  [1 << shortBits]uint16
	end    [17]int32 // behind the last word of each length
	first  [17]int   // where the values of each length begin, less the first word
	values []byte
}

// newHuffman reads a table of a DHT segment, and how long it is there.
func newHuffman(s []byte) (t *huffman, used int, ok bool) {
	if len(s) < 16 {
		return nil, 0, false
	}
	total := 0
	for _, n := range s[:16] {
		total += int(n)
	}
	if total > 256 || len(s) < 16+total {
		return nil, 0, false
	}
	t = &huffman{values: s[16 : 16+total]}
	code, at := 0, 0
	for length := 1; length <= 16; length++ {
		n := int(s[length-1])
		if code+n > 1<<length {
			return nil, 0, false
		}
		t.first[length] = at - code
		for i := 0; i < n && length <= shortBits; i++ {
			free := shortBits - length
			for rest := range 1 << free {
				t.short[(code+i)<<free|rest] = uint16(t.values[at+i])<<5 | uint16(length)
			}
		}
		code, at = code+n, at+n
		t.end[length] = int32(code)
		code <<= 1
	}
	return t, 16 + total, true
}

// symbol reads a code word, for which 16 bits must be held; -1 is none.
func (b *bits) symbol(t *huffman) int {
	if e := t.short[b.hold>>(64-shortBits)]; e != 0 {
		n := int(e & 31)
		b.hold <<= n
		b.held -= n
		return int(e >> 5)
	}
	next := int32(b.hold >> 48)
	for n := shortBits + 1; n <= 16; n++ {
		if code := next >> (16 - n); code < t.end[n] {
			b.hold <<= n
			b.held -= n
			return int(t.values[t.first[n]+int(code)])
		}
	}
	return -1
}

// extend reads a number of n bits, 1 to 15, that stands for one below or above 0
// (figure F.12).
func (b *bits) extend(n int) int32 {
	v := int32(b.hold >> (64 - n))
	below := int32(^int64(b.hold) >> 63) // all ones when the first bit is 0
	b.hold <<= n
	b.held -= n
	return v + below&(1-1<<n)
}
