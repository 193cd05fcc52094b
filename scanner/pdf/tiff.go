package pdf

import (
	"errors"
	"io"
	"slices"
)

// errTIFFUnsupported says that a page is of a kind that no scanner was seen to
// write.
var errTIFFUnsupported = errors.New("kind of TIFF that is not read")

// tiffToPDF makes a page of each picture in a TIFF, with the same dots. A small
// copy of a page is left out where that page stands in the file too; alone it
// might be all there is of it, and is refused.
func tiffToPDF(scan io.ReaderAt, size int64, w *writer, limits Limits) ([]Look, error) {
	walk, err := walkTIFF(scan, size)
	switch {
	case err != nil:
		return nil, err
	case walk.trouble || !walk.whole:
		return nil, refuse(Damaged)
	}
	if several, err := walk.several(); err != nil {
		return nil, err
	} else if several {
		return nil, refuse(SeveralScans)
	}
	var looks []Look
	for i, entry := range walk.entries {
		if entry.extra {
			if !walk.hasLarger(entry) {
				return nil, refusePage(Unsupported, i+1)
			}
			continue
		}
		if len(looks) == limits.MaxPages {
			return nil, refuse(TooManyPages)
		}
		if entry.width > limits.MaxPixels/entry.length {
			return nil, refusePage(TooLarge, i+1)
		}
		look, err := walk.file.draw(entry, w, limits)
		if err != nil {
			return nil, refusePage(tiffCode(err), i+1)
		}
		looks = append(looks, look)
	}
	return looks, w.finish("")
}

// hasLarger reports whether a page stands in the file of which the extra picture
// can be a mask, or a small copy: at most half as wide and as long. One that is not
// so small may be a page of its own that is said to be a copy by mistake.
func (w tiffWalk) hasLarger(extra tiffEntry) bool {
	width, length := extra.width, extra.length
	if !extra.mask {
		width, length = 2*width-1, 2*length-1 // the half is rounded up
	}
	return slices.ContainsFunc(w.entries, func(e tiffEntry) bool {
		return !e.extra && e.width >= width && e.length >= length
	})
}

// draw writes one page. Fax and JPEG data pass as they are where that is
// possible; everything else is decoded and compressed anew without loss.
func (t *tiffFile) draw(entry tiffEntry, w *writer, limits Limits) (Look, error) {
	d, _, err := t.directory(entry.offset)
	if err != nil {
		return Look{}, err
	}
	p, inside, err := t.page(d)
	switch {
	case err != nil:
		return Look{}, err
	case !inside || int64(len(p.offsets)) < p.piecesNeeded():
		return Look{}, io.ErrUnexpectedEOF
	}
	object, look, err := t.object(&p, w, limits)
	if err != nil {
		return Look{}, err
	}
	picture{
		object: object, width: int(p.width), height: int(p.length),
		dpiX: p.dpiX, dpiY: p.dpiY, aspect: p.aspect, orientation: int(p.orientation),
	}.put(w)
	return look, nil
}

// object writes a page's picture and returns its object number.
func (t *tiffFile) object(p *tiffPage, w *writer, limits Limits) (int, Look, error) {
	switch coding, fax := p.faxCoding(); {
	case fax && p.bilevel() && !p.tiled:
		return t.drawFax(p, coding, w)
	case p.compression == packedJPEG:
		return t.drawJPEG(p, w, limits)
	}
	return t.drawRows(p, w)
}

// bilevel reports whether the page is black and white, one bit a dot.
func (p *tiffPage) bilevel() bool {
	return p.bits == 1 && p.samples == 1 && (p.photometric == whiteIsZero || p.photometric == blackIsZero)
}

// piecesNeeded is how many strips or tiles cover the page; 1<<62 if none of
// their size can.
func (p *tiffPage) piecesNeeded() int64 {
	if p.pieceWidth <= 0 || p.pieceLength <= 0 {
		return 1 << 62
	}
	across, down := (p.width-1)/p.pieceWidth+1, (p.length-1)/p.pieceLength+1
	if p.planar == 2 {
		return across * down * p.samples
	}
	return across * down
}

// piece reads the compressed data of a strip or tile, the first bit of it
// highest.
func (t *tiffFile) piece(p *tiffPage, i int) ([]byte, error) {
	data, err := window(t.r, t.size, p.offsets[i], int(p.counts[i]))
	if err == nil && p.fillOrder == 2 && p.compression != packedJPEG {
		reverseBits(data)
	}
	return data, err
}

// tiffCode is the reason to refuse for an error of draw.
func tiffCode(err error) Code {
	switch {
	case errors.Is(err, errTooManyPixels):
		return TooLarge
	case errors.Is(err, errTIFFUnsupported), errors.Is(err, errFaxUnsupported), errors.Is(err, errJPEGUnsupported):
		return Unsupported
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errFaxEnd):
		return CutOff
	default:
		return Damaged
	}
}
