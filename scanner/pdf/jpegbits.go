package pdf

import "bytes"

// jpegBits reads picture data bit by bit.
type jpegBits struct {
	data    []byte
	at      int    // the next byte to look at
	hold    uint64 // bits read ahead, the next highest
	held    uint   // how many, those invented included
	made    uint   // zeros invented where a marker ended the data
	blank   int    // blocks of nothing still to come, in progressive mode
	stopped bool
}

func (b *jpegBits) fresh() { b.hold, b.held, b.made, b.blank, b.stopped = 0, 0, 0, 0, false }

// fill reads ahead at least 48 bits. A marker, which is 0xff and anything but
// 0, is not passed.
func (b *jpegBits) fill() {
	for b.held <= 56 {
		var v byte
		switch {
		case b.stopped || b.at >= len(b.data):
			b.stopped = true
			b.made += 8
		case b.data[b.at] != 0xff:
			v = b.data[b.at]
			b.at++
		case b.at+1 < len(b.data) && b.data[b.at+1] == 0:
			v = 0xff
			b.at += 2
		default:
			b.stopped = true
			b.made += 8
		}
		b.hold |= uint64(v) << (56 - b.held)
		b.held += 8
	}
}

func (b *jpegBits) overrun() bool { return b.held < b.made }

// position is behind the last byte of which a bit has been taken.
func (b *jpegBits) position() int {
	at := b.at
	if b.held < b.made {
		return at
	}
	for range (b.held - b.made) / 8 {
		if at--; b.data[at] == 0 && b.data[at-1] == 0xff {
			at--
		}
	}
	return at
}

// take reads n bits, 0 to 16.
func (b *jpegBits) take(n uint) int32 {
	if b.held < n {
		b.fill()
	}
	v := int32(b.hold >> 32 >> (32 - n))
	b.hold <<= n
	b.held -= n
	return v
}

// extend reads a number of n bits that stands for one below or above 0 (T.81
// figure F.12).
func (b *jpegBits) extend(n uint) int32 {
	v := b.take(n)
	if n > 0 && v < 1<<(n-1) {
		v += 1 - 1<<n
	}
	return v
}

// symbol reads a code word; what is none gives 256, which no caller takes.
func (b *jpegBits) symbol(t *huffmanTable) int {
	if b.held < 16 {
		b.fill()
	}
	if e := t.short[b.hold>>(64-shortBits)]; e != 0 {
		b.hold <<= e & 15
		b.held -= uint(e & 15)
		return int(e >> 4)
	}
	next := int32(b.hold >> 48)
	for n := shortBits + 1; n <= 16; n++ {
		if code := next >> (16 - n); code < t.end[n] {
			b.hold <<= n
			b.held -= uint(n)
			return int(t.values[t.first[n]+int(code)])
		}
	}
	return 256
}

// shortBits is how long a code word is that is found at first sight.
const shortBits = 9

// huffmanTable looks code words up.
type huffmanTable struct {
	short  [1 << shortBits]uint16 // value and length of the word that the bits begin with; 0: a longer one
	end    [17]int32              // behind the last word of each length
	first  [17]int                // where the values of each length begin, less the first word
	values []byte
}

// newHuffmanTable reads a table of a DHT segment (T.81 annex C) and how long it
// is there; nil if it is none.
func newHuffmanTable(s []byte) (*huffmanTable, int) {
	total := 0
	for _, n := range s[:16] {
		total += int(n)
	}
	if total > 256 || len(s) < 16+total {
		return nil, 0
	}
	t := &huffmanTable{values: bytes.Clone(s[16 : 16+total])}
	code, used := 0, 0
	for length := 1; length <= 16; length++ {
		n := int(s[length-1])
		t.first[length] = used - code
		for i := range n {
			if length > shortBits {
				break
			}
			free := shortBits - length
			for rest := range 1 << free {
				if at := (code+i)<<free | rest; at < len(t.short) {
					t.short[at] = uint16(t.values[used+i])<<4 | uint16(length)
				}
			}
		}
		code, used = code+n, used+n
		if code > 1<<length {
			return nil, 0
		}
		t.end[length] = int32(code)
		code <<= 1
	}
	return t, 16 + total
}

// endsInZeros reports whether the word of zeros, which a table gives to its
// first value, says that a block draws no more.
func (t *huffmanTable) endsInZeros() bool {
	const sixteenZeros = 0xf0
	return len(t.values) == 0 || t.values[0]&15 == 0 && t.values[0] != sixteenZeros
}

// shadesInZeros reports whether the word of zeros in a table of mean shades says
// that a block has another than the one before.
func (t *huffmanTable) shadesInZeros() bool { return len(t.values) > 0 && t.values[0] != 0 }
