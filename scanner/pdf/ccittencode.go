package pdf

// faxEncoder writes rows as one stream of Group 4 (ITU-T T.6).
type faxEncoder struct {
	out   []byte
	hold  uint64 // bits that are not a whole byte yet, the newest lowest
	held  uint
	width int32
	above []int32
}

func newFaxEncoder(width int) *faxEncoder {
	w := int32(width)
	return &faxEncoder{width: w, above: []int32{w, w, w, w}}
}

func (e *faxEncoder) put(w faxWord) {
	e.hold = e.hold<<w.bits | uint64(w.code)
	for e.held += uint(w.bits); e.held >= 8; e.held -= 8 {
		e.out = append(e.out, byte(e.hold>>(e.held-8)))
	}
}

// row takes the changes of a row as faxDecoder makes them. The names are those
// of T.6: a0 is where the row has got to, a1 its next change, b1 and b2 the
// changes above that may help to say where.
func (e *faxEncoder) row(row []int32) {
	a0, colour, a, b := int32(-1), 0, 0, 0
	for a0 < e.width {
		for e.above[b] <= a0 {
			b += 2
		}
		a1, b1, b2 := row[a], e.above[b], e.above[b+1]
		switch distance := a1 - b1; {
		case b2 < a1:
			e.put(passWord)
			a0 = b2
			continue
		case -3 <= distance && distance <= 3:
			e.put(verticalWords[distance+3])
			a0, colour, a = a1, 1-colour, a+1
			if b > 0 {
				b--
			} else {
				b++
			}
		default:
			e.put(horizontalWord)
			e.run(a1-max(a0, 0), colour)
			e.run(row[a+1]-a1, 1-colour)
			a0, a = row[a+1], a+2
		}
	}
	e.above = append(e.above[:0], row...)
}

// run writes a run: as many words for a multiple of 64 as it takes, then one for
// the rest.
func (e *faxEncoder) run(length int32, colour int) {
	for length >= 64 {
		step := min(length/64, 40)
		e.put(runWords[colour][63+step])
		length -= 64 * step
	}
	e.put(runWords[colour][length])
}

// bytes is the stream, filled up to a whole byte. The number of rows says where
// it ends, so it has no word for that.
func (e *faxEncoder) bytes() []byte {
	if e.held > 0 {
		e.put(faxWord{0, uint8(8 - e.held)})
	}
	return e.out
}
