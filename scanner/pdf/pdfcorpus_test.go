package pdf_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/scanner/specimen"
)

// bench is a folder in which real programs make scans.
type bench struct {
	*testing.T
	dir string
}

// run runs a program of the Debian package given in the folder and returns what
// it wrote.
func (b bench) run(debian, program string, args ...string) []byte {
	b.Helper()
	cmd := exec.Command(tool(b.T, program, debian), args...)
	cmd.Dir = b.dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, complaint.Bytes())
	}
	return out
}

func (b bench) write(name string, data []byte) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b bench) read(name string) []byte {
	b.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// Shorthands for the programs that most of the corpus is made with.
func (b bench) gs(device string, args ...string) []byte {
	args = append([]string{"-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=" + device, "-sOutputFile=-"}, args...)
	return b.run("ghostscript", "gs", args...)
}

// scan scans with SANE's test device, whose PDF has a table of zeros.
func (b bench) scan(args ...string) []byte {
	b.run("sane-utils", "scanimage", append([]string{"-d", "test:0", "--format=pdf", "-o", "sane.pdf", "--resolution", "75"}, args...)...)
	return b.read("sane.pdf")
}

// fax has Ghostscript code a page in black and white.
func (b bench) fax(parameters string) []byte {
	b.write("mono.png", b.gs("pngmono", "-r60", "-dLastPage=1", "colour.pdf"))
	b.write("mono.pdf", b.img2pdf("mono.png"))
	return b.gs("pdfwrite", "-dMonoImageFilter=/CCITTFaxEncode", "-dDownsampleMonoImages=false",
		"-c", "<< /MonoImageDict << "+parameters+" >> >> setdistillerparams", "-f", "mono.pdf")
}

// magick has ImageMagick make a PDF of pictures, under one of its writer's names.
func (b bench) magick(as string, args ...string) []byte {
	b.run("imagemagick", "convert", append(append([]string{"-density", "60"}, args...), as+":magick.pdf")...)
	return b.read("magick.pdf")
}

func (b bench) img2pdf(args ...string) []byte { return b.run("img2pdf", "img2pdf", args...) }

func (b bench) qpdf(args ...string) []byte {
	return b.run("qpdf", "qpdf", append(append([]string{"--warning-exit-0"}, args...), "-")...)
}

// newBench has a letter in every format, and a text with several fonts.
func newBench(t *testing.T) bench {
	b := bench{t, t.TempDir()}
	l := specimen.New(11, 3)
	l.DPI = 60
	b.write("colour.pdf", l.ColourPDF())
	b.write("page.jpg", l.JPEG(1))
	b.write("page.png", l.PNG(2))
	b.write("g4.tif", l.G4TIFF())
	b.gs("tiff24nc", "-r60", "-sOutputFile=colour.tif", "colour.pdf")
	b.write("letter.roff", []byte("A letter\n.sp\nDear all, this is \\fBbold\\fP and \\fIitalic\\fP.\n.bp\nThe second page.\n"))
	b.write("letter.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="200" height="280">
<defs><linearGradient id="g"><stop offset="0" stop-color="#08f"/><stop offset="1" stop-color="#f80" stop-opacity=".3"/></linearGradient>
<pattern id="p" width="9" height="9" patternUnits="userSpaceOnUse"><circle cx="4" cy="4" r="3" fill="#080"/></pattern></defs>
<rect width="200" height="120" fill="url(#g)"/><rect y="130" width="200" height="60" fill="url(#p)"/>
<g opacity=".5"><circle cx="90" cy="220" r="40" fill="red"/><circle cx="120" cy="220" r="40" fill="blue"/></g><text x="9" y="20">Dear all</text></svg>`))
	b.write("letter.html", []byte("<h1>A letter</h1><p style='opacity:.7'>Dear all, <b>bold</b> <a href='https://example.org'>link</a></p>"+
		"<p style='page-break-before:always'>The second page</p>"))
	b.write("letter.ps", b.run("groff", "groff", "-Tps", "letter.roff"))
	b.write("text.pdf", b.gs("pdfwrite", "letter.ps"))
	return b
}

// Every PDF that a real program makes is taken, with the same pixels on every
// page.
func TestPDFsOfRealProgramsAreTakenWithTheSamePixels(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	b := newBench(t)
	for _, c := range []struct {
		name string
		make func(b bench) []byte
	}{
		{"Ghostscript, pictures as JPEG", func(b bench) []byte { return b.gs("pdfwrite", "colour.pdf") }},
		{"Ghostscript, pictures as Flate", func(b bench) []byte {
			return b.gs("pdfwrite", "-dAutoFilterColorImages=false", "-dColorImageFilter=/FlateEncode", "colour.pdf")
		}},
		{"Ghostscript, PDF 1.2", func(b bench) []byte { return b.gs("pdfwrite", "-dCompatibilityLevel=1.2", "colour.pdf") }},
		{"Ghostscript, text in ASCII", func(b bench) []byte {
			return b.gs("pdfwrite", "-dASCII85EncodePages=true", "letter.ps")
		}},
		{"Ghostscript, no compression", func(b bench) []byte {
			return b.gs("pdfwrite", "-dCompressPages=false", "-dCompressFonts=false", "letter.ps")
		}},
		{"Ghostscript, linearised", func(b bench) []byte {
			b.gs("pdfwrite", "-dFastWebView=true", "-sOutputFile=fast.pdf", "letter.ps")
			return b.read("fast.pdf")
		}},
		{"Ghostscript, 8-bit scan", func(b bench) []byte { return b.gs("pdfimage8", "-r60", "colour.pdf") }},
		{"Ghostscript, 24-bit scan", func(b bench) []byte { return b.gs("pdfimage24", "-r60", "colour.pdf") }},
		{"Ghostscript, 24-bit scan, strips", func(b bench) []byte {
			return b.gs("pdfimage24", "-r60", "-dStripHeight=50", "-sCompression=LZW", "colour.pdf")
		}},
		{"Ghostscript, 32-bit scan", func(b bench) []byte { return b.gs("pdfimage32", "-r60", "colour.pdf") }},
		{"Ghostscript, PCLm", func(b bench) []byte { return b.gs("pclm8", "-r60", "colour.pdf") }},
		{"ps2pdf", func(b bench) []byte { return b.run("ghostscript", "ps2pdf", "letter.ps", "-") }},
		{"Ghostscript, black and white, 1-D fax", func(b bench) []byte { return b.fax("/K 0") }},
		{"Ghostscript, black and white, 2-D fax", func(b bench) []byte { return b.fax("/K 4 /EndOfLine true") }},
		{"Ghostscript, black and white, rows at bytes", func(b bench) []byte { return b.fax("/K 0 /EncodedByteAlign true") }},
		{"Ghostscript, black and white, ends of line at bytes", func(b bench) []byte { return b.fax("/K 0 /EndOfLine true /EncodedByteAlign true") }},
		{"Ghostscript, black and white, Group 4 at bytes, black is 1", func(b bench) []byte {
			return b.fax("/K -1 /EncodedByteAlign true /BlackIs1 true /EndOfBlock false")
		}},
		{"img2pdf, JPEG 2000", func(b bench) []byte {
			b.run("libopenjp2-tools", "opj_compress", "-i", "page.png", "-o", "page.jp2", "-C", "a comment")
			return b.img2pdf("page.jp2")
		}},
		{"img2pdf, JPEG in CMYK", func(b bench) []byte {
			b.run("ghostscript", "gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=jpegcmyk", "-r60", "-dLastPage=1", "-sOutputFile=cmyk.jpg", "colour.pdf")
			return b.img2pdf("cmyk.jpg")
		}},
		{"img2pdf, grey of 16 bits", func(b bench) []byte { b.write("deep.png", deepPNG(b.T)); return b.img2pdf("deep.png") }},
		{"libtiff, Group 4", func(b bench) []byte { return b.run("libtiff-tools", "tiff2pdf", "g4.tif") }},
		{"libtiff, Flate with differences", func(b bench) []byte {
			b.run("libtiff-tools", "tiffcp", "-c", "zip:2", "colour.tif", "zip.tif")
			return b.run("libtiff-tools", "tiff2pdf", "-z", "zip.tif")
		}},
		{"libtiff, JPEG in tiles", func(b bench) []byte {
			b.run("libtiff-tools", "tiffcp", "-c", "jpeg:r:80", "-t", "colour.tif", "tiles.tif")
			return b.run("libtiff-tools", "tiff2pdf", "tiles.tif")
		}},
		// Debian's policy forbids ImageMagick to write "PDF", and no policy of ours can
		// undo that; the same writer has other names.
		{"ImageMagick, Flate", func(b bench) []byte { return b.magick("epdf", "page.png", "-compress", "Zip") }},
		{"ImageMagick, JPEG", func(b bench) []byte { return b.magick("epdf", "page.png", "page.jpg", "-compress", "JPEG") }},
		{"ImageMagick, LZW", func(b bench) []byte { return b.magick("epdf", "page.png", "-compress", "LZW") }},
		{"ImageMagick, run length", func(b bench) []byte { return b.magick("epdf", "page.png", "-compress", "RLE") }},
		{"ImageMagick, JPEG 2000", func(b bench) []byte { return b.magick("epdf", "page.png", "-compress", "JPEG2000") }},
		{"ImageMagick, Group 4", func(b bench) []byte { return b.magick("epdf", "g4.tif", "-compress", "Group4") }},
		{"ImageMagick, fax", func(b bench) []byte { return b.magick("epdf", "g4.tif", "-compress", "Fax") }},
		{"ImageMagick, no compression", func(b bench) []byte { return b.magick("epdf", "page.png", "-compress", "None", "-resize", "30%") }},
		{"ImageMagick, grey", func(b bench) []byte {
			return b.magick("epdf", "page.png", "-colorspace", "Gray", "-depth", "8", "-compress", "Zip")
		}},
		{"ImageMagick, palette", func(b bench) []byte { return b.magick("epdf", "page.png", "-colors", "16", "-compress", "Zip") }},
		{"ImageMagick, alpha", func(b bench) []byte {
			return b.magick("epdf", "page.png", "-alpha", "set", "-channel", "A", "-evaluate", "set", "60%", "-compress", "Zip")
		}},
		{"ImageMagick, CMYK", func(b bench) []byte { return b.magick("epdf", "page.png", "-colorspace", "CMYK", "-compress", "JPEG") }},
		{"ImageMagick, PDF/A", func(b bench) []byte { return b.magick("pdfa", "page.png", "page.jpg", "-compress", "JPEG") }},
		{"Ghostscript, PDF/A", func(b bench) []byte {
			return b.gs("pdfwrite", "-dPDFA=2", "-dPDFACompatibilityPolicy=1", "-sColorConversionStrategy=RGB", "colour.pdf")
		}},
		{"Ghostscript, OCR's kind: pictures and no compression of pages", func(b bench) []byte {
			return b.gs("pdfwrite", "-dCompressPages=false", "-dEncodeColorImages=false", "-dEncodeGrayImages=false", "colour.pdf")
		}},
		{"poppler, pictures taken out and put in again", func(b bench) []byte {
			b.run("poppler-utils", "pdfimages", "-all", "colour.pdf", "out")
			return b.img2pdf("out-000.jpg", "out-001.jpg", "out-002.jpg")
		}},
		{"libjpeg, progressive, in a PDF", func(b bench) []byte {
			b.run("libjpeg-turbo-progs", "jpegtran", "-progressive", "-outfile", "progressive.jpg", "page.jpg")
			return b.img2pdf("progressive.jpg")
		}},
		{"libjpeg, best tables and restarts, in a PDF", func(b bench) []byte {
			b.run("libjpeg-turbo-progs", "jpegtran", "-optimize", "-restart", "1", "-outfile", "restarts.jpg", "page.jpg")
			return b.img2pdf("restarts.jpg")
		}},
		{"img2pdf, JPEG", func(b bench) []byte { return b.img2pdf("page.jpg") }},
		{"img2pdf, PNG", func(b bench) []byte { return b.img2pdf("--pagesize", "A4", "page.png") }},
		{"img2pdf, Group 4, many pages", func(b bench) []byte { return b.img2pdf("g4.tif") }},
		{"img2pdf, everything in one", func(b bench) []byte { return b.img2pdf("page.jpg", "page.png", "g4.tif") }},
		{"scanimage", func(b bench) []byte {
			return b.scan("--mode", "Color", "--test-picture", "Color pattern")
		}},
		{"scanimage, grey", func(b bench) []byte {
			return b.scan("--mode", "Gray", "--test-picture", "Grid")
		}},
		{"qpdf, linearised", func(b bench) []byte { return b.qpdf("--linearize", "text.pdf") }},
		{"qpdf, object streams", func(b bench) []byte { return b.qpdf("--object-streams=generate", "text.pdf") }},
		{"qpdf, object streams, linearised", func(b bench) []byte { return b.qpdf("--object-streams=generate", "--linearize", "colour.pdf") }},
		{"qpdf, no object streams", func(b bench) []byte { return b.qpdf("--object-streams=disable", "text.pdf") }},
		{"qpdf, QDF", func(b bench) []byte { return b.qpdf("--qdf", "text.pdf") }},
		{"qpdf, nothing compressed", func(b bench) []byte { return b.qpdf("--stream-data=uncompress", "--compress-streams=n", "text.pdf") }},
		{"qpdf, PDF 2.0", func(b bench) []byte { return b.qpdf("--force-version=2.0", "--object-streams=generate", "colour.pdf") }},
		{"qpdf, turned", func(b bench) []byte {
			return b.qpdf("--rotate=+90:1", "--rotate=180:2", "--rotate=-90:3", "colour.pdf")
		}},
		{"qpdf, one over another", func(b bench) []byte { return b.qpdf("text.pdf", "--overlay", "colour.pdf", "--") }},
		{"qpdf, pages of several", func(b bench) []byte {
			return b.qpdf("--empty", "--pages", "text.pdf", "colour.pdf", "2-3", "text.pdf", "1", "--")
		}},
		{"cairo", func(b bench) []byte { return b.run("poppler-utils", "pdftocairo", "-pdf", "text.pdf", "-") }},
		{"cairo, a scan", func(b bench) []byte { return b.run("poppler-utils", "pdftocairo", "-pdf", "colour.pdf", "-") }},
		{"cairo, from SVG", func(b bench) []byte { return b.run("librsvg2-bin", "rsvg-convert", "-f", "pdf", "letter.svg") }},
		{"poppler, joined", func(b bench) []byte {
			b.run("poppler-utils", "pdfunite", "text.pdf", "colour.pdf", "joined.pdf")
			return b.read("joined.pdf")
		}},
		{"poppler, taken apart", func(b bench) []byte {
			b.run("poppler-utils", "pdfseparate", "-f", "2", "-l", "2", "colour.pdf", "part.pdf")
			return b.read("part.pdf")
		}},
		{"Chromium", func(b bench) []byte {
			b.run("chromium", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+b.dir+"/profile",
				"--print-to-pdf=web.pdf", "letter.html")
			return b.read("web.pdf")
		}},
		{"LibreOffice, a web page", func(b bench) []byte { return testdata(b, "libreoffice/webpage.pdf") }},
		{"LibreOffice, PDF/A", func(b bench) []byte { return testdata(b, "libreoffice/tagged.pdf") }},
		{"LibreOffice, a drawing", func(b bench) []byte { return testdata(b, "libreoffice/drawing.pdf") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := bench{t, b.dir}
			samePixels(t, pdftoppm, c.make(b))
		})
	}
}

// deepPNG is a picture in grey of 16 bits.
func deepPNG(t *testing.T) []byte {
	t.Helper()
	img := image.NewGray16(image.Rect(0, 0, 200, 280))
	for y := range 280 {
		for x := range 200 {
			img.SetGray16(x, y, color.Gray16{Y: uint16(x*300 + y*7)})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func testdata(b bench, name string) []byte {
	b.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// samePixels takes a scan and compares every page as another program draws it.
func samePixels(t *testing.T, pdftoppm string, scan []byte) []byte {
	t.Helper()
	made, _ := mustClean(t, scan)
	if before, after := render(t, pdftoppm, scan, 50), render(t, pdftoppm, made, 50); !bytes.Equal(before, after) {
		t.Errorf("other pixels than the scan's: %d and %d bytes", len(before), len(after))
		if keep := os.Getenv("LETTERLOCK_KEEP"); keep != "" {
			_ = os.WriteFile(filepath.Join(keep, "before.pdf"), scan, 0o600)
			_ = os.WriteFile(filepath.Join(keep, "after.pdf"), made, 0o600)
		}
	}
	return made
}
