package letter

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// serverKey is one of a server's keys, or a stranger's.
type serverKey struct {
	note.Signer
	note.Verifier
	public string
}

func (k serverKey) Name() string    { return k.Signer.Name() }
func (k serverKey) KeyHash() uint32 { return k.Signer.KeyHash() }

func newServerKey(t testing.TB) serverKey {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "letterlock-server")
	if err != nil {
		t.Fatal(err)
	}
	s, err1 := note.NewSigner(secret)
	v, err2 := note.NewVerifier(public)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return serverKey{s, v, public}
}

var keysDay = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// step is a change of keys that begins on the n-th day; it is over on the day given,
// where that is not 0.
func step(n, day, since int, from, to serverKey) KeyStep {
	s := KeyStep{N: n, From: from.public, To: to.public, Named: keysDay.AddDate(0, 0, day), Until: keysDay.AddDate(0, 0, day+30)}
	if since > 0 {
		s.Since = keysDay.AddDate(0, 0, since)
	}
	return s
}

func chain(t testing.TB, k ServerKeys, s KeyStep, from, to note.Signer) ServerKeys {
	t.Helper()
	msg, err := s.Sign(from, to)
	if err != nil {
		t.Fatal(err)
	}
	if k, err = k.With(msg); err != nil {
		t.Fatal(err)
	}
	return k
}

func text(t testing.TB, k ServerKeys) []byte {
	t.Helper()
	msg, err := k.Text()
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func believes(k ServerKeys, enrolled, key serverKey) bool {
	return slices.ContainsFunc(k.Believed(enrolled), func(pub note.Verifier) bool { return pub.KeyHash() == key.KeyHash() })
}

// A scanner follows the server's keys from the one that it was enrolled with, over
// several changes; it believes two of them during a change and one after it.
func TestAScannerFollowsTheServersKeys(t *testing.T) {
	a, b, c := newServerKey(t), newServerKey(t), newServerKey(t)
	var none ServerKeys
	named := chain(t, none, step(1, 0, 0, a, b), a, b)
	over := chain(t, named, step(1, 0, 3, a, b), a, b)
	again := chain(t, over, step(2, 9, 0, b, c), b, c)
	done := chain(t, again, step(2, 9, 10, b, c), b, c)
	for _, stage := range []struct {
		says    string
		keys    ServerKeys
		signs   serverKey
		believe []serverKey
	}{
		{"named", named, a, []serverKey{a, b}},
		{"changed over", over, b, []serverKey{b}},
		{"named again", again, b, []serverKey{b, c}},
		{"changed over again", done, c, []serverKey{c}},
	} {
		for i, enrolled := range []serverKey{a, b, c}[:min(3, len(stage.keys.All()))] {
			got, err := none.Follow(enrolled, text(t, stage.keys), keysDay.AddDate(0, 0, 12))
			if err != nil {
				t.Errorf("%s, enrolled with key %d: %v", stage.says, i, err)
				continue
			}
			for j, key := range []serverKey{a, b, c} {
				want := slices.ContainsFunc(stage.believe, func(k serverKey) bool { return k.public == key.public })
				if believes(got, enrolled, key) != want {
					t.Errorf("%s, enrolled with key %d: key %d is believed: %v", stage.says, i, j, !want)
				}
			}
			if got.Signing(a.public) != stage.signs.public {
				t.Errorf("%s: another key signs", stage.says)
			}
		}
	}
	// One that was away for a year goes on where it knew the new key before.
	if got, err := named.Follow(a, text(t, over), keysDay.AddDate(1, 0, 0)); err != nil || believes(got, a, a) || !believes(got, a, b) {
		t.Errorf("after a year: %v", err)
	}
	// What was written down is read as it was.
	if back, err := ReadServerKeys(text(t, done)); err != nil || back.Signing("") != c.public || len(back.Ended()) != 2 {
		t.Errorf("read back: %v", err)
	}
	if none.Signing(a.public) != a.public || !believes(none, a, a) || believes(none, a, b) {
		t.Error("without a change the key of the enrolment is not the only one")
	}
}

// What nobody may say of a server's keys changes nothing of what is believed.
func TestFalseWordsOnTheServersKeys(t *testing.T) {
	a, b, c, thief := newServerKey(t), newServerKey(t), newServerKey(t), newServerKey(t)
	var none ServerKeys
	named := chain(t, none, step(1, 0, 0, a, b), a, b)
	over := chain(t, named, step(1, 0, 3, a, b), a, b)
	again := chain(t, over, step(2, 9, 0, b, c), b, c)
	renewed := step(1, 0, 0, a, b)
	renewed.Until = renewed.Until.AddDate(0, 0, 20)
	longer := chain(t, named, renewed, a, b)
	day := func(n int) time.Time { return keysDay.AddDate(0, 0, n) }
	anything := errors.New("anything")
	for says, c := range map[string]struct {
		known    ServerKeys
		enrolled serverKey
		msg      []byte
		now      time.Time
		want     error
	}{
		"a stranger's":                            {none, a, text(t, chain(t, none, step(1, 0, 0, thief, c), thief, c)), day(1), ErrKeysStranger},
		"a stranger's, to one that knows":         {named, a, text(t, chain(t, none, step(1, 0, 0, thief, c), thief, c)), day(1), ErrKeysStranger},
		"a fork, from the old key":                {named, a, text(t, chain(t, none, step(1, 0, 1, a, thief), a, thief)), day(2), ErrKeysFork},
		"a fork, after the change":                {over, a, text(t, chain(t, none, step(1, 0, 4, a, thief), a, thief)), day(5), ErrKeysFork},
		"a fork, enrolled with the new key":       {none, b, text(t, chain(t, none, step(1, 0, 1, a, thief), a, thief)), day(2), ErrKeysStranger},
		"a longer fork":                           {over, a, text(t, chain(t, chain(t, none, step(1, 0, 3, a, thief), a, thief), step(2, 9, 0, thief, c), thief, c)), day(10), ErrKeysFork},
		"what was said before the change":         {over, a, text(t, named), day(4), ErrKeysOlder},
		"fewer changes":                           {again, a, text(t, over), day(10), ErrKeysOlder},
		"none at all":                             {over, a, []byte("[]"), day(10), ErrKeysOlder},
		"one that was renewed since":              {longer, a, text(t, named), day(1), ErrKeysOlder},
		"another time of the change":              {over, a, text(t, chain(t, named, step(1, 0, 5, a, b), a, b)), day(6), ErrKeysOlder},
		"one that is over":                        {none, a, text(t, named), day(30), ErrKeysOver},
		"one that is over, and was changed":       {none, a, text(t, over), day(31), ErrKeysOver},
		"one that has not come":                   {none, a, text(t, named), day(-1), anything},
		"a change that has not come":              {named, a, text(t, over), day(2), anything},
		"nothing that can be read":                {named, a, []byte("{"), day(1), anything},
		"a list that is no list of such":          {named, a, []byte(`["letterlock server key v1\n{}\n"]`), day(1), anything},
		"much too long":                           {named, a, make([]byte, maxStatement+1), day(1), anything},
		"the first step twice":                    {named, a, twice(t, over), day(4), anything},
		"a second step before the first was over": {named, a, early(t, named, step(2, 1, 0, b, c), b, c), day(4), anything},
	} {
		got, err := c.known.Follow(c.enrolled, c.msg, c.now)
		if err == nil || c.want != anything && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", says, err, c.want)
		}
		if got.Signing(a.public) != c.known.Signing(a.public) || believes(got, c.enrolled, thief) {
			t.Errorf("%s: something else is believed than before", says)
		}
	}
}

// twice and early are words that With would not write.
func twice(t testing.TB, k ServerKeys) []byte {
	return text(t, ServerKeys{signed: append(slices.Clone(k.signed), k.signed...)})
}

func early(t testing.TB, k ServerKeys, s KeyStep, from, to serverKey) []byte {
	t.Helper()
	msg, err := s.Sign(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return text(t, ServerKeys{signed: append(slices.Clone(k.signed), string(msg))})
}

// A step is worth nothing without the signature of either key, nor is it signed.
func TestAStepIsSignedByBothKeys(t *testing.T) {
	a, b, thief := newServerKey(t), newServerKey(t), newServerKey(t)
	s := step(1, 0, 0, a, b)
	for says, by := range map[string][2]serverKey{"a key that is not named": {a, thief}, "no key that it ends": {thief, b}, "one key twice": {a, a}} {
		if msg, err := s.Sign(by[0], by[1]); err == nil {
			t.Errorf("%s: signed:\n%s", says, msg)
		}
		msg, err := signAll(kindServerKey, s, by[0], by[1])
		if err != nil {
			continue // note signs no text twice with one key
		}
		if _, err := (ServerKeys{}).With(msg); err == nil {
			t.Errorf("%s: believed", says)
		}
	}
	one, err := Sign(kindServerKey, s, a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (ServerKeys{}).With(one); err == nil {
		t.Error("believed under the old key's signature alone")
	}
	other, err := signAll(kindAbout, s, a, b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (ServerKeys{}).With(other); err == nil {
		t.Error("a signature under another kind is believed")
	}
	for says, spoil := range map[string]func(*KeyStep){
		"no number":                func(s *KeyStep) { s.N = 0 },
		"itself":                   func(s *KeyStep) { s.To = s.From },
		"an end before its begin":  func(s *KeyStep) { s.Until = s.Named },
		"a change before its word": func(s *KeyStep) { s.Since = s.Named.Add(-time.Second) },
		"a part of a second":       func(s *KeyStep) { s.Named = s.Named.Add(1) },
	} {
		bad := step(1, 0, 0, a, b)
		spoil(&bad)
		if _, err := bad.Sign(a, b); err == nil {
			t.Errorf("%s: signed", says)
		}
	}
}
