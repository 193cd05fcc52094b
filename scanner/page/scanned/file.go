package scanned

import (
	"bytes"
	"strconv"
)

// What a page, the objects that it consists of, and a PDF may be made of.
const (
	maxObject  = 1 << 20 // bytes of an object that is not a stream: the list of pages
	maxContent = 4 << 10 // bytes of the content of a page, which only places a picture
	maxPages   = 100_000
)

// file is a PDF with one cross-reference table, as package pdf writes them
// (ISO 32000-1, 7.5).
type file struct {
	b       []byte
	table   int // where the lines of the table begin
	objects int
	root    ref
}

// openFile looks at the end of a PDF. What it knows of the file is that its end is
// as it should be.
func openFile(b []byte) (f file, ok bool) {
	const most = 200 // bytes, of a trailer
	from := max(len(b)-most, 0)
	at := bytes.LastIndex(b[from:], []byte("trailer\n"))
	if !bytes.HasPrefix(b, []byte("%PDF-1.")) || at < 0 {
		return f, false
	}
	l := lexer{b: b, at: from + at + len("trailer\n")}
	trailer, ok := l.dict(0)
	if !ok || !only(trailer, "Size", "Root") || !l.word("startxref") {
		return f, false
	}
	table, ok := l.integer()
	if !ok || string(b[l.at:]) != "\n%%EOF\n" {
		return f, false
	}
	f.b = b
	size, isNumber := trailer["Size"].(float64)
	root, isRef := trailer["Root"].(ref)
	head := "xref\n0 " + strconv.Itoa(int(size)) + "\n"
	if !isNumber || !isRef || table > len(b) || !bytes.HasPrefix(b[table:], []byte(head)) {
		return f, false
	}
	f.table, f.objects, f.root = table+len(head), int(size), root
	return f, true
}

// object goes to an object, behind the line that names it.
func (f file) object(r ref) (*lexer, bool) {
	const line = 20 // "0000000015 00000 n \n"
	at := f.table + int(r)*line
	if r < 1 || int(r) >= f.objects || at+line > len(f.b) {
		return nil, false
	}
	entry := f.b[at : at+line]
	offset, err := strconv.Atoi(string(entry[:10]))
	head := strconv.Itoa(int(r)) + " 0 obj\n"
	if err != nil || string(entry[10:]) != " 00000 n \n" || offset < 0 || offset > f.table || !bytes.HasPrefix(f.b[offset:], []byte(head)) {
		return nil, false
	}
	return &lexer{b: f.b, at: offset + len(head)}, true
}

// dict is a dictionary, or the one that is referred to.
func (f file) dict(v value) (dict, bool) {
	if r, ok := v.(ref); ok {
		l, ok := f.object(r)
		if !ok {
			return nil, false
		}
		d, ok := l.dict(0)
		return d, ok && l.word("endobj")
	}
	d, ok := v.(dict)
	return d, ok
}

// stream is a stream's dictionary and its data.
func (f file) stream(v value) (dict, []byte, bool) {
	r, ok := v.(ref)
	if !ok {
		return nil, nil, false
	}
	l, ok := f.object(r)
	if !ok {
		return nil, nil, false
	}
	d, ok := l.dict(0)
	length, isNumber := d["Length"].(float64)
	if !ok || !isNumber || !l.word("stream") || !l.next('\n') || length < 0 || length > float64(len(f.b)-l.at) {
		return nil, nil, false
	}
	data := f.b[l.at : l.at+int(length)]
	return d, data, bytes.HasPrefix(f.b[l.at+int(length):], []byte("\nendstream\nendobj\n"))
}

// value is what an object is: a dict, a list, a name, a float64, a ref; and other for
// what is not looked at.
type (
	value any
	dict  map[string]value
	list  []value
	name  string
	ref   int
	other struct{}
)

// only reports whether a dictionary has no other keys than those.
func only(d dict, keys ...string) bool {
	has := 0
	for _, k := range keys {
		if _, ok := d[k]; ok {
			has++
		}
	}
	return has == len(d)
}

// lexer reads objects (7.3).
type lexer struct {
	b  []byte
	at int
}

func (l *lexer) space() {
	for l.at < len(l.b) && (l.b[l.at] == ' ' || l.b[l.at] == '\n' || l.b[l.at] == '\r' || l.b[l.at] == '\t') {
		l.at++
	}
}

// next passes a byte, if it is the next.
func (l *lexer) next(c byte) bool {
	if l.at < len(l.b) && l.b[l.at] == c {
		l.at++
		return true
	}
	return false
}

// regular is what is next of bytes that are neither space nor delimiter.
func (l *lexer) regular() string {
	from := l.at
	for l.at < len(l.b) && l.at-from < 128 && l.b[l.at] > ' ' && bytes.IndexByte([]byte("()<>[]{}/%"), l.b[l.at]) < 0 {
		l.at++
	}
	return string(l.b[from:l.at])
}

func (l *lexer) word(w string) bool {
	l.space()
	return l.regular() == w
}

func (l *lexer) integer() (int, bool) {
	l.space()
	n, err := strconv.Atoi(l.regular())
	return n, err == nil && n >= 0
}

func (l *lexer) dict(depth int) (dict, bool) {
	l.space()
	if depth > 8 || !l.next('<') || !l.next('<') {
		return nil, false
	}
	d := dict{}
	for {
		l.space()
		if l.next('>') {
			return d, l.next('>')
		}
		if !l.next('/') {
			return nil, false
		}
		key := l.regular()
		v, ok := l.value(depth + 1)
		if _, twice := d[key]; !ok || twice || bytes.IndexByte([]byte(key), '#') >= 0 {
			return nil, false // which of two counts is a matter of who reads
		}
		d[key] = v
	}
}

// value reads an object that is not a string.
func (l *lexer) value(depth int) (value, bool) {
	l.space()
	if l.at+1 >= len(l.b) {
		return nil, false
	}
	switch c := l.b[l.at]; {
	case c == '<':
		return l.dict(depth)
	case c == '[':
		return l.list(depth)
	case c == '/':
		l.at++
		return name(l.regular()), true
	case c >= '0' && c <= '9' || c == '-' || c == '.' || c == '+':
		return l.number()
	}
	w := l.regular()
	return other{}, w == "true" || w == "false" || w == "null"
}

func (l *lexer) list(depth int) (list, bool) {
	if depth > 8 || !l.next('[') {
		return nil, false
	}
	var all list
	for from := l.at; l.at-from < maxObject; {
		l.space()
		if l.next(']') {
			return all, true
		}
		v, ok := l.value(depth + 1)
		if !ok {
			return nil, false
		}
		all = append(all, v)
	}
	return nil, false
}

// number reads a number, or a reference, which begins like one.
func (l *lexer) number() (value, bool) {
	n, ok := decimal(l.regular())
	if !ok {
		return nil, false
	}
	behind := l.at
	if g, isInt := l.integer(); isInt && g == 0 && l.word("R") && n >= 0 && n == float64(int(n)) {
		return ref(n), true
	}
	l.at = behind
	return n, true
}

// decimal is a number as PDF writes it: no exponent, and no more digits than are
// read alike by everyone.
func decimal(s string) (float64, bool) {
	if len(s) == 0 || len(s) > 16 {
		return 0, false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && c != '.' && c != '-' {
			return 0, false
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}
