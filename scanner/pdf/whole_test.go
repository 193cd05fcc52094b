package pdf_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/hex"
	"fmt"
	"testing"

	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// greyPage are the samples of a page in grey.
func greyPage() (samples []byte, width, height int) {
	l := specimen.New(3, 1)
	l.DPI = 60
	img := l.Image(1)
	width, height = img.Rect.Dx(), img.Rect.Dy()
	for i := range width * height {
		samples = append(samples, img.Pix[4*i+1])
	}
	return samples, width, height
}

// zlibbed is data compressed at a level.
func zlibbed(data []byte, level int) string {
	var out bytes.Buffer
	z, err := zlib.NewWriterLevel(&out, level)
	if err != nil {
		panic(err)
	}
	_, _ = z.Write(data) // memory does not fail
	_ = z.Close()
	return out.String()
}

// greyPictures are that page in every way in which a PDF may code samples: the
// data by name, and what makes a PDF of it.
func greyPictures() (coded map[string]string, made map[string]func(data string) []byte) {
	samples, width, height := greyPage()
	coded, made = map[string]string{}, map[string]func(string) []byte{}
	add := func(name, filter, data string) {
		coded[name] = data
		made[name] = func(data string) []byte {
			return onePage("/XObject<</P 5 0 R>>", drawP, stream(fmt.Sprintf(
				"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceGray%s", width, height, filter), data))
		}
	}
	best := zlibbed(samples, zlib.BestCompression)
	add("Flate", "/Filter/FlateDecode", best)
	add("Flate, fast", "/Filter/FlateDecode", zlibbed(samples, zlib.BestSpeed))
	add("Flate, Huffman only", "/Filter/FlateDecode", zlibbed(samples, flate.HuffmanOnly))
	add("Flate, stored", "/Filter/FlateDecode", zlibbed(samples, zlib.NoCompression))
	var rows []byte
	for y := range height {
		rows = append(append(rows, 0), samples[y*width:][:width]...)
	}
	add("Flate, rows with a filter", fmt.Sprintf("/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns %d>>", width), zlibbed(rows, 6))
	add("LZW", "/Filter/LZWDecode/DecodeParms<</EarlyChange 0>>", lzwLate(string(samples)))
	add("run length", "/Filter/RunLengthDecode", runLength(string(samples)))
	add("ASCII85 around Flate", "/Filter[/ASCII85Decode/FlateDecode]", a85(best))
	add("hexadecimal around Flate", "/Filter[/ASCIIHexDecode/FlateDecode]", hex.EncodeToString([]byte(best))+">")
	return coded, made
}

// A picture that lost a part of its data is refused, although the data is as
// long as it was; and so is one whose data goes on.
func TestPicturesThatAreNotWholeAreRefused(t *testing.T) {
	coded, made := greyPictures()
	for name, scan := range made {
		t.Run(name, func(t *testing.T) {
			data := coded[name]
			takeWhole(t, name, scan(data))
			n := len(data)
			for what, part := range map[string][2]int{"its last half": {n / 2, n}, "its last quarter": {n * 3 / 4, n},
				"its last 4 kB": {n - 4096, n}, "512 bytes": {n / 2, n/2 + 512}, "its last half but the checksum": {n / 2, n - 4}} {
				for _, fill := range []byte{0, 0xff} {
					spoiled := []byte(data)
					copy(spoiled[part[0]:part[1]], bytes.Repeat([]byte{fill}, part[1]-part[0]))
					refuseBroken(t, fmt.Sprintf("%d for %s", fill, what), scan(string(spoiled)))
				}
			}
			refuseBroken(t, "its first half alone", scan(data[:n/2]))
		})
	}
}

// What some writers leave behind the end, or forget there, costs no dot.
func TestWhatStandsBehindAPictureIsNoPartOfIt(t *testing.T) {
	samples, width, _ := greyPage()
	coded, made := greyPictures()
	flated, row := made["Flate"], samples[len(samples)-width:]
	wrong := func(data string) string { return data[:len(data)-4] + "oops" }
	more := func(n int) string { return zlibbed(append(bytes.Clone(samples), bytes.Repeat(row, n)...), 9) }
	for name, scan := range map[string][]byte{
		"a wrong checksum":        flated(wrong(coded["Flate"])),
		"no checksum":             flated(coded["Flate"][:len(coded["Flate"])-4]),
		"an end of line":          flated(zlibbed(append(bytes.Clone(samples), "\r\n"...), 9)),
		"a row more":              flated(more(1)),
		"zeros behind":            flated(coded["Flate"] + string(make([]byte, 5000))),
		"a length too large":      flated(coded["Flate"] + "\r\nendstream\r\nendobj\r\n12 0 obj\r\n"),
		"LZW without its end":     made["LZW"](coded["LZW"][:len(coded["LZW"])-1]),
		"run length, no end mark": made["run length"](coded["run length"][:len(coded["run length"])-1]),
		"ASCII85 without its end": made["ASCII85 around Flate"](coded["ASCII85 around Flate"][:len(coded["ASCII85 around Flate"])-2]),
	} {
		takeWhole(t, name, scan)
	}
	for name, scan := range map[string][]byte{
		"two rows more":                     flated(more(2)),
		"a row more and a wrong checksum":   flated(wrong(more(1))),
		"a row more in LZW":                 made["LZW"](lzwLate(string(samples) + string(row))),
		"another picture behind":            flated(coded["Flate"] + coded["Flate"]),
		"zeros behind without end":          flated(coded["Flate"] + string(make([]byte, 100_000))),
		"no code, and a wrong checksum":     made["Flate, stored"](wrong(coded["Flate, stored"])),
		"samples as they are, and too many": onePage("/XObject<</P 5 0 R>>", drawP, grey8("", ramp()+ramp())),
	} {
		refuseBroken(t, name, scan)
	}
}

func takeWhole(t *testing.T, name string, scan []byte) {
	t.Helper()
	if err := pdf.NormaliseHere(file(t, scan), file(t, nil)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func refuseBroken(t *testing.T, name string, scan []byte) {
	t.Helper()
	if err := pdf.NormaliseHere(file(t, scan), file(t, nil)); err == nil {
		t.Errorf("taken with %s", name)
	} else if code := refusal(t, err); code != pdf.CutOff && code != pdf.Damaged {
		t.Errorf("with %s it is %s", name, code)
	}
}
