package pdf

import (
	"encoding/binary"
	"errors"
	"io"

	"golang.org/x/image/tiff"
)

// Bits of the subfile type (TIFF 6.0, tag 254) of what is not a page: a small
// copy of one, or a mask.
const notAPage = 1 | 4

// tiffToPDF makes a page of each picture in a TIFF, with the same samples.
func tiffToPDF(scan io.ReaderAt, size int64, w *writer, limits Limits) (int, error) {
	walk, err := walkTIFF(scan, size)
	switch {
	case err != nil:
		return 0, err
	case walk.big:
		return 0, refuse(Unsupported)
	case walk.trouble || !walk.whole:
		return 0, refuse(Damaged)
	}
	pages := 0
	for i, d := range walk.pages {
		if d.subfile&notAPage != 0 {
			continue
		}
		if pages++; pages > limits.MaxPages {
			return 0, refuse(TooManyPages)
		}
		if d.width*d.length > limits.MaxPixels {
			return 0, refusePage(TooLarge, i+1)
		}
		r, err := decodeTIFF(scan, d)
		if err != nil {
			return 0, refusePage(tiffCode(err), i+1)
		}
		picture{
			object: r.add(w), width: r.width, height: r.height,
			dpiX: d.dpiX, dpiY: d.dpiY, orientation: int(d.orientation),
		}.put(w)
	}
	if pages == 0 {
		return 0, refuse(Empty)
	}
	return pages, w.finish("")
}

// decodeTIFF decodes the picture of one directory. Two kinds are refused that the
// decoder would take for others.
func decodeTIFF(scan io.ReaderAt, d directory) (*raster, error) {
	if d.planar != 1 || d.t4Options&1 != 0 {
		return nil, tiff.UnsupportedError("planes apart, or Group 3 in two dimensions")
	}
	img, err := tiff.Decode(&startingAt{ReaderAt: scan, order: d.order, directory: d.offset})
	if err != nil {
		return nil, err
	}
	r, ok := rasterOf(img)
	if !ok {
		return nil, tiff.UnsupportedError("colour model")
	}
	return r, nil
}

// tiffCode is the reason to refuse for an error of the decoder.
func tiffCode(err error) Code {
	var unsupported tiff.UnsupportedError
	if errors.As(err, &unsupported) {
		return Unsupported
	}
	return Damaged
}

// startingAt is a TIFF whose header points to another directory: the decoder
// reads only the first.
type startingAt struct {
	io.ReaderAt
	order     binary.ByteOrder
	directory int64
	at        int64 // of Read, which the decoder never uses on a ReaderAt
}

// ReadAt reads from the file, with the offset in the header replaced.
func (s *startingAt) ReadAt(b []byte, off int64) (int, error) {
	n, err := s.ReaderAt.ReadAt(b, off)
	const headerOffset, headerEnd = 4, 8
	if off <= headerOffset && off+int64(n) >= headerEnd {
		s.order.PutUint32(b[headerOffset-off:], uint32(s.directory))
	}
	return n, err
}

// Read reads on from where the last Read ended.
func (s *startingAt) Read(b []byte) (int, error) {
	n, err := s.ReadAt(b, s.at)
	s.at += int64(n)
	return n, err
}
