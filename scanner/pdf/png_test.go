package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"testing"

	"letterlock/scanner/specimen"
)

// pngFile puts chunks behind a header: pairs of a kind and its data.
func pngFile(width, height uint32, depth, kind, interlace byte, chunks ...any) []byte {
	out := []byte("\x89PNG\r\n\x1a\n")
	put := func(kind string, data []byte) {
		out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
		whole := append([]byte(kind), data...)
		out = binary.BigEndian.AppendUint32(append(out, whole...), crc32.ChecksumIEEE(whole))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	put("IHDR", append(header, depth, kind, 0, 0, interlace))
	for i := 0; i < len(chunks); i += 2 {
		put(chunks[i].(string), chunks[i+1].([]byte))
	}
	put("IEND", nil)
	return out
}

func deflatedRows(data []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(data) // memory does not fail
	_ = z.Close()
	return out.Bytes()
}

func TestAPNGPassesAsItIsWithoutItsWords(t *testing.T) {
	const canary = "CanaryInThePNG"
	rows := deflatedRows([]byte{0, 1, 2, 3, 2, 4, 5, 6, 4, 7, 8, 9, 3, 1, 1, 1, 1, 9, 9, 9})
	plain := pngFile(3, 5, 8, 0, 0, "IDAT", rows)
	want, looks, err := toPDF(plain, pngToPDF)
	if err != nil || len(looks) != 1 || !bytes.Contains(want, rows) {
		t.Fatalf("%v, %d looks", err, len(looks))
	}
	for name, scan := range map[string][]byte{
		"text":                  pngFile(3, 5, 8, 0, 0, "tEXt", []byte("Title\x00"+canary), "IDAT", rows),
		"EXIF and time":         pngFile(3, 5, 8, 0, 0, "eXIf", []byte(canary), "tIME", make([]byte, 7), "IDAT", rows),
		"data in pieces":        pngFile(3, 5, 8, 0, 0, "IDAT", rows[:7], "IDAT", rows[7:8], "IDAT", []byte{}, "IDAT", rows[8:]),
		"words behind the data": pngFile(3, 5, 8, 0, 0, "IDAT", append(bytes.Clone(rows), canary...)),
		"words behind the end":  append(bytes.Clone(plain), canary...),
		"one frame":             pngFile(3, 5, 8, 0, 0, "acTL", []byte{0, 0, 0, 1, 0, 0, 0, 0}, "IDAT", rows),
	} {
		got, _, err := toPDF(scan, pngToPDF)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: another PDF (%v)", name, err)
		}
	}
	more := deflatedRows(append([]byte{0, 1, 2, 3, 2, 4, 5, 6, 4, 7, 8, 9, 3, 1, 1, 1, 1, 9, 9, 9}, canary...))
	got, again, err := toPDF(pngFile(3, 5, 8, 0, 0, "IDAT", more), pngToPDF)
	if err != nil || bytes.Contains(got, more) || !bytes.Equal(again[0].Gray, looks[0].Gray) {
		t.Errorf("rows below the last: %v", err)
	}
}

func TestTroubleInAPNGIsRefused(t *testing.T) {
	rows := deflatedRows(make([]byte, 4*5))
	good := pngFile(3, 5, 8, 0, 0, "IDAT", rows)
	wrong := bytes.Clone(good)
	wrong[45] ^= 1
	for name, c := range map[string]struct {
		scan []byte
		want Code
	}{
		"a checksum":           {wrong, Damaged},
		"too large":            {pngFile(60_000, 60_000, 8, 0, 0, "IDAT", rows), TooLarge},
		"no data":              {pngFile(3, 5, 8, 0, 0), Damaged},
		"fewer rows":           {pngFile(3, 6, 8, 0, 0, "IDAT", rows), CutOff},
		"fewer rows, in turns": {pngFile(3, 60, 8, 0, 1, "IDAT", rows), CutOff},
		"data that stops":      {pngFile(3, 5, 8, 0, 0, "IDAT", rows[:5]), CutOff},
		"data that is none":    {pngFile(3, 5, 8, 0, 0, "IDAT", []byte("not deflated")), Damaged},
		"a filter of 9":        {pngFile(3, 5, 8, 0, 0, "IDAT", deflatedRows(bytes.Repeat([]byte{9}, 20))), Damaged},
		"no palette":           {pngFile(3, 5, 8, 3, 0, "IDAT", rows), Damaged},
		"depth 3":              {pngFile(3, 5, 3, 0, 0, "IDAT", rows), Damaged},
		"colour of 4 bits":     {pngFile(3, 5, 4, 2, 0, "IDAT", rows), Damaged},
		"colour type 9":        {pngFile(3, 5, 8, 9, 0, "IDAT", rows), Damaged},
		"an unknown need":      {pngFile(3, 5, 8, 0, 0, "NEED", []byte{}, "IDAT", rows), Damaged},
		"two headers":          {pngFile(3, 5, 8, 0, 0, "IHDR", good[16:29], "IDAT", rows), Damaged},
		"an animation":         {pngFile(3, 5, 8, 0, 0, "acTL", []byte{0, 0, 0, 2, 0, 0, 0, 0}, "IDAT", rows), Unsupported},
	} {
		if _, _, err := toPDF(c.scan, pngToPDF); codeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for n := range good {
		if _, _, err := toPDF(good[:n], pngToPDF); codeOf(err) == "" {
			t.Errorf("taken with %d of %d bytes", n, len(good))
		}
	}
}

// onWhite is the look of a picture that another decoder made, on white paper.
func onWhite(img image.Image) Look {
	paper := image.NewRGBA(img.Bounds())
	draw.Draw(paper, paper.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(paper, paper.Rect, img, img.Bounds().Min, draw.Over)
	return LookOf(paper)
}

// FuzzPNG compares with image/png: what that decodes is taken, and looks the
// same.
func FuzzPNG(f *testing.F) {
	l := specimen.New(1, 1)
	l.DPI = 8
	f.Add(l.PNG(1))
	rows := deflatedRows(bytes.Repeat([]byte{4, 9, 200, 3, 77}, 60))
	for _, kind := range [][2]byte{{1, 0}, {2, 0}, {4, 0}, {8, 0}, {16, 0}, {8, 2}, {16, 2}, {1, 3}, {2, 3}, {4, 3}, {8, 3}, {8, 4}, {16, 4}, {8, 6}, {16, 6}} {
		for interlace := range byte(2) {
			f.Add(pngFile(5, 6, kind[0], kind[1], interlace, "PLTE", []byte("abcdef"), "tRNS", []byte{0, 9}, "IDAT", rows))
		}
	}
	f.Fuzz(func(t *testing.T, scan []byte) {
		for at := 8; at+12 <= len(scan); { // right checksums, so that more than they are tried
			length := int(binary.BigEndian.Uint32(scan[at:]))
			if length < 0 || length > len(scan)-at-12 {
				break
			}
			binary.BigEndian.PutUint32(scan[at+8+length:], crc32.ChecksumIEEE(scan[at+4:at+8+length]))
			at += 12 + length
		}
		config, err := png.DecodeConfig(bytes.NewReader(scan))
		if err != nil || config.Width*config.Height > 1<<20 {
			_, _, _ = toPDF(scan, pngToPDF)
			return
		}
		_, looks, ours := toPDF(scan, pngToPDF)
		img, err := png.Decode(bytes.NewReader(scan))
		if err == nil && codeOf(ours) == CutOff {
			t.Fatal("cut off, but not for image/png")
		}
		if err != nil || ours != nil {
			return
		}
		for i, want := range onWhite(img).Gray {
			if d := int(want) - int(looks[0].Gray[i]); d > 3 || d < -3 {
				t.Fatalf("cell %d is %d, want %d", i, looks[0].Gray[i], want)
			}
		}
	})
}
