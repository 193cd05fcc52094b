package pdf

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
	"os"

	"golang.org/x/image/tiff"
)

// Redrawn makes a clean PDF of a JPEG or a TIFF that Normalise has refused, of
// the dots that other decoders make of it (image/jpeg, x/image/tiff), which are
// less strict. They may draw something else where the data is damaged. So such a
// letter must be marked as repaired, and a person must look at it. It runs in a
// child with the same limits as Normalise and leaves in and out as that does.
//
// A picture whose end is missing is never drawn: its lower part would be paper
// or grey, which a reader may take for the letter's. The error is a *Refusal for
// that, for what those decoders do not read, and for other formats; otherwise as
// with Normalise.
func (n Normaliser) Redrawn(ctx context.Context, in, out *os.File) (Result, error) {
	return n.do(ctx, job{Redraw: true}, in, out)
}

// redraw is what the child does for Redrawn.
func redraw(scan, clean *watched, limits Limits) (Result, error) {
	format, size, err := recognised(scan)
	if err != nil {
		return Result{}, err
	}
	w := newWriter(clean)
	var looks []Look
	switch format {
	case JPEG:
		looks, err = redrawJPEG(scan, size, w, limits)
	case TIFF:
		looks, err = redrawTIFF(scan, size, w, limits)
	default:
		err = refuse(Unsupported)
	}
	if err != nil {
		return Result{Format: format}, err
	}
	return Result{Pages: len(looks), Format: format, Looks: looks}, readBack(clean, len(looks), limits)
}

func redrawJPEG(scan io.ReaderAt, size int64, w *writer, limits Limits) ([]Look, error) {
	data, err := window(scan, size, 0, int(size))
	if err != nil {
		return nil, err
	}
	// Where it can be taken apart, its resolution and orientation are known.
	j, err := parseJPEG(data)
	switch {
	case err != nil:
		j = &jpegImage{}
	case j.followed(data):
		return nil, refuse(SeveralScans)
	case errors.Is(j.check(limits), io.ErrUnexpectedEOF):
		return nil, refuse(CutOff)
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, refuse(Damaged)
	}
	if tooLarge(config, limits) {
		return nil, refuse(TooLarge)
	}
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, refuse(jpegCode(err))
	}
	look := redrawn(w, img, picture{dpiX: j.dpiX, dpiY: j.dpiY, aspect: j.aspect, orientation: j.orientation})
	return []Look{look}, w.finish("")
}

// redrawTIFF draws every picture that the directories lead to, a small copy of
// another as well: it may be all there is. All directories must be there, and all
// that they lead to.
func redrawTIFF(scan io.ReaderAt, size int64, w *writer, limits Limits) ([]Look, error) {
	walk, err := walkTIFF(scan, size)
	switch {
	case err != nil:
		return nil, err
	case walk.trouble || !walk.whole:
		return nil, refuse(Damaged)
	case walk.file.big:
		return nil, refuse(Unsupported)
	case len(walk.entries) > limits.MaxPages:
		return nil, refuse(TooManyPages)
	}
	if several, err := walk.several(); err != nil {
		return nil, err
	} else if several {
		return nil, refuse(SeveralScans)
	}
	var looks []Look
	for i, entry := range walk.entries {
		look, err := walk.redraw(entry, w, limits)
		if err != nil {
			var known *Refusal
			if !errors.As(err, &known) {
				err = refusePage(tiffCode(err), i+1)
			}
			return nil, err
		}
		looks = append(looks, look)
	}
	return looks, w.finish("")
}

func (walk *tiffWalk) redraw(entry tiffEntry, w *writer, limits Limits) (Look, error) {
	t := &walk.file
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
	case p.width > limits.MaxPixels/p.length:
		return Look{}, errTooManyPixels
	}
	if _, _, err := t.object(&p, newWriter(io.Discard), limits); tiffCode(err) == CutOff {
		return Look{}, err
	}
	img, err := tiff.Decode(t.from(entry.offset))
	if err != nil {
		return Look{}, err
	}
	return redrawn(w, img, picture{dpiX: p.dpiX, dpiY: p.dpiY, aspect: p.aspect, orientation: int(p.orientation)}), nil
}

// from is the file as if the page whose directory stands at first were its first,
// which is the only one that x/image/tiff reads.
func (t *tiffFile) from(first int64) io.Reader {
	const header = 8
	head := make([]byte, header)
	_, _ = t.r.ReadAt(head, 0) // has been read before
	t.order.PutUint32(head[4:], uint32(first))
	return &spliced{head: head, rest: t.r, size: t.size}
}

// spliced is a file with another beginning.
type spliced struct {
	head []byte
	rest io.ReaderAt
	size int64
	at   int64
}

// ReadAt reads from the file.
func (s *spliced) ReadAt(b []byte, off int64) (int, error) {
	n, err := io.NewSectionReader(s.rest, 0, s.size).ReadAt(b, off)
	if off < int64(len(s.head)) {
		copy(b[:n], s.head[off:])
	}
	return n, err
}

// Read is there as an io.Reader is asked for; x/image/tiff reads at places.
func (s *spliced) Read(b []byte) (int, error) {
	n, err := s.ReadAt(b, s.at)
	s.at += int64(n)
	return n, err
}

func tooLarge(c image.Config, limits Limits) bool {
	return int64(c.Width)*int64(c.Height) > limits.MaxPixels
}

// redrawn writes a page of dots and gives its look, upright as the page is seen.
func redrawn(w *writer, img image.Image, p picture) Look {
	d := newDrawn(onPaper(img))
	p.object, p.width, p.height = d.add(w), d.Rect.Dx(), d.Rect.Dy()
	p.put(w)
	look := LookOf(d.RGBA)
	look.Gray = upright(look.Gray, p.orientation)
	return look
}

// onPaper is a picture as it is seen on white where it is transparent.
func onPaper(img image.Image) image.Image {
	if solid, ok := img.(interface{ Opaque() bool }); !ok || solid.Opaque() {
		return img
	}
	page := image.NewRGBA(img.Bounds())
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(page, page.Rect, img, page.Rect.Min, draw.Over)
	return page
}
