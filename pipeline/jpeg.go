package pipeline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// A reader waits for a page's picture, and writing it as a JPEG takes a fourth of
// that time. So it is cut into strips, which are written on all processors at once
// and joined: JPEG knows restart markers, at which a picture's data begins anew
// (ITU-T T.81, section E.1.3). The picture is the same, dot by dot.
const (
	mcu         = 16       // dots of a side of what is coded together, at 4:2:0 as image/jpeg writes it
	stripHeight = 16 * mcu // dots
)

// JPEG's markers, after the byte 0xff.
const (
	markSOF0 = 0xc0 // size
	markRST0 = 0xd0 // to RST7: the data begins anew
	markEOI  = 0xd9 // the end
	markSOS  = 0xda // the data follow
	markDRI  = 0xdd // how often it begins anew
)

// encodeJPEG writes a picture as a JPEG of quality 85.
func encodeJPEG(picture *image.RGBA) ([]byte, error) {
	size := picture.Rect.Size()
	strips := make([][]byte, (size.Y+stripHeight-1)/stripHeight)
	var writers errgroup.Group
	writers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range strips {
		writers.Go(func() error {
			top := picture.Rect.Min.Y + i*stripHeight
			strip := picture.SubImage(image.Rect(picture.Rect.Min.X, top, picture.Rect.Max.X, top+stripHeight))
			var out bytes.Buffer
			const quality = 85
			err := jpeg.Encode(&out, strip, &jpeg.Options{Quality: quality})
			strips[i] = out.Bytes()
			return err
		})
	}
	if err := writers.Wait(); err != nil {
		return nil, fmt.Errorf("writing a page: %w", err)
	}
	if len(strips) == 1 {
		return strips[0], nil
	}
	return joinStrips(strips, size)
}

var errJPEG = errors.New("a strip of a page is not written as it should be")

// joinStrips makes one JPEG of strips of a picture of that size, all of them
// stripHeight high but for the last.
func joinStrips(strips [][]byte, size image.Point) ([]byte, error) {
	var out []byte
	for i, strip := range strips {
		at, ok := findParts(strip)
		if !ok {
			return nil, errJPEG
		}
		if i == 0 {
			out = append(out, strip[:at.scan]...)
			binary.BigEndian.PutUint16(out[at.height:], uint16(size.Y))
			out = append(out, 0xff, markDRI, 0, 4)
			out = binary.BigEndian.AppendUint16(out, uint16((size.X+mcu-1)/mcu*(stripHeight/mcu)))
			out = append(out, strip[at.scan:at.data]...)
		} else {
			out = append(out, 0xff, markRST0+byte((i-1)%8))
		}
		out = append(out, strip[at.data:at.end]...)
	}
	return append(out, 0xff, markEOI), nil
}

// jpegParts is where in a JPEG its parts are.
type jpegParts struct {
	height    int // two bytes
	scan      int // the marker that says that data follow
	data, end int
}

func findParts(file []byte) (p jpegParts, ok bool) {
	for at := 2; at+4 <= len(file) && file[at] == 0xff; {
		next := at + 2 + int(binary.BigEndian.Uint16(file[at+2:]))
		switch file[at+1] {
		case markSOF0:
			p.height = at + 5 // behind the length and the precision
		case markSOS:
			p.scan, p.data, p.end = at, next, len(file)-2
			return p, p.height > 0 && p.data <= p.end && bytes.HasSuffix(file, []byte{0xff, markEOI})
		}
		at = next
	}
	return p, false
}
