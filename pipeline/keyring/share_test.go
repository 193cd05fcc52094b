package keyring

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"letterlock/scanner/letter"
)

// shared is a keyring with one key, and the key's shares.
func shared(t *testing.T) (k *Keyring, recipient string, all [Custodians]Share) {
	t.Helper()
	k, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if recipient, err = k.Make(week); err != nil {
		t.Fatal(err)
	}
	if all, err = k.Split(week); err != nil {
		t.Fatal(err)
	}
	return k, recipient, all
}

func TestAnyTwoSharesBringTheKeyBack(t *testing.T) {
	k, recipient, all := shared(t)
	letterBytes := sealed(t, recipient)
	if err := k.Destroy(week); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		for j := range all {
			id, err := Combine(all[i], all[j])
			if i == j {
				if err == nil {
					t.Error("one custodian alone brings it back")
				}
				continue
			}
			if err != nil {
				t.Fatalf("custodians %d and %d: %v", i+1, j+1, err)
			}
			if err := Proves(id[0], recipient); err != nil {
				t.Error(err)
			}
			r, err := age.Decrypt(bytes.NewReader(letterBytes), id[0])
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := io.ReadAll(r); err != nil || string(plain) != "dear helpline" {
				t.Errorf("opened %q, %v", plain, err)
			}
		}
	}
}

// One share says nothing: it fits any other key as well as the true one. For
// every other key of that length there is a third part that makes it.
func TestOneShareFitsEveryKey(t *testing.T) {
	_, _, all := shared(t)
	other, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for _, mine := range all {
		missing := make([]byte, len(mine.parts[0]))
		subtle.XORBytes(missing, mine.parts[0], mine.parts[1])
		subtle.XORBytes(missing, missing, []byte(other.String()))
		mine.Recipient = other.Recipient().String()
		next := Share{mine.Week, mine.Custodian%Custodians + 1, mine.Set, mine.Recipient, [2][]byte{mine.parts[1], missing}}
		if id, err := Combine(mine, next); err != nil || id[0].String() != other.String() {
			t.Errorf("custodian %d's share does not fit another key: %v", mine.Custodian, err)
		}
	}
	for _, s := range all {
		for _, part := range s.parts {
			if strings.Contains(strings.ToUpper(string(part)), "AGE-SECRET") {
				t.Error("a part is the key")
			}
		}
	}
}

func TestSharesThatDoNotFit(t *testing.T) {
	k, recipient, all := shared(t)
	again, err := k.Split(week)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Combine(all[0], again[1]); !errors.Is(err, errOtherSet) {
		t.Errorf("of two makings: %v", err)
	}
	if _, err := Combine(all[0], all[0]); !errors.Is(err, errSameCustodian) {
		t.Errorf("one's twice: %v", err)
	}
	for i := range all[1].parts {
		bad := all[1]
		bad.parts[i] = bytes.Clone(bad.parts[i])
		bad.parts[i][7] ^= 1
		if _, err := Combine(all[0], bad); !errors.Is(err, errNoFit) {
			t.Errorf("part %d changed: %v", i, err)
		}
	}
	other, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if Proves(other, recipient) == nil {
		t.Error("another key proves")
	}
}

// A share's file comes back as it was written, and no change of any byte of it
// passes.
func TestASharesFile(t *testing.T) {
	_, _, all := shared(t)
	dir := t.TempDir()
	if err := all[0].Write(dir); err != nil {
		t.Fatal(err)
	}
	if err := all[0].Write(dir); err == nil {
		t.Error("it was written over")
	}
	path := filepath.Join(dir, "letterlock-x2027-W21-custodian-1.txt")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := func(text []byte) (shares []Share, damaged int) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		shares, damaged, err := Shares(dir)
		if err != nil {
			t.Fatal(err)
		}
		return shares, damaged
	}
	for _, text := range [][]byte{text, bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))} {
		shares, damaged := read(text)
		if len(shares) != 1 || damaged != 0 {
			t.Fatalf("%d shares, %d damaged", len(shares), damaged)
		}
		if _, err := Combine(shares[0], all[2]); err != nil {
			t.Error(err)
		}
	}
	changed := bytes.Clone(text)
	changed[len(changed)/2] ^= 1
	if shares, damaged := read(changed); len(shares) != 0 || damaged != 1 {
		t.Errorf("changed: %d shares, %d damaged", len(shares), damaged)
	}
	for i := range text {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		if _, err := parseShare(changed); err == nil {
			t.Fatalf("byte %d changed, and it passes", i)
		}
		if _, err := parseShare(text[:i]); err == nil {
			t.Fatalf("cut after %d bytes, and it passes", i)
		}
	}
}

// What is destroyed is overwritten under every name that it has, and what a
// crash of Write has left goes with the next.
func TestASharesEnd(t *testing.T) {
	_, _, all := shared(t)
	dir, aside := t.TempDir(), filepath.Join(t.TempDir(), "aside")
	if err := os.WriteFile(filepath.Join(dir, ".letterlock-share.new"), []byte("part1 half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := all[1].Write(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, all[1].fileName()), aside); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(all[1].Destroy(dir), all[1].Destroy(dir)); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if text, err := os.ReadFile(aside); err != nil || bytes.Contains(text, []byte("part")) {
		t.Errorf("the old bytes are there (%v)", err)
	}
}

func TestRestoreReplacesNothing(t *testing.T) {
	k, recipient, all := shared(t)
	id, err := Combine(all[0], all[1])
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Restore(week, []*age.HybridIdentity{other}); err != nil {
		t.Errorf("beside another key: %v", err)
	}
	if lacks, err := k.Lacks(week, recipient); lacks || err != nil {
		t.Errorf("another key took the place of one that is there: %v, %v", lacks, err)
	}
	if err := k.Restore(week, id); err != nil {
		t.Errorf("the key that is there: %v", err)
	}
	if err := errors.Join(k.Destroy(week), k.Restore(week, id)); err != nil {
		t.Fatal(err)
	}
	if again, err := k.Make(week); err != nil || again != recipient {
		t.Errorf("restored it is another: %v", err)
	}
	if _, err := k.Split(letter.Week("x2027-W22")); !errors.Is(err, ErrNoKey) {
		t.Errorf("a key that is not there is shared: %v", err)
	}
}

// A further key of a week is what is sealed to from then on; what was sealed to the
// first opens; shares bring both back, in their order, whichever of them is lost;
// and both die together.
func TestAWeekHasAnotherKey(t *testing.T) {
	k, first, old := shared(t)
	before := sealed(t, first)
	second, err := k.MakeAnother(week)
	if err != nil || second == first {
		t.Fatalf("no other key: %v", err)
	}
	if again, err := k.Make(week); err != nil || again != second {
		t.Errorf("found another than the newest: %v", err)
	}
	after := sealed(t, second)
	opens := func(what string) {
		t.Helper()
		for _, letterBytes := range [][]byte{before, after} {
			if _, err := k.Unseal(week, bytes.NewReader(letterBytes)); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if newest, err := k.Recipient(week); err != nil || newest != second {
			t.Errorf("%s: the newest is another: %v", what, err)
		}
		if lacks, err := k.Lacks(week, second); lacks || err != nil {
			t.Errorf("%s: lacks one: %v, %v", what, lacks, err)
		}
		if strangers, err := k.Strangers(); strangers != 0 || err != nil {
			t.Errorf("%s: %d strangers, %v", what, strangers, err)
		}
	}
	opens("made")
	all, err := k.Split(week)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := Combine(all[2], all[1])
	if err != nil || len(ids) != 2 || ids[0].Recipient().String() != second {
		t.Fatalf("%d keys come back, %v", len(ids), err)
	}
	for _, lost := range [][]int{{1}, {2}, {1, 2}} {
		for _, n := range lost {
			if err := os.Remove(k.path(week, n)); err != nil {
				t.Fatal(err)
			}
		}
		if lacks, err := k.Lacks(week, second); !lacks || err != nil {
			t.Errorf("%v lost: lacks none, %v", lost, err)
		}
		if err := k.Restore(week, ids); err != nil {
			t.Fatal(err)
		}
		opens(fmt.Sprint(lost, " restored"))
	}
	if _, err := Combine(old[0], all[1]); !errors.Is(err, errOtherSet) {
		t.Errorf("shares of before and after fit: %v", err)
	}
	if weeks, err := k.Weeks(); err != nil || len(weeks) != 1 {
		t.Errorf("weeks: %v, %v", weeks, err)
	}
	if err := k.Destroy(week); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(k.dir); err != nil || len(left) != 0 || k.Has(week) {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := k.MakeAnother(week); !errors.Is(err, ErrNoKey) {
		t.Errorf("another key of a dead week: %v", err)
	}
}
