package pdf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// Types of segments (ITU-T T.88, 7.3).
const (
	jbSymbols      = 0 // a dictionary of shapes that text regions repeat
	jbText         = 4 // 4, 6 and 7
	jbTextLossless = 7
	jbPatterns     = 16 // the same for halftones
	jbHalftone     = 20 // 20, 22 and 23
	jbHalftoneLast = 23
	jbGeneric      = 36 // 36, 38 and 39: dot by dot
	jbGenericLast  = 39
	jbRefine       = 40 // 40, 42 and 43: dots that correct dots
	jbRefineLast   = 43
	jbPage         = 48
	jbEndOfPage    = 49
	jbEndOfStripe  = 50
	jbEndOfFile    = 51
	jbProfiles     = 52
	jbTables       = 53
	jbExtension    = 62 // comments
)

// Errors of walking through JBIG2.
var (
	errJBIG2        = errors.New("not the structure of JBIG2")
	errJBIG2Symbols = errors.New("JBIG2 draws one shape in the place of others")
)

// jbig2 is what a walk through the segments of a JBIG2 stream has met.
type jbig2 struct {
	limits Limits
	global bool   // segments that belong to no page
	kept   []byte // without comments
	page   bool   // its description has come
	height int64  // of the page; 0 when it is not known beforehand
	bottom int64  // the lowest row that a region draws
	ended  bool   // the end of the page was marked
}

// segment is one of a JBIG2 stream.
type segment struct {
	kind byte
	head int // length of its header
	size int // of header and data
	data []byte
}

// walkJBIG2 goes through the segments of an embedded stream (T.88, annex D.3)
// and keeps those that draw. Shapes from a dictionary are refused unless the
// limits allow them: an encoder that takes two figures for the same one prints
// the wrong figure, sharp and clear, and nobody can see that.
func walkJBIG2(data []byte, global bool, limits Limits) (*jbig2, error) {
	if bytes.HasPrefix(data, []byte("\x97JB2")) { // a file: viewers want its segments only
		return nil, errJBIG2
	}
	j := &jbig2{limits: limits, global: global}
	for len(data) > 0 {
		if len(bytes.Trim(data, "\x00\r\n")) == 0 {
			break // padding
		}
		s, err := nextJBIG2(data)
		if err != nil {
			return nil, err
		}
		if err := j.segment(s); err != nil {
			return nil, err
		}
		if s.kind != jbExtension {
			j.kept = append(j.kept, data[:s.size]...)
		}
		data = data[s.size:]
	}
	if global {
		return j, nil
	}
	if !j.page {
		return nil, errJBIG2
	}
	return j, nil
}

// whole reports whether the page is drawn to its end, as far as can be told;
// rows is how many the picture has. No mark ends the data, so what shows that
// nothing is missing is that something draws the last row. Shapes from a
// dictionary stand only where there is ink.
func (j *jbig2) whole(rows int64) bool {
	if j.height > 0 {
		rows = min(rows, j.height)
	}
	return j.ended || j.limits.AllowSymbols || j.bottom >= rows
}

// nextJBIG2 reads the segment at the start of b (T.88, 7.2).
func nextJBIG2(b []byte) (s segment, err error) {
	const short = 6 // number, flags, count of references
	if len(b) < short {
		return s, io.ErrUnexpectedEOF
	}
	number, flags := binary.BigEndian.Uint32(b), b[4]
	s.kind = flags & 63
	references, at := int64(b[5]>>5), int64(short)
	switch {
	case references == 7 && len(b) < 9:
		return s, io.ErrUnexpectedEOF
	case references == 7: // many: a long count, and a bit for each
		references = int64(binary.BigEndian.Uint32(b[5:]) & 0x1fffffff)
		at = 9 + (references+8)/8
	case references > 4:
		return s, errJBIG2
	}
	switch {
	case number <= 256:
		at += references
	case number <= 65536:
		at += 2 * references
	default:
		at += 4 * references
	}
	at++ // page association
	if flags&0x40 != 0 {
		at += 3
	}
	if int64(len(b)) < at+4 {
		return s, io.ErrUnexpectedEOF
	}
	length := int64(binary.BigEndian.Uint32(b[at:]))
	at += 4
	if length == 0xffffffff {
		if length, err = unknownLength(s.kind, b[at:]); err != nil {
			return s, err
		}
	}
	if length > int64(len(b))-at {
		return s, io.ErrUnexpectedEOF
	}
	s.head, s.size = int(at), int(at+length)
	s.data = b[at : at+length]
	return s, nil
}

// Parts of a region segment in bytes: where and how large it is, and the flags
// of how it is coded.
const (
	jbWhere  = 17
	jbRegion = jbWhere + 1
	jbCounts = 10 // of a dictionary: flags, and how many shapes it has
)

// unknownLength finds the end of an immediate generic region whose encoder did
// not know its length when it began: a mark, and the number of rows (T.88,
// 7.2.7).
func unknownLength(kind byte, b []byte) (int64, error) {
	if kind != jbGeneric+2 && kind != jbGenericLast {
		return 0, errJBIG2
	}
	if len(b) < jbRegion {
		return 0, io.ErrUnexpectedEOF
	}
	mark := []byte{0xff, 0xac}
	if b[jbWhere]&1 != 0 { // MMR
		mark = []byte{0, 0}
	}
	n := bytes.Index(b[jbRegion:], mark)
	if n < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return int64(jbRegion + n + len(mark) + 4), nil
}

// segment looks at one.
func (j *jbig2) segment(s segment) error {
	symbols := s.kind == jbSymbols || s.kind >= jbText && s.kind <= jbTextLossless ||
		s.kind >= jbPatterns && s.kind <= jbHalftoneLast
	if symbols && !j.limits.AllowSymbols {
		return errJBIG2Symbols
	}
	switch {
	case s.kind == jbPage:
		return j.describe(s.data)
	case s.kind == jbEndOfPage || s.kind == jbEndOfFile:
		j.ended = true
	case s.kind == jbEndOfStripe:
		if len(s.data) < 4 {
			return errJBIG2
		}
	case s.kind == jbSymbols && len(s.data) < jbCounts:
		return errJBIG2
	case s.kind == jbSymbols || s.kind == jbPatterns || s.kind >= jbProfiles && s.kind <= jbTables || s.kind == jbExtension:
	case symbols || s.kind >= jbGeneric && s.kind <= jbRefineLast:
		return j.region(s)
	default:
		return errJBIG2
	}
	return nil
}

// describe reads the description of the page (T.88, 7.4.8).
func (j *jbig2) describe(b []byte) error {
	const length, unknown = 19, 0xffffffff
	if len(b) < length || j.page || j.global {
		return errJBIG2
	}
	width, height := int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:]))
	if height == unknown {
		height = 0
	}
	if width > 0 && height > j.limits.MaxPixels/width {
		return errTooManyPixels
	}
	j.page, j.height = true, height
	return nil
}

// region looks at where one is (T.88, 7.4.1) and whether it has any data.
func (j *jbig2) region(s segment) error {
	if len(s.data) <= jbRegion {
		return io.ErrUnexpectedEOF
	}
	if j.global || !j.page {
		return errJBIG2
	}
	width, height := int64(binary.BigEndian.Uint32(s.data)), int64(binary.BigEndian.Uint32(s.data[4:]))
	if width > 0 && height > j.limits.MaxPixels/width {
		return errTooManyPixels
	}
	if blanked(s.data[jbRegion:], width*height) {
		return errJBIG2
	}
	if s.kind != jbGeneric && s.kind != jbRefine { // neither is drawn by itself
		j.bottom = max(j.bottom, int64(binary.BigEndian.Uint32(s.data[12:]))+height)
	}
	return nil
}

// blanked reports whether a stretch of zeros, as a bad block of a disk leaves it,
// stands in the data of a region of so many dots, ahead of the mark of its end.
// An arithmetic decoder makes dots of anything. But coded dots look like noise,
// only a large blank page may become a regular pattern: then each byte stands for
// 2 to the 18th dots, as the likelier colour is never coded in less than a
// 32,768th of a bit. In MMR no word has so many zeros.
func blanked(data []byte, dots int64) bool {
	const stretch, dotsAByte = 64, 1 << 18
	if end := bytes.LastIndex(data, []byte{0xff, 0xac}); end >= 0 && len(bytes.Trim(data[end+2:], "\x00")) == 0 {
		data = data[:end]
	}
	return longestZeros(data) > stretch+int(dots/dotsAByte)
}

// longestZeros is the length of the longest run of zeros.
func longestZeros(data []byte) (longest int) {
	for len(data) > 0 {
		at := bytes.IndexByte(data, 0)
		if at < 0 {
			break
		}
		data = data[at:]
		n := len(data) - len(bytes.TrimLeft(data, "\x00"))
		longest, data = max(longest, n), data[n:]
	}
	return longest
}

// stripJBIG2 walks through a JBIG2 picture and the segments that it shares with
// others. Where those draw nothing, the picture does without them.
func (d *document) stripJBIG2(data []byte, c codec, rows int64) ([]byte, codec, error) {
	shared, err := d.ctx.Dereference(c.parms["JBIG2Globals"])
	if err != nil {
		return nil, c, err
	}
	c = codec{name: c.name}
	if shared != nil {
		s, ok := streamOf(shared)
		if !ok {
			return nil, c, errJBIG2
		}
		globals, _, err := d.decoded(s)
		if err != nil {
			return nil, c, err
		}
		walked, err := walkJBIG2(globals, true, d.limits)
		if err != nil {
			return nil, c, jbig2Refusal(err)
		}
		c.globals = walked.kept
	}
	walked, err := walkJBIG2(data, false, d.limits)
	if err != nil {
		return nil, c, jbig2Refusal(err)
	}
	if !walked.whole(rows) {
		return nil, c, refuse(CutOff)
	}
	return walked.kept, c, nil
}

// jbig2Refusal puts an error of the walk into a refusal.
func jbig2Refusal(err error) error {
	switch {
	case errors.Is(err, errJBIG2Symbols):
		return refuse(Symbols)
	case errors.Is(err, errTooManyPixels):
		return refuse(TooLarge)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(CutOff)
	}
	return refuse(Damaged)
}

// streamOf takes a stream in either of the ways that pdfcpu holds one.
func streamOf(o types.Object) (*types.StreamDict, bool) {
	switch o := o.(type) {
	case types.StreamDict:
		return &o, true
	case *types.StreamDict:
		return o, o != nil
	}
	return nil, false
}
