package pipeline

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// keysOffice is an office whose server's key is changed.
type keysOffice struct {
	*office
	first, next string
	has         map[string]note.Signer // private halves that are here, beside the first
	w           watch
}

func newKeysOffice(t *testing.T) *keysOffice {
	t.Helper()
	k := &keysOffice{has: map[string]note.Signer{}}
	k.office = newOffice(t, func(c *Config) {
		c.Program = "v1.4.2"
		var public string
		c.Signer, public = signer(t, "letterlock-server")
		k.first = public
		pub, err := note.NewVerifier(public)
		if err != nil {
			t.Fatal(err)
		}
		c.Verifier = pub
		c.SignerOf = func(public string) (note.Signer, error) { return k.has[public], nil }
	})
	k.pub = k.cfg.Verifier
	var next note.Signer
	next, k.next = signer(t, "letterlock-server")
	k.has[k.next] = next
	return k
}

// hears is what a scanner reports that knows that key; "" for one that knows none.
func (k *keysOffice) hears(key string) {
	k.t.Helper()
	k.now = k.now.Add(2 * heldRest)
	msg, err := letter.Report{Site: "office", At: k.now.UTC().Truncate(time.Second), Folders: serves("respect-phoneline", "mens-advice-line"), ServerKey: key}.Sign(k.site)
	k.must(err)
	k.putRaw(letter.ReportKey("office"), msg)
	k.must(k.Admit(k.t.Context()))
}

func (k *keysOffice) sweep() {
	k.t.Helper()
	k.must(k.tendServerKeys(k.t.Context(), &k.w))
	k.must(k.tellGone(k.t.Context(), &k.w))
}

// signs checks under which key every statement stands that scanners read.
func (k *keysOffice) signs(key string, m letter.Manifest) {
	k.t.Helper()
	pub, err := note.NewVerifier(key)
	k.must(err)
	for at, opens := range map[string]func([]byte) error{
		letter.RecipientsKey:              func(b []byte) error { _, err := seal.OpenRecipients(b, pub); return err },
		letter.AboutKey:                   func(b []byte) error { _, err := letter.OpenAbout(b, pub); return err },
		letter.ReceiptKey("office", m.ID): func(b []byte) error { _, err := letter.OpenReceipt(b, pub); return err },
	} {
		msg, err := k.readSmall(k.t.Context(), at)
		if err == nil {
			err = opens(msg)
		}
		if err != nil {
			k.t.Errorf("%s: %v", at, err)
		}
	}
}

func (k *keysOffice) told() letter.ServerKeys {
	k.t.Helper()
	msg, err := k.readSmall(k.t.Context(), letter.ServerKeysKey)
	k.must(err)
	keys, err := letter.ReadServerKeys(msg)
	k.must(err)
	return keys
}

func (k *keysOffice) entries(kind string) int {
	k.t.Helper()
	all, err := k.cfg.Register.Entries(k.t.Context(), -1, kind, "", 100)
	k.must(err)
	return len(all)
}

// The old key goes on signing until every scanner knows the new one; then that signs
// everything anew. Check says who has not heard, from the first day and then as a fault.
func TestTheServersKeyIsChanged(t *testing.T) {
	k := newKeysOffice(t)
	k.must(k.sayAbout(t.Context()))
	m := k.deposit()
	k.work(m.ID)
	k.hears("")
	k.sweep()
	if n := k.traces(letter.ServerKeysKey); n != 0 {
		t.Errorf("%d objects about keys, and none was changed", n)
	}
	k.must(k.NameServerKey(t.Context(), k.first, k.next))
	k.sweep()
	k.signs(k.first, m)
	if last, ok := k.told().Last(); !ok || last.To != k.next || !last.Since.IsZero() {
		t.Fatalf("scanners are told %+v", last)
	}
	if l := k.scannersLine(); !l.OK || !strings.Contains(l.Says, "office has not said yet that it knows the server’s new key") {
		t.Errorf("on the first day: %+v", l)
	}
	k.now = k.now.Add(25 * time.Hour)
	k.hears("")
	k.sweep()
	if l := k.scannersLine(); l.OK || !strings.Contains(l.Says, "edge revoke office") {
		t.Errorf("after a day: %+v", l)
	}
	// The word goes on as long as the change does.
	until := func() time.Time { last, _ := k.told().Last(); return last.Until }
	before := until()
	k.now = k.now.Add(16 * 24 * time.Hour)
	k.hears("")
	k.sweep()
	if !until().After(before) {
		t.Error("the word on the change is not renewed")
	}
	// A machine may come with an invitation that carries the old key: it is waited for.
	_, invitation := signer(t, "letterlock-invitation")
	k.must(k.cfg.Register.InviteEdge(t.Context(), register.EdgeInvitation{Key: invitation, Site: "annexe", Expires: k.now.Add(time.Hour)}, 0))
	k.hears(k.next)
	k.sweep()
	k.signs(k.first, m)
	k.now = k.now.Add(2 * time.Hour)
	k.hears(k.next)
	k.sweep()
	k.work(m.ID)
	k.signs(k.next, m)
	if last, _ := k.told().Last(); last.Since.IsZero() {
		t.Error("scanners are not told that the new key signs alone")
	}
	if k.entries("server-key-named") != 1 || k.entries("server-key-changed") != 1 {
		t.Errorf("on record: %d and %d", k.entries("server-key-named"), k.entries("server-key-changed"))
	}
	if l := k.scannersLine(); !l.OK || strings.Contains(l.Says, "new key") {
		t.Errorf("when it is done: %+v", l)
	}
	if ours, whose, err := k.signedHere(t.Context()); err != nil || !ours {
		t.Errorf("its own bucket is not known again: %s, %v", whose, err)
	}
}

// A server that leads and was not given the new key leaves the lead to one that has it,
// once there is one, and says what it lacks.
func TestAServerWithoutTheNewKeyLeavesTheLead(t *testing.T) {
	k := newKeysOffice(t)
	k.cfg.Name = "first"
	cfg, has := k.cfg, map[string]note.Signer{}
	cfg.Name, cfg.SignerOf = "forgotten", func(public string) (note.Signer, error) { return has[public], nil }
	forgotten := New(cfg)
	c, alone, err := forgotten.join(t.Context())
	k.must(err)
	queue := k.startsJobs(alone)
	k.must(k.NameServerKey(t.Context(), k.first, k.next))
	_, err = k.ChangeServerKey(t.Context())
	k.must(err)
	k.must(forgotten.beat(t.Context(), c, queue))
	if k.leader() != "forgotten" {
		t.Errorf("where there is no other, %q leads", k.leader())
	}
	ours, _, err := k.join(t.Context())
	k.must(err)
	k.must(k.beat(t.Context(), ours, queue))
	if err := forgotten.beat(t.Context(), c, queue); !errors.Is(err, ErrServerKeyMissing) {
		t.Errorf("without the key: %v", err)
	}
	k.must(k.beat(t.Context(), ours, queue))
	if k.leader() != "first" {
		t.Errorf("%q leads", k.leader())
	}
	// Where the other one is there and does not lead either, this one does.
	k.must(k.cfg.Register.GiveUpLead(t.Context(), ours.me))
	for range 2 {
		if err := forgotten.beat(t.Context(), c, queue); !errors.Is(err, ErrServerKeyMissing) || k.leader() != "" {
			t.Errorf("while another one may take the lead: %v, and %q leads", err, k.leader())
		}
	}
	c.vacant = c.vacant.Add(-2 * forgotten.deadAfter())
	k.must(forgotten.beat(t.Context(), c, queue))
	k.must(forgotten.beat(t.Context(), c, queue))
	if k.leader() != "forgotten" {
		t.Errorf("where nobody has the key, %q leads", k.leader())
	}
	has[k.next] = k.has[k.next]
	k.must(forgotten.beat(t.Context(), c, queue))
	k.must(queue.stop())
}

// After a theft nobody is waited for: the new key signs at once, and check says whom to
// invite again. A server beside, which was not given the key, signs nothing with the old
// one and says what it lacks; once it has it, it goes on.
func TestTheServersKeyIsChangedAtOnce(t *testing.T) {
	k := newKeysOffice(t)
	k.hears("")
	k.must(k.NameServerKey(t.Context(), k.first, k.next))
	unheard, err := k.ChangeServerKey(t.Context())
	k.must(err)
	if !slices.Equal(unheard, []string{"office"}) {
		t.Errorf("not heard by %v", unheard)
	}
	cfg, has := k.cfg, map[string]note.Signer{}
	cfg.SignerOf = func(public string) (note.Signer, error) { return has[public], nil }
	other := New(cfg)
	lacks := func() bool {
		bad, _, err := other.checkScanners(t.Context())
		k.must(err)
		return bad != nil && strings.Contains(texts.English().Text(bad), "does not have the key")
	}
	if err := other.PublishRecipients(t.Context()); !errors.Is(err, ErrServerKeyMissing) || !lacks() {
		t.Errorf("a server without the key: %v; check says that it lacks one: %v", err, lacks())
	}
	has[k.next] = k.has[k.next]
	if err := other.PublishRecipients(t.Context()); err != nil || lacks() {
		t.Errorf("once it has the key: %v; check says that it lacks one: %v", err, lacks())
	}
	k.sweep()
	k.pub, err = note.NewVerifier(k.next)
	k.must(err)
	m := k.deposit()
	k.work(m.ID)
	k.must(k.sayAbout(t.Context()))
	k.signs(k.next, m)
	k.now = k.now.Add(time.Hour)
	k.hears("")
	if l := k.scannersLine(); l.OK || !strings.Contains(l.Says, "edge invite office --replace") {
		t.Errorf("of the scanner that does not follow: %+v", l)
	}
	k.hears(k.next)
	if l := k.scannersLine(); !l.OK {
		t.Errorf("of one that does: %+v", l)
	}
}

// The process dies between any two steps of the change; the next goes on, and scanners
// are never told of a change before what they read is signed by the new key.
func TestTheChangeOfTheServersKeyIsCutOff(t *testing.T) {
	for _, step := range []string{"server-key-changed", "server-keys-resigned", "server-keys-told"} {
		k := newKeysOffice(t)
		k.must(k.sayAbout(t.Context()))
		m := k.deposit()
		k.work(m.ID)
		k.must(k.NameServerKey(t.Context(), k.first, k.next))
		k.sweep()
		k.hears(k.next)
		k.cfg.Step = func(s string, _ letter.ID) {
			if s == step {
				panic(step)
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s never came", step)
				}
			}()
			_ = k.tendServerKeys(t.Context(), &k.w)
		}()
		k.cfg.Step = func(string, letter.ID) {}
		k.w = watch{}
		if last, _ := k.told().Last(); last.Since.IsZero() == (step == "server-keys-told") {
			t.Errorf("%s: scanners are told that the new key took over on %s", step, last.Since)
		}
		k.sweep()
		k.work(m.ID)
		k.signs(k.next, m)
		if last, _ := k.told().Last(); last.Since.IsZero() || k.entries("server-key-changed") != 1 {
			t.Errorf("%s: %d changes on record; told %+v", step, k.entries("server-key-changed"), last)
		}
	}
}

// A register that was restored from before the change learns of it from the bucket where
// the key is here, and overwrites what somebody else says there.
func TestARegisterFromBeforeTheChange(t *testing.T) {
	k := newKeysOffice(t)
	k.must(k.NameServerKey(t.Context(), k.first, k.next))
	_, err := k.ChangeServerKey(t.Context())
	k.must(err)
	k.sweep()
	after := k.told()
	k.must(k.cfg.Register.SayServerKeys(t.Context(), after, letter.ServerKeys{}, nil))
	k.w = watch{}
	k.sweep()
	now, err := k.cfg.Register.ServerKeys(t.Context())
	k.must(err)
	if now.Signing(k.first) != k.next {
		t.Error("the register has not learnt of the change")
	}
	thief, stolen := signer(t, "letterlock-server")
	step := letter.KeyStep{N: 1, From: k.first, To: stolen, Named: k.second(), Until: k.second().Add(time.Hour), Since: k.second()}
	signed, err := step.Sign(k.cfg.Signer, thief)
	k.must(err)
	fork, err := letter.ServerKeys{}.With(signed)
	k.must(err)
	text, err := fork.Text()
	k.must(err)
	k.putRaw(letter.ServerKeysKey, text)
	k.w = watch{}
	k.sweep()
	if k.told().Signing(k.first) != k.next {
		t.Error("what a thief says of the keys stays in the bucket")
	}
}

// Every copy of the key is lost. Check names whom to invite, until each has joined again.
func TestTheServersKeyIsLost(t *testing.T) {
	k := newKeysOffice(t)
	m := k.deposit()
	k.work(m.ID)
	lost, err := k.cfg.Register.LoseServerKey(t.Context(), k.next, "")
	k.must(err)
	if !slices.Equal(lost.Sites, []string{"office"}) {
		t.Errorf("to be invited again: %v", lost.Sites)
	}
	k.must(k.PublishRecipients(t.Context()))
	k.must(k.sayAbout(t.Context()))
	k.hears("")
	k.work(m.ID)
	k.signs(k.next, m)
	if l := k.scannersLine(); l.OK || !strings.Contains(l.Says, "edge invite office --replace") {
		t.Errorf("before the scanner is invited: %+v", l)
	}
	k.pub, err = note.NewVerifier(k.next)
	k.must(err)
	g := k.invite("office", true)
	if l := k.scannersLine(); l.OK {
		t.Errorf("invited, and not there yet: %+v", l)
	}
	g.want(letter.JoinedEnrolled)
	k.site = g.own
	k.hears("")
	if l := k.scannersLine(); !l.OK {
		t.Errorf("once it has joined: %+v", l)
	}
}

// A key lies in the place of the server's that is not it. Nothing is signed with it,
// whether the register has noted the right one or is of a version that did not, and whether
// or not the storage is there; and the right one goes on where it left off.
func TestNothingIsSignedWithAStrangersKey(t *testing.T) {
	for _, noted := range []bool{true, false} {
		k := newKeysOffice(t)
		if noted {
			k.must(k.cfg.Register.NoteServerKey(t.Context(), k.first))
		}
		before, err := k.readSmall(t.Context(), letter.RecipientsKey)
		k.must(err)
		m := k.deposit()
		cfg := k.cfg
		var public string
		cfg.Signer, public = signer(t, "letterlock-server")
		cfg.Verifier, err = note.NewVerifier(public)
		k.must(err)
		cfg.SignerOf = func(string) (note.Signer, error) { return nil, nil }
		for _, there := range []bool{false, true} {
			stranger := New(cfg)
			k.store.at, k.store.how, k.store.only = 0, works, ""
			if !there {
				k.store.at, k.store.how, k.store.only = -1, fails, "Read"
			}
			want := ErrKeyInDoubt
			switch {
			case !there:
				want = errWire
			case noted:
				want = ErrServerKeyMissing
			}
			err := stranger.PublishRecipients(t.Context())
			if !errors.Is(err, want) {
				t.Errorf("noted %t, storage there %t: %v", noted, there, err)
			}
			if err := stranger.NameServerKey(t.Context(), public, k.next); err == nil {
				t.Errorf("noted %t, storage there %t: a follower is named with it", noted, there)
			}
			if there {
				k.must(stranger.Admit(t.Context()))
				if err := stranger.Advance(t.Context(), m.ID); err == nil {
					t.Errorf("noted %t: a letter goes its way", noted)
				}
			}
		}
		k.store.at = 0
		if now, err := k.readSmall(t.Context(), letter.RecipientsKey); err != nil || string(now) != string(before) || k.traces(letter.ReceiptKey("office", m.ID)) != 0 {
			t.Errorf("noted %t: something was signed with the stranger's key (%v)", noted, err)
		}
		k.work(m.ID)
		k.must(New(k.cfg).PublishRecipients(t.Context()))
		if k.receiptOf(m) == nil {
			t.Errorf("noted %t: with the right key there is no receipt", noted)
		}
	}
}
