package pdf_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// madeByTools is how each scan of the corpus is made: commands, one a line, which
// write $out. What it must show is a source that was drawn here (mono, grey or
// colour, two pages; colour1 the first of them), or, where a tool changes the
// dots, what another program decodes from the scan.
var madeByTools = []struct {
	name, shows string
	make        string
	tolerance   int
}{
	{"tiffcp none", "mono", "tiffcp -c none $mono $out", 0},
	{"tiffcp Group 3", "mono", "tiffcp -c g3:1d $mono $out", 0},
	{"tiffcp Group 3 filled", "mono", "tiffcp -c g3:1d:fill $mono $out", 0},
	{"tiffcp Group 3 in 2-D", "mono", "tiffcp -c g3:2d $mono $out", 0},
	{"tiffcp Group 3 in 2-D filled", "mono", "tiffcp -c g3:2d:fill $mono $out", 0},
	{"tiffcp Group 3, strips of 16", "mono", "tiffcp -c g3 -r 16 $mono $out", 0},
	{"tiffcp Group 3 in 2-D, lowest bit first", "mono", "tiffcp -c g3:2d -f lsb2msb $mono $out", 0},
	{"tiffcp Group 4", "mono", "tiffcp -c g4 $mono $out", 0},
	{"tiffcp Group 4, whole page a strip", "mono", "tiffcp -c g4 -r 5000 $mono $out", 0},
	{"tiffcp Group 4, strips of 16", "mono", "tiffcp -c g4 -r 16 $mono $out", 0},
	{"tiffcp Group 4, lowest bit first", "mono", "tiffcp -c g4 -r 5000 -f lsb2msb $mono $out", 0},
	{"tiffcp Group 4, tiles", "mono", "tiffcp -c g4 -t -w 128 -l 96 $mono $out", 0},
	{"tiffcp Group 4, BigTIFF", "mono", "tiffcp -8 -c g4 $mono $out", 0},
	{"tiffcp Group 4, big-endian", "mono", "tiffcp -B -c g4 $mono $out", 0},
	{"tiffcp LZW bilevel", "mono", "tiffcp -c lzw $mono $out", 0},
	{"tiffcp LZW bilevel, lowest bit first", "mono", "tiffcp -c lzw -f lsb2msb $mono $out", 0},
	{"tiffcp PackBits bilevel", "mono", "tiffcp -c packbits $mono $out", 0},
	{"tiffcp Deflate bilevel, lowest bit first", "mono", "tiffcp -c zip -f lsb2msb $mono $out", 0},
	{"convert Group 4, black is zero", "mono", "convert $mono -define quantum:polarity=min-is-black -compress Group4 $out", 0},
	{"convert Fax", "mono", "convert $mono -monochrome -compress Fax tiff:$out", 0},
	{"convert bilevel, white is zero", "mono", "convert $mono -define quantum:polarity=min-is-white -type bilevel -compress LZW tiff:$out", 0},
	{"tiffset on its side", "", "tiffcp -c g4 $mono $out\ntiffset -s 274 6 $out", 0},

	{"tiffcp grey none", "grey", "tiffcp -c none $grey $out", 0},
	{"tiffcp grey LZW", "grey", "tiffcp -c lzw $grey $out", 0},
	{"tiffcp grey tiles", "grey", "tiffcp -c zip:2 -t -w 64 -l 48 $grey $out", 0},
	{"tiffcp grey JPEG", "", "tiffcp -c jpeg:80 -r 64 $grey $out", 2},
	{"convert grey of 16 bits", "grey", "convert $grey -depth 16 -compress LZW tiff:$out", 0},
	{"convert grey of 16 bits, big-endian", "grey", "convert $grey -depth 16 -endian MSB -define tiff:predictor=2 -compress Zip tiff:$out", 0},
	{"convert grey of 4 bits", "", "convert $grey -depth 4 tiff:$out", 0},
	{"convert grey of 2 bits", "", "convert $grey -depth 2 tiff:$out", 0},
	{"convert grey with alpha", "", "convert $grey -alpha set -channel A -evaluate set 60% tiff:$out", 1},

	{"tiffcp colour none", "colour", "tiffcp -c none $colour $out", 0},
	{"tiffcp colour LZW", "colour", "tiffcp -c lzw $colour $out", 0},
	{"tiffcp colour LZW, predictor", "colour", "tiffcp -c lzw:2 $colour $out", 0},
	{"tiffcp colour Deflate, predictor", "colour", "tiffcp -c zip:2 $colour $out", 0},
	{"tiffcp colour PackBits", "colour", "tiffcp -c packbits $colour $out", 0},
	{"tiffcp colour tiles", "colour", "tiffcp -c none -t -w 128 -l 128 $colour $out", 0},
	{"tiffcp colour separate", "colour", "tiffcp -c lzw:2 -p separate $colour $out", 0},
	{"tiffcp colour separate tiles", "colour", "tiffcp -c zip -p separate -t -w 64 -l 64 $colour $out", 0},
	{"tiffcp colour BigTIFF, big-endian", "colour", "tiffcp -8 -B -c lzw $colour $out", 0},
	{"tiffcp colour strips of 1", "colour", "tiffcp -c packbits -r 1 $colour $out", 0},
	{"tiffcp JPEG in YCbCr", "", "tiffcp -c jpeg:90 -r 64 $colour $out", 12},
	{"tiffcp JPEG in YCbCr, one strip", "", "tiffcp -c jpeg:90 -r 5000 $colour $out", 12},
	{"tiffcp JPEG in YCbCr, tiles", "", "tiffcp -c jpeg:90 -t -w 128 -l 128 $colour $out", 130},
	{"tiffcp JPEG in RGB", "", "tiffcp -c jpeg:r:90 -r 32 $colour $out", 2},
	{"convert JPEG in RGB", "", "convert $colour -compress jpeg tiff:$out", 2},
	{"convert colour of 16 bits", "colour", "convert $colour -depth 16 tiff:$out", 0},
	{"convert colour of 16 bits, separate", "colour", "convert $colour -depth 16 -interlace plane -compress LZW tiff:$out", 0},
	{"convert colour with alpha", "", "convert $colour -alpha set -channel A -evaluate set 40% -depth 8 tiff:$out", 1},
	{"convert colour with alpha of 16 bits", "", "convert $colour -alpha set -channel A -evaluate set 70% -depth 16 -compress LZW tiff:$out", 1},
	{"convert palette of 8 bits", "", "convert $colour -colors 200 -type Palette tiff:$out", 1},
	{"convert palette of 4 bits", "", "convert $colour -colors 12 -type Palette tiff:$out", 1},
	{"convert YCbCr", "", "convert $colour -colorspace YCbCr -depth 8 tiff:$out", 2},
	{"convert CMYK", "cmyk", "convert $colour -colorspace CMYK -depth 8 tiff:$out", 0},
	{"convert CMYK, LZW", "cmyk", "convert $colour -colorspace CMYK -depth 8 -compress LZW tiff:$out", 0},
	{"convert CMYK of 16 bits", "cmyk", "convert $colour -colorspace CMYK -depth 16 tiff:$out", 1},
	{"convert JPEG in CMYK", "cmyk", "convert $colour -colorspace CMYK -depth 8 -compress jpeg tiff:$out", 2},
	{"convert tiles", "colour", "convert $colour -depth 8 -define tiff:tile-geometry=48x32 tiff:$out", 0},
	{"convert BigTIFF", "colour", "convert $colour -depth 8 tiff64:$out", 0},

	{"tiffcp pages of all kinds", "", "tiffcp -c g4 $mono $dir/a\ntiffcp -c lzw:2 $grey $dir/b\ntiffcp -c zip $colour $dir/c\ntiffcp $dir/a $dir/b $dir/c $out", 0},
	{"tiffcp pages of all kinds and tiles", "", "tiffcp -c packbits -t -w 64 -l 64 $mono $dir/a\ntiffcp -c lzw:2 -B $colour $dir/b\ntiffcp -c g3:2d $mono $dir/c\ntiffcp -8 $dir/a $dir/b $dir/c $out", 0},
	{"tiffcp Deflate of the old number", "colour", "tiffcp -c zip $colour $out\ntiffset -s 259 32946 $out", 0},
	{"convert with a colour profile", "colour", "convert $colour -depth 8 -profile /usr/share/color/icc/ghostscript/srgb.icc -compress Zip tiff:$out", 0},

	{"scanimage TIFF", "", "scanimage -d test --format=tiff --mode Color --test-picture Grid --resolution 75 -o $out", 0},
	{"scanimage grey TIFF of 16 bits", "", "scanimage -d test --format=tiff --mode Gray --depth 16 --resolution 75 --test-picture Grid -o $out", 1},
	{"scanimage line art", "", "scanimage -d test --format=tiff --mode Gray --depth 1 --test-picture Grid --resolution 100 -o $out", 0},
	{"scanimage PNG", "", "scanimage -d test --format=png --mode Color --test-picture Grid --resolution 75 -o $out", 0},
	{"scanimage JPEG", "", "scanimage -d test --format=jpeg --mode Color --test-picture Grid --resolution 75 -o $out", 3},
	{"scanimage batch", "", "scanimage -d test --format=tiff --mode Gray --batch=$dir/b%d.tif --batch-count=3 --test-picture Grid\ntiffcp -c lzw $dir/b1.tif $dir/b2.tif $dir/b3.tif $out", 0},

	{"gs tiffg3", "", "gs -q -o $out -r100 -sDEVICE=tiffg3 $ps", 0},
	{"gs tiffg32d", "", "gs -q -o $out -r100 -sDEVICE=tiffg32d $ps", 0},
	{"gs tiffg4", "", "gs -q -o $out -r100 -sDEVICE=tiffg4 $ps", 0},
	{"gs tiffcrle", "", "gs -q -o $out -r100 -sDEVICE=tiffcrle $ps", 0},
	{"gs tifflzw", "", "gs -q -o $out -r100 -sDEVICE=tifflzw $ps", 0},
	{"gs tiffpack", "", "gs -q -o $out -r100 -sDEVICE=tiffpack $ps", 0},
	{"gs tiffgray", "", "gs -q -o $out -r40 -sDEVICE=tiffgray $ps", 0},
	{"gs tiff12nc", "", "gs -q -o $out -r40 -sDEVICE=tiff12nc $ps", 0},
	{"gs tiff24nc", "", "gs -q -o $out -r40 -sDEVICE=tiff24nc -sCompression=lzw $ps", 0},
	{"gs tiff48nc", "", "gs -q -o $out -r40 -sDEVICE=tiff48nc $ps", 1},
	{"gs tiff32nc", "cmyk", "gs -q -o $out -r40 -sDEVICE=tiff32nc $ps", 0},
	{"gs tiff64nc", "cmyk", "gs -q -o $out -r40 -sDEVICE=tiff64nc $ps", 1},
	{"gs tiffscaled", "", "gs -q -o $out -r160 -dDownScaleFactor=4 -sDEVICE=tiffscaled $ps", 0},
	{"gs tiffscaled8", "", "gs -q -o $out -r160 -dDownScaleFactor=4 -sDEVICE=tiffscaled8 $ps", 0},
	{"gs jpeg", "", "gs -q -o $out -r40 -sDEVICE=jpeg -dLastPage=1 $ps", 12},
	{"gs jpeggray", "", "gs -q -o $out -r40 -sDEVICE=jpeggray -dLastPage=1 $ps", 2},
	{"gs jpegcmyk", "cmyk", "gs -q -o $out -r40 -sDEVICE=jpegcmyk -dLastPage=1 $ps", 30},
	{"gs png16m", "", "gs -q -o $out -r40 -sDEVICE=png16m -dLastPage=1 $ps", 0},
	{"gs png256", "", "gs -q -o $out -r40 -sDEVICE=png256 -dLastPage=1 $ps", 0},
	{"gs png16", "", "gs -q -o $out -r40 -sDEVICE=png16 -dLastPage=1 $ps", 0},
	{"gs pngmono", "", "gs -q -o $out -r40 -sDEVICE=pngmono -dLastPage=1 $ps", 0},
	{"gs pnggray", "", "gs -q -o $out -r40 -sDEVICE=pnggray -dLastPage=1 $ps", 0},
	{"gs pngalpha", "", "gs -q -o $out -r40 -sDEVICE=pngalpha -dLastPage=1 $ps", 1},
	{"gs png48", "", "gs -q -o $out -r40 -sDEVICE=png48 -dLastPage=1 $ps", 1},

	{"cjpeg", "", "cjpeg -quality 85 -outfile $out $ppm", 12},
	{"cjpeg progressive", "", "cjpeg -progressive -quality 85 -outfile $out $ppm", 12},
	{"cjpeg restarts", "", "cjpeg -restart 3B -optimize -outfile $out $ppm", 12},
	{"cjpeg progressive, restarts", "", "cjpeg -progressive -restart 1 -outfile $out $ppm", 12},
	{"cjpeg grey", "", "cjpeg -grayscale -outfile $out $ppm", 2},
	{"cjpeg RGB", "", "cjpeg -rgb -outfile $out $ppm", 2},
	{"cjpeg 4:4:4", "", "cjpeg -sample 1x1 -outfile $out $ppm", 2},
	{"cjpeg 4:2:2", "", "cjpeg -sample 2x1 -outfile $out $ppm", 12},
	{"cjpeg 4:4:0", "", "cjpeg -sample 1x2 -progressive -outfile $out $ppm", 12},
	{"cjpeg 4:1:1", "", "cjpeg -sample 4x1 -outfile $out $ppm", 12},
	{"cjpeg small chroma, odd", "", "cjpeg -sample 1x2,2x1,1x1 -outfile $out $ppm", 20},
	{"jpegtran on its side", "", "cjpeg -sample 2x2 -outfile $dir/j $ppm\njpegtran -rotate 90 -trim -outfile $out $dir/j", 12},
	{"convert CMYK JPEG", "cmyk", "convert $colour1 -colorspace CMYK -quality 90 jpg:$out", 30},
	{"convert JPEG with EXIF-less comment", "", "convert $colour1 -set comment secret -quality 92 jpg:$out", 12},
	{"convert JPEG of odd size", "", "convert $colour1 -crop 333x217+5+7 +repage -quality 80 jpg:$out", 12},

	{"convert PNG", "colour1", "convert $colour1 -depth 8 png24:$out", 0},
	{"convert PNG interlaced", "colour1", "convert $colour1 -depth 8 -interlace PNG png24:$out", 0},
	{"convert PNG of 16 bits", "colour1", "convert $colour1 -depth 16 png48:$out", 0},
	{"convert PNG of 16 bits, interlaced", "colour1", "convert $colour1 -interlace PNG png48:$out", 0},
	{"convert PNG palette", "", "convert $colour1 -colors 99 png8:$out", 0},
	{"convert PNG palette, interlaced", "", "convert $colour1 -colors 9 -interlace PNG png8:$out", 0},
	{"convert PNG with alpha", "", "convert $colour1 -alpha set -channel A -evaluate set 50% png32:$out", 1},
	{"convert PNG see-through colour", "", "convert $colour1 -transparent white png32:$out", 0},
	{"convert PNG black and white", "", "convert $colour1 -monochrome -define png:bit-depth=1 png:$out", 0},
	{"convert PNG black and white, interlaced", "", "convert $colour1 -monochrome -define png:bit-depth=1 -interlace PNG png:$out", 0},
	{"convert PNG grey of 2 bits", "", "convert $colour1 -colorspace Gray -depth 2 -define png:bit-depth=2 -define png:color-type=0 png:$out", 0},
}

// drawn is what the tools begin with: what the words in their commands stand
// for, and the samples of those that can be shown dot by dot.
type drawn struct {
	words map[string]string
	dots  map[string][]byte
}

// drawSources draws the pictures.
func drawSources(t *testing.T, dir string) drawn {
	t.Helper()
	l := specimen.New(21, 2)
	l.DPI = 40
	words := map[string]string{"dir": dir}
	var mono, grey, colour []string
	save := func(name string, img image.Image) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pngOf(t, img), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for n := 1; n <= 2; n++ {
		page := l.Image(n)
		bounds := page.Bounds()
		// Colours, and in one corner only, so that no turned page is taken for a right one.
		draw.Draw(page, image.Rect(9, 9, 99, 79), patches(90, 70), image.Point{}, draw.Src)
		dots, shades := image.NewPaletted(bounds, color.Palette{color.Black, color.White}), image.NewGray(bounds)
		draw.Draw(dots, bounds, page, image.Point{}, draw.Src)
		draw.Draw(shades, bounds, page, image.Point{}, draw.Src)
		colour = append(colour, save(fmt.Sprintf("colour%d.png", n), page))
		mono = append(mono, save(fmt.Sprintf("mono%d.png", n), dots))
		grey = append(grey, save(fmt.Sprintf("grey%d.png", n), shades))
	}
	words["colour1"] = colour[0]
	for name, pages := range map[string][]string{"mono": mono, "grey": grey, "colour": colour} {
		words[name] = filepath.Join(dir, name+".tif")
		run(t, "convert", append(append([]string{"-density", "40", "-units", "PixelsPerInch"}, pages...),
			"-depth", map[string]string{"mono": "1", "grey": "8", "colour": "8"}[name], "-compress", "None", words[name])...)
	}
	words["ppm"] = filepath.Join(dir, "colour.ppm")
	run(t, "convert", words["colour1"], "-depth", "8", words["ppm"])
	words["ps"] = filepath.Join(dir, "letter.ps")
	const page = "%d 20 translate /Helvetica findfont 24 scalefont setfont 0 0 0 setrgbcolor 40 600 moveto (Page %d of a letter) show\n" +
		"0.8 0.1 0.1 setrgbcolor 50 300 200 90 rectfill 0.1 0.2 0.7 setrgbcolor 300 100 30 200 rectfill\n" +
		"0.5 setgray 400 600 60 60 rectfill showpage\n"
	if err := os.WriteFile(words["ps"], []byte("%!PS\n"+fmt.Sprintf(page, 10, 1)+fmt.Sprintf(page, 30, 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	dots := map[string][]byte{}
	for _, name := range []string{"mono", "grey", "colour", "colour1"} {
		dots[name] = dotsOf(t, "rgb:-", words[name])
	}
	return drawn{words, dots}
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1") // ImageMagick's threads wait for each other
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v %s", name, args, err, said.Bytes())
	}
	return out.Bytes()
}

// corpusTools are what makes the corpus and looks at what came out.
func corpusTools(t *testing.T) {
	t.Helper()
	for name, debian := range map[string]string{"tiffcp": "libtiff-tools", "convert": "imagemagick", "scanimage": "sane-utils",
		"gs": "ghostscript", "cjpeg": "libjpeg-turbo-progs", "pdfimages": "poppler-utils", "pdftoppm": "poppler-utils"} {
		tool(t, name, debian)
	}
}

func TestWhatRealToolsScanIsTakenDotByDot(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred scans by real tools take a quarter of a minute")
	}
	corpusTools(t)
	sources := drawSources(t, t.TempDir())
	atOnce := make(chan struct{}, 2)
	for i, c := range madeByTools {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			data := sources.make(t, c.make)
			dir := t.TempDir()
			scan := filepath.Join(dir, "scan")
			if err := os.WriteFile(scan, data, 0o600); err != nil {
				t.Fatal(err)
			}
			made, result := mustClean(t, data)
			path := filepath.Join(dir, "clean.pdf")
			if err := os.WriteFile(path, made, 0o600); err != nil {
				t.Fatal(err)
			}
			compareDots(t, sources, c.shows, scan, path, result, c.tolerance)
			compareLooks(t, path, result)
			part := data[:len(data)*(20+i*7%79)/100]
			if _, _, err := clean(t, pdf.Normaliser{}, part); refusal(t, err) != pdf.CutOff {
				t.Errorf("%d of %d bytes: %v", len(part), len(data), err)
			}
			if coded.MatchString(c.make) {
				refuseHole(t, data)
			}
		})
	}
}

// refusedByTools are scans of kinds that are rare among scanners.
var refusedByTools = []struct{ name, make string }{
	{"tiffcp Zstandard", "tiffcp -c zstd $colour $out"},
	{"tiffcp LZMA", "tiffcp -c lzma $colour $out"},
	{"tiffcp WebP", "tiffcp -c webp $colour $out"},
	{"convert floating point", "convert $colour -depth 32 -define quantum:format=floating-point -compress LZW tiff:$out"},
	{"convert CIE L*a*b*", "convert $colour -colorspace Lab -depth 8 tiff:$out"},
	{"LogLuv", "tiffcp -c none $colour $out\ntiffset -s 259 34676 $out"},
	{"cjpeg arithmetic", "cjpeg -arithmetic -outfile $out $ppm"},
	{"cjpeg arithmetic, progressive", "cjpeg -arithmetic -progressive -outfile $out $ppm"},
}

func TestWhatRealToolsMakeOfRareKindsIsRefusedAsThat(t *testing.T) {
	corpusTools(t)
	sources := drawSources(t, t.TempDir())
	for _, c := range refusedByTools {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := clean(t, pdf.Normaliser{}, sources.make(t, c.make))
			if code := refusal(t, err); code != pdf.Unsupported {
				t.Errorf("%s, want %s", code, pdf.Unsupported)
			}
		})
	}
}

// make runs commands and returns the scan that they write.
func (d drawn) make(t *testing.T, commands string) []byte {
	t.Helper()
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan")
	for line := range strings.Lines(commands) {
		args := strings.Fields(os.Expand(line, func(word string) string {
			switch word {
			case "out":
				return scan
			case "dir":
				return dir
			}
			return d.words[word]
		}))
		run(t, args[0], args[1:]...)
	}
	data, err := os.ReadFile(scan)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// coded are the commands that make a scan in whose data zeros are no dots.
var coded = regexp.MustCompile(`jpeg|JPEG|-c (g3|g4|lzw|zip|packbits)|Group4|LZW|Zip|Fax|tiff(g3|g32d|g4|crle|lzw|pack)`)

// refuseHole wants no scan with zeros in the middle of its picture data, which
// is still as long as it was and ends as it did.
func refuseHole(t *testing.T, data []byte) {
	t.Helper()
	spoiled, from := bytes.Clone(data), 0
	if bytes.HasPrefix(data, []byte("\xff\xd8")) {
		from = bytes.LastIndex(data, []byte("\xff\xda")) // the last scan: a colour profile may be larger than the picture
	}
	half := spoiled[from+(len(data)-from)/2:]
	clear(half[:min(2048, len(half)/2)])
	if _, _, err := clean(t, pdf.Normaliser{}, spoiled); err == nil {
		t.Error("taken with zeros in the middle")
	} else if code := refusal(t, err); code != pdf.CutOff && code != pdf.Damaged {
		t.Errorf("with zeros in the middle it is %s", code)
	}
}

// compareDots compares what pdfimages takes out of the clean PDF with what the
// scan shows.
func compareDots(t *testing.T, sources drawn, shows, scan, clean string, result pdf.Result, tolerance int) {
	t.Helper()
	raw, extract := "rgb:-", []string{clean} // as PPM
	if shows == "cmyk" {
		raw, extract = "cmyk:-", []string{"-tiff", clean}
	}
	want := sources.dots[shows]
	if want == nil {
		want = dotsOf(t, raw, scan)
	}
	dir := t.TempDir()
	run(t, "pdfimages", append(extract, filepath.Join(dir, "p"))...)
	got, _ := filepath.Glob(filepath.Join(dir, "p-*"))
	if len(got) != result.Pages || len(result.Looks) != result.Pages {
		t.Fatalf("%d pictures and %d looks on %d pages", len(got), len(result.Looks), result.Pages)
	}
	have := dotsOf(t, raw, got...)
	if len(want) != len(have) || len(want) == 0 {
		t.Fatalf("%d samples, want %d", len(have), len(want))
	}
	sum := 0
	for i := range want {
		d := max(int(want[i])-int(have[i]), int(have[i])-int(want[i]))
		if sum += d; d > tolerance {
			t.Fatalf("sample %d is %d, want %d", i, have[i], want[i])
		}
	}
	if mean := float64(sum) / float64(len(want)); mean > 1 {
		t.Errorf("samples differ by %.2f", mean)
	}
}

// dotsOf is the samples of all pictures in the files, on white paper, 8 bits each.
func dotsOf(t *testing.T, raw string, files ...string) []byte {
	t.Helper()
	return run(t, "convert", append(files, "+profile", "*", "-background", "white", "-alpha", "remove", "-depth", "8", raw)...)
}

// compareLooks compares the looks with how poppler draws the pages.
func compareLooks(t *testing.T, clean string, result pdf.Result) {
	t.Helper()
	dir := t.TempDir()
	run(t, "pdftoppm", "-r", "150", clean, filepath.Join(dir, "p"))
	drawn, _ := filepath.Glob(filepath.Join(dir, "p-*"))
	for n, path := range drawn {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, have := pdf.LookOf(pixmap(t, raw)).Gray, result.Looks[n].Gray
		sum, most := 0, 0
		for i := range want {
			d := max(int(want[i])-int(have[i]), int(have[i])-int(want[i]))
			sum, most = sum+d, max(most, d)
		}
		if mean := float64(sum) / float64(len(want)); mean > 5 || most > 60 {
			t.Errorf("page %d looks otherwise: cells differ by %.1f, at most %d", n+1, mean, most)
		} else {
			t.Logf("page %d: cells differ by %.2f, at most %d", n+1, mean, most)
		}
	}
}

// pixmap reads a PPM as poppler writes it.
func pixmap(t *testing.T, ppm []byte) image.Image {
	t.Helper()
	var width, height, most int
	if _, err := fmt.Sscanf(string(ppm[:20]), "P6\n%d %d\n%d", &width, &height, &most); err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i, dots := 0, ppm[len(ppm)-3*width*height:]; i < width*height; i++ {
		copy(img.Pix[4*i:], append(dots[3*i:3*i+3:3*i+3], 0xff))
	}
	return img
}
