package pdf

import "bytes"

// lexer splits page content into tokens (ISO 32000-1, 7.2 and 7.8.2).
type lexer struct {
	b   []byte
	at  int
	odd bool // met something that viewers may read in different ways
}

// kind is that of a token.
type kind byte

const (
	tokEnd     kind = iota
	tokWord         // an operator, a number, true, false or null
	tokName         // text without the slash and with escapes undone
	tokText         // a string, either way of writing it
	tokOpen         // of an array
	tokClose        // of an array
	tokDict         // begins
	tokDictEnd      // ends
	tokBroken       // the content stops inside a token
)

type token struct {
	kind kind
	text string // of a word or name
	from int    // where it begins
}

func isSpace(b byte) bool {
	return b == ' ' || b == '\n' || b == '\r' || b == '\t' || b == '\f' || b == 0
}

func isDelimiter(b byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), b) >= 0 }

// skip goes to the next byte that can begin a token: not white space, a comment
// or a bracket that nothing has opened.
func (l *lexer) skip() {
	for l.at < len(l.b) {
		switch b := l.b[l.at]; {
		case isSpace(b):
			l.at++
		case b == '%':
			for l.at < len(l.b) && l.b[l.at] != '\n' && l.b[l.at] != '\r' {
				l.at++
			}
		case b == ')' || b == '{' || b == '}' || b == '>' && !bytes.HasPrefix(l.b[l.at:], []byte(">>")):
			l.odd = true
			l.at++
		default:
			return
		}
	}
}

// gap is how many zeros between tokens are what has been lost of the content.
// They are white space there, which nobody writes so.
const gap = 4

// next reads a token. A string of codes of several bytes may hold more zeros.
func (l *lexer) next() token {
	from := l.at
	t := l.token()
	if bytes.Contains(l.b[from:t.from], zeros[:gap]) || bytes.Contains(l.b[t.from:l.at], zeros) {
		t.kind = tokBroken
	}
	return t
}

// token reads a token.
func (l *lexer) token() token {
	l.skip()
	t := token{from: l.at}
	if l.at >= len(l.b) {
		return t
	}
	b := l.b[l.at]
	l.at++
	switch b {
	case '/':
		t.kind, t.text = tokName, l.name()
	case '(':
		t.kind = l.string()
	case '[':
		t.kind = tokOpen
	case ']':
		t.kind = tokClose
	case '<':
		if l.at < len(l.b) && l.b[l.at] == '<' {
			t.kind = tokDict
			l.at++
		} else {
			t.kind = l.hex()
		}
	case '>':
		t.kind = tokDictEnd
		l.at++
	default:
		for l.at < len(l.b) && !isSpace(l.b[l.at]) && !isDelimiter(l.b[l.at]) {
			l.at++
		}
		t.kind, t.text = tokWord, string(l.b[t.from:l.at])
	}
	return t
}

// name reads a name behind its slash. An escape that is none stands for itself.
func (l *lexer) name() string {
	from := l.at
	for l.at < len(l.b) && !isSpace(l.b[l.at]) && !isDelimiter(l.b[l.at]) {
		l.at++
	}
	raw := l.b[from:l.at]
	if bytes.IndexByte(raw, '#') < 0 {
		return string(raw)
	}
	var plain []byte
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' && i+2 < len(raw) {
			high, ok := hexDigit(raw[i+1])
			low, also := hexDigit(raw[i+2])
			if ok && also {
				plain = append(plain, high<<4|low)
				i += 2
				continue
			}
		}
		plain = append(plain, raw[i])
	}
	return string(plain)
}

// string passes over a string behind its first parenthesis.
func (l *lexer) string() kind {
	for depth := 1; l.at < len(l.b); l.at++ {
		switch l.b[l.at] {
		case '\\':
			l.at++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				l.at++
				return tokText
			}
		}
	}
	l.at = len(l.b)
	return tokBroken
}

// hex passes over a string of hexadecimal digits.
func (l *lexer) hex() kind {
	n := bytes.IndexByte(l.b[l.at:], '>')
	if n < 0 {
		l.at = len(l.b)
		return tokBroken
	}
	l.at += n + 1
	return tokText
}
