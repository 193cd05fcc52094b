package register

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// lost is a change that says that the key was lost.
func (f *forgery) lost(from, to signs, spoil ...func(*SigningKeyChanged)) {
	f.t.Helper()
	root := f.tree.root()
	c, _ := signKeyChange(KeyChange{f.tree.entries, SigningKeyChanged{From: from.public, To: to.public, Root: TreeHash(root.String())}}, nil, to)
	for _, s := range spoil {
		s(&c.SigningKeyChanged)
	}
	f.add(c.SigningKeyChanged)
}

// Every copy of the key is lost. A new one goes on; who holds it verifies all of it,
// with what was signed before; who holds the old one is told of the break and is not
// told that it verifies.
func TestTheRegisterGoesOnWithoutItsKey(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	second, third, fourth := newSigner(t), newSigner(t), newSigner(t)
	d.receipted()
	_, err := d.ChangeKey(ctx, second.Signer, second.public)
	d.must(err)
	d.holding(second)
	d.receipted()
	before := d.head()
	if _, err := d.ReplaceLostKey(ctx, second.public, third.Signer, third.public); !errors.Is(err, ErrKeyNotLost) {
		t.Fatalf("a key that is there was lost: %v", err)
	}
	// The data folder has neither key any more.
	cfg := d.cfg
	cfg.Signer, cfg.SignerOf = nil, nil
	r, err := Open(ctx, cfg)
	d.must(err)
	if err := r.Record(ctx, EdgeAdded{Site: "office"}, 0); !errors.Is(err, ErrNoKey) {
		t.Fatalf("what is recorded without a key: %v", err)
	}
	if _, err := r.VerifyTip(ctx); err != nil { // who only looks goes on
		t.Error(err)
	}
	for what, wrong := range map[string]SigningKey{"a stranger's key": fourth.public, "the new key itself": third.public, "no key": "register.pub"} {
		if _, err := r.ReplaceLostKey(ctx, wrong, third.Signer, third.public); err == nil {
			t.Errorf("%s is believed to be the register's", what)
		}
	}
	if _, err := r.ReplaceLostKey(ctx, second.public, d.cfg.Signer, SigningKey(d.cfg.Verifier)); err == nil {
		t.Error("a key that has ended comes back")
	}
	c, err := r.ReplaceLostKey(ctx, second.public, third.Signer, third.public)
	d.must(err)
	if again, err := r.ReplaceLostKey(ctx, second.public, third.Signer, third.public); err != nil || again != c || !c.Lost || c.From != second.public {
		t.Errorf("again: %+v, %v", again, err)
	}
	d.must(r.Close())
	cfg.Signer, cfg.Verifier = third.Signer, string(third.public)
	r, err = Open(ctx, cfg)
	d.must(err)
	defer func() { d.must(r.Close()) }()
	d.must(r.Record(ctx, EdgeAdded{Site: "office"}, 0))
	d.must(r.Holds(ctx, before.Note))
	if _, err := r.VerifyTip(ctx); err != nil {
		t.Error(err)
	}
	var export strings.Builder
	err = r.Export(ctx, &export)
	d.must(err)
	v, err := VerifyExport(strings.NewReader(export.String()), third.pub, before)
	if err != nil || len(v.Keys.Changes()) != 2 || v.Keys.Unvouched() != nil || !strings.Contains(v.Keys.Changes()[1].Says(), "BREAK") {
		t.Errorf("with the new key: %+v, %v", v, err)
	}
	for what, pub := range map[string]note.Verifier{"first": d.pub, "lost": second.pub} {
		_, err := VerifyExport(strings.NewReader(export.String()), pub)
		lost, is := errors.AsType[*Unvouched](err)
		if !is || lost.Change != c {
			t.Errorf("whoever holds the %s key is told: %v", what, err)
		}
	}
}

// Anybody can write that the key was lost, and go on with a key of their own: nobody
// who holds the register's is told that this verifies, and no true change of keys
// passes for a loss.
func TestForgedLossesAreRefused(t *testing.T) {
	first, second, third, thief := newSigner(t), newSigner(t), newSigner(t), newSigner(t)
	const broken = "the register's signing key was lost"
	for name, c := range map[string]struct {
		make func(f *forgery)
		by   signs
		pub  signs
		says string // "" for good
	}{
		"the true holder of the new key verifies": {func(f *forgery) { f.lost(first, second) }, second, second, ""},
		"the holder of the old one does not":      {func(f *forgery) { f.lost(first, second) }, second, first, broken},
		"a thief says so":                         {func(f *forgery) { f.lost(first, thief) }, thief, first, broken},
		"a thief says so twice":                   {func(f *forgery) { f.lost(first, thief); f.lost(thief, second) }, second, first, broken},
		"a stranger's loss":                       {func(f *forgery) { f.lost(second, thief) }, thief, first, "none of its keys"},
		"a change follows a loss":                 {func(f *forgery) { f.lost(first, second); f.change(second, third, second, third) }, third, first, broken},
		"and its holder verifies":                 {func(f *forgery) { f.lost(first, second); f.change(second, third, second, third) }, third, third, ""},
		"who holds the one between verifies":      {func(f *forgery) { f.lost(first, second); f.change(second, third, second, third) }, third, second, ""},
		"a loss follows a change":                 {func(f *forgery) { f.change(first, second, first, second); f.lost(second, third) }, third, first, broken},
		"the lost key signs on":                   {func(f *forgery) { f.lost(first, second); f.add(EdgeAdded{Site: "office"}) }, first, second, "had ended"},
		"the lost key comes back":                 {func(f *forgery) { f.lost(first, second); f.lost(second, first) }, first, first, "has signed before"},
		"not signed by the new key": {func(f *forgery) {
			f.lost(first, second, func(c *SigningKeyChanged) { c.ByTo = c.ByTo[:10] + "AAAA" + c.ByTo[14:] })
		}, second, second, "not signed by the key that takes over"},
		"a change without the old one's signature": {func(f *forgery) { f.lost(first, second, func(c *SigningKeyChanged) { c.Lost = false }) }, second, first, "not of its form"},
		"a true change, made a loss": {func(f *forgery) {
			f.change(first, second, first, second)
			var e Entry
			_ = json.Unmarshal([]byte(f.lines[1]), &e)
			var ev SigningKeyChanged
			_ = json.Unmarshal(e.Data, &ev)
			ev.ByFrom, ev.Lost = "", true
			g := &forgery{t: f.t}
			g.add(FolderMade{})
			g.add(ev)
			*f = *g
		}, second, second, "not signed by the key that takes over"},
		"both a loss and signed by the old one": {func(f *forgery) { f.lost(first, second, func(c *SigningKeyChanged) { c.ByFrom = c.ByTo }) }, second, second, "not of its form"},
	} {
		f := &forgery{t: t}
		f.add(FolderMade{})
		c.make(f)
		err := verify(f.export(c.by), c.pub.pub)
		var wrong *Wrong
		if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &wrong) || !strings.Contains(wrong.Says, c.says)) {
			t.Errorf("%s: %v", name, err)
		}
		if _, is := errors.AsType[*Unvouched](err); is != (c.says == broken) {
			t.Errorf("%s: taken for a break: %v", name, is)
		}
	}
}
