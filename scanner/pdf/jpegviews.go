package pdf

import "bytes"

// mpf begins the segment in which a file of several pictures (CIPA DC-007, MPO)
// has its index.
const mpf = "MPF\x00"

// Of that index.
const (
	tagViews  = 0xb002 // one entry for each picture
	viewEntry = 16     // bytes: what it is, its size, its place, and what depends on it
	maxViews  = 32     // that are looked at
)

// Kinds of pictures in that index (table 4) that show what the first does not.
const (
	panorama   = 0x020001
	multiAngle = 0x020003
)

// followed reports whether another scan stands behind the picture. The further
// pictures of a camera's or a telephone's file are none, where its index leads
// to them and they are lesser views of the same.
func (j *jpegImage) followed(data []byte) bool {
	rest := data[j.end:]
	return scanIn(rest) && scanIn(rest, j.lesserViews(data)...)
}

// lesserViews are where the index says that further pictures lie, counted from
// the end of the first; none if one of them is no lesser view.
func (j *jpegImage) lesserViews(data []byte) []span {
	t, first, ok, err := openTIFF(bytes.NewReader(j.views), int64(len(j.views)))
	if err != nil || !ok {
		return nil
	}
	d, _, err := t.directory(first)
	if err != nil {
		return nil
	}
	entries, err := t.raw(d.fields[tagViews], viewEntry*maxViews)
	if err != nil {
		return nil
	}
	var views []span
	for ; len(entries) >= viewEntry; entries = entries[viewEntry:] {
		kind := t.order.Uint32(entries) & 0xffffff
		size, place := int64(t.order.Uint32(entries[4:])), int64(t.order.Uint32(entries[8:]))
		if place == 0 {
			continue // the first
		}
		from := int64(j.viewsAt) + place
		to := from + size
		if from < int64(j.end) || to > int64(len(data)) || !j.lesser(data[from:to], kind) {
			return nil
		}
		views = append(views, span{from - int64(j.end), to - int64(j.end)})
	}
	return views
}

// lesser reports whether a further picture shows nothing that the first does
// not: it is a JPEG alone, by its kind no other part or side, and smaller where
// nothing is said.
func (j *jpegImage) lesser(data []byte, kind uint32) bool {
	view, err := parseJPEG(data)
	switch {
	case err != nil || scanIn(data[view.end:]) || kind == panorama || kind == multiAngle:
		return false
	case kind == 0:
		return view.width*view.height < j.width*j.height
	}
	return true
}
