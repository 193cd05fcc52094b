package register

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// signs is a signing key of a register.
type signs struct {
	note.Signer
	public SigningKey
	pub    note.Verifier
}

func newSigner(t *testing.T) signs {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "letterlock-register")
	if err != nil {
		t.Fatal(err)
	}
	signer, err1 := note.NewSigner(secret)
	pub, err2 := note.NewVerifier(public)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return signs{signer, SigningKey(public), pub}
}

// holding lets this process find the private halves of these keys.
func (d *desk) holding(keys ...signs) {
	d.cfg.SignerOf = func(public SigningKey) (note.Signer, error) {
		for _, k := range keys {
			if k.public == public {
				return k.Signer, nil
			}
		}
		return nil, nil
	}
}

// Two changes of the key: with any of the three public keys whatever was signed is
// verified, before the changes and after.
func TestKeysTakeOverFromOneAnother(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	second, third := newSigner(t), newSigner(t)
	heads := []Head{d.head()}
	for _, next := range []signs{second, third} {
		d.receipted()
		heads = append(heads, d.head())
		c, err := d.ChangeKey(ctx, next.Signer, next.public)
		d.must(err)
		if before := heads[len(heads)-1]; c.Entry != before.Entries || string(c.Root) != before.Root.String() || c.To != next.public {
			t.Errorf("the change says %+v of %+v", c, before)
		}
		if again, err := d.ChangeKey(ctx, next.Signer, next.public); err != nil || again != c {
			t.Errorf("again: %+v, %v", again, err)
		}
		d.holding(next)
		heads = append(heads, d.head())
		d.receipted()
	}
	last := d.head()
	if n, err := d.VerifyTip(ctx); err != nil || n != last.Entries {
		t.Errorf("%d entries, %v", n, err)
	}
	if living, err := d.LivingKey(ctx); err != nil || living != third.public {
		t.Errorf("%s lives, %v", living, err)
	}
	changes, err := d.KeyChanges(ctx)
	d.must(err)
	for i, pub := range []note.Verifier{d.pub, second.pub, third.pub} {
		v, err := VerifyExport(strings.NewReader(d.export()), pub, heads...)
		if err != nil || v.Head != last || len(v.Keys.Changes()) != 2 {
			t.Errorf("with key %d: %+v, %v", i+1, v.Head, err)
		}
		keys, err := KeysFrom(pub, changes)
		d.must(err)
		for _, h := range append(heads, last) {
			if opened, err := keys.Open(h.Note); err != nil || opened != h {
				t.Errorf("with key %d the checkpoint over %d: %v", i+1, h.Entries, err)
			}
		}
	}
	for _, h := range heads {
		d.must(d.Holds(ctx, h.Note))
	}
	if err := verify(d.export(), newSigner(t).pub); err == nil {
		t.Error("a key that has never signed verified it")
	}
}

// A register that goes on under the wrong key would be one that nobody can verify.
func TestAServerWithTheOldKeyRecordsNothing(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	next := newSigner(t)
	_, err := d.ChangeKey(ctx, next.Signer, next.public)
	d.must(err)
	before := d.head()
	if err := d.Record(ctx, EdgeAdded{Site: "office"}, 0); !errors.Is(err, ErrOldKey) {
		t.Errorf("without the new key: %v", err)
	}
	d.holding(newSigner(t))
	if err := d.Record(ctx, EdgeAdded{Site: "office"}, 0); !errors.Is(err, ErrOldKey) {
		t.Errorf("with a stranger's: %v", err)
	}
	if d.head() != before {
		t.Error("something was recorded")
	}
	d.holding(next)
	d.must(d.Record(ctx, EdgeAdded{Site: "office"}, 0))
	if after := d.head(); after.Entries != before.Entries+1 {
		t.Errorf("%d entries", after.Entries)
	}
}

// A change that is taken back with its transaction leaves the old key living.
func TestAChangeThatFailsChangesNothing(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	next := newSigner(t)
	other, err := note.NewVerifier(string(newSigner(t).public))
	d.must(err)
	if _, err := d.ChangeKey(ctx, next.Signer, SigningKey(other.Name())); err == nil {
		t.Fatal("a key that is none took over")
	}
	if _, err := d.ChangeKey(ctx, next.Signer, newSigner(t).public); err == nil {
		t.Fatal("a public half took over that is another key's")
	}
	d.receipted()
	if _, err := KeysFrom(d.pub, nil); err != nil || verify(d.export(), d.pub) != nil {
		t.Error("the register does not go on with its key")
	}
}

// forgery is a register as somebody writes it who has some keys and this program's
// source: entries, changes among them, and a checkpoint by whoever they like.
type forgery struct {
	t     *testing.T
	tree  frontier
	lines []string
}

func (f *forgery) add(ev Event) {
	f.t.Helper()
	_, line, err := newEntry(f.tree.entries, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), ev, "", 0)
	if err != nil {
		f.t.Fatal(err)
	}
	f.tree.add(line)
	f.lines = append(f.lines, string(line)+"\n")
}

func (f *forgery) change(from, to signs, signFrom, signTo note.Signer) {
	f.t.Helper()
	root := f.tree.root()
	c, _ := signKeyChange(KeyChange{f.tree.entries, SigningKeyChanged{From: from.public, To: to.public, Root: TreeHash(root.String())}}, signFrom, signTo)
	f.add(c.SigningKeyChanged)
}

func (f *forgery) export(signer note.Signer) string {
	f.t.Helper()
	signed, err := signHead(tlog.Tree{N: f.tree.entries, Hash: f.tree.root()}, signer)
	if err != nil {
		f.t.Fatal(err)
	}
	last, _ := json.Marshal(trailer{string(signed)})
	return strings.Join(f.lines, "") + string(last) + "\n"
}

// Whoever holds the first public key is told of every chain that it does not carry.
func TestForgedChainsAreRefused(t *testing.T) {
	first, second, third, thief := newSigner(t), newSigner(t), newSigner(t), newSigner(t)
	for name, c := range map[string]struct {
		make func(f *forgery)
		by   signs
		good bool
		says string
	}{
		"as it should be": {make: func(f *forgery) {
			f.change(first, second, first, second)
			f.add(EdgeAdded{Site: "office"})
			f.change(second, third, second, third)
		}, by: third, good: true},
		"not signed by the old key":     {make: func(f *forgery) { f.change(first, thief, thief, thief) }, by: thief, says: "not signed by the key that it ends"},
		"not signed by the new key":     {make: func(f *forgery) { f.change(first, second, first, thief) }, by: second, says: "not signed by the key that takes over"},
		"of keys that are strangers":    {make: func(f *forgery) { f.change(second, thief, second, thief) }, by: thief, says: "none of its keys"},
		"the old key signs on":          {make: func(f *forgery) { f.change(first, second, first, second); f.add(EdgeAdded{Site: "office"}) }, by: first, says: "had ended"},
		"a key signs that is not named": {make: func(f *forgery) { f.change(first, second, first, second) }, by: thief, says: "not signed by this key"},
		"the second change is missing its first": {make: func(f *forgery) { f.change(second, third, second, third) }, by: third,
			says: "none of its keys"},
		"an ended key names another": {make: func(f *forgery) {
			f.change(first, second, first, second)
			f.change(first, thief, first, thief)
		}, by: thief, says: "does not go on where"},
		"a key comes back": {make: func(f *forgery) {
			f.change(first, second, first, second)
			f.change(second, first, second, first)
		}, by: first, says: "has signed before"},
		"reordered": {make: func(f *forgery) {
			f.change(second, third, second, third)
			f.change(first, second, first, second)
		}, by: second, says: "does not go on where"},
		"signed over other entries": {make: func(f *forgery) {
			elsewhere := &forgery{t: t}
			elsewhere.add(EdgeAdded{Site: "elsewhere"})
			elsewhere.change(first, second, first, second)
			var e Entry
			_ = json.Unmarshal([]byte(elsewhere.lines[1]), &e)
			var ev SigningKeyChanged
			_ = json.Unmarshal(e.Data, &ev)
			f.add(ev)
		}, by: second, says: "not of these entries"},
	} {
		f := &forgery{t: t}
		f.add(FolderMade{})
		c.make(f)
		err := verify(f.export(c.by), first.pub)
		var wrong *Wrong
		if c.good != (err == nil) || !c.good && (!errors.As(err, &wrong) || !strings.Contains(wrong.Says, c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A key opens nothing of before its time, and nothing of after it.
func TestAKeySignsWhileItLives(t *testing.T) {
	first, second := newSigner(t), newSigner(t)
	c, err := signKeyChange(KeyChange{5, SigningKeyChanged{From: first.public, To: second.public, Root: TreeHash(tlog.Hash{}.String())}}, first, second)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := KeysFrom(first.pub, []KeyChange{c})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		by      signs
		entries int64
		good    bool
	}{{first, 4, true}, {first, 5, true}, {first, 6, false}, {second, 5, false}, {second, 6, true}, {second, 7, true}} {
		signed, err := signHead(tlog.Tree{N: one.entries}, one.by)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Open(string(signed)); (err == nil) != one.good {
			t.Errorf("%s over %d entries: %v", fmt.Sprint(one.by.public == first.public), one.entries, err)
		}
	}
	if c.Entry++; c.check() == nil {
		t.Error("a change that was moved to another entry is believed")
	}
}
