package scanner

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/letter"
)

// nextKey is the office's key that is to follow, as Config.NextKey finds it: in a file,
// its secret and its public half.
func (o *office) nextKey() (*NextKey, error) {
	text, err := os.ReadFile(filepath.Join(o.base, "next"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	signer, public := keyHalves(o, text)
	return &NextKey{Signer: signer, Public: public, Take: func() error {
		return os.Rename(filepath.Join(o.base, "next"), filepath.Join(o.base, "site"))
	}}, nil
}

func keyHalves(t testing.TB, text []byte) (note.Signer, string) {
	t.Helper()
	signer, err := letter.SignerOf(string(text))
	if err != nil {
		t.Fatal(err)
	}
	_, public, _ := strings.Cut(string(text), "\n")
	return signer, public
}

// makesNext has another key lie there that is to follow.
func (o *office) makesNext() (public note.Verifier) {
	o.Helper()
	secret, verifier, err := note.GenerateKey(rand.Reader, "office")
	if err != nil {
		o.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.base, "next"), []byte(secret+"\n"+verifier), 0o600); err != nil {
		o.Fatal(err)
	}
	public, err = note.NewVerifier(verifier)
	if err != nil {
		o.Fatal(err)
	}
	return public
}

// takesKey has the server believe a key that the edge has named with the one before, from
// then on, and answer it. It reports whether there was one.
func (o *office) takesKey() bool {
	o.Helper()
	msg, err := o.bucket.Get(o.Context(), letter.JoinKey("office"))
	if err != nil {
		return false
	}
	join, err := letter.OpenJoin(msg, o.site)
	if err != nil {
		o.Fatal(err)
	}
	o.believes(join.Key)
	said, err := letter.Joined{Site: "office", Key: join.Key, At: join.At, Answer: letter.JoinedEnrolled}.Sign(o.server)
	if err != nil {
		o.Fatal(err)
	}
	o.replace(letter.JoinedKey("office"), said)
	if err := o.bucket.Root().Remove(letter.JoinKey("office")); err != nil {
		o.Fatal(err)
	}
	return true
}

func (o *office) believes(key string) {
	o.Helper()
	var err error
	if o.site, err = note.NewVerifier(key); err != nil {
		o.Fatal(err)
	}
}

// under counts the manifests that lie there under that key, and under any other.
func (o *office) under(key note.Verifier) (its, others int) {
	o.Helper()
	for _, name := range o.keys(letter.IncomingPrefix) {
		if _, _, is := letter.SplitIncoming(name); !is {
			continue
		}
		msg, err := o.bucket.Get(o.Context(), name)
		if err != nil {
			o.Fatal(err)
		}
		if _, err := letter.OpenManifest(msg, key); err == nil {
			its++
		} else {
			others++
		}
	}
	return its, others
}

// The edge's own key is changed while letters are under way: nothing is announced while
// the server may be changing over, then what has no receipt is announced anew. Where no
// server answers, the former key goes on.
func TestTheEdgesOwnKeyIsChanged(t *testing.T) {
	o := buildOffice(t, t.TempDir(), newSecrets(t))
	o.cfg.NextKey = o.nextKey
	o.open()
	o.drop(line+"/first.jpg", sampleLetter(1))
	o.pass(settled)
	former := o.site
	if its, others := o.under(former); its != 1 || others != 0 {
		t.Fatalf("%d and %d letters are announced", its, others)
	}
	next := o.makesNext()
	o.now = o.now.Add(time.Minute)
	o.pass(1)
	o.drop(line+"/second.jpg", sampleLetter(2))
	o.pass(settled + 2)
	if its, others := o.under(former); its+others != 1 {
		t.Error("a letter is announced while the server may be changing over")
	}
	o.wait(3 * time.Minute) // and no server answers
	if its, _ := o.under(former); its != 2 {
		t.Errorf("without an answer %d letters are announced", its)
	}
	if !o.takesKey() {
		t.Fatal("the next key was never named")
	}
	o.wait(time.Minute)
	if its, others := o.under(next); its != 2 || others != 0 {
		t.Errorf("under the next key %d letters are announced anew, and %d not", its, others)
	}
	if _, err := os.Lstat(filepath.Join(o.base, "next")); err == nil {
		t.Error("the next key is not in its place")
	}
	o.verify()
	o.drop(line+"/third.jpg", sampleLetter(3))
	o.wait(2 * time.Minute)
	o.verify()
	o.wait(2 * time.Minute)
	if n := len(o.slips()); n != 3 || o.told["own-key"] != "" || o.takesKey() {
		t.Errorf("%d letters of three are taken; people are told %q", n, o.told["own-key"])
	}
}

// Killed at each step of that, the next start goes on, and the letter on its way is taken
// once.
func TestKilledWhileItsKeyIsChanged(t *testing.T) {
	for _, step := range []string{"key-named", "key-answered", "key-taken"} {
		c := crash{Base: t.TempDir(), Step: step, Secrets: newSecrets(t)}
		o := buildOffice(t, c.Base, c.Secrets)
		o.drop(line+"/scan.jpg", sampleLetter(1))
		next := o.makesNext()
		c.happens(t)
		if text, err := os.ReadFile(filepath.Join(o.base, "site")); err == nil {
			o.cfg.Signer, _ = keyHalves(o, text)
		}
		if taken := o.cfg.Signer.KeyHash() == next.KeyHash(); taken != (step == "key-taken") {
			t.Errorf("killed at %s: the next key is in its place: %v", step, taken)
		}
		if _, err := o.bucket.Get(t.Context(), letter.JoinedKey("office")); err == nil {
			o.site = next
		}
		o.cfg.NextKey = o.nextKey
		o.open()
		for range 4 {
			o.pass(settled)
			o.takesKey()
			o.wait(2 * time.Minute)
			o.verify()
		}
		if n := len(o.slips()); n != 1 || o.Signer.KeyHash() != next.KeyHash() {
			t.Errorf("killed at %s: %d letters are taken, and the next key signs: %v", step, n, o.Signer.KeyHash() == next.KeyHash())
		}
		o.close()
	}
}
