package pdf

import (
	"cmp"
	"slices"
)

// Tags that lead to directories below a page's (TIFF 6.0 supplement 1, EXIF 2.3).
var belowTags = []uint16{330, 34665, 34853, 40965}

// Tags of a JPEG that is a small copy of the page (TIFF 6.0, section 22; EXIF).
const (
	tagThumbnail      = 513
	tagThumbnailCount = 514
)

// allWidths are the widths of all field types, in bytes, for where values lie.
var allWidths = [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

// reach is what the directories of a TIFF lead to.
type reach struct {
	file    *tiffFile
	spans   []span // directories, values, JPEGs
	samples []span // picture data in which no other format begins
	seen    map[int64]bool
}

// several reports whether the file holds another scan: one that begins in bytes
// to which no directory leads, or, since the first may have broken off, in
// picture data, where it must be one beyond doubt.
func (w tiffWalk) several() (bool, error) {
	r := reach{file: &w.file, spans: []span{{0, 16}}, seen: map[int64]bool{}}
	for _, e := range w.entries {
		if err := r.directory(e.offset); err != nil {
			return false, err
		}
	}
	r.spans, r.samples = merged(r.spans), merged(r.samples)
	const step, overlap = 1 << 20, 16
	for at := int64(0); at < w.file.size; at += step {
		b, err := window(w.file.r, w.file.size, at, step+overlap)
		if err != nil {
			return false, err
		}
		for off, format := range beginnings(b) {
			place := at + int64(off)
			if within(r.spans, place) {
				continue
			}
			found, err := begins(w.file.r, w.file.size, place, format, within(r.samples, place))
			if found || err != nil {
				return found, err
			}
		}
	}
	return false, nil
}

// directory notes what one leads to, and those below it. What is not whole is
// left: the pages' have been looked at.
func (r *reach) directory(off int64) error {
	if r.seen[off] || len(r.seen) == maxDirectories || len(r.spans) > maxPieces {
		return nil
	}
	r.seen[off] = true
	d, _, err := r.file.directory(off)
	if err != nil || !d.whole || d.count() > maxPieces {
		return err
	}
	r.spans = append(r.spans, span{off, off + r.file.length(d)})
	for _, f := range d.fields {
		if n := r.file.valueBytes(f); n > int64(len(f.value)) {
			at := r.file.offset(f.value)
			r.spans = append(r.spans, span{at, at + n})
		}
	}
	if err := r.pieces(d); err != nil {
		return err
	}
	for _, tag := range belowTags {
		below, err := r.file.numbers(d.fields[tag], maxFields)
		if err != nil {
			return err
		}
		for _, off := range below {
			if err := r.directory(off); err != nil {
				return err
			}
		}
	}
	return nil
}

// pieces notes where the strips or tiles of a directory lie, and its small copy.
func (r *reach) pieces(d tiffDirectory) error {
	p, _, err := r.file.page(d)
	if err != nil {
		return err
	}
	for i, off := range p.offsets[:min(len(p.offsets), len(p.counts))] {
		switch {
		case p.compression != packedJPEG:
			r.samples = append(r.samples, span{off, off + p.counts[i]})
		case p.unsized: // it ends where its JPEG does
			r.spans = append(r.spans, span{off, off + 1})
		default:
			r.spans = append(r.spans, span{off, off + p.counts[i]})
		}
	}
	at, err := r.file.numbers(d.fields[tagThumbnail], 1)
	if err != nil {
		return err
	}
	count, err := r.file.numbers(d.fields[tagThumbnailCount], 1)
	if len(at) == 1 && len(count) == 1 {
		r.spans = append(r.spans, span{at[0], at[0] + count[0]})
	}
	return err
}

// length is how many bytes a directory takes.
func (t *tiffFile) length(d tiffDirectory) int64 {
	if t.big {
		return 8 + 20*int64(len(d.fields)) + 8
	}
	return 2 + 12*int64(len(d.fields)) + 4
}

// valueBytes is how many bytes the values of a field take; 0 of an unknown type.
func (t *tiffFile) valueBytes(f field) int64 {
	if int(f.kind) >= len(allWidths) || f.count > t.size {
		return 0
	}
	return allWidths[f.kind] * f.count
}

// merged puts spans in order, those that overlap as one.
func merged(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, s := range spans {
		if last := len(out) - 1; last >= 0 && s.from < out[last].to {
			out[last].to = max(out[last].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// within reports whether at lies in one of merged spans.
func within(spans []span, at int64) bool {
	i, found := slices.BinarySearchFunc(spans, at, func(s span, at int64) int { return cmp.Compare(s.from, at) })
	return found || i > 0 && at < spans[i-1].to
}
