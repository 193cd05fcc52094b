// Package letter holds what the edge and the server must agree on: a letter's
// id and reference, its retention class and deadline, the keys of its objects
// in the bucket, and the signed statements (manifest, receipt) that the two
// roles leave for each other there.
//
// It is a leaf: it reads no file, no clock and no network, and nothing in it
// may ever hold a name, an address, a filename or a hash of plaintext.
package letter

import (
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// alphabet is Crockford's base32: no I, L, O or U, so that a reference read
// aloud or copied from paper cannot be mistaken for another.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// idLen is the length of an ID in characters: 26 × 5 bits hold 128 random bits.
const idLen = 26

// referenceLen counts the characters of a reference without its hyphen: seven
// of the ID and one check character.
const referenceLen = 8

// ID names one letter: 128 random bits in lower-case Crockford base32. It is
// an address, never a credential.
type ID string

// NewID draws a fresh ID from the system's random source.
func NewID() ID {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // crypto/rand.Read never fails since Go 1.24: it ends the program instead.
	out := make([]byte, 0, idLen)
	var acc, bits uint
	for _, b := range raw {
		acc, bits = acc<<8|uint(b), bits+8
		for bits >= 5 {
			bits -= 5
			out = append(out, alphabet[acc>>bits&31])
		}
	}
	out = append(out, alphabet[acc<<(5-bits)&31])
	return ID(strings.ToLower(string(out)))
}

// ParseID checks that s is an ID as NewID writes it. The error names no part
// of s, since s may come from a stranger.
func ParseID(s string) (ID, error) {
	if len(s) != idLen {
		return "", errors.New("not a letter's id: wrong length")
	}
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' || strings.IndexByte(alphabet, upper(s[i])) < 0 {
			return "", errors.New("not a letter's id: a character that no id holds")
		}
	}
	// 26 characters hold 130 bits: the last two are always zero.
	if strings.IndexByte(alphabet, upper(s[idLen-1]))&3 != 0 {
		return "", errors.New("not a letter's id: more bits than an id has")
	}
	return ID(s), nil
}

// Reference is what people write on the paper and say aloud: the first seven
// characters of the ID and a check character, as K7QM-4T2X. It is short, so two
// letters may share one; whatever acts on a letter acts on its ID.
func (id ID) Reference() string {
	data := strings.ToUpper(string(id))[:referenceLen-1]
	whole := data + string(check(data))
	return whole[:4] + "-" + whole[4:]
}

// ParseReference reads a reference as people type it: any case, with or
// without hyphen and spaces, and with O for 0, I or L for 1. It returns the
// canonical form, or an error when the check character does not fit, which
// finds every single wrong character and every swap of two neighbours.
func ParseReference(s string) (string, error) {
	s = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(s))
	if len(s) != referenceLen {
		return "", fmt.Errorf("a reference has %d letters and digits, like K7QM-4T2X", referenceLen)
	}
	for i := range len(s) {
		if strings.IndexByte(alphabet, s[i]) < 0 {
			return "", errors.New("a reference holds only digits and letters, and never U")
		}
	}
	if check(s[:referenceLen-1]) != s[referenceLen-1] {
		return "", errors.New("this reference has a typing mistake in it: please read it from the paper again")
	}
	return s[:4] + "-" + s[4:], nil
}

// check computes the check character over data as the weighted sum
// Σ 2^(i+1)·d(i) in GF(2^5), reduced by x^5+x^2+1: the weights differ from
// place to place and none is zero, so a changed character or a swap of
// neighbours always changes the sum.
func check(data string) byte {
	sum := 0
	for i := len(data) - 1; i >= 0; i-- {
		sum ^= strings.IndexByte(alphabet, data[i])
		sum <<= 1
		if sum&32 != 0 {
			sum ^= 0b100101
		}
	}
	return alphabet[sum]
}

func upper(b byte) byte {
	if b >= 'a' && b <= 'z' {
		return b - 'a' + 'A'
	}
	return b
}

// Class is a retention class: how long a letter lives.
type Class string

const (
	// SixMonths is every letter's class at first (confidentiality policy).
	SixMonths Class = "six-months"
	// FiveYears is for what is kept for safeguarding (confidentiality policy).
	FiveYears Class = "five-years"
)

// Classes lists every retention class.
var Classes = []Class{SixMonths, FiveYears}

// Months is the class's length in calendar months.
func (c Class) Months() int {
	if c == FiveYears {
		return 60
	}
	return 6
}

// LifecycleDays is N of the storage's own lifecycle rule for the class: the
// shortest that Months can be in days, so that storage alone never keeps a
// letter much beyond its deadline.
func (c Class) LifecycleDays() int {
	if c == FiveYears {
		return 1826
	}
	return 181
}

// Valid reports whether c is a known class.
func (c Class) Valid() bool { return c == SixMonths || c == FiveYears }

// name is the form of a helpline or a site: safe in an object key, a folder
// name and the name of a signer.
var name = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$`)

// ValidName reports whether s can name a helpline or a site: 1 to 40 lower-case
// letters, digits and inner hyphens.
func ValidName(s string) bool { return name.MatchString(s) }
