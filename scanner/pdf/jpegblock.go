package pdf

// block reads one block and keeps what is needed of it.
func (d *jpegDecoder) block(h *scanHeader, c *jpegComponent, x, y int) error {
	if !d.progressive {
		var k [64]int32
		last, err := d.sequential(c, &k)
		if err == nil && c.plane != nil {
			c.draw(x, y, &k, last, &d.quantisers[c.quantiser])
		}
		return err
	}
	at := y*c.columns + x
	var coefficients []int16
	if c.coefficients != nil {
		coefficients = c.coefficients[64*at : 64*at+64]
	}
	switch {
	case h.from == 0 && h.refines:
		return d.refineDC(h, coefficients)
	case h.from == 0:
		return d.firstDC(h, c, coefficients)
	case h.refines:
		return d.refineAC(h, c, coefficients, &c.present[at])
	default:
		return d.firstAC(h, c, coefficients, &c.present[at])
	}
}

// sequential reads a block in one go and returns its last coefficient that is
// not 0.
func (d *jpegDecoder) sequential(c *jpegComponent, k *[64]int32) (last int, err error) {
	size := d.symbol(c.dcTable)
	if size > 15 {
		return 0, d.trouble()
	}
	c.prediction += d.extend(uint(size))
	k[0] = c.prediction
	for i := 1; i < 64; i++ {
		s := d.symbol(c.acTable)
		run, size := s>>4, uint(s&15)
		if size == 0 && run < 15 {
			break
		}
		if i += run; i > 63 || run > 15 {
			return 0, d.trouble()
		}
		if size == 0 {
			continue
		}
		k[i] = d.extend(size)
		last = i
	}
	if d.overrun() {
		return 0, errJPEGShort
	}
	return last, nil
}

func (d *jpegDecoder) firstDC(h *scanHeader, c *jpegComponent, k []int16) error {
	size := d.symbol(c.dcTable)
	if size > 15 {
		return d.trouble()
	}
	c.prediction += d.extend(uint(size))
	if k != nil {
		k[0] = int16(c.prediction << h.low)
	}
	return d.short()
}

func (d *jpegDecoder) refineDC(h *scanHeader, k []int16) error {
	if bit := d.take(1); k != nil {
		k[0] |= int16(bit << h.low)
	}
	return d.short()
}

// firstAC reads the first bits of a block's other coefficients. Blocks of
// nothing are counted together in d.blank.
func (d *jpegDecoder) firstAC(h *scanHeader, c *jpegComponent, k []int16, present *uint64) error {
	if d.blank > 0 {
		d.blank--
		return nil
	}
	for i := h.from; i <= h.to; i++ {
		s := d.symbol(c.acTable)
		run, size := s>>4, uint(s&15)
		if size == 0 {
			if run == 15 {
				i += 15
				continue
			}
			if run > 15 {
				return d.trouble()
			}
			d.blank = 1<<run + int(d.take(uint(run))) - 1
			break
		}
		if i += run; i > h.to {
			return d.trouble()
		}
		*present |= 1 << i
		if v := d.extend(size); k != nil {
			k[i] = int16(v << h.low)
		}
	}
	return d.short()
}

// refineAC adds a bit to the coefficients that are not 0, and new ones between
// them (T.81 section G.1.2.3).
func (d *jpegDecoder) refineAC(h *scanHeader, c *jpegComponent, k []int16, present *uint64) error {
	i := h.from
	for ; i <= h.to && d.blank == 0; i++ {
		s := d.symbol(c.acTable)
		run, size := s>>4, uint(s&15)
		var fresh int32
		switch {
		case size == 1:
			fresh = -1
			if d.take(1) == 1 {
				fresh = 1
			}
		case size > 1 || run > 15:
			return d.trouble()
		case run < 15:
			d.blank = 1<<run + int(d.take(uint(run)))
		}
		if d.blank > 0 {
			break
		}
		i = d.refineUntil(h, i, run, k, *present)
		if fresh != 0 {
			if i > h.to {
				return d.trouble()
			}
			*present |= 1 << i
			if k != nil {
				k[i] = int16(fresh << h.low)
			}
		}
	}
	if d.blank > 0 {
		d.refineUntil(h, i, 64, k, *present)
		d.blank--
	}
	return d.short()
}

// refineUntil adds a bit to each coefficient from i on that is not 0, up to the
// place behind zeros that are, and returns that place.
func (d *jpegDecoder) refineUntil(h *scanHeader, i, zeros int, k []int16, present uint64) int {
	for ; i <= h.to; i++ {
		if present>>i&1 == 0 {
			if zeros == 0 {
				break
			}
			zeros--
			continue
		}
		if bit := int16(d.take(1)) << h.low; k != nil && k[i] >= 0 {
			k[i] += bit
		} else if k != nil {
			k[i] -= bit
		}
	}
	return i
}

// short is an error once more bits have been taken than there are.
func (d *jpegDecoder) short() error {
	if d.overrun() {
		return errJPEGShort
	}
	return nil
}

// trouble is the error for what cannot be picture data.
func (d *jpegDecoder) trouble() error {
	if d.overrun() {
		return errJPEGShort
	}
	return errJPEG
}
