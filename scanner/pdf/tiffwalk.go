package pdf

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Tags of TIFF 6.0.
const (
	tagSubfile        = 254
	tagWidth          = 256
	tagLength         = 257
	tagStripOffsets   = 273
	tagOrientation    = 274
	tagStripCounts    = 279
	tagXResolution    = 282
	tagYResolution    = 283
	tagPlanar         = 284
	tagT4Options      = 292
	tagResolutionUnit = 296
	tagTileOffsets    = 324
	tagTileCounts     = 325
)

// Bounds of the walk over a TIFF's directories.
const (
	maxDirectories = 10_000
	maxFields      = 4096      // of one directory
	maxPieces      = 1_000_000 // strips and tiles of the file
)

// directory is one page of a TIFF: what its tags say about size and place.
type directory struct {
	offset        int64
	order         binary.ByteOrder // of the whole file
	width, length int64
	subfile       int64 // bit 0: a small copy of another page; bit 2: a mask
	orientation   int64
	planar        int64 // 2: red, green and blue each in pieces of their own
	t4Options     int64 // of Group 3; bit 0: two-dimensional
	dpiX, dpiY    float64
	whole         bool // all its data lies inside the file
}

// tiffWalk is the outcome of walking a TIFF's directories.
type tiffWalk struct {
	big     bool // BigTIFF, which is not walked
	pages   []directory
	whole   bool // the chain of directories ends, and all data lies inside the file
	trouble bool // a loop, or more than the bounds: no waiting will mend it
}

// completeTIFF reports a file in trouble as complete, so that it is refused
// rather than waited for.
func completeTIFF(r io.ReaderAt, size int64) (bool, error) {
	w, err := walkTIFF(r, size)
	return w.big || w.trouble || w.whole, err
}

// walkTIFF follows the directories from the header, each once.
func walkTIFF(r io.ReaderAt, size int64) (tiffWalk, error) {
	head, err := window(r, size, 0, 8)
	if err != nil || len(head) < 8 {
		return tiffWalk{}, err
	}
	t := tiffReader{r: r, size: size, order: byteOrder(head)}
	if t.order.Uint16(head[2:]) == 43 {
		return tiffWalk{big: true}, nil
	}
	walk := tiffWalk{whole: true}
	seen := map[int64]bool{}
	next := int64(t.order.Uint32(head[4:]))
	for next != 0 {
		if seen[next] || len(seen) == maxDirectories {
			walk.trouble = true
			return walk, nil
		}
		seen[next] = true
		var d directory
		if d, next, err = t.directory(next); err != nil {
			return walk, err
		}
		if t.trouble {
			walk.trouble = true
			return walk, nil
		}
		walk.pages = append(walk.pages, d)
		walk.whole = walk.whole && d.whole
		if !d.whole {
			return walk, nil // what follows cannot be trusted yet
		}
	}
	walk.whole = walk.whole && len(walk.pages) > 0
	return walk, nil
}

type tiffReader struct {
	r       io.ReaderAt
	size    int64
	order   binary.ByteOrder
	pieces  int
	trouble bool
}

// directory reads the directory at off and the offset of the next. Where the
// file does not reach, the directory is not whole and next is 0.
func (t *tiffReader) directory(off int64) (d directory, next int64, err error) {
	d.offset, d.order, d.orientation, d.planar = off, t.order, 1, 1
	b, err := window(t.r, t.size, off, 2)
	if err != nil || len(b) < 2 {
		return d, 0, err
	}
	count := int(t.order.Uint16(b))
	if count > maxFields {
		t.trouble = true
		return d, 0, nil
	}
	b, err = window(t.r, t.size, off+2, 12*count+4)
	if err != nil || len(b) < 12*count+4 {
		return d, 0, err
	}
	next = int64(t.order.Uint32(b[12*count:]))
	fields := map[uint16]field{}
	for i := range count {
		f := b[12*i:]
		fields[t.order.Uint16(f)] = field{t.order.Uint16(f[2:]), int64(t.order.Uint32(f[4:])), f[8:12]}
	}
	if err := t.describe(&d, fields); err != nil {
		return d, 0, err
	}
	strips, err := t.inside(fields, tagStripOffsets, tagStripCounts)
	if err != nil {
		return d, 0, err
	}
	tiles, err := t.inside(fields, tagTileOffsets, tagTileCounts)
	d.whole = d.width > 0 && d.length > 0 && (strips || tiles)
	return d, next, err
}

// field is one entry of a directory: its type, its count, and its value or
// the offset of its values.
type field struct {
	kind  uint16
	count int64
	value []byte
}

// widths of the field types, in bytes; a type that is not here is skipped.
var widths = map[uint16]int64{1: 1, 3: 2, 4: 4, 5: 8}

// describe reads what the page's tags say about its size and place.
func (t *tiffReader) describe(d *directory, fields map[uint16]field) error {
	for tag, to := range map[uint16]*int64{tagSubfile: &d.subfile, tagWidth: &d.width,
		tagLength: &d.length, tagOrientation: &d.orientation, tagPlanar: &d.planar, tagT4Options: &d.t4Options} {
		values, err := t.numbers(fields[tag], 1)
		if err != nil {
			return err
		}
		if len(values) == 1 {
			*to = values[0]
		}
	}
	unit := 1.0 // dots per inch; the tag's default
	values, err := t.numbers(fields[tagResolutionUnit], 1)
	if err != nil {
		return err
	}
	if len(values) == 1 {
		unit = map[int64]float64{2: 1, 3: 2.54}[values[0]] // 1 means none: 0
	}
	for tag, to := range map[uint16]*float64{tagXResolution: &d.dpiX, tagYResolution: &d.dpiY} {
		values, err := t.numbers(fields[tag], 1)
		if err != nil {
			return err
		}
		if len(values) == 2 && values[1] > 0 {
			*to = float64(values[0]) / float64(values[1]) * unit
		}
	}
	return nil
}

// numbers reads the first n values of a field, fewer where there are fewer. A
// rational gives two numbers.
func (t *tiffReader) numbers(f field, n int64) ([]int64, error) {
	width := widths[f.kind]
	n = min(n, f.count)
	if width == 0 || n == 0 {
		return nil, nil
	}
	raw := f.value
	if width*f.count > 4 {
		var err error
		raw, err = window(t.r, t.size, int64(t.order.Uint32(f.value)), int(width*n))
		if err != nil {
			return nil, err
		}
	}
	values := make([]int64, 0, n)
	for ; n > 0 && int64(len(raw)) >= width; n-- {
		switch f.kind {
		case 1:
			values = append(values, int64(raw[0]))
		case 3:
			values = append(values, int64(t.order.Uint16(raw)))
		case 4:
			values = append(values, int64(t.order.Uint32(raw)))
		case 5:
			values = append(values, int64(t.order.Uint32(raw)), int64(t.order.Uint32(raw[4:])))
		}
		raw = raw[width:]
	}
	return values, nil
}

// inside reports whether the page has strips or tiles and all of them lie
// inside the file and are not empty.
func (t *tiffReader) inside(fields map[uint16]field, offsetsTag, countsTag uint16) (bool, error) {
	n := fields[offsetsTag].count
	if t.pieces += int(min(n, maxPieces+1)); t.pieces > maxPieces {
		t.trouble = true
		return false, nil
	}
	offsets, err := t.numbers(fields[offsetsTag], n)
	if err != nil {
		return false, err
	}
	counts, err := t.numbers(fields[countsTag], n)
	if err != nil {
		return false, err
	}
	if n == 0 || int64(len(offsets)) < n || int64(len(counts)) < n {
		return false, nil
	}
	for i, off := range offsets {
		if off == 0 || counts[i] == 0 || off+counts[i] > t.size {
			return false, nil
		}
	}
	return true, nil
}

// firstDirectory reads the first directory of a TIFF that lies in memory, as
// EXIF does; its data is not looked at.
func firstDirectory(b []byte) (directory, bool) {
	r := bytes.NewReader(b)
	head, err := window(r, r.Size(), 0, 8)
	if err != nil || len(head) < 8 {
		return directory{}, false
	}
	t := tiffReader{r: r, size: r.Size(), order: byteOrder(head)}
	d, _, err := t.directory(int64(t.order.Uint32(head[4:])))
	return d, err == nil && !t.trouble
}

// byteOrder is the one that a TIFF's first byte names.
func byteOrder(head []byte) binary.ByteOrder {
	if head[0] == 'M' {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
