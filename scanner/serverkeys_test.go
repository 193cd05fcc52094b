package scanner

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/letter"
)

// serverKeyPair is a key with which a server signs.
type serverKeyPair struct {
	note.Signer
	public string
}

func newServerKey(t testing.TB) serverKeyPair {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "server")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return serverKeyPair{signer, public}
}

// keyStep leaves the server's word that its first key is followed by another, which
// signs by now or will.
func (o *office) keyStep(from, to serverKeyPair, over bool) {
	o.Helper()
	s := letter.KeyStep{N: 1, From: from.public, To: to.public, Named: morning, Until: morning.AddDate(0, 0, 30)}
	if over {
		s.Since = morning.Add(time.Second)
	}
	signed, err := s.Sign(from, to)
	if err != nil {
		o.Fatal(err)
	}
	keys, err := letter.ServerKeys{}.With(signed)
	if err != nil {
		o.Fatal(err)
	}
	text, err := keys.Text()
	if err != nil {
		o.Fatal(err)
	}
	o.replace(letter.ServerKeysKey, text)
}

func (o *office) saidKey() string {
	o.Helper()
	msg, err := o.bucket.Get(o.Context(), letter.ReportKey("office"))
	if err != nil {
		return ""
	}
	said, err := letter.OpenReport(msg, o.site)
	if err != nil {
		o.Fatal(err)
	}
	return said.ServerKey
}

// The server's key is changed while a scanner runs and letters are under way: it learns
// the new key, says so, believes both during the change and one after it, over a restart
// too. A scan stays until a receipt has come that the new key has signed.
func TestTheServersKeyIsChangedUnderAScanner(t *testing.T) {
	s := newSecrets(t)
	o := buildOffice(t, t.TempDir(), s)
	o.cfg.Reports = true
	signer, err := note.NewSigner(s.Server)
	if err != nil {
		t.Fatal(err)
	}
	old, next, thief := serverKeyPair{signer, s.ServerPublic}, newServerKey(t), newServerKey(t)
	o.open()
	o.pass(1)
	o.wait(2 * time.Minute)
	if o.saidKey() != "" {
		t.Error("it says a key before there was another: an older server would not understand it")
	}
	o.keyStep(old, next, false)
	o.wait(3 * time.Minute)
	if o.saidKey() != next.public {
		t.Errorf("it says that it knows %q", o.saidKey())
	}
	o.restart()
	o.drop(line+"/scan.jpg", sampleLetter(1))
	o.pass(settled)
	if n := len(o.keys(letter.LettersPrefix)); n != 1 {
		t.Fatalf("under the old key's list %d letters were sealed", n)
	}
	m := o.verify()[0] // which answers with the old key
	forged, err := o.bucket.Get(t.Context(), letter.ReceiptKey(m.Site, m.ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := o.bucket.Root().Remove(letter.ReceiptKey(m.Site, m.ID)); err != nil {
		t.Fatal(err)
	}
	// During the change the new key is believed as well: it may take over at any moment.
	o.server = next
	o.publish(o.recipients())
	o.drop(line+"/second.jpg", sampleLetter(2))
	o.wait(2 * time.Minute)
	if n := len(o.keys(letter.LettersPrefix)); n != 2 {
		t.Fatalf("under the new key's list %d letters were sealed", n)
	}
	o.keyStep(old, next, true)
	o.wait(2 * time.Minute)
	o.restart()
	o.replace(letter.ReceiptKey(m.Site, m.ID), forged) // by whoever has the old key, or from before
	o.wait(30 * time.Minute)
	if n := len(o.slips()); n != 0 {
		t.Fatal("a receipt under the key that has ended let a scan go")
	}
	// Nor is a list of keys believed that the old key signs.
	stolen := o.recipients()
	o.server = old
	o.publish(stolen)
	o.drop(line+"/third.jpg", sampleLetter(3))
	o.wait(2 * time.Minute)
	if n := len(o.keys(letter.LettersPrefix)); n != 2 {
		t.Fatalf("a letter was sealed to a list under the key that has ended (%d)", n)
	}
	// What the thief names, or puts back from before, changes nothing.
	for says, put := range map[string]func(){
		"two keys to follow it": func() { o.keyStep(old, thief, true) },
		"older than what":       func() { o.keyStep(old, next, false) },
	} {
		put()
		o.wait(2 * time.Minute)
		if told := o.told["server-key"]; !strings.Contains(told, says) {
			t.Errorf("people are not told %q: %q", says, told)
		}
	}
	o.keyStep(old, next, true)
	o.server = next
	o.publish(o.recipients())
	if err := o.bucket.Root().Remove(letter.ReceiptKey(m.Site, m.ID)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		o.verify()
		o.wait(2 * time.Minute)
	}
	if n := len(o.slips()); n != 3 || o.told["server-key"] != "" {
		t.Errorf("%d letters of three are taken; people are told %q", n, o.told["server-key"])
	}
}

// Killed while it learns the new key, it has learnt it or learns it again; the scan that
// it was at work on becomes one letter.
func TestKilledWhileItLearnsTheServersKey(t *testing.T) {
	for i, step := range []string{"keys-heard", "keys-learnt"} {
		c := crash{Base: t.TempDir(), Step: step, Secrets: newSecrets(t)}
		o := buildOffice(t, c.Base, c.Secrets)
		signer, err := note.NewSigner(c.Secrets.Server)
		if err != nil {
			t.Fatal(err)
		}
		old, next := serverKeyPair{signer, c.Secrets.ServerPublic}, newServerKey(t)
		o.drop(line+"/scan.jpg", sampleLetter(1))
		o.keyStep(old, next, i == 1) // whether it has taken over
		c.happens(t)
		o.server = next
		o.publish(o.recipients())
		o.open()
		if known := o.serverKey(); (known == next.public) != (step == "keys-learnt") {
			t.Errorf("killed at %s: it knows %q", step, known)
		}
		for range 3 {
			o.pass(settled)
			o.verify()
			o.wait(time.Minute)
		}
		if n := len(o.slips()); n != 1 || o.serverKey() != next.public {
			t.Errorf("killed at %s: %d letters taken", step, n)
		}
	}
}
