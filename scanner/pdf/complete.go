package pdf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
)

// ErrIncomplete says that a file is not a whole scan yet: it is empty, or it is
// a scan whose end has not arrived. It may become one.
var ErrIncomplete = errors.New("scan is not complete")

// ErrUnknown says that a file is not a scan at all.
var ErrUnknown = errors.New("not a format of scans")

// Bounds of what Complete reads, in bytes.
const (
	headBytes = 1024     // in which a PDF must begin, as Acrobat has it
	tailBytes = 1024     // in which it must end
	padding   = 64 << 10 // of zeros or blanks that some scanners put behind the end
)

// signature is the first bytes of a file of a format.
type signature struct {
	magic  string
	format Format
}

// pdfSignature may have other bytes before it.
var pdfSignature = signature{"%PDF-", PDF}

// The first bytes of each image format.
var signatures = []signature{
	{"\xff\xd8\xff", JPEG},
	{"\x89PNG\r\n\x1a\n", PNG},
	{"II*\x00", TIFF}, {"MM\x00*", TIFF},
	{"II+\x00", TIFF}, {"MM\x00+", TIFF}, // BigTIFF
}

// Complete looks whether r, of size bytes, is a whole scan, and of which format.
// It reads little and never much, whatever the bytes: PDF by its end, PNG by its
// chunks or its end, JPEG by its segments and its end, TIFF by its directories.
// A whole scan may still turn out to be damaged, or to have another behind it.
//
// The error is ErrIncomplete or ErrUnknown (compare with errors.Is), or that of
// r. With ErrIncomplete the format is set once it can be told.
func Complete(r io.ReaderAt, size int64) (Format, error) {
	head, err := window(r, size, 0, headBytes)
	if err != nil {
		return "", err
	}
	format, err := recognise(head)
	if err != nil {
		return "", err
	}
	var whole bool
	switch format {
	case PDF:
		whole, err = completePDF(r, size)
	case JPEG:
		whole, err = completeJPEG(r, size)
	case PNG:
		whole, err = completePNG(r, size)
	case TIFF:
		whole, err = completeTIFF(r, size)
	}
	if err == nil && !whole {
		whole, err = endsAsAnother(r, size)
	}
	if err == nil && !whole {
		err = ErrIncomplete
	}
	return format, err
}

// endsAsAnother reports whether the file ends as a whole one of another format
// does: another scan stands behind this one, and no waiting will mend that.
func endsAsAnother(r io.ReaderAt, size int64) (bool, error) {
	if whole, err := completePDF(r, size); whole || err != nil {
		return whole, err
	}
	return endsAsPNG(r, size)
}

// recognise tells the format by the first bytes of a file.
func recognise(head []byte) (Format, error) {
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.magic)) {
			return s.format, nil
		}
	}
	if bytes.Contains(head, []byte(pdfSignature.magic)) {
		return PDF, nil
	}
	// A file may be made as long as it will be and then filled from the start:
	// what has arrived is what stands before the zeros. A few bytes may be the
	// start of a signature.
	arrived := bytes.TrimRight(head, "\x00")
	begun := bytes.HasPrefix([]byte(pdfSignature.magic), arrived)
	for _, s := range signatures {
		begun = begun || bytes.HasPrefix([]byte(s.magic), arrived)
	}
	if begun {
		return "", ErrIncomplete
	}
	return "", ErrUnknown
}

// window reads up to n bytes at off, fewer where the file ends.
func window(r io.ReaderAt, size, off int64, n int) ([]byte, error) {
	n = int(max(0, min(int64(n), size-off)))
	b := make([]byte, n)
	got, err := r.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		err = nil // exactly at the end, or the file has just shrunk
	}
	return b[:got], err
}

// tail reads the end of the file, but nothing before from, and leaves out the
// padding behind it.
func tail(r io.ReaderAt, size, from int64, n int) ([]byte, error) {
	off := max(from, size-padding-int64(n))
	b, err := window(r, size, off, padding+n)
	if err != nil {
		return nil, err
	}
	b = bytes.TrimRight(b, "\x00\t\n\f\r ")
	return b[max(0, len(b)-n):], nil
}

// completePDF wants "startxref", a place inside the file and "%%EOF" at the
// end. The first part of a linearised file ends in the same words but with 0
// for the place, so a file that stops there is not taken for whole. Some scanner
// software writes 0 too, and all of its table wrong, but nothing linearised.
func completePDF(r io.ReaderAt, size int64) (bool, error) {
	end, err := tail(r, size, 0, tailBytes)
	if err != nil {
		return false, err
	}
	eof := bytes.LastIndex(end, []byte("%%EOF"))
	if eof < 0 {
		return false, nil
	}
	start := bytes.LastIndex(end[:eof], []byte("startxref"))
	if start < 0 {
		return false, nil
	}
	number := string(bytes.TrimSpace(end[start+len("startxref") : eof]))
	place, err := strconv.ParseInt(number, 10, 64)
	if err != nil || place < 0 || place >= size {
		return false, nil
	}
	if place > 0 {
		return true, nil
	}
	head, err := window(r, size, 0, headBytes)
	return err == nil && !bytes.Contains(head, []byte("/Linearized")), err
}

// iend is the last chunk of every PNG, with its checksum.
const iend = "\x00\x00\x00\x00IEND\xaeB`\x82"

// endsAsPNG looks for it at the end of the file.
func endsAsPNG(r io.ReaderAt, size int64) (bool, error) {
	end, err := tail(r, size, 0, tailBytes)
	return bytes.Contains(end, []byte(iend)), err
}

// completePNG walks the chunks to the last, behind which more may stand than the
// padding of a scanner. Where it does not come that far, what counts is the end
// of the file.
func completePNG(r io.ReaderAt, size int64) (bool, error) {
	const header, most = 8, 20_000 // of the usual 8 kB
	for at, chunks := int64(header), 0; chunks < most; chunks++ {
		b, err := window(r, size, at, len(iend))
		switch {
		case err != nil:
			return false, err
		case string(b) == iend:
			return true, nil
		case len(b) < len(iend) || b[4] < 'A':
			return endsAsPNG(r, size)
		}
		at += header + int64(binary.BigEndian.Uint32(b)) + 4
	}
	return endsAsPNG(r, size)
}

// maxSegments bounds the walk over a JPEG's segments: a camera writes some
// dozens, and a profile of 16 MB has 255.
const maxSegments = 2000

// completeJPEG walks the segments up to the first picture data, since what
// comes before may hold a small picture with an end of its own, and then wants
// an end of image in the last bytes of the file. Where the walk meets something
// else than a segment, what counts is the end behind it.
func completeJPEG(r io.ReaderAt, size int64) (bool, error) {
	at := int64(2)
	for range maxSegments {
		b, err := window(r, size, at, 4)
		if err != nil || len(b) < 4 {
			return false, err
		}
		if b[0] != 0xff || b[1] == sos {
			break
		}
		if b[1] == 0xff {
			at++ // fill byte
			continue
		}
		at += 2 + int64(b[2])<<8 + int64(b[3])
	}
	end, err := tail(r, size, at, padding)
	return bytes.Contains(end, []byte{0xff, eoi}), err
}
