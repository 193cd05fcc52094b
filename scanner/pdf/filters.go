package pdf

import (
	"errors"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// codec is one step of how the data of a stream is encoded (ISO 32000-1, 7.4).
type codec struct {
	name    string
	parms   types.Dict // nil when it has none
	globals []byte     // of JBIG2: segments that pictures share
}

// errCodec says that data is encoded in a way that no viewer undoes.
var errCodec = errors.New("data is not encoded as PDF allows")

// shortNames are those that filters may have in inline images, and that some
// producers write elsewhere (table 94).
var shortNames = map[string]string{
	"AHx": "ASCIIHexDecode", "A85": "ASCII85Decode", "LZW": "LZWDecode", "Fl": "FlateDecode",
	"RL": "RunLengthDecode", "CCF": "CCITTFaxDecode", "DCT": "DCTDecode",
}

// pictureCodecs make dots of their data and so can only come last.
var pictureCodecs = set("DCTDecode", "JPXDecode", "JBIG2Decode", "CCITTFaxDecode")

// parmKeys are what is copied of a filter's parameters.
var parmKeys = set("Predictor", "Colors", "BitsPerComponent", "Columns", "EarlyChange", "K", "EndOfLine",
	"EncodedByteAlign", "Rows", "EndOfBlock", "BlackIs1", "DamagedRowsBeforeError", "ColorTransform")

// codecs reads a filter and its parameters, each one object or an array of them.
func (d *document) codecs(filter, parms types.Object) ([]codec, error) {
	filters, err := d.oneOrMore(filter)
	if err != nil {
		return nil, err
	}
	settings, err := d.oneOrMore(parms)
	if err != nil {
		return nil, err
	}
	list := make([]codec, len(filters))
	for i, f := range filters {
		name, ok := f.(types.Name)
		if !ok || i > 0 && pictureCodecs[list[i-1].name] {
			return nil, errCodec
		}
		list[i].name = string(name)
		if long := shortNames[string(name)]; long != "" {
			list[i].name = long
		}
		if i < len(settings) && settings[i] != nil {
			if list[i].parms, ok = settings[i].(types.Dict); !ok {
				return nil, errCodec
			}
		}
	}
	return list, nil
}

// oneOrMore is the elements of an array, or the only one, without references.
func (d *document) oneOrMore(o types.Object) (types.Array, error) {
	o, err := d.ctx.Dereference(o)
	if err != nil || o == nil {
		return nil, err
	}
	a, ok := o.(types.Array)
	if !ok {
		return types.Array{o}, nil
	}
	list := make(types.Array, len(a))
	for i := range a {
		if list[i], err = d.ctx.Dereference(a[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// number reads a whole number of a dictionary, or gives the one that stands for
// its absence.
func (d *document) number(dict types.Dict, key string, otherwise int64) int64 {
	o, err := d.ctx.Dereference(dict[key])
	if n, ok := whole(o); ok && err == nil {
		return n
	}
	return otherwise
}

// whole is a whole number, which some producers write as "2480.0".
func whole(o types.Object) (int64, bool) {
	switch o := o.(type) {
	case types.Integer:
		return int64(o), true
	case types.Float:
		n := int64(o)
		return n, float64(n) == o.Value()
	}
	return 0, false
}

// flag reads a truth value of a dictionary, false when there is none.
func (d *document) flag(dict types.Dict, key string) bool {
	o, err := d.ctx.Dereference(dict[key])
	return err == nil && o == types.Boolean(true)
}

// runs reads run-length data (7.4.5).
type runs struct {
	from   io.ByteReader
	left   int  // of the run
	same   bool // it repeats value
	value  byte
	ending error
}

func (r *runs) Read(to []byte) (int, error) {
	const end = 128
	for n := range to {
		if r.left == 0 && r.ending == nil {
			var length byte
			switch length, r.ending = r.from.ReadByte(); {
			case r.ending != nil:
			case length == end:
				r.ending = io.EOF
			case length < end:
				r.left, r.same = int(length)+1, false
			default:
				r.left, r.same = 257-int(length), true
				r.value, r.ending = r.from.ReadByte()
			}
		}
		if r.ending == nil && !r.same {
			r.value, r.ending = r.from.ReadByte()
		}
		if r.ending != nil {
			return n, r.ending
		}
		to[n] = r.value
		r.left--
	}
	return len(to), nil
}

// ascii85Body is what stands before the end mark "~>".
type ascii85Body struct{ from io.ByteScanner }

func (a *ascii85Body) Read(to []byte) (int, error) {
	for n := range to {
		b, err := a.from.ReadByte()
		if err == nil && b == '~' {
			_ = a.from.UnreadByte() // so that it stays the end
			err = io.EOF
		}
		if err != nil {
			return n, err
		}
		to[n] = b
	}
	return len(to), nil
}

// hexBody reads pairs of hexadecimal digits up to ">".
type hexBody struct{ from io.ByteScanner }

func (h *hexBody) Read(to []byte) (int, error) {
	for n := range to {
		high, err := h.digit()
		if err != nil {
			return n, err
		}
		low, err := h.digit()
		if err != nil && err != io.EOF {
			return n, err
		}
		to[n] = high<<4 | low // the last digit may stand alone
	}
	return len(to), nil
}

func (h *hexBody) digit() (byte, error) {
	for {
		switch b, err := h.from.ReadByte(); {
		case err != nil:
			return 0, err
		case b == '>':
			_ = h.from.UnreadByte()
			return 0, io.EOF
		case isSpace(b):
		default:
			v, ok := hexDigit(b)
			if !ok {
				return 0, errCodec
			}
			return v, nil
		}
	}
}

func hexDigit(b byte) (byte, bool) {
	switch {
	case '0' <= b && b <= '9':
		return b - '0', true
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10, true
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}
