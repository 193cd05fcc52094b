package pdf

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// attachedScans refuses a document that is an envelope of others (a portfolio), or
// that has a file attached which begins as a scan does: what is attached is never
// copied, and a letter in it would be lost with the scan. Anything else that is
// attached, as the data of an invoice, is no page of a letter.
//
// A file counts as attached whether or not something leads to it.
func (d *document) attachedScans() error {
	if d.root["Collection"] != nil {
		return refuse(SeveralScans)
	}
	attached := map[int]bool{}
	for number, entry := range d.ctx.Table {
		if entry == nil || entry.Free {
			continue
		}
		switch o := entry.Object.(type) {
		case types.StreamDict:
			if d.is(o.Dict, "Type", "EmbeddedFile") {
				attached[number] = true
			}
			d.attachedTo(o.Dict, attached, 0)
		case types.Dict, types.Array:
			d.attachedTo(o, attached, 0)
		}
	}
	for number := range attached {
		entry := d.ctx.Table[number]
		if entry == nil {
			continue
		}
		s, ok := entry.Object.(types.StreamDict)
		if !ok {
			continue // nothing is attached there
		}
		is, err := d.beginsAsScan(&s)
		if err != nil || is { // what cannot be read may be one
			return refuse(SeveralScans)
		}
	}
	return nil
}

// attachedTo finds the streams to which the descriptions of files in an object lead
// (EF, ISO 32000-1, 7.11.4), which need not say of themselves what they are.
func (d *document) attachedTo(o types.Object, attached map[int]bool, depth int) {
	if depth > maxDepth {
		return // the object is refused where it is copied, and else is nobody's
	}
	switch o := o.(type) {
	case types.Array:
		for _, value := range o {
			d.attachedTo(value, attached, depth+1)
		}
	case types.Dict:
		files, err := d.ctx.DereferenceDict(o["EF"])
		if err == nil {
			for _, file := range files {
				if r, ok := file.(types.IndirectRef); ok {
					attached[r.ObjectNumber.Value()] = true
				}
			}
		}
		for _, value := range o {
			d.attachedTo(value, attached, depth+1)
		}
	}
}

// otherScans begin formats in which letters come that no scan of ours has: JPEG 2000,
// as a file and bare, BigTIFF, and the telephones' HEIF, behind four bytes.
var otherScans = []string{"\x00\x00\x00\x0cjP  ", "\xff\x4f\xff\x51", "II+\x00", "MM\x00+"}

// beginsAsScan reports whether the data of a stream begins as a scan does.
func (d *document) beginsAsScan(s *types.StreamDict) (bool, error) {
	list, err := d.codecs(s.Dict["Filter"], s.Dict["DecodeParms"])
	if err != nil {
		return false, err
	}
	if len(list) > 0 && pictureCodecs[list[len(list)-1].name] {
		return true, nil // it is a picture
	}
	r, err := d.decoder(s.Raw, list)
	if err != nil {
		return false, err
	}
	head := make([]byte, headBytes)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	head = head[:n]
	for at, format := range beginnings(head) {
		if at == 0 || format == PDF {
			return true, nil
		}
	}
	heif := len(head) > 12 && string(head[4:8]) == "ftyp" && slices.Contains([]string{"heic", "heix", "mif1", "avif"}, string(head[8:12]))
	return heif || slices.ContainsFunc(otherScans, func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }), nil
}
