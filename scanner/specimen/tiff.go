package specimen

import "encoding/binary"

// tiffPage is one page of a TIFF 6.0 file, its data already compressed and in
// one strip.
type tiffPage struct {
	width, height, dpi int
	number, of         int // this page from 0, of how many
	compression        uint16
	photometric        uint16
	bits               []uint16 // of each sample
	data               []byte
}

// tiffWriter puts pages one behind the other, little-endian: each page's data,
// then its directory, to which the link before it points.
type tiffWriter struct {
	out  []byte
	link int // where the offset of the next directory belongs
}

// The field types of TIFF 6.0.
const (
	short    = 3
	long     = 4
	rational = 5
)

type tiffField struct {
	tag, kind uint16
	count     uint32
	value     uint32 // or the offset of what does not fit
}

func (t *tiffWriter) page(p tiffPage) {
	if t.out == nil {
		t.out, t.link = []byte{'I', 'I', 42, 0, 0, 0, 0, 0}, 4
	}
	strip := t.put(p.data)
	resolution := t.put(binary.LittleEndian.AppendUint32(
		binary.LittleEndian.AppendUint32(nil, uint32(p.dpi)), 1))
	bits := tiffField{258, short, uint32(len(p.bits)), uint32(p.bits[0])}
	if len(p.bits) > 2 {
		var list []byte
		for _, b := range p.bits {
			list = binary.LittleEndian.AppendUint16(list, b)
		}
		bits.value = t.put(list)
	}
	t.directory([]tiffField{
		{254, long, 1, 2}, // one page of many
		{256, long, 1, uint32(p.width)},
		{257, long, 1, uint32(p.height)},
		bits,
		{259, short, 1, uint32(p.compression)},
		{262, short, 1, uint32(p.photometric)},
		{273, long, 1, strip},
		{277, short, 1, uint32(len(p.bits))},
		{278, long, 1, uint32(p.height)},
		{279, long, 1, uint32(len(p.data))},
		{282, rational, 1, resolution},
		{283, rational, 1, resolution},
		{296, short, 1, 2}, // per inch
		{297, short, 2, uint32(p.number) | uint32(p.of)<<16},
	})
}

// put appends data at an even offset and returns the offset.
func (t *tiffWriter) put(data []byte) uint32 {
	if len(t.out)%2 == 1 {
		t.out = append(t.out, 0)
	}
	at := len(t.out)
	t.out = append(t.out, data...)
	return uint32(at)
}

func (t *tiffWriter) directory(fields []tiffField) {
	le := binary.LittleEndian
	d := le.AppendUint16(nil, uint16(len(fields)))
	for _, f := range fields {
		d = le.AppendUint16(d, f.tag)
		d = le.AppendUint16(d, f.kind)
		d = le.AppendUint32(d, f.count)
		d = le.AppendUint32(d, f.value)
	}
	at := t.put(le.AppendUint32(d, 0))
	le.PutUint32(t.out[t.link:], at)
	t.link = int(at) + len(d)
}

func (t *tiffWriter) bytes() []byte { return t.out }
