package pdf

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	tifflzw "golang.org/x/image/tiff/lzw"

	"letterlock/scanner/specimen"
)

// tiffTags are the fields of a directory that a test writes: numbers of 32 bits,
// but rationals of two.
type tiffTags map[uint16][]uint32

// tiffFileOf writes directories and, in front of them, the pieces that belong to
// each. Offsets and counts of strips are filled in unless they are there.
func tiffFileOf(order binary.AppendByteOrder, pages ...struct {
	tags   tiffTags
	pieces [][]byte
}) []byte {
	header := map[bool]string{true: "MM\x00*", false: "II*\x00"}[order.String() == "BigEndian"]
	out := order.AppendUint32([]byte(header), 0)
	link := 4
	for _, p := range pages {
		var offsets, counts []uint32
		for _, piece := range p.pieces {
			offsets, counts = append(offsets, uint32(len(out))), append(counts, uint32(len(piece)))
			out = append(out, piece...)
		}
		tags := tiffTags{tagStripOffsets: offsets, tagStripCounts: counts}
		for tag, values := range p.tags {
			tags[tag] = values
		}
		var keys []uint16
		places := map[uint16]uint32{}
		for tag, values := range tags {
			if len(values) == 0 {
				continue
			}
			keys = append(keys, tag)
			if len(values) > 1 {
				places[tag] = uint32(len(out))
				for _, v := range values {
					out = order.AppendUint32(out, v)
				}
			}
		}
		slices.Sort(keys)
		put32 := func(at int, v int) { copy(out[at:], order.AppendUint32(nil, uint32(v))) }
		put32(link, len(out))
		out = order.AppendUint16(out, uint16(len(keys)))
		for _, tag := range keys {
			const long, rational = 4, 5
			kind, count, value := uint16(long), len(tags[tag]), tags[tag][0]
			if tag == tagXResolution || tag == tagYResolution {
				kind, count = rational, 1
			}
			if at, apart := places[tag]; apart {
				value = at
			}
			out = order.AppendUint16(order.AppendUint16(out, tag), kind)
			out = order.AppendUint32(order.AppendUint32(out, uint32(count)), value)
		}
		link = len(out)
		out = order.AppendUint32(out, 0)
	}
	return out
}

type tiffPageOf = struct {
	tags   tiffTags
	pieces [][]byte
}

// smallTIFF is one page of so many dots of grey.
func smallTIFF(width, height uint32, data []byte, more tiffTags) []byte {
	tags := tiffTags{tagWidth: {width}, tagLength: {height}, tagBits: {8}, tagPhotometric: {1}}
	for tag, values := range more {
		tags[tag] = values
	}
	return tiffFileOf(binary.LittleEndian, tiffPageOf{tags, [][]byte{data}})
}

// toPDF makes a PDF in this process, with limits that fit a test.
func toPDF(scan []byte, make func(io.ReaderAt, int64, *writer, Limits) ([]Look, error)) ([]byte, []Look, error) {
	var out bytes.Buffer
	limits := Limits{MaxPixels: 1 << 20, MaxPages: 50}.withDefaults(int64(len(scan)))
	looks, err := make(bytes.NewReader(scan), int64(len(scan)), newWriter(&out), limits)
	return out.Bytes(), looks, err
}

func codeOf(err error) Code {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

func packedWith(t testing.TB, pack func(io.Writer) io.WriteCloser, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := pack(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// lazyLZW learns strings and never uses one.
func lazyLZW(data []byte) []byte {
	var b bitsOf
	for i, v := range data {
		if i%200 == 0 {
			b.put(lzwClear, 9)
		}
		b.put(int(v), 9)
	}
	b.put(lzwEnd, 9)
	return b.data
}

func oldLZW(w io.Writer) io.WriteCloser { return lzw.NewWriter(w, lzw.LSB, 8) }

// manyBytes fill every width of code.
func manyBytes() []byte {
	data := make([]byte, 60_000)
	for i := range data {
		data[i] = byte(i*i>>7 ^ i>>3)
	}
	return data
}

func TestLZWOfBothKindsUnpacks(t *testing.T) {
	data := manyBytes()
	packed := packedWith(t, oldLZW, data)
	got, err := io.ReadAll(newLZWReader(packed))
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("old kind: %d bytes, %v", len(got), err)
	}
	got, err = io.ReadAll(newLZWReader(append(packed[:len(packed)/2:len(packed)/2], 0xff, 0xff)))
	if err == nil && len(got) >= len(data) {
		t.Error("half of it gave all")
	}
}

// A picture's rows, whatever TIFF does to them, are the same picture.
func TestKindsOfTIFFThatNoToolHereMakes(t *testing.T) {
	const side = 80
	grey := make([]byte, side*side)
	for i := range grey {
		grey[i] = byte(i/side*3 + i%side/8*8)
	}
	plain, looks, err := toPDF(smallTIFF(side, side, grey, nil), tiffToPDF)
	if err != nil {
		t.Fatal(err)
	}
	negative, wide := make([]byte, len(grey)), make([]byte, 0, 2*len(grey))
	for i, v := range grey {
		negative[i] = ^v
		wide = append(wide, v, v)
	}
	reversed := bytes.Clone(grey)
	reverseBits(reversed)
	for name, c := range map[string]struct {
		data []byte
		tags tiffTags
	}{
		"old LZW":                   {packedWith(t, oldLZW, grey), tiffTags{tagCompression: {packedLZW}}},
		"the old number of Deflate": {packedWith(t, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }, grey), tiffTags{tagCompression: {packedDeflate2}}},
		"white is zero":             {negative, tiffTags{tagPhotometric: {whiteIsZero}}},
		"lowest bit first":          {reversed, tiffTags{tagFillOrder: {2}}},
		"16 bits":                   {wide, tiffTags{tagBits: {16}}},
		"no length of its strip":    {grey, tiffTags{tagStripCounts: nil}},
		"a sample nobody explains":  {twoSamples(grey, 7), tiffTags{tagSamples: {2}, tagBits: {8, 8}, tagExtraSamples: {0}}},
		"opaque alpha":              {twoSamples(grey, 255), tiffTags{tagSamples: {2}, tagBits: {8, 8}, tagExtraSamples: {2}}},
	} {
		_, got, err := toPDF(smallTIFF(side, side, c.data, c.tags), tiffToPDF)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(got[0].Gray, looks[0].Gray) {
			t.Errorf("%s: another picture", name)
		}
	}
	if again, _, _ := toPDF(smallTIFF(side, side, packedWith(t, oldLZW, grey), tiffTags{tagCompression: {packedLZW}}), tiffToPDF); !bytes.Equal(again, plain) {
		t.Error("old LZW: another PDF")
	}
}

func twoSamples(grey []byte, second byte) []byte {
	out := make([]byte, 0, 2*len(grey))
	for _, v := range grey {
		out = append(out, v, second)
	}
	return out
}

func TestWhatIsSeeThroughLiesOnWhite(t *testing.T) {
	dots := []byte{0, 0, 100, 255, 100, 128, 200, 0} // grey and alpha
	for _, c := range []struct {
		s    samples
		e    extras
		want []byte
	}{
		{samples{bits: 8}, extras{count: 1, alpha: true}, []byte{255, 100, 177, 255}},
		{samples{bits: 8}, extras{count: 1, alpha: true, associated: true}, []byte{255, 100, 227, 255}},
		{samples{bits: 8, inverted: true}, extras{count: 1, alpha: true}, []byte{0, 100, 50, 0}},
		{samples{bits: 8}, extras{count: 1}, []byte{0, 100, 100, 200}},
	} {
		got := make([]byte, 4)
		c.s.flatten(got, dots, c.e)
		if !bytes.Equal(got, c.want) {
			t.Errorf("%+v %+v: %v, want %v", c.s, c.e, got, c.want)
		}
	}
}

func TestASmallCopyIsNoPage(t *testing.T) {
	page := tiffPageOf{tiffTags{tagWidth: {40}, tagLength: {40}, tagBits: {8}, tagPhotometric: {1}}, [][]byte{make([]byte, 1600)}}
	with := func(tag uint16, value uint32, side uint32) tiffPageOf {
		return tiffPageOf{tiffTags{tagWidth: {side}, tagLength: {side}, tagBits: {8}, tagPhotometric: {1}, tag: {value}},
			[][]byte{bytes.Repeat([]byte{0xff}, int(side*side))}}
	}
	for name, c := range map[string]struct {
		pages []tiffPageOf
		want  int
		code  Code
	}{
		"before its page":  {[]tiffPageOf{with(tagNewSubfile, 1, 10), page}, 1, ""},
		"behind its page":  {[]tiffPageOf{page, with(tagNewSubfile, 1, 10), page}, 2, ""},
		"the old tag":      {[]tiffPageOf{page, with(tagSubfile, 2, 10)}, 1, ""},
		"a mask":           {[]tiffPageOf{page, with(tagNewSubfile, 4, 40)}, 1, ""},
		"one of many":      {[]tiffPageOf{page, with(tagNewSubfile, 2, 40), with(tagSubfile, 3, 40)}, 3, ""},
		"of nothing":       {[]tiffPageOf{with(tagNewSubfile, 1, 10)}, 0, Unsupported},
		"half as large":    {[]tiffPageOf{page, with(tagNewSubfile, 1, 20)}, 1, ""},
		"as large":         {[]tiffPageOf{page, with(tagNewSubfile, 1, 40)}, 0, Unsupported},
		"hardly smaller":   {[]tiffPageOf{page, with(tagSubfile, 2, 30)}, 0, Unsupported},
		"larger than all":  {[]tiffPageOf{page, with(tagNewSubfile, 1, 50)}, 0, Unsupported},
		"hung below pages": {[]tiffPageOf{{tiffTags{tagWidth: {40}, tagLength: {40}, tagBits: {8}, tagPhotometric: {1}, 330: {8}}, page.pieces}}, 1, ""},
	} {
		_, looks, err := toPDF(tiffFileOf(binary.BigEndian, c.pages...), tiffToPDF)
		if len(looks) != c.want || codeOf(err) != c.code {
			t.Errorf("%s: %d pages, %v", name, len(looks), err)
		}
	}
}

// TestTroubleInATIFFIsRefused: each lie has its reason, and none costs much.
func TestTroubleInATIFFIsRefused(t *testing.T) {
	grey := make([]byte, 1600)
	strips := func(n int, length uint32) []byte { // n strips that are all the same bytes
		tags := tiffTags{tagWidth: {40}, tagLength: {uint32(n)}, tagBits: {8}, tagPhotometric: {1}, tagRowsPerStrip: {1}}
		for range n {
			tags[tagStripOffsets], tags[tagStripCounts] = append(tags[tagStripOffsets], 8), append(tags[tagStripCounts], length)
		}
		return tiffFileOf(binary.LittleEndian, tiffPageOf{tags, [][]byte{make([]byte, length)}})
	}
	for name, c := range map[string]struct {
		scan []byte
		want Code
	}{
		"too many dots":           {smallTIFF(60_000, 60_000, grey, nil), TooLarge},
		"so many that they wrap":  {smallTIFF(1<<31, 1<<31, grey, nil), TooLarge},
		"fewer dots than rows":    {smallTIFF(40, 41, grey, nil), CutOff},
		"fewer strips than rows":  {smallTIFF(40, 40, grey, tiffTags{tagRowsPerStrip: {1}}), CutOff},
		"strips of no rows":       {smallTIFF(40, 40, grey, tiffTags{tagRowsPerStrip: {0}}), CutOff},
		"tiles of no width":       {smallTIFF(40, 40, nil, tiffTags{tagTileOffsets: {8}, tagTileCounts: {8}, tagTileWidth: {0}, tagTileLength: {8}}), CutOff},
		"tiles far too wide":      {smallTIFF(40, 40, nil, tiffTags{tagTileOffsets: {8}, tagTileCounts: {8}, tagTileWidth: {1 << 30}, tagTileLength: {64}}), Unsupported},
		"strips on top of strips": {strips(900, 400), Damaged},
		"samples of 12 bits":      {smallTIFF(40, 20, grey, tiffTags{tagBits: {12}}), Unsupported},
		"numbers with a point":    {smallTIFF(20, 20, grey, tiffTags{tagBits: {32}, tagSampleFormat: {3}}), Unsupported},
		"signed samples":          {smallTIFF(40, 40, grey, tiffTags{tagSampleFormat: {2}}), Unsupported},
		"predictor 3":             {smallTIFF(40, 40, grey, tiffTags{tagPredictor: {3}}), Unsupported},
		"old JPEG":                {smallTIFF(40, 40, grey, tiffTags{tagCompression: {6}}), Unsupported},
		"a compression of 2030":   {smallTIFF(40, 40, grey, tiffTags{tagCompression: {60_000}}), Unsupported},
		"Lab":                     {smallTIFF(20, 20, grey, tiffTags{tagPhotometric: {8}, tagSamples: {3}, tagBits: {8, 8, 8}}), Unsupported},
		"inks that are not CMYK":  {smallTIFF(20, 20, grey, tiffTags{tagPhotometric: {5}, tagSamples: {4}, tagBits: {8, 8, 8, 8}, tagInkSet: {2}}), Unsupported},
		"a palette too short":     {smallTIFF(40, 40, grey, tiffTags{tagPhotometric: {3}, tagPalette: {1, 2, 3}}), Unsupported},
		"bits that differ":        {smallTIFF(20, 20, grey, tiffTags{tagPhotometric: {2}, tagSamples: {3}, tagBits: {5, 6, 5}}), Unsupported},
		"Deflate that is none":    {smallTIFF(40, 40, grey, tiffTags{tagCompression: {packedDeflate}}), Damaged},
		"JPEG that is none":       {smallTIFF(40, 40, grey, tiffTags{tagCompression: {packedJPEG}}), Damaged},
		"fax of grey":             {smallTIFF(40, 40, grey, tiffTags{tagCompression: {packedGroup4}}), Unsupported},
		"fax of nothing":          {smallTIFF(40, 40, grey, tiffTags{tagCompression: {packedGroup4}, tagBits: {1}}), CutOff},
		"millions of strips":      {smallTIFF(40, 40, grey, tiffTags{tagStripOffsets: make([]uint32, 1_000_001)}), Damaged},
	} {
		if _, _, err := toPDF(c.scan, tiffToPDF); codeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestPagesUpToTheLimit(t *testing.T) {
	pages := make([]tiffPageOf, 51)
	for i := range pages {
		pages[i] = tiffPageOf{tiffTags{tagWidth: {8}, tagLength: {8}, tagBits: {8}, tagPhotometric: {1}}, [][]byte{make([]byte, 64)}}
	}
	if _, looks, err := toPDF(tiffFileOf(binary.LittleEndian, pages[:50]...), tiffToPDF); len(looks) != 50 || err != nil {
		t.Errorf("%d pages, %v", len(looks), err)
	}
	if _, _, err := toPDF(tiffFileOf(binary.LittleEndian, pages...), tiffToPDF); codeOf(err) != TooManyPages {
		t.Error(err)
	}
}

func TestResolutionInEveryUnitMakesThePaper(t *testing.T) {
	for name, c := range map[string]struct {
		tags tiffTags
		want string
	}{
		"inches":            {tiffTags{tagResolutionUnit: {2}, tagXResolution: {200, 1}, tagYResolution: {200, 1}}, "/MediaBox[0 0 144 288]"},
		"inches, untold":    {tiffTags{tagXResolution: {400, 2}, tagYResolution: {200, 1}}, "/MediaBox[0 0 144 288]"},
		"centimetres":       {tiffTags{tagResolutionUnit: {3}, tagXResolution: {100, 1}, tagYResolution: {100, 1}}, "/MediaBox[0 0 113.386 226.772]"},
		"a fax's dots":      {tiffTags{tagXResolution: {200, 1}, tagYResolution: {100, 1}}, "/MediaBox[0 0 144 576]"},
		"nothing":           {tiffTags{tagResolutionUnit: {1}, tagXResolution: {7, 1}, tagYResolution: {7, 1}}, "/MediaBox[0 0 420.945 841.89]"},
		"nothing, but flat": {tiffTags{tagResolutionUnit: {1}, tagXResolution: {2, 1}, tagYResolution: {4, 1}}, "/MediaBox[0 0 595.276 595.276]"},
		"nonsense":          {tiffTags{tagXResolution: {0, 0}, tagYResolution: {1 << 31, 1}}, "/MediaBox[0 0 420.945 841.89]"},
		"on its side":       {tiffTags{tagXResolution: {200, 1}, tagYResolution: {200, 1}, tagOrientation: {6}}, "/MediaBox[0 0 288 144]"},
	} {
		made, _, err := toPDF(smallTIFF(400, 800, make([]byte, 320_000), c.tags), tiffToPDF)
		if err != nil || !bytes.Contains(made, []byte(c.want)) {
			_, after, _ := bytes.Cut(made, []byte("/MediaBox"))
			t.Errorf("%s: %.30s, want %s (%v)", name, after, c.want, err)
		}
	}
}

func TestColourDifferencesOfATIFFAreColours(t *testing.T) {
	// A red page of units of 2 × 2 dots.
	unit := []byte{76, 76, 76, 76, 85, 255}
	data := bytes.Repeat(unit, 10*10)
	_, looks, err := toPDF(smallTIFF(20, 20, data, tiffTags{tagPhotometric: {yCbCr}, tagSamples: {3}, tagBits: {8, 8, 8}}), tiffToPDF)
	if err != nil || looks[0].Gray[2000] != 76 {
		t.Errorf("%v %v", looks, err)
	}
	r := newYCbCrReader(bytes.NewReader(data), 20, [2]int64{2, 2})
	dots, err := io.ReadAll(r)
	if err != nil || len(dots) != 20*20*3 || !bytes.Equal(dots[:3], []byte{254, 0, 0}) {
		t.Errorf("%d samples, %v (%v)", len(dots), dots[:3], err)
	}
}

// TestNothingHidesInATIFF: what stands behind the last row, and in tags, is left.
func TestNothingHidesInATIFF(t *testing.T) {
	const canary = "CanaryInTheTIFF"
	const width, height = 64, 8
	e := newFaxEncoder(width)
	for range height {
		e.row(inEnds([]int32{3, 9, 40}, width))
	}
	page := func(strip []byte) []byte {
		return smallTIFF(width, height, strip, tiffTags{tagBits: {1}, tagCompression: {packedGroup4}, tagPhotometric: {0},
			270: {'C'<<24 | 'a'<<16, 'n'<<24 | 'r'}})
	}
	want, _, err := toPDF(page(e.bytes()), tiffToPDF)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := toPDF(page(append(e.bytes(), "\x00\x10\x01\x00\x10\x01"+canary...)), tiffToPDF)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d (%v)", len(got), len(want), err)
	}
}

// TestNoTIFFIsTakenShort cuts small scans everywhere.
func TestNoTIFFIsTakenShort(t *testing.T) {
	l := specimen.New(5, 2)
	l.DPI = 20
	for name, scan := range map[string][]byte{"Group 4": l.G4TIFF(), "Deflate": l.MultiPageTIFF()} {
		if _, looks, err := toPDF(scan, tiffToPDF); err != nil || len(looks) != 2 {
			t.Fatalf("%s: %v", name, err)
		}
		for n := 0; n < len(scan); n += 1 + len(scan)/999 {
			if _, _, err := toPDF(scan[:n], tiffToPDF); err == nil {
				t.Fatalf("%s: taken with %d of %d bytes", name, n, len(scan))
			}
		}
	}
}

// tiffKinds are TIFFs of one small picture, one of a kind. See testdata/README.
var tiffKinds = []string{"g3-2d.tif", "g3-fill.tif", "g4-tiles.tif", "g4-big.tif", "jpeg-strips.tif", "jpeg-tiles.tif",
	"lzw-separate.tif", "palette.tif", "cmyk.tif"}

// TestKindsOfTIFFLookAlike: however it is written it is the same picture, in black
// and white dot by dot.
func TestKindsOfTIFFLookAlike(t *testing.T) {
	firsts := map[bool][]byte{}
	for _, name := range tiffKinds {
		_, looks, err := toPDF(testdata(t, name), tiffToPDF)
		if err != nil || len(looks) != 1 {
			t.Errorf("%s: %d pages, %v", name, len(looks), err)
			continue
		}
		mono := name[0] == 'g'
		got, first := looks[0].Gray, firsts[mono]
		if first == nil {
			firsts[mono] = got
			continue
		}
		sum, want := 0, 0
		for i, v := range got {
			sum, want = sum+int(v), want+int(first[i])
		}
		if d := (sum - want) / len(first); d > 3 || d < -3 || mono && !bytes.Equal(got, first) {
			t.Errorf("%s: mean grey %d, want %d", name, sum/len(first), want/len(first))
		}
	}
}

func FuzzTIFF(f *testing.F) {
	l := specimen.New(6, 1)
	l.DPI = 10
	f.Add(l.G4TIFF())
	f.Add(l.MultiPageTIFF())
	grey := manyBytes()[:6400]
	f.Add(smallTIFF(80, 80, grey, nil))
	f.Add(smallTIFF(80, 80, packedWith(f, oldLZW, grey), tiffTags{tagCompression: {packedLZW}}))
	f.Add(smallTIFF(80, 80, lazyLZW(grey), tiffTags{tagCompression: {packedLZW}, tagPredictor: {2}}))
	f.Add(smallTIFF(16, 16, bytes.Repeat([]byte{3, 1, 2, 3, 4, 0x81, 9}, 40), tiffTags{tagCompression: {packedBits}, tagSamples: {4},
		tagBits: {8, 8, 8, 8}, tagPhotometric: {2}, tagExtraSamples: {2}}))
	f.Add(smallTIFF(32, 32, nil, tiffTags{tagTileWidth: {16}, tagTileLength: {16}, tagTileOffsets: {8, 9, 10, 11}, tagTileCounts: {99, 99, 99, 99}}))
	f.Add(smallTIFF(80, 80, l.JPEG(1), tiffTags{tagCompression: {packedJPEG}, tagPhotometric: {6}, tagSamples: {3}, tagBits: {8, 8, 8}}))
	for _, name := range tiffKinds {
		f.Add(testdata(f, name))
	}
	f.Add([]byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, scan []byte) {
		made, looks, err := toPDF(scan, tiffToPDF)
		whole, _ := completeTIFF(bytes.NewReader(scan), int64(len(scan)))
		if err != nil {
			if codeOf(err) == "" {
				t.Fatal(err)
			}
			return
		}
		if !whole || len(looks) == 0 || !bytes.HasSuffix(made, []byte("%%EOF\n")) {
			t.Fatalf("taken: whole %v, %d pages", whole, len(looks))
		}
		for _, l := range looks {
			if len(l.Gray) != lookSide*lookSide {
				t.Fatal("no look")
			}
		}
	})
}

// FuzzLZW compares with golang.org/x/image/tiff/lzw.
func FuzzLZW(f *testing.F) {
	f.Add(lazyLZW(manyBytes()))
	f.Add([]byte{0x80, 0x00, 0x60, 0x40, 0x40, 0x10}) // a code for a string that is just being learned
	f.Add(packedWith(f, oldLZW, manyBytes()[:3000]))
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 1 << 20
		got, err := io.ReadAll(io.LimitReader(newLZWReader(data), most))
		if r := newLZWReader(data); r.old || err != nil {
			return
		}
		want, err := io.ReadAll(io.LimitReader(tifflzw.NewReader(bytes.NewReader(data), tifflzw.MSB, 8), most))
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, want %d", len(got), len(want))
		}
	})
}
