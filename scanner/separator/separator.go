// Package separator tells the letters of a stack apart that was scanned in one
// go. It prints the sheets that people put between two letters (Print), finds
// their codes on a scanned page (Read), and by them says which pages are which
// letter (Split).
//
// Two people's letters must never become one. So a stack with anything odd
// about its sheets is held for a person, who looks at the pages around each
// boundary and says where the letters begin (Batch.Confirm); until then nothing
// of it may go on.
package separator

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"letterlock/scanner/letter"
)

// Kind is what a sheet is for.
type Kind string

// The kinds of sheet.
const (
	Separator Kind = "separator" // one letter ends here
	Cover     Kind = "cover"     // on top of a stack: how many letters follow
)

// Side is the side of a sheet. Both sides of a sheet bear its code, so that it
// is seen whichever way it lies; the side in the code tells the back of a sheet
// from a second sheet.
type Side string

// The sides of a sheet.
const (
	Front Side = "front"
	Back  Side = "back"
)

// MaxLetters is how many letters a cover sheet can announce.
const MaxLetters = 999

// Code is what the codes on one side of a sheet say. There is no sheet for any
// helpline: a stack that lies in the wrong helpline's folder is found by its
// sheets.
type Code struct {
	Kind     Kind   `json:"kind"`
	Helpline string `json:"helpline"`
	Side     Side   `json:"side"`
	Letters  int    `json:"letters,omitempty"` // of a cover sheet: how many letters follow
	Stack    string `json:"stack,omitempty"`   // of a cover sheet: a random id
}

// NewSeparator is the separator sheet of a helpline.
func NewSeparator(helpline string) Code {
	return Code{Kind: Separator, Helpline: helpline, Side: Front}
}

// NewCover is a fresh cover sheet for a stack of that many letters.
func NewCover(helpline string, letters int) Code {
	return Code{Kind: Cover, Helpline: helpline, Side: Front, Letters: letters, Stack: rand.Text()[:stackLen]}
}

// On is the code of the same sheet's other or same side.
func (c Code) On(side Side) Code {
	c.Side = side
	return c
}

// sameSheet reports whether both codes can be on one sheet.
func (c Code) sameSheet(other Code) bool { return c.On(Front) == other.On(Front) }

// The text of a code, by example:
//
//	LETTERLOCK1 SEP MENS-ADVICE-LINE F 2C1F8E07
//	LETTERLOCK1 COVER MENS-ADVICE-LINE 7 4XK2M7QT B 9E0D33A1
//
// It is in the characters of a QR code's alphanumeric mode, which has no
// lower-case letters; a helpline's name has no upper-case ones. The last word is
// the CRC-32 (IEEE) of all before it: a code has its own error correction, but
// that may also mend a ruin into something that was never printed.
const (
	product  = "LETTERLOCK"
	version  = product + "1"
	stackLen = 8
)

var (
	words = map[Kind]string{Separator: "SEP", Cover: "COVER"}
	sides = map[Side]string{Front: "F", Back: "B"}
)

// Text is what the QR code holds. The error says which part of the code no
// sheet can have.
func (c Code) Text() (string, error) {
	if err := c.valid(); err != nil {
		return "", err
	}
	parts := []string{version, words[c.Kind], strings.ToUpper(c.Helpline)}
	if c.Kind == Cover {
		parts = append(parts, strconv.Itoa(c.Letters), c.Stack)
	}
	body := strings.Join(append(parts, sides[c.Side]), " ")
	return body + " " + checksum(body), nil
}

func (c Code) valid() error {
	switch {
	case !letter.ValidName(c.Helpline):
		return errors.New("a sheet's helpline is up to 40 lower-case letters, digits and hyphens")
	case words[c.Kind] == "" || sides[c.Side] == "":
		return errors.New("a sheet is a separator or a cover, and has a front and a back")
	case c.Kind == Separator && (c.Letters != 0 || c.Stack != ""):
		return errors.New("a separator sheet announces no letters")
	case c.Kind == Cover && (c.Letters < 1 || c.Letters > MaxLetters):
		return fmt.Errorf("a cover sheet announces 1 to %d letters", MaxLetters)
	case c.Kind == Cover && !isStack(c.Stack):
		return errors.New("a stack's id is eight letters and digits")
	}
	return nil
}

func isStack(s string) bool {
	return len(s) == stackLen && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

func checksum(body string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(body)))
	return fmt.Sprintf("%X", sum)
}

// ours reports whether a text claims to be a sheet's of any version.
func ours(text string) bool { return strings.HasPrefix(text, product) }

var errNotCode = errors.New("not the code of a sheet that this version prints")

// Parse reads the text of a code back. What Text would not have written, letter
// by letter, is refused; the error holds nothing of it, since the code may be
// somebody else's.
func Parse(text string) (Code, error) {
	parts := strings.Split(text, " ")
	var c Code
	switch {
	case len(parts) == 5 && parts[1] == words[Separator]:
		c.Kind = Separator
	case len(parts) == 7 && parts[1] == words[Cover]:
		c.Kind, c.Stack = Cover, parts[4]
		c.Letters, _ = strconv.Atoi(parts[3])
	default:
		return Code{}, errNotCode
	}
	c.Helpline = strings.ToLower(parts[2])
	for side, word := range sides {
		if parts[len(parts)-2] == word {
			c.Side = side
		}
	}
	if again, err := c.Text(); err != nil || again != text {
		return Code{}, errNotCode
	}
	return c, nil
}
