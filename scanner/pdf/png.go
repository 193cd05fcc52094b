package pdf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// Colour types of a PNG are sums of these.
const (
	pngPalette = 1
	pngColour  = 2
	pngAlpha   = 4
)

// Errors of parsePNG and what follows it.
var (
	errPNG            = errors.New("not the structure of a PNG")
	errPNGUnsupported = errors.New("PNG has several pictures")
)

// pngImage is a PNG without anything but its picture.
type pngImage struct {
	width, height int
	bits          int
	kind          byte // colour type
	interlaced    bool
	palette       []byte
	transparency  []byte // of the tRNS chunk
	packed        []byte // picture data, compressed
	dpiX, dpiY    float64
	aspect        float64 // where there is no dpi
	behind        []byte  // what the file holds behind the picture
}

// pngToPDF makes a page of a PNG, with the same dots. What is see-through lies on
// white paper.
func pngToPDF(scan io.ReaderAt, size int64, w *writer, limits Limits) ([]Look, error) {
	data, err := window(scan, size, 0, int(size))
	if err != nil {
		return nil, err
	}
	p, err := parsePNG(data)
	if err == nil && scanIn(p.behind) {
		return nil, refuse(SeveralScans)
	}
	if err == nil && int64(p.width)*int64(p.height) > limits.MaxPixels {
		err = errTooManyPixels
	}
	var object int
	var look Look
	if err == nil {
		object, look, err = p.draw(w)
	}
	if err != nil {
		return nil, refuse(pngCode(err))
	}
	picture{object: object, width: p.width, height: p.height, dpiX: p.dpiX, dpiY: p.dpiY, aspect: p.aspect}.put(w)
	return []Look{look}, w.finish("")
}

// parsePNG takes a PNG apart chunk by chunk, each by its checksum.
func parsePNG(data []byte) (*pngImage, error) {
	const signature, header, checksum = 8, 8, 4
	p := &pngImage{}
	for rest := data[min(signature, len(data)):]; ; {
		if len(rest) < header {
			return nil, io.ErrUnexpectedEOF
		}
		length := int64(binary.BigEndian.Uint32(rest))
		if length > int64(len(rest)-header-checksum) {
			return nil, io.ErrUnexpectedEOF
		}
		whole := rest[4 : header+length]
		if crc32.ChecksumIEEE(whole) != binary.BigEndian.Uint32(rest[header+length:]) {
			return nil, errPNG
		}
		kind, chunk := string(whole[:4]), whole[4:]
		if kind == "IEND" {
			p.behind = rest[header+length+checksum:]
			break
		}
		if err := p.chunk(kind, chunk); err != nil {
			return nil, err
		}
		rest = rest[header+length+checksum:]
	}
	if len(p.packed) == 0 || p.kind == pngColour|pngPalette && len(p.palette) == 0 {
		return nil, errPNG
	}
	return p, nil
}

func (p *pngImage) chunk(kind string, b []byte) error {
	if (p.width == 0) != (kind == "IHDR") {
		return errPNG // the header comes first, and once
	}
	switch kind {
	case "IHDR":
		return p.header(b)
	case "PLTE":
		if len(b)%3 != 0 || len(b) == 0 || len(b) > 3*256 {
			return errPNG
		}
		p.palette = b
	case "tRNS":
		p.transparency = b
	case "IDAT":
		p.packed = append(p.packed, b...)
	case "pHYs":
		p.resolution(b)
	case "acTL": // an animation; of one picture it is just that
		if len(b) < 4 || binary.BigEndian.Uint32(b) > 1 {
			return errPNGUnsupported
		}
	default:
		if kind[0]&0x20 == 0 { // critical, and nobody knows what it asks for
			return errPNG
		}
	}
	return nil
}

func (p *pngImage) header(b []byte) error {
	if len(b) != 13 {
		return errPNG
	}
	width, height := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if width == 0 || height == 0 || width > 1<<31-1 || height > 1<<31-1 || b[10] != 0 || b[11] != 0 || b[12] > 1 {
		return errPNG
	}
	p.width, p.height, p.interlaced = int(width), int(height), b[12] == 1
	p.bits, p.kind = int(b[8]), b[9]
	depths := map[byte]string{ // PNG section 11.2.2
		0: "\x01\x02\x04\x08\x10", pngColour: "\x08\x10", pngColour | pngPalette: "\x01\x02\x04\x08",
		pngAlpha: "\x08\x10", pngColour | pngAlpha: "\x08\x10",
	}[p.kind]
	if bytes.IndexByte([]byte(depths), b[8]) < 0 {
		return errPNG
	}
	return nil
}

// resolution reads a pHYs chunk: dots per metre when its unit is 1.
func (p *pngImage) resolution(b []byte) {
	const inch = 0.0254
	if len(b) != 9 {
		return
	}
	x, y := float64(binary.BigEndian.Uint32(b)), float64(binary.BigEndian.Uint32(b[4:]))
	if b[8] == 1 {
		p.dpiX, p.dpiY = x*inch, y*inch
	} else if y > 0 {
		p.aspect = x / y
	}
}

// stored is how the file writes its dots: the colour, and the samples behind it.
func (p *pngImage) stored() (samples, extras) {
	s := samples{bits: p.bits}
	switch {
	case p.kind&pngPalette != 0:
		s.colours, s.palette = indexed, p.blended()
	case p.kind&pngColour != 0:
		s.colours = rgb
	}
	if p.kind&pngAlpha != 0 {
		return s, extras{count: 1, alpha: true}
	}
	return s, extras{}
}

// blended is the palette on white paper. It has an entry for every sample, as
// what lies beyond a short palette is black.
func (p *pngImage) blended() []byte {
	palette := make([]byte, 3<<p.bits)
	copy(palette, p.palette)
	for i, alpha := range p.transparency {
		if 3*i+3 > len(palette) {
			break
		}
		dot := append(bytes.Clone(palette[3*i:3*i+3]), alpha)
		samples{colours: rgb, bits: 8}.flatten(palette[3*i:3*i+3], dot, extras{count: 1, alpha: true})
	}
	return palette
}

// draw writes the picture. Its data passes as it is where nothing is see-through
// or interlaced, since PDF has taken PNG's filters over.
func (p *pngImage) draw(w *writer) (int, Look, error) {
	s, e := p.stored()
	if e.count == 0 && !p.interlaced && (len(p.transparency) == 0 || s.colours == indexed) {
		object, look, exact, err := p.pass(w, s)
		if err != nil || exact {
			return object, look, err
		}
	}
	return p.redraw(w, s, e)
}

// pass writes the picture data as it is, all of which is unpacked on the way. It
// reports false, and writes nothing, where more hides in it than the rows.
func (p *pngImage) pass(w *writer, s samples) (int, Look, bool, error) {
	look, rows := newRowLook(p.width, p.height, s), newPNGRows(p, s.components()*p.bits)
	for y := range p.height {
		row, err := rows.next()
		if err != nil {
			return 0, Look{}, false, err
		}
		look.row(y, row)
	}
	data, exact, err := rows.used()
	if err != nil || !exact {
		return 0, Look{}, false, err
	}
	dict := imageDict(p.width, p.height) + s.dict() + s.predictor(p.width)
	return w.add(dict, data), look.look(1), true, nil
}

// redraw compresses the picture anew.
func (p *pngImage) redraw(w *writer, s samples, e extras) (int, Look, error) {
	look, rows := newRowLook(p.width, p.height, s), newPNGRows(p, (s.components()+e.count)*p.bits)
	next := rows.next
	if p.interlaced {
		next = rows.deinterlaced()
	}
	raster := newRaster(p.width, p.height, s)
	flat := make([]byte, s.stride(p.width))
	for y := range p.height {
		row, err := next()
		if err != nil {
			return 0, Look{}, err
		}
		switch {
		case e.count > 0:
			s.flatten(flat, row, e)
			row = flat
		case len(p.transparency) > 0 && s.colours != indexed:
			row = flat[:copy(flat, row)] // the row above must stay what it was
			p.whiten(row, s)
		}
		raster.row(row)
		look.row(y, row)
	}
	if _, _, err := rows.used(); err != nil {
		return 0, Look{}, err
	}
	return raster.add(w), look.look(1), nil
}

// whiten makes the one colour white that the tRNS chunk names as see-through.
func (p *pngImage) whiten(row []byte, s samples) {
	n := s.components()
	if len(p.transparency) != 2*n {
		return
	}
	if p.bits >= 8 {
		key := p.transparency // two bytes a sample
		if p.bits == 8 {
			key = make([]byte, n)
			for c := range key {
				key[c] = p.transparency[2*c+1]
			}
		}
		for dot := row; len(dot) >= len(key); dot = dot[len(key):] {
			if bytes.Equal(dot[:len(key)], key) {
				for i := range key {
					dot[i] = 0xff
				}
			}
		}
		return
	}
	white := byte(1)<<p.bits - 1
	for x := range p.width {
		shift := 8 - p.bits - x*p.bits%8
		if at := x * p.bits / 8; row[at]>>shift&white == p.transparency[1] {
			row[at] |= white << shift
		}
	}
}

// pngCode is the reason to refuse for an error of parsePNG or draw.
func pngCode(err error) Code {
	switch {
	case errors.Is(err, errTooManyPixels):
		return TooLarge
	case errors.Is(err, errPNGUnsupported):
		return Unsupported
	case errors.Is(err, io.ErrUnexpectedEOF):
		return CutOff
	default:
		return Damaged
	}
}
