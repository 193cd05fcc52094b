package pdf

import (
	"errors"
	"io"
)

// drawRows decodes a page row by row and compresses it anew without loss.
func (t *tiffFile) drawRows(p *tiffPage, w *writer) (int, Look, error) {
	s, err := p.shape()
	if err != nil {
		return 0, Look{}, err
	}
	rows := newTIFFRows(t, p, s.bits)
	raster := newRaster(int(p.width), int(p.length), s.samples)
	look := newRowLook(int(p.width), int(p.length), s.samples)
	for y := range int(p.length) {
		stored, err := rows.next(y)
		if err != nil {
			return 0, Look{}, err
		}
		row := s.row(stored)
		raster.row(row)
		look.row(y, row)
	}
	return raster.add(w), look.look(int(p.orientation)), nil
}

// tiffRows puts the rows of a page together from its strips or tiles. One row of
// each piece across the page is unpacked at a time.
type tiffRows struct {
	file   *tiffFile
	page   *tiffPage
	bits   int
	across int         // pieces beside each other
	down   int         // pieces below each other
	planes int         // in which samples of their own are stored
	step   int         // samples of a dot in one piece
	open   []io.Reader // of the pieces that the row crosses, plane by plane
	piece  []byte      // a row of one piece
	row    []byte      // a row of the page, plane by plane
	mixed  []byte      // the same, sample by sample
}

// newTIFFRows begins at the top. Samples have bits bits; with more than one
// plane, 8 or 16.
func newTIFFRows(t *tiffFile, p *tiffPage, bits int) *tiffRows {
	r := &tiffRows{file: t, page: p, bits: bits, planes: 1, step: int(p.samples)}
	if p.planar == 2 && p.samples > 1 {
		r.planes, r.step = int(p.samples), 1
	}
	r.across = int((p.width-1)/p.pieceWidth + 1)
	r.down = int((p.length-1)/p.pieceLength + 1)
	r.open = make([]io.Reader, r.planes*r.across)
	r.piece = make([]byte, (int(p.pieceWidth)*r.step*bits+7)/8)
	r.row = make([]byte, r.planes*r.stride())
	r.mixed = make([]byte, len(r.row))
	return r
}

// stride is the bytes of a row of the page in one plane.
func (r *tiffRows) stride() int { return (int(r.page.width)*r.step*r.bits + 7) / 8 }

// next is row y, the one after the last, which holds until the next call. Its
// samples have their highest byte first.
func (r *tiffRows) next(y int) ([]byte, error) {
	length := int(r.page.pieceLength)
	if y%length == 0 {
		if err := r.openBand(y / length); err != nil {
			return nil, err
		}
	}
	stride := r.stride()
	for plane := range r.planes {
		line := r.row[plane*stride:][:stride]
		for column := range r.across {
			if err := r.readPiece(r.open[plane*r.across+column]); err != nil {
				return nil, err
			}
			// The width of a tile is a multiple of 16, so that it fills whole bytes.
			line = line[copy(line, r.piece):]
		}
	}
	if read := y%length + 1; read == length || y == int(r.page.length)-1 {
		if err := r.closeBand(length - read); err != nil {
			return nil, err
		}
	}
	if r.planes == 1 {
		return r.row, nil
	}
	size := r.bits / 8
	for plane := range r.planes {
		line := r.row[plane*stride:][:stride]
		for x := range int(r.page.width) {
			copy(r.mixed[(x*r.planes+plane)*size:][:size], line[x*size:])
		}
	}
	return r.mixed, nil
}

// openBand opens the pieces of a row of pieces.
func (r *tiffRows) openBand(band int) error {
	for plane := range r.planes {
		for column := range r.across {
			reader, err := r.reader((plane*r.down+band)*r.across + column)
			if err != nil {
				return err
			}
			r.open[plane*r.across+column] = reader
		}
	}
	return nil
}

// closeBand looks whether the pieces of a row of pieces end with their last row:
// of the last pieces some rows may lie below the page. A stretch of zeros in
// compressed data, as a bad block of a disk leaves it, stands for more or fewer
// rows than what it displaced.
func (r *tiffRows) closeBand(rowsLeft int) error {
	if r.page.isFax() || r.page.compression == packedNot || r.page.unsized {
		return nil // a row of a fax says itself where it ends; the others have no end of their own
	}
	if r.page.photometric == yCbCr {
		rowsLeft += int(r.page.subsampling[1]) - 1 // of the dots that share a colour
	}
	for _, piece := range r.open {
		most := int64(rowsLeft*len(r.piece) + restSamples)
		switch n, err := io.CopyN(io.Discard, piece, most+1); {
		case n > most:
			return errRest
		case err != io.EOF:
			return err
		}
	}
	return nil
}

// reader opens piece i.
func (r *tiffRows) reader(i int) (io.Reader, error) {
	p := r.page
	if p.compression == packedJPEG {
		data, err := r.file.jpegPiece(p, i)
		if err != nil {
			return nil, err
		}
		return p.jpegRows(data, r.step)
	}
	data, err := r.file.piece(p, i)
	if err != nil {
		return nil, err
	}
	reader, err := p.unpacked(data, int(p.pieceWidth))
	if err == nil && p.photometric == yCbCr {
		reader = newYCbCrReader(reader, int(p.pieceWidth), p.subsampling)
	}
	return reader, err
}

// readPiece reads a row of a piece and undoes what was done to its samples.
func (r *tiffRows) readPiece(from io.Reader) error {
	if _, err := io.ReadFull(from, r.piece); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	p := r.page
	if r.bits == 16 && p.littleEndian {
		for i := 0; i+1 < len(r.piece); i += 2 {
			r.piece[i], r.piece[i+1] = r.piece[i+1], r.piece[i]
		}
	}
	if p.predictor == 2 {
		undoPredictor(r.piece, r.bits, r.step)
	}
	return nil
}
