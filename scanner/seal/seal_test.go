package seal_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// identity makes the private half of an expiry week's key.
func identity(t testing.TB) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// signer makes a signing key and its public half.
func signer(t testing.TB, name string) (note.Signer, note.Verifier) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

func TestSealedLetterIsPlainAge(t *testing.T) {
	key := identity(t)
	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 1 << 20} {
		plain := bytes.Repeat([]byte("letter. "), size/8+1)[:size]
		var sealed bytes.Buffer
		n, sum, err := seal.Seal(&sealed, bytes.NewReader(plain), key.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if n != int64(sealed.Len()) || sum != sha256.Sum256(sealed.Bytes()) {
			t.Errorf("%d bytes: the size or the hash is not that of what was written", size)
		}
		if size > 8 && bytes.Contains(sealed.Bytes(), plain[:8]) {
			t.Errorf("%d bytes: the sealed letter shows its plaintext", size)
		}
		r, err := age.Decrypt(&sealed, key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: age reads something else (%v)", size, err)
		}
	}
}

// Whatever is changed of a sealed letter, or cut off, it does not open.
func TestASealedLetterCannotBeChangedUnseen(t *testing.T) {
	key := identity(t)
	var sealed bytes.Buffer
	if _, _, err := seal.Seal(&sealed, bytes.NewReader(bytes.Repeat([]byte("letter. "), 9000)), key.Recipient()); err != nil {
		t.Fatal(err)
	}
	opens := func(b []byte) bool {
		r, err := age.Decrypt(bytes.NewReader(b), key)
		if err == nil {
			_, err = io.ReadAll(r)
		}
		return err == nil
	}
	whole := sealed.Bytes()
	if !opens(whole) {
		t.Fatal("it does not open as it was sealed")
	}
	for at := 0; at < len(whole); at += 1 + at/16 { // the head more closely than what follows
		changed := bytes.Clone(whole)
		if changed[at] ^= 1; opens(changed) {
			t.Errorf("byte %d can be changed", at)
		}
		if opens(whole[:at]) {
			t.Errorf("it can be cut off after %d bytes", at)
		}
	}
}

// limited fails like a full disk once it has taken n bytes.
type limited struct{ n int }

var errFull = errors.New("no space left on device")

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.n {
		return 0, errFull
	}
	l.n -= len(p)
	return len(p), nil
}

func TestSealReportsEveryFault(t *testing.T) {
	key := identity(t)
	plain := strings.Repeat("x", 100<<10)
	errDisk := errors.New("input/output error")
	broken := io.MultiReader(strings.NewReader(plain), iotest.ErrReader(errDisk))
	if _, _, err := seal.Seal(io.Discard, broken, key.Recipient()); !errors.Is(err, errDisk) {
		t.Errorf("a scan that cannot be read to its end: got %v", err)
	}
	for room := 0; room < 100<<10; room += 10 << 10 {
		if _, _, err := seal.Seal(&limited{room}, strings.NewReader(plain), key.Recipient()); !errors.Is(err, errFull) {
			t.Errorf("disk full after %d bytes: got %v", room, err)
		}
	}
}

func sample(t testing.TB) seal.Recipients {
	return seal.Recipients{
		Serial:     7,
		ValidUntil: time.Date(2027, 7, 2, 3, 4, 5, 0, time.UTC),
		Keys: map[letter.Week]string{
			"x2027-W21": identity(t).Recipient().String(),
			"x2027-W22": identity(t).Recipient().String(),
		},
	}
}

func TestRecipientsListRoundTrip(t *testing.T) {
	server, public := signer(t, "server")
	list := sample(t)
	msg, err := list.Sign(server)
	if err != nil {
		t.Fatal(err)
	}
	got, err := seal.OpenRecipients(msg, public)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(list, got); d != "" {
		t.Error(d)
	}
	if _, err := got.For("x2027-W21"); err != nil {
		t.Errorf("the week's key: %v", err)
	}
	if _, err := got.For("x2027-W23"); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("a week that is not in the list: got %v", err)
	}
}

func TestRecipientsListOfAStrangerIsRefused(t *testing.T) {
	server, public := signer(t, "server")
	stranger, _ := signer(t, "server")
	list := sample(t)
	msg, err := list.Sign(stranger)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.OpenRecipients(msg, public); err == nil {
		t.Error("a list under a stranger's signature was believed")
	}
	msg, err = list.Sign(server)
	if err != nil {
		t.Fatal(err)
	}
	for i := range msg {
		bent := bytes.Clone(msg)
		bent[i] ^= 1
		if got, err := seal.OpenRecipients(bent, public); err == nil && !cmp.Equal(got, list) {
			t.Fatalf("byte %d was changed and the list still believed", i)
		}
	}
	receipt, err := letter.Sign("letterlock receipt v1", list, server)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.OpenRecipients(receipt, public); err == nil {
		t.Error("a statement of another kind was taken for a list")
	}
}

func TestRecipientsListHasOneForm(t *testing.T) {
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]func(*seal.Recipients){
		"no serial":            func(r *seal.Recipients) { r.Serial = 0 },
		"no end":               func(r *seal.Recipients) { r.ValidUntil = time.Time{} },
		"parts of a second":    func(r *seal.Recipients) { r.ValidUntil = r.ValidUntil.Add(1) },
		"another zone":         func(r *seal.Recipients) { r.ValidUntil = r.ValidUntil.In(letter.London) },
		"no keys":              func(r *seal.Recipients) { r.Keys = nil },
		"a week of no year":    func(r *seal.Recipients) { r.Keys["x2027-W54"] = r.Keys["x2027-W21"] },
		"a key of no week":     func(r *seal.Recipients) { r.Keys["W21"] = r.Keys["x2027-W21"] },
		"not post-quantum":     func(r *seal.Recipients) { r.Keys["x2027-W21"] = classic.Recipient().String() },
		"a private key inside": func(r *seal.Recipients) { r.Keys["x2027-W21"] = identity(t).String() },
	}
	server, public := signer(t, "server")
	for name, bend := range rules {
		t.Run(name, func(t *testing.T) {
			list := sample(t)
			bend(&list)
			if _, err := list.Sign(server); err == nil {
				t.Error("it was signed")
			}
			msg, err := letter.Sign("letterlock recipients v1", list, server)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := seal.OpenRecipients(msg, public); err == nil {
				t.Error("it was believed")
			}
		})
	}
}

// FuzzOpenRecipients signs whatever the fuzzer writes, so that the forms
// behind the signature are reached.
func FuzzOpenRecipients(f *testing.F) {
	server, public := signer(f, "server")
	list := sample(f)
	msg, err := list.Sign(server)
	if err != nil {
		f.Fatal(err)
	}
	opened, err := note.Open(msg, note.VerifierList(public))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(opened.Text)
	f.Add("letterlock recipients v1\n{\"serial\":1}\n")
	f.Add("letterlock recipients v1\n{}{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := seal.OpenRecipients([]byte(text), public); err == nil {
			t.Fatal("an unsigned list was believed")
		}
		msg, err := note.Sign(&note.Note{Text: text}, server)
		if err != nil {
			return
		}
		got, err := seal.OpenRecipients(msg, public)
		if err != nil {
			return
		}
		again, err := got.Sign(server)
		if err != nil {
			t.Fatalf("a list that was believed cannot be signed: %v", err)
		}
		if same, err := seal.OpenRecipients(again, public); err != nil || !cmp.Equal(got, same) {
			t.Fatalf("a list that was believed says something else the second time (%v)", err)
		}
	})
}
