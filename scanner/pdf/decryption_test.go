package pdf_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"letterlock/scanner/pdf"
)

// lockings are the ways of qpdf to encrypt without a password for readers.
var lockings = map[string][]string{
	"RC4 of 40 bits":            {"40"},
	"RC4 of 128 bits":           {"128", "--use-aes=n"},
	"RC4 of 128 bits, a filter": {"128", "--use-aes=n", "--force-V4"},
	"AES of 128 bits":           {"128", "--use-aes=y"},
	"AES of 128 bits, allowing": {"128", "--use-aes=y", "--print=none", "--modify=none", "--extract=n"},
	"AES of 128 bits, metadata": {"128", "--use-aes=y", "--cleartext-metadata"},
	"AES of 256 bits":           {"256"},
	"AES of 256 bits, old":      {"256", "--force-R5"},
	"AES of 256 bits, metadata": {"256", "--cleartext-metadata"},
}

// locking has qpdf encrypt a file of the bench.
func (b bench) locking(name, user, owner string, how []string, args ...string) []byte {
	b.Helper()
	return b.qpdf(slices.Concat([]string{"--allow-weak-crypto"}, args, []string{"--encrypt", user, owner}, how, []string{"--", name})...)
}

// What copiers encrypt so that everybody can open it is taken like any scan.
func TestALockThatNeedsNoKeyIsNoLock(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	b := newBench(t)
	b.write("palette.pdf", b.magick("epdf", "page.png", "-colors", "16", "-compress", "Zip"))
	for name, how := range lockings {
		for _, scan := range []string{"colour.pdf", "text.pdf", "palette.pdf"} {
			for _, objects := range []string{"generate", "disable"} {
				t.Run(fmt.Sprint(name, ", ", scan, ", ", objects), func(t *testing.T) {
					made := samePixels(t, pdftoppm, bench{t, b.dir}.locking(scan, "", "owner", how, "--object-streams="+objects))
					if bytes.Contains(made, []byte("Encrypt")) {
						t.Error("the clean PDF is encrypted")
					}
				})
			}
		}
	}
	t.Run("Ghostscript", func(t *testing.T) {
		samePixels(t, pdftoppm, bench{t, b.dir}.gs("pdfwrite", "-sOwnerPassword=owner", "-dEncryptionR=3", "-dKeyLength=128", "-dPermissions=-3904", "colour.pdf"))
	})
}

func TestALockThatNeedsAKeyIsOne(t *testing.T) {
	b := newBench(t)
	for name, how := range lockings {
		for _, owner := range []string{"owner", "secret"} {
			_, _, err := clean(t, pdf.Normaliser{}, b.locking("text.pdf", "secret", owner, how))
			if code := refusal(t, err); code != pdf.Encrypted {
				t.Errorf("%s: %s", name, code)
			}
		}
	}
}

// unlocked is a text encrypted in one of those ways, with something in its place
// that is as long.
func (b bench) unlocked(how []string, old, anew string) []byte {
	b.Helper()
	scan := b.locking("text.pdf", "", "owner", how, "--object-streams=disable")
	at := bytes.Index(scan, []byte(old))
	if at < 0 || len(old) != len(anew) {
		b.Fatalf("%q is not in the file, or %q no longer than that", old, anew)
	}
	copy(scan[at:], anew)
	return scan
}

// wrong has a string of the encryption dictionary changed.
func (b bench) wrong(how []string, key string) []byte {
	b.Helper()
	scan := b.locking("text.pdf", "", "owner", how, "--object-streams=disable")
	at := bytes.Index(scan, []byte("/"+key+" <"))
	if at < 0 {
		b.Fatalf("no /%s", key)
	}
	for i := at + len(key) + len("/ <"); scan[i] != '>'; i++ {
		scan[i] = "123456789abcdef0"[bytes.IndexByte([]byte("0123456789abcdef"), scan[i])]
	}
	return scan
}

// overwritten has other bytes in the middle of what its first page draws.
func overwritten(scan []byte, with []byte) []byte {
	at := bytes.Index(scan, []byte("<< /Filter /FlateDecode"))
	copy(scan[at+bytes.Index(scan[at:], []byte("stream\n"))+len("stream\n")+50:], with)
	return scan
}

func TestLocksThatAreBrokenOrOdd(t *testing.T) {
	b := newBench(t)
	rc4, aes, long := []string{"40"}, lockings["AES of 128 bits"], lockings["AES of 256 bits"]
	plain := func(how []string) []byte { return b.locking("text.pdf", "", "owner", how, "--object-streams=disable") }
	const trailer = "/Encrypt "
	b.write("dots.pdf", claiming(90, 90, "", strings.Repeat("abc", 90*90)))
	dots := b.locking("dots.pdf", "", "owner", rc4, "--stream-data=preserve")
	clear(dots[len(dots)/2:][:64])
	for name, c := range map[string]struct {
		scan []byte
		want pdf.Code
	}{
		"RC4, wrong check of the key":  {b.wrong(rc4, "U"), pdf.Encrypted},
		"RC4, wrong key":               {b.wrong(rc4, "O"), pdf.Encrypted},
		"AES, wrong key":               {b.wrong(aes, "O"), pdf.Encrypted},
		"long AES, wrong check":        {b.wrong(long, "U"), pdf.Encrypted},
		"long AES, wrong key":          {b.wrong(long, "UE"), pdf.Damaged},
		"RC4, plain in the middle":     {overwritten(plain(rc4), []byte(squares)), pdf.Damaged},
		"AES, plain in the middle":     {overwritten(plain(aes), []byte(squares)), pdf.Damaged},
		"RC4, zeros in the middle":     {overwritten(plain(rc4), make([]byte, 64)), pdf.Damaged},
		"AES, ones in the middle":      {overwritten(plain(long), bytes.Repeat([]byte{0xff}, 64)), pdf.Damaged},
		"zeros among dots":             {dots, pdf.Damaged},
		"streams as they are":          {b.unlocked(aes, "/StmF /StdCF /StrF /StdCF", "/StmF/Identity/StrF/StdCF"), pdf.Protected},
		"texts as they are":            {b.unlocked(aes, "/StmF /StdCF /StrF /StdCF", "/StrF/Identity/StmF/StdCF"), pdf.Protected},
		"no way to encrypt":            {b.unlocked(aes, "/CFM /AESV2", "/CFM/None   "[:11]), pdf.Protected},
		"no length of the key":         {b.unlocked(aes, "/Length 128", "           "), pdf.Protected},
		"a stream that says otherwise": {b.unlocked(aes, "<< /Filter /FlateDecode", "<< /Filter [/Crypt]    "), pdf.Damaged},
		"keys for people":              {b.unlocked(aes, "/Filter /Standard", "/Filter /AdobePub"), pdf.Protected},
		"another kind":                 {b.unlocked(aes, "/V 4", "/V 3"), pdf.Protected},
		"two dictionaries":             {append(plain(aes), "\ntrailer\n<</Encrypt 1 0 R>>\nstartxref\n9\n%%EOF\n"...), pdf.Protected},
		"no dictionary":                {b.unlocked(aes, trailer, trailer[:len(trailer)-1]+"9"), pdf.Protected},
	} {
		_, _, err := clean(t, pdf.Normaliser{}, c.scan)
		if err == nil {
			t.Errorf("%s: taken", name)
		} else if code := refusal(t, err); code != c.want {
			t.Errorf("%s: %s, want %s", name, code, c.want)
		}
	}
}

// What may not be in a clean PDF is left behind of an encrypted one too.
func TestNothingHidesBehindALock(t *testing.T) {
	b := bench{t, t.TempDir()}
	b.write("script.pdf", build("<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS("+canary+")>>/AF[5 0 R]>>", pagesOf3, blankPage,
		stream("/Type/EmbeddedFile", canary), "<</Type/Filespec/F(a.exe)/EF<</F 4 0 R>>>>"))
	for name, how := range lockings {
		made, _ := mustClean(t, b.locking("script.pdf", "", "owner", how))
		if bytes.Contains(made, []byte("JavaScript")) || strings.Contains(everything(t, made), canary) {
			t.Errorf("%s: it is still there", name)
		}
	}
}
