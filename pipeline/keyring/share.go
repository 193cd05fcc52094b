package keyring

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"

	"letterlock/pipeline/durable"
	"letterlock/scanner/letter"
)

// Custodians is among how many people a key is shared; any two of them can
// bring it back, and one alone knows nothing.
const Custodians = 3

// Share is what one custodian keeps of one week's key, or of its keys, where a
// further one was made in its place: the secret is each of them on a line, the
// newest first.
//
// The secret is the exclusive or of three parts, two of them random. The first
// custodian has parts 1 and 2, the second 2 and 3, the third 3 and 1: any two
// have all three, and what one lacks is a one-time pad over the rest
// (replicated sharing: Ito, Saito, Nishizeki 1987). For two of three it needs
// no arithmetic beyond that, so that the sharing can be checked by hand and
// undone without Letterlock.
//
// Copies of the keyring sealed to the custodians' own keys would do for
// bringing a key back, and not for its end: such a copy dies only when nobody
// has kept any, while of three shares two are enough.
type Share struct {
	Week      letter.Week
	Custodian int    // 1 to 3
	Set       string // names the making; shares of two makings do not fit together
	Recipient string // the newest one's public half, by which a key that was brought back is known
	parts     [2][]byte
}

// Split shares the week's keys anew.
func (k *Keyring) Split(w letter.Week) (all [Custodians]Share, err error) {
	ids, err := k.identities(w)
	if err != nil {
		return all, err
	}
	var lines []string
	for _, id := range slices.Backward(ids) {
		lines = append(lines, id.String())
	}
	secret := []byte(strings.Join(lines, "\n"))
	defer clear(secret)
	parts := [Custodians][]byte{make([]byte, len(secret)), make([]byte, len(secret)), make([]byte, len(secret))}
	_, _ = rand.Read(parts[0])
	_, _ = rand.Read(parts[1])
	subtle.XORBytes(parts[2], parts[0], parts[1])
	subtle.XORBytes(parts[2], parts[2], secret)
	set := strings.ToLower(rand.Text()[:8])
	for i := range all {
		all[i] = Share{w, i + 1, set, newest(ids), [2][]byte{parts[i], parts[(i+1)%Custodians]}}
	}
	return all, nil
}

// Errors of Combine.
var (
	errSameCustodian = errors.New("both shares are the same custodian's: the other's is needed")
	errOtherSet      = errors.New("the two shares were not made together")
	errNoFit         = errors.New("the two shares do not give the key: one of them is damaged")
)

// Combine brings the week's keys back from two shares, in memory only, the newest
// first. That one is proven to be what was shared: it has the public half that both name.
func Combine(a, b Share) (ids []*age.HybridIdentity, err error) {
	switch {
	case a.Week != b.Week || a.Set != b.Set || a.Recipient != b.Recipient:
		return nil, errOtherSet
	case a.Custodian == b.Custodian:
		return nil, errSameCustodian
	}
	var parts [Custodians][]byte
	for _, s := range []Share{a, b} {
		for i, part := range s.parts {
			at := (s.Custodian - 1 + i) % Custodians
			if parts[at] != nil && !bytes.Equal(parts[at], part) || len(part) != len(a.parts[0]) {
				return nil, errNoFit
			}
			parts[at] = part
		}
	}
	secret := make([]byte, len(parts[0]))
	defer clear(secret)
	subtle.XORBytes(secret, parts[0], parts[1])
	subtle.XORBytes(secret, secret, parts[2])
	for line := range strings.SplitSeq(string(secret), "\n") {
		id, err := age.ParseHybridIdentity(line)
		if err != nil {
			return nil, errNoFit
		}
		ids = append(ids, id)
	}
	if ids[0].Recipient().String() != a.Recipient {
		return nil, errNoFit
	}
	return ids, nil
}

// Proves seals something to the recipient and opens it with the identity: that
// a key which was brought back opens what was sealed to the week.
func Proves(id *age.HybridIdentity, recipient string) error {
	to, err := age.ParseHybridRecipient(recipient)
	if err != nil {
		return errors.New("the register's public key of that week cannot be read")
	}
	probe := make([]byte, 32)
	_, _ = rand.Read(probe)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err == nil {
		_, err = w.Write(probe)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return fmt.Errorf("sealing a probe: %w", err)
	}
	r, err := age.Decrypt(&sealed, id)
	if err != nil {
		return errors.New("the key is another than that of the register")
	}
	if opened, err := io.ReadAll(r); err != nil || !bytes.Equal(opened, probe) {
		return errors.New("the key does not open what was sealed to it")
	}
	return nil
}

const shareHead = `# Letterlock: one of three shares of the key of expiry week %s.
# Alone it tells nothing; any two of the three open that week's letters.
# It is kept by its custodian alone, is never copied, and must be destroyed
# from %s on: letterlock key escrow retire FOLDER
`

// text is the share as its file holds it.
func (s Share) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, shareHead, s.Week, s.Week.Over())
	fmt.Fprintf(&b, "week %s\ncustodian %d\nset %s\nrecipient %s\n", s.Week, s.Custodian, s.Set, s.Recipient)
	for i, part := range s.parts {
		fmt.Fprintf(&b, "part%d %x\n", (s.Custodian-1+i)%Custodians+1, part)
	}
	sum := sha256.Sum256(b.Bytes())
	fmt.Fprintf(&b, "sum %x\n", sum[:8])
	return b.Bytes()
}

var errDamaged = errors.New("the file is no whole share")

func parseShare(text []byte) (s Share, err error) {
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			fields[name] = value
		}
	}
	if s.Week, err = letter.ParseWeek(fields["week"]); err != nil {
		return Share{}, errDamaged
	}
	s.Custodian, err = strconv.Atoi(fields["custodian"])
	if err != nil || s.Custodian < 1 || s.Custodian > Custodians {
		return Share{}, errDamaged
	}
	s.Set, s.Recipient = fields["set"], fields["recipient"]
	for i := range s.parts {
		s.parts[i], err = hex.DecodeString(fields[fmt.Sprintf("part%d", (s.Custodian-1+i)%Custodians+1)])
		if err != nil || len(s.parts[i]) == 0 {
			return Share{}, errDamaged
		}
	}
	if !bytes.Equal(s.text(), text) { // its sum included
		return Share{}, errDamaged
	}
	return s, nil
}

// fileName is the share's in a custodian's folder.
func (s Share) fileName() string {
	return fmt.Sprintf("letterlock-%s-custodian-%d.txt", s.Week, s.Custodian)
}

// Shares returns the shares in a custodian's folder, earliest week first, and
// how many files are named like one and cannot be read.
func Shares(dir string) (all []Share, damaged int, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("reading a custodian's folder: %w", err)
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), "letterlock-x") || !strings.HasSuffix(f.Name(), ".txt") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, 0, fmt.Errorf("reading a share: %w", err)
		}
		s, err := parseShare(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
		if err != nil || s.fileName() != f.Name() {
			damaged++
			continue
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Share) int { return strings.Compare(string(a.Week), string(b.Week)) })
	return all, damaged, nil
}

// Write makes the share's file in a custodian's folder, durable, and never in
// the place of another. It needs nothing that a memory stick's file system does
// not have. A crash leaves a passing name that no share has, or the share.
func (s Share) Write(dir string) error {
	path := filepath.Join(dir, s.fileName())
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(errors.New("writing a share: there is one already"), err)
	}
	passing := filepath.Join(dir, ".letterlock-share.new")
	if err := durable.Destroy(passing); err != nil { // what a crash has left
		return fmt.Errorf("writing a share: %w", err)
	}
	f, err := os.OpenFile(passing, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing a share: %w", err)
	}
	_, err = f.Write(s.text())
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(passing, path)
	}
	if err = errors.Join(err, durable.SyncDir(dir)); err != nil {
		_ = durable.Destroy(passing) // the next Write does it, if this does not
		return fmt.Errorf("writing a share: %w", err)
	}
	return nil
}

// Destroy overwrites the share's file in a custodian's folder, unlinks it and
// makes that durable. A file that is gone already is destroyed.
func (s Share) Destroy(dir string) error {
	if err := durable.Destroy(filepath.Join(dir, s.fileName())); err != nil {
		return fmt.Errorf("destroying a share: %w", err)
	}
	return nil
}

// Restore puts the week's keys that two custodians have brought back, the newest
// first, into the keyring, those that are missing there. It never replaces one. A
// crash leaves some of them; the next Restore puts back the others.
func (k *Keyring) Restore(w letter.Week, ids []*age.HybridIdentity) error {
	there, err := k.numbers(w)
	if err != nil {
		return fmt.Errorf("restoring key %s: %w", w, err)
	}
	n := 1
	for _, id := range slices.Backward(ids) {
		for slices.Contains(there, n) && !k.isKey(w, n, id) {
			n++ // another key of the week, which stays
		}
		if !slices.Contains(there, n) {
			err = k.write(k.path(w, n), keyText(w, id))
		}
		if err == nil && !k.isKey(w, n, id) {
			err = errors.New("another key is there")
		}
		if err != nil {
			return fmt.Errorf("restoring key %s: %w", w, err)
		}
		n++
	}
	return nil
}

// isKey reports whether the week's n-th key is this one.
func (k *Keyring) isKey(w letter.Week, n int, id *age.HybridIdentity) bool {
	there, err := k.identity(w, n)
	return err == nil && there.Recipient().String() == id.Recipient().String()
}
