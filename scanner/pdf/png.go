package pdf

import (
	"encoding/binary"
	"errors"
	"image/png"
	"io"
)

// pngToPDF makes a page of a PNG, with the same samples.
func pngToPDF(scan io.ReaderAt, size int64, w *writer, limits Limits) (int, error) {
	config, err := png.DecodeConfig(io.NewSectionReader(scan, 0, size))
	if err != nil {
		return 0, refuse(pngCode(err))
	}
	if int64(config.Width)*int64(config.Height) > limits.MaxPixels {
		return 0, refuse(TooLarge)
	}
	img, err := png.Decode(io.NewSectionReader(scan, 0, size))
	if err != nil {
		return 0, refuse(pngCode(err))
	}
	r, ok := rasterOf(img)
	if !ok {
		return 0, refuse(Unsupported)
	}
	page := picture{object: r.add(w), width: r.width, height: r.height}
	if page.dpiX, page.dpiY, err = pngResolution(scan, size); err != nil {
		return 0, err
	}
	page.put(w)
	return 1, w.finish("")
}

// pngResolution looks for the pHYs chunk, which stands before the picture data:
// dots per metre, when its unit says so. It is 0 when there is none.
func pngResolution(scan io.ReaderAt, size int64) (x, y float64, err error) {
	const header, checksum, inch = 8, 4, 0.0254
	at := int64(len("\x89PNG\r\n\x1a\n"))
	for {
		b, err := window(scan, size, at, header+9)
		if err != nil || len(b) < header+9 || string(b[4:8]) == "IDAT" {
			return 0, 0, err
		}
		length := int64(binary.BigEndian.Uint32(b))
		if chunk := b[header:]; string(b[4:8]) == "pHYs" && length == 9 && chunk[8] == 1 {
			return float64(binary.BigEndian.Uint32(chunk)) * inch,
				float64(binary.BigEndian.Uint32(chunk[4:])) * inch, nil
		}
		at += header + length + checksum
	}
}

// pngCode is the reason to refuse for an error of the decoder.
func pngCode(err error) Code {
	var unsupported png.UnsupportedError
	if errors.As(err, &unsupported) {
		return Unsupported
	}
	return Damaged
}
