package pdf

// Tags of TIFF 6.0.
const (
	tagNewSubfile     = 254
	tagSubfile        = 255
	tagWidth          = 256
	tagLength         = 257
	tagBits           = 258
	tagCompression    = 259
	tagPhotometric    = 262
	tagFillOrder      = 266
	tagStripOffsets   = 273
	tagOrientation    = 274
	tagSamples        = 277
	tagRowsPerStrip   = 278
	tagStripCounts    = 279
	tagXResolution    = 282
	tagYResolution    = 283
	tagPlanar         = 284
	tagT4Options      = 292
	tagResolutionUnit = 296
	tagPredictor      = 317
	tagPalette        = 320
	tagTileWidth      = 322
	tagTileLength     = 323
	tagTileOffsets    = 324
	tagTileCounts     = 325
	tagInkSet         = 332
	tagExtraSamples   = 338
	tagSampleFormat   = 339
	tagJPEGTables     = 347
	tagSubsampling    = 530
)

// Photometric interpretations.
const (
	whiteIsZero = 0
	blackIsZero = 1
	rgbColours  = 2
	paletted    = 3
	mask        = 4
	separated   = 5
	yCbCr       = 6
)

// Compressions.
const (
	packedNot      = 1
	packedHuffman  = 2
	packedGroup3   = 3
	packedGroup4   = 4
	packedLZW      = 5
	packedJPEG     = 7
	packedDeflate  = 8
	packedHuffmanW = 32771
	packedBits     = 32773
	packedDeflate2 = 32946 // the number that Deflate had before it got its own
)

// tiffPage is what the tags of one directory say.
type tiffPage struct {
	width, length   int64
	extra           bool  // a small copy of another page, or a mask
	mask            bool  // the latter
	bits            int64 // of a sample; 0 where samples differ
	samples         int64 // of a dot
	extraSamples    []int64
	sampleFormat    int64
	compression     int64
	photometric     int64
	fillOrder       int64 // 2: the lowest bit of each byte comes first
	planar          int64 // 2: each sample in pieces of its own
	predictor       int64
	inkSet          int64
	t4Options       int64
	subsampling     [2]int64 // of YCbCr: how many dots across and down share a colour
	palette         []int64  // reds, greens, blues
	jpegTables      field    // shared by all strips and tiles
	tiled           bool
	pieceWidth      int64 // of a tile; a strip is as wide as the page
	pieceLength     int64 // rows
	offsets, counts []int64
	unsized         bool // the only piece does not say how long it is
	orientation     int64
	dpiX, dpiY      float64
	aspect          float64 // resolution across by resolution down, when they have no unit
	littleEndian    bool
}

// bytes is how long the page's data is, as its directory says.
func (p *tiffPage) bytes() (n int64) {
	for _, c := range p.counts {
		n += c
	}
	return n
}

// page reads a directory's tags, and reports whether the page has a size, and
// strips or tiles that all lie inside the file and are not empty.
func (t *tiffFile) page(d tiffDirectory) (p tiffPage, inside bool, err error) {
	one := func(tag uint16, otherwise int64) int64 {
		values, e := t.numbers(d.fields[tag], 1)
		if e != nil {
			err = e
		}
		if len(values) == 0 {
			return otherwise
		}
		return values[0]
	}
	all := func(tag uint16, most int64) []int64 {
		values, e := t.numbers(d.fields[tag], most)
		if e != nil {
			err = e
		}
		return values
	}
	newSubfile := one(tagNewSubfile, 0)
	p = tiffPage{
		width: one(tagWidth, 0), length: one(tagLength, 0),
		mask:    newSubfile&4 != 0,
		extra:   newSubfile&(1|4) != 0 || one(tagSubfile, 0) == 2,
		samples: one(tagSamples, 1), extraSamples: all(tagExtraSamples, 16), sampleFormat: one(tagSampleFormat, 1),
		compression: one(tagCompression, packedNot), fillOrder: one(tagFillOrder, 1), planar: one(tagPlanar, 1),
		predictor: one(tagPredictor, 1), inkSet: one(tagInkSet, 1), t4Options: one(tagT4Options, 0),
		palette: all(tagPalette, 3*256), orientation: one(tagOrientation, 1),
		littleEndian: t.order.Uint16([]byte{1, 0}) == 1,
	}
	p.photometric = one(tagPhotometric, p.likelyPhotometric())
	p.mask = p.mask || p.photometric == mask
	p.extra = p.extra || p.mask
	p.subsampling = [2]int64{2, 2}
	copy(p.subsampling[:], all(tagSubsampling, 2))
	p.bits = same(all(tagBits, 16))
	p.resolution(one(tagResolutionUnit, 2), all(tagXResolution, 1), all(tagYResolution, 1))
	p.jpegTables = d.fields[tagJPEGTables]
	p.pieces(one, all, d)
	inside = err == nil && p.width > 0 && p.length > 0 && p.inside(t.size)
	return p, inside, err
}

// likelyPhotometric is what libtiff takes for a page that does not say.
func (p *tiffPage) likelyPhotometric() int64 {
	switch {
	case p.samples >= 3:
		return rgbColours
	case p.isFax():
		return whiteIsZero
	default:
		return blackIsZero
	}
}

// same is the value that all have; 0 if they differ, 1 if there is none.
func same(values []int64) int64 {
	if len(values) == 0 {
		return 1
	}
	for _, v := range values {
		if v != values[0] {
			return 0
		}
	}
	return values[0]
}

// resolution takes the resolution in units of inches (2) or centimetres (3), or
// of nothing, where it only says how dots are shaped.
func (p *tiffPage) resolution(unit int64, x, y []int64) {
	value := func(v []int64) float64 {
		if len(v) < 2 || v[1] == 0 {
			return 0
		}
		return float64(v[0]) / float64(v[1])
	}
	perInch := map[int64]float64{2: 1, 3: 2.54}[unit]
	p.dpiX, p.dpiY = value(x)*perInch, value(y)*perInch
	if perInch == 0 && value(y) > 0 {
		p.aspect = value(x) / value(y)
	}
}

// pieces reads where the strips or tiles lie.
func (p *tiffPage) pieces(one func(uint16, int64) int64, all func(uint16, int64) []int64, d tiffDirectory) {
	p.pieceWidth, p.pieceLength = p.width, min(one(tagRowsPerStrip, p.length), p.length)
	offsets, counts := uint16(tagStripOffsets), uint16(tagStripCounts)
	if p.tiled = d.fields[tagTileOffsets].count > 0; p.tiled {
		p.pieceWidth, p.pieceLength = one(tagTileWidth, 0), one(tagTileLength, 0)
		offsets, counts = tagTileOffsets, tagTileCounts
	}
	n := d.fields[offsets].count
	p.offsets, p.counts = all(offsets, n), all(counts, n)
	if int64(len(p.offsets)) < n {
		p.offsets = nil // the list itself is cut off
	}
}

// inside reports whether there are pieces and all of them lie inside a file of
// size bytes. A single strip need not say how long it is.
func (p *tiffPage) inside(size int64) bool {
	if len(p.offsets) == 1 && len(p.counts) == 0 {
		p.counts, p.unsized = []int64{size - p.offsets[0]}, true
	}
	if len(p.offsets) == 0 || len(p.counts) < len(p.offsets) {
		return false
	}
	for i, off := range p.offsets {
		if off <= 0 || p.counts[i] <= 0 || off > size || p.counts[i] > size-off {
			return false
		}
	}
	return true
}

// isFax reports whether the page is coded in one of CCITT's ways.
func (p *tiffPage) isFax() bool {
	_, ok := p.faxCoding()
	return ok
}
