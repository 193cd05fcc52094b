package pdf

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// stream copies a stream: its data as it is, or, where a JPEG is its last
// filter, the JPEG without what is not picture.
func (c *copier) stream(number int, s *types.StreamDict) error {
	if foreign(s.Dict) {
		c.w.object(number, "null")
		return nil
	}
	if s.Dict["F"] != nil { // its data is in another file
		return refusePage(Damaged, c.page)
	}
	picture := c.isName(s.Dict, "Image")
	data, filter := s.Raw, s.Dict["Filter"]
	parms := s.Dict["DecodeParms"]
	if n := len(s.FilterPipeline); n > 0 && s.FilterPipeline[n-1].Name == "DCTDecode" {
		var err error
		if data, err = c.jpeg(s); err != nil {
			return err
		}
		filter, parms = types.Name("DCTDecode"), lastOf(parms)
	} else if picture {
		if err := c.checkPicture(s); err != nil {
			return err
		}
	}
	dict, err := c.streamDict(s.Dict, picture)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		key   string
		value types.Object
	}{{"Filter", filter}, {"DecodeParms", parms}} {
		if f.value == nil {
			continue
		}
		fmt.Fprintf(dict, "/%s ", f.key)
		if err := c.value(dict, f.value, thing, 0); err != nil {
			return err
		}
	}
	c.w.stream(number, dict.String(), data)
	return nil
}

// streamDict writes the dictionary without what belongs to the data.
func (c *copier) streamDict(d types.Dict, picture bool) (*strings.Builder, error) {
	form := c.isName(d, "Form")
	to := &strings.Builder{}
	for _, key := range slices.Sorted(maps.Keys(d)) {
		next, kept := keep(thing, key)
		if !kept || dataKeys[key] || picture && !imageKeys[key] || form && !formKeys[key] {
			continue
		}
		fmt.Fprintf(to, "/%s ", types.EncodeName(key))
		if err := c.value(to, d[key], next, 1); err != nil {
			return nil, err
		}
	}
	return to, nil
}

// isName reports whether the subtype of d is name.
func (c *copier) isName(d types.Dict, name string) bool {
	o, err := c.ctx.Dereference(d["Subtype"])
	return err == nil && o == types.Name(name)
}

// lastOf is the last element of an array of parameters, or the only one.
func lastOf(o types.Object) types.Object {
	if a, ok := o.(types.Array); ok {
		if len(a) == 0 {
			return nil
		}
		return a[len(a)-1]
	}
	return o
}

// jpeg takes a JPEG out of the filters around it, looks at it to its end and
// strips it. A kind that cannot be decoded here is let pass if its structure is
// whole: PDF readers know more of them.
func (c *copier) jpeg(s *types.StreamDict) ([]byte, error) {
	inner := *s
	inner.FilterPipeline = s.FilterPipeline[:len(s.FilterPipeline)-1]
	if len(inner.FilterPipeline) > 0 {
		inner.Content = nil
		if err := inner.DecodeWithLimit(c.limits.MaxOutput); err != nil {
			return nil, refusePage(Damaged, c.page)
		}
	} else {
		inner.Content = s.Raw
	}
	j, err := parseJPEG(inner.Content)
	if err == nil {
		err = j.check(c.limits)
	}
	if err != nil && (j == nil || !errors.Is(err, errJPEGUnsupported)) {
		return nil, refusePage(jpegCode(err), c.page)
	}
	return j.data, nil
}

// checkPicture looks at the size of a picture, and whether its data is as long
// as that needs where the length can be told.
func (c *copier) checkPicture(s *types.StreamDict) error {
	width, err := c.integer(s.Dict, "Width")
	if err != nil {
		return err
	}
	height, err := c.integer(s.Dict, "Height")
	if err != nil {
		return err
	}
	if width < 0 || height < 0 || width > 0 && height > c.limits.MaxPixels/width {
		return refusePage(TooLarge, c.page)
	}
	if len(s.FilterPipeline) != 1 || s.FilterPipeline[0].Name != "FlateDecode" {
		return nil
	}
	row, err := c.rowBytes(s, width)
	if err != nil {
		return err
	}
	if row > 0 && !inflatesTo(s.Raw, row*height) {
		return refusePage(CutOff, c.page)
	}
	return nil
}

// rowBytes is the length of a row of samples before compression, at least: 0
// for a colour space whose components are not counted here.
func (c *copier) rowBytes(s *types.StreamDict, width int64) (int64, error) {
	bits := int64(1)
	components := int64(1)
	if mask, _ := c.ctx.Dereference(s.Dict["ImageMask"]); mask != types.Boolean(true) {
		var err error
		if bits, err = c.integer(s.Dict, "BitsPerComponent"); err != nil {
			return 0, err
		}
		components = c.components(s.Dict["ColorSpace"])
	}
	row := (width*bits*components + 7) / 8
	if parms := s.FilterPipeline[0].DecodeParms; parms != nil && row > 0 {
		if predictor := parms.IntEntry("Predictor"); predictor != nil && *predictor >= 10 {
			row++ // PNG's filters have a byte of their own
		}
	}
	return row, nil
}

// components counts those of the common colour spaces, 0 for others.
func (c *copier) components(o types.Object) int64 {
	o, err := c.ctx.Dereference(o)
	if err != nil {
		return 0
	}
	var profile types.Object
	if a, ok := o.(types.Array); ok && len(a) > 0 {
		if len(a) > 1 {
			profile = a[1]
		}
		if o, err = c.ctx.Dereference(a[0]); err != nil {
			return 0
		}
	}
	switch o {
	case types.Name("DeviceGray"), types.Name("CalGray"), types.Name("Indexed"), types.Name("Separation"):
		return 1
	case types.Name("DeviceRGB"), types.Name("CalRGB"), types.Name("Lab"):
		return 3
	case types.Name("DeviceCMYK"):
		return 4
	case types.Name("ICCBased"):
		if s, _, err := c.ctx.DereferenceStreamDict(profile); err == nil && s != nil {
			if n := s.IntEntry("N"); n != nil && *n > 0 && *n <= 4 {
				return int64(*n)
			}
		}
	}
	return 0
}

// integer reads a number of a dictionary, which some scanners write as a
// reference; 0 when there is none.
func (c *copier) integer(d types.Dict, key string) (int64, error) {
	o, err := c.ctx.Dereference(d[key])
	if err != nil {
		return 0, refusePage(Damaged, c.page)
	}
	switch o := o.(type) {
	case nil:
		return 0, nil
	case types.Integer:
		return int64(o), nil
	default:
		return 0, refusePage(Damaged, c.page)
	}
}

// inflatesTo reports whether data holds at least n bytes. A wrong checksum
// behind them is a fault that many scanners have and that costs no dot.
func inflatesTo(data []byte, n int64) bool {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return false
	}
	got, _ := io.CopyN(io.Discard, z, n)
	return got == n
}
