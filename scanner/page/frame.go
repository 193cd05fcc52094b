package page

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// What the parent asks a child.
const (
	askOpen    byte = 'o' // body is a PDF; the answer's number is its pages, its body what it is
	askFile    byte = 'f' // the same for a PDF in a file, which is handed over beside the pipe
	askMeasure byte = 'm' // the answer's body is the page's Measures
	askPixels  byte = 'p' // render; the answer's number is the width
	askJPEG    byte = 'j' // also answer with a JPEG
	askGray    byte = 'g' // also answer with the pixels, a byte each
	askColour  byte = 'r' // also answer with the pixels, four bytes each: red, green, blue and nothing
	askShow    byte = 's' // body is a PDF; like askColour, and the PDF is closed
	askClose   byte = 'c'
)

// What a child answers. The first answer, that it is ready, comes unasked.
const (
	answerDone   byte = 0
	answerFailed byte = 1
	answerUnread byte = 2 // the system could not read its file: number is why (errno)
	answerLocked byte = 3 // the document needs a password
	answerUnable byte = 4 // in the place of the first: PDFium's compiled code cannot be kept, number is why (errno)
)

// isForm is the answer to the opening of a document that is a form.
const isForm byte = 1

// request is one question. On the pipe: kind, slot, page, dpi and the length of
// the body in 14 bytes, then the body. All numbers are big-endian.
type request struct {
	kind      byte
	slot      byte // which of the documents that the child has open
	page, dpi uint32
	body      []byte
	file      *os.File // goes another way
	room      []byte   // for the answer's body, if it is large enough; not sent
}

func (q request) closeFile() {
	if q.file != nil {
		q.file.Close()
	}
}

// answer is the reply to one request. On the pipe: status, number and the length
// of the body in 9 bytes, then the body.
type answer struct {
	status byte
	number uint32
	body   []byte
}

var errFrame = errors.New("frame is longer than allowed")

func (q request) write(w io.Writer) error {
	head := binary.BigEndian.AppendUint32([]byte{q.kind, q.slot}, q.page)
	head = binary.BigEndian.AppendUint32(head, q.dpi)
	return write(w, head, q.body)
}

func (a answer) write(w io.Writer) error {
	return write(w, binary.BigEndian.AppendUint32([]byte{a.status}, a.number), a.body)
}

func write(w io.Writer, head, body []byte) error {
	head = binary.BigEndian.AppendUint32(head, uint32(len(body)))
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// readRequest reads a question. A PDF that is shown comes to lie in room, if that is
// large enough: what is opened stays open while others are asked about.
func readRequest(r io.Reader, room []byte) (q request, err error) {
	var head [14]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return q, err
	}
	q.kind, q.slot = head[0], head[1]
	q.page, q.dpi = binary.BigEndian.Uint32(head[2:]), binary.BigEndian.Uint32(head[6:])
	if q.kind != askShow {
		room = nil
	}
	q.body, err = readBody(r, binary.BigEndian.Uint32(head[10:]), maxDocument, room)
	return q, err
}

// maxPicture bounds what a child sends, in bytes.
const maxPicture = 4 * maxPixels

// readAnswer reads an answer, into room if that is large enough.
func readAnswer(r io.Reader, room []byte) (a answer, err error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return a, err
	}
	a.status, a.number = head[0], binary.BigEndian.Uint32(head[1:])
	a.body, err = readBody(r, binary.BigEndian.Uint32(head[5:]), maxPicture, room)
	return a, err
}

func readBody(r io.Reader, n uint32, most int, room []byte) ([]byte, error) {
	if int64(n) > int64(most) {
		return nil, errFrame
	}
	body := roomFor(room, int(n))
	_, err := io.ReadFull(r, body)
	return body, err
}

// roomFor is so many bytes, those of room if there are enough of them.
func roomFor(room []byte, n int) []byte {
	if cap(room) >= n {
		return room[:n]
	}
	const step = 1 << 20 // what comes next may be a little larger
	return make([]byte, n, (n+step-1)/step*step)
}
