package separator

import (
	"fmt"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

// Every code is a QR code of version 5 with error correction Q: the smallest
// that holds 87 characters in alphanumeric mode, which the longest cover fits,
// and reads with a quarter of it ruined (ISO/IEC 18004). One size for all makes
// it easy to tell a damaged code of ours from somebody else's.
const (
	qrVersion = 5
	modules   = 37 // along an edge
	quiet     = 4  // modules of white that a code needs around it
)

// moduleMM is the size of a module on paper in millimetres. From 0.85 mm on,
// all were read at 100 dpi.
const moduleMM = 1.3

// matrix is the code's modules by row and column; true is black.
type matrix [modules][modules]bool

// encode draws the code of one side of a sheet.
func encode(c Code) (m matrix, err error) {
	text, err := c.Text()
	if err != nil {
		return m, err
	}
	qr, err := encoder.Encoder_encode(text, decoder.ErrorCorrectionLevel_Q,
		map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_QR_VERSION: qrVersion})
	if err != nil {
		return m, fmt.Errorf("drawing a sheet's code: %w", err)
	}
	for y := range m {
		for x := range m[y] {
			m[y][x] = qr.GetMatrix().Get(x, y) == 1
		}
	}
	return m, nil
}
