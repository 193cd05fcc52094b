package pdf

import (
	"errors"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// sampled is the data of a picture that has been looked at to its end.
type sampled struct {
	data     []byte
	codecs   []codec
	stripped bool // data is no longer as it stood in the scan
}

// checkPicture looks at a picture, in a stream or inline, whose dictionary has
// long names: whether it is no larger than the limits allow, and whether its
// data is there to the end. Viewers draw half a picture without a word. What is
// not picture (EXIF, comments, XML) goes, and with it the filters around it.
func (d *document) checkPicture(dict types.Dict, data []byte) (sampled, error) {
	width, height, err := d.size(dict)
	if err != nil {
		return sampled{}, err
	}
	list, err := d.codecs(dict["Filter"], dict["DecodeParms"])
	if err != nil {
		return sampled{}, refusePage(Damaged, d.page)
	}
	if n := len(list); n > 0 && pictureCodecs[list[n-1].name] {
		return d.checkCoded(height, data, list)
	}
	row := d.rowBytes(dict, width)
	r, err := d.decoder(data, list)
	if err != nil {
		return sampled{}, refusePage(Damaged, d.page)
	}
	if row > 0 {
		err = r.picture(row, height)
	} else { // in a colour space that is not counted here
		_, err = r.end(d.limits.MaxOutput)
	}
	if err != nil {
		return sampled{}, d.refusal(err)
	}
	return sampled{data: data, codecs: list}, nil
}

// size is that of a picture in dots.
func (d *document) size(dict types.Dict) (width, height int64, err error) {
	if width, err = d.integer(dict, "Width"); err == nil {
		height, err = d.integer(dict, "Height")
	}
	if err != nil {
		return 0, 0, err
	}
	if width < 0 || height < 0 || width > 0 && height > d.limits.MaxPixels/width {
		return 0, 0, refusePage(TooLarge, d.page)
	}
	return width, height, nil
}

// checkCoded looks at a picture of one of the formats that make dots themselves.
func (d *document) checkCoded(height int64, data []byte, list []codec) (sampled, error) {
	last := list[len(list)-1]
	inner := data
	if len(list) > 1 {
		r, err := d.decoder(data, list[:len(list)-1])
		if err == nil {
			inner, err = d.all(r)
		}
		if err == nil {
			_, err = r.end(0)
		}
		if err != nil {
			return sampled{}, d.refusal(err)
		}
	}
	var err error
	switch last.name {
	case "DCTDecode":
		inner, err = d.stripJPEG(inner)
	case "JPXDecode":
		inner, err = stripJPX(inner, d.limits)
	case "JBIG2Decode":
		inner, last, err = d.stripJBIG2(inner, last, height)
	case "CCITTFaxDecode":
		err = d.checkFax(inner, last, height)
	}
	if err != nil {
		return sampled{}, d.refusal(err)
	}
	stripped := len(list) > 1 || len(inner) != len(data)
	return sampled{data: inner, codecs: []codec{last}, stripped: stripped}, nil
}

// refusal is the one for an error met while data was decoded.
func (d *document) refusal(err error) error {
	var r *Refusal
	switch {
	case errors.As(err, &r):
		return refusePage(r.Code, d.page)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refusePage(CutOff, d.page)
	}
	return refusePage(Damaged, d.page)
}

// all reads decoded data to its end. All of a document's may not be longer than
// the clean PDF may be.
func (d *document) all(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, d.budget+1))
	if err != nil {
		return nil, err
	}
	if d.budget -= int64(len(data)); d.budget < 0 {
		return nil, refuse(TooHeavy)
	}
	return data, nil
}

// stripJPEG looks at a JPEG to its end. A kind that cannot be decoded here is
// let pass if its structure is whole: PDF viewers know more of them.
func (d *document) stripJPEG(data []byte) ([]byte, error) {
	j, err := parseJPEG(data)
	if err == nil {
		err = j.check(d.limits)
	}
	if err != nil && (j == nil || !errors.Is(err, errJPEGUnsupported)) {
		return nil, refuse(jpegCode(err))
	}
	return j.data, nil
}

// rowBytes is the length of a row of samples, at least: 0 for a colour space
// whose components are not counted here.
func (d *document) rowBytes(dict types.Dict, width int64) int64 {
	if d.flag(dict, "ImageMask") {
		return (width + 7) / 8
	}
	bits := d.number(dict, "BitsPerComponent", 0)
	if bits < 0 || bits > 16 {
		return 0
	}
	return (width*bits*d.components(dict["ColorSpace"]) + 7) / 8
}

// components counts those of the common colour spaces, 0 for others.
func (d *document) components(o types.Object) int64 {
	o, err := d.ctx.Dereference(o)
	if err != nil {
		return 0
	}
	var profile types.Object
	if a, ok := o.(types.Array); ok && len(a) > 0 {
		if len(a) > 1 {
			profile = a[1]
		}
		if o, err = d.ctx.Dereference(a[0]); err != nil {
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
		if s, _, err := d.ctx.DereferenceStreamDict(profile); err == nil && s != nil {
			if n := d.number(s.Dict, "N", 0); n > 0 && n <= 4 {
				return n
			}
		}
	case types.Name("DeviceN"):
		if a, ok := profile.(types.Array); ok { // the names of its inks
			return int64(len(a))
		}
	}
	return 0
}

// integer reads a number of a dictionary, which some scanners write as a
// reference; 0 when there is none.
func (d *document) integer(dict types.Dict, key string) (int64, error) {
	o, err := d.ctx.Dereference(dict[key])
	if err != nil {
		return 0, refusePage(Damaged, d.page)
	}
	n, ok := whole(o)
	if !ok && o != nil {
		return 0, refusePage(Damaged, d.page)
	}
	return n, nil
}
