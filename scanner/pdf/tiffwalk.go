package pdf

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Bounds of the walk over a TIFF's directories.
const (
	maxDirectories = 10_000
	maxFields      = 4096      // of one directory
	maxPieces      = 1_000_000 // strips and tiles of the file
)

// tiffWalk is the outcome of walking a TIFF's directories.
type tiffWalk struct {
	file    tiffFile
	entries []tiffEntry
	whole   bool // the chain of directories ends, and all data lies inside the file
	trouble bool // a loop, or more than the bounds: no waiting will mend it
}

// tiffEntry is one directory in the chain.
type tiffEntry struct {
	offset        int64
	width, length int64 // dots
	extra         bool  // a small copy of another page, or a mask
	mask          bool  // the latter
}

// completeTIFF reports a file in trouble as complete, so that it is refused
// rather than waited for.
func completeTIFF(r io.ReaderAt, size int64) (bool, error) {
	w, err := walkTIFF(r, size)
	return w.trouble || w.whole, err
}

// walkTIFF follows the directories from the header, each once. Directories that
// hang below others (SubIFDs) are not pages and are not followed.
func walkTIFF(r io.ReaderAt, size int64) (tiffWalk, error) {
	t, next, ok, err := openTIFF(r, size)
	walk := tiffWalk{file: t, whole: ok}
	if err != nil || !ok {
		return walk, err
	}
	seen := map[int64]bool{}
	var pieces, bytes int64
	for next != 0 {
		if seen[next] || len(seen) == maxDirectories {
			walk.trouble = true
			return walk, nil
		}
		seen[next] = true
		d, after, err := t.directory(next)
		if err != nil {
			return walk, err
		}
		if pieces += d.count(); d.trouble || pieces > maxPieces {
			walk.trouble = true
			return walk, nil
		}
		p, inside, err := t.page(d)
		if err != nil {
			return walk, err
		}
		if !d.whole || !inside {
			walk.whole = false // what follows cannot be trusted yet
			return walk, nil
		}
		// Pages that share their data would make a small file a large letter.
		if bytes += p.bytes(); bytes > 2*size {
			walk.trouble = true
			return walk, nil
		}
		walk.entries = append(walk.entries, tiffEntry{next, p.width, p.length, p.extra, p.mask})
		next = after
	}
	walk.whole = len(walk.entries) > 0
	return walk, nil
}

// tiffFile is a TIFF whose header has been read.
type tiffFile struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	big   bool // BigTIFF: offsets of 8 bytes
}

// openTIFF reads the header and returns the offset of the first directory, or
// false where the file is too short for one.
func openTIFF(r io.ReaderAt, size int64) (t tiffFile, first int64, ok bool, err error) {
	head, err := window(r, size, 0, 16)
	if err != nil || len(head) < 8 {
		return t, 0, false, err
	}
	t = tiffFile{r: r, size: size, order: binary.LittleEndian}
	if head[0] == 'M' {
		t.order = binary.BigEndian
	}
	if t.big = t.order.Uint16(head[2:]) == 43; !t.big {
		return t, int64(t.order.Uint32(head[4:])), true, nil
	}
	if len(head) < 16 {
		return t, 0, false, nil
	}
	return t, t.offset(head[8:]), true, nil
}

// offset reads an offset of the file's kind; one that no file reaches is beyond
// the end of this one.
func (t *tiffFile) offset(b []byte) int64 {
	if !t.big {
		return int64(t.order.Uint32(b))
	}
	return int64(min(t.order.Uint64(b), 1<<62))
}

// field is one entry of a directory: its type, its count, and its value or
// the offset of its values.
type field struct {
	kind  uint16
	count int64
	value []byte
}

// tiffDirectory is the fields of a directory by their tags.
type tiffDirectory struct {
	fields  map[uint16]field
	whole   bool // the file reaches to its end
	trouble bool // it has more fields than the bounds allow
}

// count is the number of strips and tiles that it claims.
func (d tiffDirectory) count() int64 {
	return min(d.fields[tagStripOffsets].count, maxPieces+1) + min(d.fields[tagTileOffsets].count, maxPieces+1)
}

// directory reads the directory at off and the offset of the next. Where the
// file does not reach, the directory is not whole and next is 0.
func (t *tiffFile) directory(off int64) (d tiffDirectory, next int64, err error) {
	head, entry, word := 2, 12, 4
	if t.big {
		head, entry, word = 8, 20, 8
	}
	b, err := window(t.r, t.size, off, head)
	if err != nil || len(b) < head {
		return d, 0, err
	}
	count := int64(t.order.Uint16(b))
	if t.big {
		count = t.offset(b)
	}
	if count > maxFields {
		d.trouble = true
		return d, 0, nil
	}
	size := int(count)*entry + word
	b, err = window(t.r, t.size, off+int64(head), size)
	if err != nil || len(b) < size {
		return d, 0, err
	}
	d.fields, d.whole = make(map[uint16]field, count), true
	for ; len(b) > word; b = b[entry:] {
		tag := t.order.Uint16(b)
		if _, twice := d.fields[tag]; !twice {
			d.fields[tag] = field{t.order.Uint16(b[2:]), t.offset(b[4:]), b[4+word : entry]}
		}
	}
	return d, t.offset(b), nil
}

// widths of the field types, in bytes; a type that is not here is skipped.
var widths = map[uint16]int64{1: 1, 3: 2, 4: 4, 5: 8, 7: 1, 13: 4, 16: 8, 18: 8}

// raw reads the first n values of a field as bytes, fewer where there are fewer.
func (t *tiffFile) raw(f field, n int64) ([]byte, error) {
	width := widths[f.kind]
	n = min(n, f.count)
	if width == 0 || n <= 0 {
		return nil, nil
	}
	if f.count <= int64(len(f.value))/width {
		return f.value[:n*width], nil
	}
	return window(t.r, t.size, t.offset(f.value), int(width*n))
}

// numbers reads the first n values of a field, fewer where there are fewer. A
// rational gives two numbers.
func (t *tiffFile) numbers(f field, n int64) ([]int64, error) {
	raw, err := t.raw(f, n)
	if err != nil || raw == nil {
		return nil, err
	}
	width := widths[f.kind]
	values := make([]int64, 0, int64(len(raw))/width*2)
	for ; int64(len(raw)) >= width; raw = raw[width:] {
		switch f.kind {
		case 1, 7:
			values = append(values, int64(raw[0]))
		case 3:
			values = append(values, int64(t.order.Uint16(raw)))
		case 4, 13:
			values = append(values, int64(t.order.Uint32(raw)))
		case 5:
			values = append(values, int64(t.order.Uint32(raw)), int64(t.order.Uint32(raw[4:])))
		case 16, 18:
			values = append(values, int64(min(t.order.Uint64(raw), 1<<62)))
		}
	}
	return values, nil
}

// firstPage reads the first directory of a TIFF that lies in memory, as EXIF
// does; its data is not looked at.
func firstPage(b []byte) (tiffPage, bool) {
	r := bytes.NewReader(b)
	t, first, ok, err := openTIFF(r, r.Size())
	if err != nil || !ok {
		return tiffPage{}, false
	}
	d, _, err := t.directory(first)
	if err != nil || !d.whole {
		return tiffPage{}, false
	}
	p, _, err := t.page(d)
	return p, err == nil
}
