package pdf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Markers of ITU-T T.81, table B.1.
const (
	sof0  = 0xc0 // baseline
	sof2  = 0xc2 // progressive
	dht   = 0xc4
	jpg   = 0xc8
	dac   = 0xcc
	rst0  = 0xd0
	soi   = 0xd8
	eoi   = 0xd9
	sos   = 0xda
	dqt   = 0xdb
	dnl   = 0xdc
	dri   = 0xdd
	app0  = 0xe0
	app1  = 0xe1
	app2  = 0xe2
	app14 = 0xee
)

// jpegImage is a JPEG without anything but its picture: application segments
// and comments are gone, apart from Adobe's, which says how colours are meant.
type jpegImage struct {
	data          []byte
	width, height int
	components    int
	adobe         bool // has Adobe's segment: CMYK is stored inverted
	transform     byte // by Adobe's segment: 0 none, 1 YCbCr, 2 YCCK
	jfif          bool // has JFIF's segment: three components are YCbCr
	named         bool // components are named R, G and B
	orientation   int  // from EXIF
	dpiX, dpiY    float64
	aspect        float64 // of a dot, height to width, where that is all JFIF says; else 0
	maker         *lookMaker
	end           int    // where the picture ends in the file
	views         []byte // an index of further pictures behind it, in a file of several (MPO)
	viewsAt       int    // where that index begins in the file, from which it counts
}

// Errors of parseJPEG and what follows it.
var (
	errJPEG            = errors.New("not the structure of a JPEG")
	errJPEGUnsupported = errors.New("JPEG is neither baseline nor progressive with 8 bits")
	errJPEGShort       = fmt.Errorf("picture data of a JPEG stops early: %w", io.ErrUnexpectedEOF)
	errTooManyPixels   = errors.New("picture has more pixels than the limits allow")
)

// parseJPEG takes a JPEG apart segment by segment and keeps what draws the
// picture, up to the first end of image; what stands behind it is left
// (followed).
func parseJPEG(data []byte) (*jpegImage, error) {
	if len(data) < 2 || data[0] != 0xff || data[1] != soi {
		return nil, errJPEG
	}
	j := &jpegImage{data: make([]byte, 0, len(data))}
	j.data = append(j.data, data[:2]...)
	rest := data[2:]
	for {
		marker, segment, next, err := nextSegment(rest)
		if err != nil {
			return nil, err
		}
		if marker == eoi {
			if j.width == 0 {
				return nil, errJPEG
			}
			j.data = append(j.data, 0xff, eoi)
			j.end = len(data) - len(next)
			return j, nil
		}
		if marker == app2 && bytes.HasPrefix(segment, []byte(mpf)) && j.views == nil {
			j.views, j.viewsAt = segment[len(mpf):], len(data)-len(next)-len(segment)+len(mpf)
		}
		if err := j.segment(marker, segment); err != nil {
			return nil, err
		}
		if marker == sos {
			coded := codedLength(next)
			j.data = append(j.data, next[:coded]...)
			next = next[coded:]
		}
		rest = next
	}
}

// nextSegment splits the next marker and its segment (without the length) off b.
func nextSegment(b []byte) (marker byte, segment, rest []byte, err error) {
	if len(b) < 2 || b[0] != 0xff {
		return 0, nil, nil, errJPEG
	}
	for len(b) > 2 && b[1] == 0xff {
		b = b[1:] // fill bytes
	}
	marker = b[1]
	if marker == eoi {
		return marker, nil, b[2:], nil
	}
	if len(b) < 4 {
		return 0, nil, nil, errJPEG
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < 2 || len(b) < 2+n {
		return 0, nil, nil, errJPEG
	}
	return marker, b[4 : 2+n], b[2+n:], nil
}

// codedLength is how many bytes of b are entropy-coded data, restart markers
// and stuffed zeros included.
func codedLength(b []byte) int {
	for i := 0; ; i++ {
		at := bytes.IndexByte(b[i:], 0xff)
		if at < 0 || i+at+1 >= len(b) {
			return len(b)
		}
		i += at
		if next := b[i+1]; next != 0 && (next < rst0 || next >= soi) {
			return i
		}
	}
}

// segment reads one segment and keeps it if it belongs to the picture.
func (j *jpegImage) segment(marker byte, s []byte) error {
	switch {
	case marker == app0 && bytes.HasPrefix(s, []byte("JFIF\x00")) && len(s) >= 12:
		j.jfif = true
		j.density(s[7], binary.BigEndian.Uint16(s[8:]), binary.BigEndian.Uint16(s[10:]))
		return nil
	case marker == app1 && bytes.HasPrefix(s, []byte("Exif\x00\x00")):
		j.exif(s[6:])
		return nil
	case marker == app14 && bytes.HasPrefix(s, []byte("Adobe")) && len(s) >= 12:
		j.adobe, j.transform = true, s[11]
		s = s[:12] // nothing may hide behind it
	case marker == sof0 || marker == sof0+1 || marker == sof2:
		if err := j.frame(s); err != nil {
			return err
		}
	case marker > sof2 && marker < rst0 && marker != dht && marker != jpg && marker != dac:
		return errJPEGUnsupported
	case marker == sos && j.width == 0:
		return errJPEG
	case marker == dht || marker == dqt || marker == dri || marker == dnl || marker == sos:
	default:
		return nil // application data, comments, what nobody knows
	}
	j.data = append(j.data, 0xff, marker, byte((len(s)+2)>>8), byte(len(s)+2))
	j.data = append(j.data, s...)
	return nil
}

// frame reads a frame header: precision, size, and the components.
func (j *jpegImage) frame(s []byte) error {
	if len(s) < 6 || len(s) != 6+3*int(s[5]) || j.width != 0 {
		return errJPEG
	}
	j.height, j.width = int(binary.BigEndian.Uint16(s[1:])), int(binary.BigEndian.Uint16(s[3:]))
	j.components = int(s[5])
	// A height of 0 is told by a DNL segment later, which viewers do not read.
	if s[0] != 8 || j.components == 2 || j.components > 4 || j.height == 0 {
		return errJPEGUnsupported
	}
	if j.width == 0 || j.components == 0 {
		return errJPEG
	}
	j.named = j.components == 3 && s[6] == 'R' && s[9] == 'G' && s[12] == 'B'
	return nil
}

// rgb reports whether three components are red, green and blue, by the rules of
// libjpeg, which all viewers share.
func (j *jpegImage) rgb() bool {
	switch {
	case j.components != 3:
		return false
	case j.jfif:
		return false
	case j.adobe:
		return j.transform == 0
	default:
		return j.named
	}
}

// density reads JFIF's resolution: unit 1 is dots per inch, 2 per centimetre, 0
// only compares the two.
func (j *jpegImage) density(unit byte, x, y uint16) {
	if unit == 0 && x > 0 && y > 0 {
		j.aspect = float64(x) / float64(y)
	}
	perInch := map[byte]float64{1: 1, 2: 2.54}[unit]
	j.dpiX, j.dpiY = float64(x)*perInch, float64(y)*perInch
}

// exif reads orientation and, where JFIF gave none, resolution: EXIF is a small
// TIFF.
func (j *jpegImage) exif(b []byte) {
	p, ok := firstPage(b)
	if !ok {
		return
	}
	j.orientation = int(p.orientation)
	if j.dpiX == 0 || j.dpiY == 0 {
		j.dpiX, j.dpiY = p.dpiX, p.dpiY
	}
}

// dict is the image dictionary's content that belongs to the JPEG. Without the
// JFIF segment a viewer must be told what it said.
func (j *jpegImage) dict() string {
	space := map[int]string{1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}[j.components]
	dict := imageDict(j.width, j.height) + "/BitsPerComponent 8/Filter/DCTDecode/ColorSpace" + space
	if j.components == 4 && j.adobe { // Adobe stores ink as light
		dict += "/Decode[1 0 1 0 1 0 1 0]"
	}
	if j.components == 3 && !j.adobe {
		transform := 1
		if j.rgb() {
			transform = 0
		}
		dict += fmt.Sprintf("/DecodeParms<</ColorTransform %d>>", transform)
	}
	return dict
}

// page writes the JPEG as a page; check must have gone through.
func (j *jpegImage) page(w *writer) Look {
	p := picture{
		object: w.add(j.dict(), j.data), width: j.width, height: j.height,
		dpiX: j.dpiX, dpiY: j.dpiY, aspect: j.aspect, orientation: j.orientation,
	}
	p.put(w)
	return j.look(p.orientation)
}

// jpegToPDF passes a JPEG through into a PDF of one page: its picture data is
// copied as it is.
func jpegToPDF(scan io.ReaderAt, size int64, w *writer, limits Limits) ([]Look, error) {
	data, err := window(scan, size, 0, int(size))
	if err != nil {
		return nil, err
	}
	j, err := parseJPEG(data)
	if err == nil && j.followed(data) {
		return nil, refuse(SeveralScans)
	}
	if err == nil {
		err = j.check(limits)
	}
	if err != nil {
		return nil, refuse(jpegCode(err))
	}
	return []Look{j.page(w)}, w.finish("")
}

// jpegCode is the reason to refuse for an error of parseJPEG or check.
func jpegCode(err error) Code {
	switch {
	case errors.Is(err, errTooManyPixels):
		return TooLarge
	case errors.Is(err, errJPEGUnsupported):
		return Unsupported
	case errors.Is(err, io.ErrUnexpectedEOF):
		return CutOff
	default:
		return Damaged
	}
}
