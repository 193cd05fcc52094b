package page

import (
	"encoding/binary"
	"errors"
	"io"
)

// What the parent asks a child.
const (
	askOpen   byte = 'o' // body is a PDF; the answer's number is its pages
	askJPEG   byte = 'j' // the answer's body is the picture
	askPixels byte = 'p' // render, and answer that it worked
	askClose  byte = 'c'
)

// What a child answers. The first answer, that it is ready, comes unasked.
const (
	answerDone   byte = 0
	answerFailed byte = 1
)

// request is one question. On the pipe: kind, page, dpi and the length of the
// body in 13 bytes, then the body. All numbers are big-endian.
type request struct {
	kind      byte
	page, dpi uint32
	body      []byte
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
	head := binary.BigEndian.AppendUint32([]byte{q.kind}, q.page)
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

func readRequest(r io.Reader) (q request, err error) {
	var head [13]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return q, err
	}
	q.kind = head[0]
	q.page, q.dpi = binary.BigEndian.Uint32(head[1:]), binary.BigEndian.Uint32(head[5:])
	q.body, err = readBody(r, binary.BigEndian.Uint32(head[9:]), maxDocument)
	return q, err
}

// maxPicture bounds a JPEG that a child sends: more than a byte for each pixel
// is not one of ours.
const maxPicture = 2 * maxPixels

func readAnswer(r io.Reader) (a answer, err error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return a, err
	}
	a.status, a.number = head[0], binary.BigEndian.Uint32(head[1:])
	a.body, err = readBody(r, binary.BigEndian.Uint32(head[5:]), maxPicture)
	return a, err
}

func readBody(r io.Reader, n uint32, most int) ([]byte, error) {
	if int64(n) > int64(most) {
		return nil, errFrame
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return body, err
}
