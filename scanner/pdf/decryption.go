package pdf

import (
	"context"
	"io"
	"regexp"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// A PDF may be encrypted and open without a password all the same: its key is
// made of the empty one. Some copiers write such files unless told otherwise, and
// every viewer opens them without a word. They are taken, of the kinds that
// pdfcpu is known to decrypt rightly, and what comes out goes through the whole
// gate. What needs a password is not.

// openScan opens a PDF that may be encrypted so.
func openScan(scan seekerAt, size int64, limits Limits) (*document, error) {
	lock, err := lockOf(scan, size)
	if err != nil {
		return nil, err
	}
	if !lock.named {
		return open(scan, limits)
	}
	switch known, err := lock.known(scan, size); {
	case err != nil:
		return nil, err
	case !known:
		return nil, refuse(Protected)
	}
	doc, err := read(scan, limits)
	if err != nil {
		return nil, err
	}
	// The dictionary that pdfcpu went by must be the one that was looked at.
	ref := doc.ctx.Encrypt
	if ref == nil || !strings.HasPrefix(ref.PDFString(), lock.object+" ") {
		return nil, refuse(Protected)
	}
	if d, err := doc.ctx.DereferenceDict(*ref); err != nil || !decryptable(d) {
		return nil, refuse(Protected)
	}
	return doc, doc.unbroken(scan, size)
}

// known reports whether the encryption is of a kind that is decrypted rightly.
// All that may be the dictionary is looked at: only pdfcpu finds out which of
// them counts, and decrypts at once.
func (l lock) known(scan io.ReaderAt, size int64) (bool, error) {
	const long = 8192 // bytes of a dictionary
	if l.object == "" {
		return false, nil
	}
	begins := regexp.MustCompile(`\b` + strings.Replace(l.object, " ", `[\x00\t\n\f\r ]+`, 1) + `[\x00\t\n\f\r ]+obj`)
	places := map[int64]bool{}
	err := pieces(scan, size, func(b []byte, at int64) {
		for _, m := range begins.FindAllIndex(b, -1) {
			places[at+int64(m[1])] = true
		}
	})
	if err != nil {
		return false, err
	}
	for place := range places {
		b, err := window(scan, size, place, long)
		if err != nil {
			return false, err
		}
		text := string(b)
		o, err := model.ParseObjectContext(context.Background(), &text, 0)
		if d, ok := o.(types.Dict); err != nil || !ok || !decryptable(d) {
			return false, nil
		}
	}
	return len(places) > 0, nil
}

// decryptable reports whether an encryption dictionary is of a kind that pdfcpu
// decrypts rightly (ISO 32000-1, tables 20, 21 and 25; AES of 256 bits is in
// ISO 32000-2). Left out are those of which it decrypts what is plain, which a
// crypt filter "Identity" means, or takes another length of the key than viewers
// do; and public keys, which need more than a password.
func decryptable(d types.Dict) bool {
	integer := func(key string) int {
		if n := d.IntEntry(key); n != nil {
			return *n
		}
		return 0
	}
	if name := d.NameEntry("Filter"); name == nil || *name != "Standard" {
		return false
	}
	switch version, revision := integer("V"), integer("R"); {
	case version == 1: // RC4, 40 bits
		return revision == 2 || revision == 3
	case version == 2: // RC4, 40 to 128 bits
		return revision == 3
	case version == 4: // RC4 or AES, 128 bits
		return revision == 4 && integer("Length") == 128 && cryptFilter(d, "V2", "AESV2")
	case version == 5: // AES, 256 bits
		return (revision == 5 || revision == 6) && cryptFilter(d, "AESV3")
	}
	return false
}

// cryptFilter reports whether texts and streams are encrypted alike, by one of
// the methods.
func cryptFilter(d types.Dict, methods ...string) bool {
	streams, texts, filters := d.NameEntry("StmF"), d.NameEntry("StrF"), d.DictEntry("CF")
	if streams == nil || texts == nil || *streams != *texts || *streams == "Identity" {
		return false
	}
	method := filters.DictEntry(*streams).NameEntry("CFM")
	return method != nil && types.MemberOf(*method, methods)
}

// unbroken looks for holes in what was encrypted: zeros, or another byte over and
// over, as a bad block of a disk leaves them. The encryption makes noise of them,
// so that they are not found where they are looked for; and nothing encrypted has
// such a stretch.
func (d *document) unbroken(scan io.ReaderAt, size int64) error {
	for _, entry := range d.ctx.Table {
		if entry == nil || entry.Free {
			continue
		}
		var s types.StreamDict
		switch o := entry.Object.(type) {
		case types.StreamDict:
			s = o
		case types.ObjectStreamDict:
			s = o.StreamDict
		default:
			continue
		}
		if s.StreamLength == nil || s.Type() != nil && *s.Type() == "Metadata" { // which may be plain
			continue
		}
		broken, err := monotonous(scan, min(size, s.StreamOffset+*s.StreamLength), s.StreamOffset)
		switch {
		case err != nil:
			return err
		case broken:
			return refuse(Damaged)
		}
	}
	return nil
}

// monotonous reports whether one byte stands 24 times in a row between from and
// to, which in noise happens once in 10^55 bytes.
func monotonous(r io.ReaderAt, to, from int64) (bool, error) {
	const step, most = 1 << 20, 24
	last, row := byte(0), 0
	for at := from; at < to; at += step {
		b, err := window(r, to, at, step)
		if err != nil {
			return false, err
		}
		for _, v := range b {
			if v != last {
				last, row = v, 0
			}
			if row++; row == most {
				return true, nil
			}
		}
	}
	return false, nil
}
