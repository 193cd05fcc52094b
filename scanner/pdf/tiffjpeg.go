package pdf

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"io"
)

// drawJPEG writes a page in JPEG. The strips of a page are one JPEG cut in
// pieces between restart intervals, and are put together again without touching
// a pixel; what cannot be, tiles above all, is decoded.
func (t *tiffFile) drawJPEG(p *tiffPage, w *writer, limits Limits) (int, Look, error) {
	strips, err := t.jpegStrips(p)
	if err != nil {
		return 0, Look{}, err
	}
	data, ok := joinStrips(strips, int(p.width), int(p.length), int(p.pieceLength))
	if !ok {
		if p.bits != 8 {
			return 0, Look{}, errJPEGUnsupported
		}
		return t.drawRows(p, w)
	}
	j, err := parseJPEG(data)
	if err != nil {
		return 0, Look{}, err
	}
	// A TIFF's tags say what the components are.
	switch {
	case p.photometric == rgbColours && j.components == 3:
		j.adobe, j.named, j.jfif = false, true, false
	case p.photometric == yCbCr && j.components == 3:
		j.adobe, j.jfif = false, true
	case p.photometric == separated && j.components == 4:
	case p.photometric == blackIsZero && j.components == 1:
	default:
		return 0, Look{}, errTIFFUnsupported
	}
	if err := j.check(limits); err != nil {
		return 0, Look{}, err
	}
	return w.add(j.dict(), j.data), j.look(int(p.orientation)), nil
}

// jpegStrips takes the strips of a page apart, each with the tables that all
// share; none for a page of another kind.
func (t *tiffFile) jpegStrips(p *tiffPage) ([]jpegStrip, error) {
	if p.tiled || p.planar == 2 && p.samples > 1 {
		return nil, nil
	}
	var strips []jpegStrip
	for i := range p.piecesNeeded() {
		data, err := t.jpegPiece(p, int(i))
		if err != nil {
			return nil, err
		}
		strip, err := readStrip(data)
		if err != nil {
			return nil, err
		}
		strips = append(strips, strip)
	}
	return strips, nil
}

// jpegPiece reads a strip or tile and puts the shared tables, a JPEG without a
// picture, in front of its own.
func (t *tiffFile) jpegPiece(p *tiffPage, i int) ([]byte, error) {
	piece, err := t.piece(p, i)
	if err != nil {
		return nil, err
	}
	const most = 1 << 16
	tables, err := t.raw(p.jpegTables, most)
	if len(piece) < 2 || len(tables) < 4 {
		return piece, err
	}
	tables = tables[2:]
	if end := len(tables) - 2; tables[end] == 0xff && tables[end+1] == eoi {
		tables = tables[:end]
	}
	return bytes.Join([][]byte{piece[:2], tables, piece[2:]}, nil), err
}

// jpegStrip is the JPEG of one strip in parts.
type jpegStrip struct {
	whole        []byte // all of it
	tables       []byte // segments before the first scan, the frame's apart
	frame        []byte // the frame's segment without its height
	start        []byte // the scan's segment
	coded        []byte // picture data
	height       int
	marker       byte // of the frame
	restart      int  // MCUs between its own restart markers
	mcuWidth     int
	mcuHeight    int
	severalScans bool
}

// readStrip takes the JPEG of a strip apart; parseJPEG looks at it in earnest
// later.
func readStrip(data []byte) (jpegStrip, error) {
	s := jpegStrip{whole: data}
	if len(data) < 2 || data[0] != 0xff || data[1] != soi {
		return s, errJPEG
	}
	for rest := data[2:]; len(rest) > 0; {
		marker, segment, next, err := nextSegment(rest)
		if err != nil {
			return s, err
		}
		whole := rest[:len(rest)-len(next)]
		switch marker {
		case eoi:
			return s, nil
		case sof0, sof0 + 1, sof2:
			if len(segment) < 9 {
				return s, errJPEG
			}
			s.marker, s.height = marker, int(binary.BigEndian.Uint16(segment[1:]))
			s.frame = append([]byte{segment[0]}, segment[3:]...)
			s.mcu(segment[6:])
		case dqt, dht:
			s.tables = append(s.tables, whole...)
		case dri:
			if len(segment) == 2 {
				s.restart = int(binary.BigEndian.Uint16(segment))
			}
		case sos:
			n := codedLength(next)
			s.severalScans = s.severalScans || s.start != nil
			s.start, s.coded, next = segment, next[:n], next[n:]
		}
		rest = next
	}
	return s, nil
}

// mcu is the size in dots of what is coded together.
func (s *jpegStrip) mcu(components []byte) {
	s.mcuWidth, s.mcuHeight = 8, 8
	if len(components) == 3 {
		return // one component: its sampling says nothing
	}
	for c := components; len(c) >= 3; c = c[3:] {
		s.mcuWidth = max(s.mcuWidth, 8*int(c[1]>>4))
		s.mcuHeight = max(s.mcuHeight, 8*int(c[1]&15))
	}
}

// joinStrips makes one JPEG of the strips, each of which becomes one or more
// restart intervals: a decoder begins anew at each of both. It reports false
// where they do not fit together.
func joinStrips(strips []jpegStrip, width, height, rows int) ([]byte, bool) {
	if len(strips) == 0 {
		return nil, false
	}
	first := strips[0]
	if len(strips) == 1 {
		return first.whole, len(first.frame) > 3 && first.height == height && frameWidth(first) == width
	}
	if first.marker == 0 || first.marker == sof2 || rows%first.mcuHeight != 0 || frameWidth(first) != width ||
		len(first.start) < 1 || len(first.frame) < 4 || first.start[0] != first.frame[3] {
		return nil, false
	}
	interval := first.restart
	mcus := ceil(width, first.mcuWidth) * (rows / first.mcuHeight)
	if interval == 0 {
		interval = mcus
	}
	if interval > 0xffff || mcus%interval != 0 {
		return nil, false
	}
	be := binary.BigEndian
	out := append([]byte{0xff, soi}, first.tables...)
	out = be.AppendUint16(append(out, 0xff, first.marker), uint16(len(first.frame)+4))
	out = be.AppendUint16(append(out, first.frame[0]), uint16(height))
	out = append(out, first.frame[1:]...)
	out = be.AppendUint16(append(out, 0xff, dri, 0, 4), uint16(interval))
	out = be.AppendUint16(append(out, 0xff, sos), uint16(len(first.start)+2))
	out = append(out, first.start...)
	marker := byte(0)
	for i, s := range strips {
		if !s.follows(first, min(rows, height-i*rows)) {
			return nil, false
		}
		if i > 0 {
			out = append(out, 0xff, rst0+marker)
			marker = (marker + 1) % 8
		}
		out, marker = appendRenumbered(out, s.coded, marker)
	}
	return append(out, 0xff, eoi), true
}

func frameWidth(s jpegStrip) int { return int(binary.BigEndian.Uint16(s.frame[1:])) }

// follows reports whether a strip of so many rows is coded like the first.
func (s jpegStrip) follows(first jpegStrip, rows int) bool {
	return !s.severalScans && s.marker == first.marker && s.restart == first.restart && s.height == rows &&
		bytes.Equal(s.frame, first.frame) && bytes.Equal(s.start, first.start) && bytes.Equal(s.tables, first.tables)
}

// appendRenumbered appends picture data whose restart markers go on counting
// from marker, and returns the number that comes next.
func appendRenumbered(out, coded []byte, marker byte) ([]byte, byte) {
	for i := 0; i < len(coded); i++ {
		out = append(out, coded[i])
		if coded[i] == 0xff && i+1 < len(coded) && coded[i+1] >= rst0 && coded[i+1] < soi {
			out = append(out, rst0+marker)
			marker = (marker + 1) % 8
			i++
		}
	}
	return out, marker
}

// jpegRows decodes a tile, or a strip that cannot be joined, and gives its rows
// of samples, as many as pieces hold.
func (p *tiffPage) jpegRows(data []byte, samples int) (io.Reader, error) {
	j, err := parseJPEG(data)
	if err != nil {
		return nil, err
	}
	// A strip at the end may be shorter than its rows.
	if int64(j.width) != p.pieceWidth || int64(j.height) > p.pieceLength || j.components != samples {
		return nil, errTIFFUnsupported
	}
	// Go takes the colours from Adobe's segment: 0 as they are, 1 YCbCr.
	transform := byte(0)
	if p.photometric == yCbCr && samples == 3 {
		transform = 1
	}
	adobe := []byte{0xff, app14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform}
	if j.adobe {
		return nil, errTIFFUnsupported
	}
	// Go's decoder draws what it finds, and does not mind what is left over.
	if err := j.check(Limits{MaxPixels: p.pieceWidth * p.pieceLength}); err != nil {
		return nil, err
	}
	img, err := jpeg.Decode(bytes.NewReader(bytes.Join([][]byte{j.data[:2], adobe, j.data[2:]}, nil)))
	if err != nil {
		return nil, err
	}
	return bytes.NewReader(samplesOf(img)), nil
}

// samplesOf is the rows of a decoded JPEG, sample by sample.
func samplesOf(img image.Image) []byte {
	bounds := img.Bounds()
	var out []byte
	for y := range bounds.Dy() {
		switch img := img.(type) {
		case *image.Gray:
			out = append(out, img.Pix[y*img.Stride:][:bounds.Dx()]...)
		case *image.CMYK:
			for _, v := range img.Pix[y*img.Stride:][:4*bounds.Dx()] {
				out = append(out, 0xff-v) // Go has undone what Adobe would have done
			}
		default:
			for x := range bounds.Dx() {
				r, g, b, _ := img.At(x, y).RGBA()
				out = append(out, byte(r>>8), byte(g>>8), byte(b>>8))
			}
		}
	}
	return out
}
