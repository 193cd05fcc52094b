package pdf

import "strings"

// The code words of ITU-T T.4 (Group 3) and T.6 (Group 4), in tables that are
// looked up with the next bits of the stream.

// Lengths of the longest code words, in bits.
const (
	runBits  = 13
	modeBits = 7
)

// runCode is what a code word of a run means.
type runCode struct {
	run  int16 // dots; 64 and more is followed by another word of the colour
	bits uint8 // of the word; 0: no word begins like this
}

// mode is how a row of two-dimensional coding goes on.
type mode uint8

const (
	modeNone       mode = iota // no word begins like this
	modePass                   // skip two changes of the row above
	modeHorizontal             // two runs follow
	modeExtension              // uncompressed mode and others, which nobody writes
	modeVertical               // plus 3 and the distance, -3 to 3, from a change above
)

type modeCode struct {
	mode mode
	bits uint8
}

// faxWord is a code word as the encoder writes it.
type faxWord struct {
	code uint16
	bits uint8
}

// runWords are the words of runs: white and black; 0 to 63, then 64, 128, … 2560.
var runWords = [2][64 + 40]faxWord{wordsOf(whiteWords), wordsOf(blackWords)}

// runCodes look the words up by the next 13 bits.
var runCodes = [2]*[1 << runBits]runCode{codesOf(&runWords[0]), codesOf(&runWords[1])}

// verticalWords are those for a change -3 to 3 dots right of the one above.
var verticalWords = [7]faxWord{{0b10, 7}, {0b10, 6}, {0b10, 3}, {1, 1}, {0b11, 3}, {0b11, 6}, {0b11, 7}}

var (
	passWord       = faxWord{0b1, 4}
	horizontalWord = faxWord{0b1, 3}
	extensionWord  = faxWord{0b1, 7}
)

// modeCodes look the words of two-dimensional coding up by the next 7 bits.
var modeCodes = func() (table [1 << modeBits]modeCode) {
	put := func(w faxWord, m mode) {
		free := modeBits - w.bits
		for i := range 1 << free {
			table[int(w.code)<<free|i] = modeCode{m, w.bits}
		}
	}
	put(passWord, modePass)
	put(horizontalWord, modeHorizontal)
	put(extensionWord, modeExtension)
	for i, w := range verticalWords {
		put(w, modeVertical+mode(i))
	}
	return table
}()

func wordsOf(list string) (words [64 + 40]faxWord) {
	for i, digits := range strings.Fields(list) {
		w := faxWord{bits: uint8(len(digits))}
		for _, d := range digits {
			w.code = w.code<<1 | uint16(d-'0')
		}
		words[i] = w
	}
	return words
}

func codesOf(words *[64 + 40]faxWord) *[1 << runBits]runCode {
	table := new([1 << runBits]runCode)
	for i, w := range words {
		run := i
		if i >= 64 {
			run = (i - 63) * 64
		}
		free := runBits - w.bits
		for rest := range 1 << free {
			table[int(w.code)<<free|rest] = runCode{int16(run), w.bits}
		}
	}
	return table
}

// T.4, tables 2 and 3.
const (
	whiteWords = `
	00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101
	101010 101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010
	00000011 00011010 00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001 00101010
	00101011 00101100 00101101 00000100 00000101 00001010 00001011 01010010 01010011 01010100 01010101 00100100
	00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 00110011 00110100
	11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 011010010
	011010011 011010100 011010101 011010110 011010111 011011000 011011001 011011010 011011011 010011000 010011001
	010011010 011000 010011011` + longWords
	blackWords = `
	0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000
	0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 00000010111
	00000011000 000011001010 000011001011 000011001100 000011001101 000001101000 000001101001 000001101010
	000001101011 000011010010 000011010011 000011010100 000011010101 000011010110 000011010111 000001101100
	000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111 000001100100
	000001100101 000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000
	000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111
	0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100
	0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100
	0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 0000001010101 0000001011010
	0000001011011 0000001100100 0000001100101` + longWords
	// 1792 to 2560, for both colours.
	longWords = ` 00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101
	000000010110 000000010111 000000011100 000000011101 000000011110 000000011111`
)
