package register

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// KeyChange is an entry SigningKeyChanged on its own: all that somebody needs who
// holds one of the two public keys and sees a checkpoint of the other.
type KeyChange struct {
	Entry int64 `json:"entry"` // its number; the old key signs trees of at most so many entries
	SigningKeyChanged
}

// text is what both keys sign; another one where the old key was lost, so that what
// both have signed is never taken for a loss.
func (c KeyChange) text() string {
	if c.Lost {
		return fmt.Sprintf("letterlock register key lost\n%d\n%s\n%s\n%s\n", c.Entry, c.Root, c.From, c.To)
	}
	return fmt.Sprintf("letterlock register key\n%d\n%s\n%s\n%s\n", c.Entry, c.Root, c.From, c.To)
}

// signKeyChange has both keys sign the change, or the new one alone where from is nil.
func signKeyChange(c KeyChange, from, to note.Signer) (KeyChange, error) {
	c.Lost = from == nil
	for _, by := range []struct {
		signer note.Signer
		into   *Signature
	}{{from, &c.ByFrom}, {to, &c.ByTo}} {
		if by.signer == nil {
			continue
		}
		signed, err := note.Sign(&note.Note{Text: c.text()}, by.signer)
		if err != nil {
			return c, fmt.Errorf("signing the change of keys: %w", err)
		}
		*by.into = Signature(signed[strings.LastIndexByte(string(signed), ' ')+1 : len(signed)-1])
	}
	return c, c.check()
}

// check checks that the change is signed by both of its keys, or that it says that
// the old one was lost and is signed by the new one.
func (c KeyChange) check() error {
	if err := checkForms(c.SigningKeyChanged); err != nil || c.Lost != (c.ByFrom == "") {
		return &Wrong{0, "a change of the signing key is not of its form"}
	}
	for _, by := range []struct {
		key  SigningKey
		sig  Signature
		says string
	}{{c.From, c.ByFrom, "that it ends"}, {c.To, c.ByTo, "that takes over"}} {
		pub, err := note.NewVerifier(string(by.key))
		if err != nil {
			return &Wrong{0, "a change of the signing key names no key"}
		}
		if by.key == c.From && c.Lost {
			continue
		}
		if !c.signedBy(pub, by.sig) {
			return &Wrong{0, "a change of the signing key is not signed by the key " + by.says}
		}
	}
	return nil
}

func (c KeyChange) signedBy(pub note.Verifier, sig Signature) bool {
	signed := c.text() + "\n— " + pub.Name() + " " + string(sig) + "\n"
	n, err := note.Open([]byte(signed), note.VerifierList(pub))
	return err == nil && strictlySigned(n, signed)
}

// place is which of the two the key is, the first or the second. It goes by what the
// key has signed: another could be found that has the same name and hash. A lost key
// has signed nothing here, and is known by these: whoever held such another would be
// told that the register breaks, and Open goes by the key that is held.
func (c KeyChange) place(pub note.Verifier) (second, is bool) {
	if c.signedBy(pub, c.ByTo) {
		return true, true
	}
	return false, c.signedBy(pub, c.ByFrom) || c.Lost && hashOf(c.From) == pub.KeyHash()
}

// Says is what a person who verifies must know of the change.
func (c KeyChange) Says() string {
	if c.Lost {
		return fmt.Sprintf("BREAK: from entry %d on another key signs, and the one before it, which was lost, has not signed that. Whether the %d entries before are those that it had signed is vouched for by what was exported or witnessed before then, and by nothing in here: compare with that. It is", c.Entry, c.Entry)
	}
	return fmt.Sprintf("From entry %d on another key signs, as the one before it has signed", c.Entry)
}

// Keys are the keys that a register was signed with, one after the other, as far
// as whoever verifies it knows. They hold one of them; the others follow from it:
// those before, and those after until one was lost.
type Keys struct {
	pub     note.Verifier
	held    int // which one that is, from 0
	changes []KeyChange
}

// mostKeyChanges bounds what a verifier keeps in memory: one a month for 80 years.
const mostKeyChanges = 1000

// KeysFrom are the keys of the register of which pub is one, and these are the
// changes, the first one first. *Wrong says that they are not: a change is not
// signed, or does not go on where the one before it ends, or pub is none of them.
func KeysFrom(pub note.Verifier, changes []KeyChange) (Keys, error) {
	if len(changes) > mostKeyChanges {
		return Keys{}, &Wrong{0, "more changes of the signing key than any register has"}
	}
	keys := Keys{pub, -1, changes}
	if len(changes) == 0 {
		keys.held = 0
	}
	seen := map[uint32]bool{}
	for i, c := range changes {
		if err := c.check(); err != nil {
			return Keys{}, err
		}
		if i == 0 {
			seen[hashOf(c.From)] = true
		} else if before := changes[i-1]; before.To != c.From || before.Entry >= c.Entry {
			return Keys{}, &Wrong{0, fmt.Sprintf("the change of the signing key in entry %d does not go on where that in entry %d ends", c.Entry, before.Entry)}
		}
		if seen[hashOf(c.To)] {
			return Keys{}, &Wrong{0, fmt.Sprintf("the key that takes over in entry %d has signed before", c.Entry)}
		}
		seen[hashOf(c.To)] = true
		if second, is := c.place(pub); is && second {
			keys.held = i + 1
		} else if is && keys.held < 0 {
			keys.held = i
		}
	}
	if keys.held < 0 {
		return Keys{}, &Wrong{0, "the register's signing key was changed, and the one given is none of its keys"}
	}
	return keys, nil
}

// hashOf is the key's hash. Its form was checked.
func hashOf(key SigningKey) uint32 {
	pub, err := note.NewVerifier(string(key))
	if err != nil {
		return 0
	}
	return pub.KeyHash()
}

// Changes are the changes of the signing key, the first one first.
func (k Keys) Changes() []KeyChange { return slices.Clone(k.changes) }

// Continue reports whether the keys are those of an earlier look, or those and
// further ones.
func (k Keys) Continue(earlier Keys) bool {
	return len(k.changes) >= len(earlier.changes) && slices.Equal(k.changes[:len(earlier.changes)], earlier.changes)
}

// First is the key that has signed first.
func (k Keys) First() note.Verifier {
	if pubs, err := k.verifiers(); err == nil {
		return pubs[0]
	}
	return k.pub
}

// verifiers are the keys, the first one first.
func (k Keys) verifiers() (pubs []note.Verifier, err error) {
	if len(k.changes) == 0 {
		return []note.Verifier{k.pub}, nil
	}
	named := []SigningKey{k.changes[0].From}
	for _, c := range k.changes {
		named = append(named, c.To)
	}
	for i, key := range named {
		pub, err := note.NewVerifier(string(key))
		if err != nil {
			return nil, &Wrong{0, "a change of the signing key names no key"}
		}
		if i == k.held && pub.KeyHash() == k.pub.KeyHash() {
			pub = k.pub
		}
		pubs = append(pubs, pub)
	}
	return pubs, nil
}

// Open reads a signed checkpoint. What is wrong with it comes back as *Wrong: also
// that one of the keys signed it that had ended by then, or not yet begun.
func (k Keys) Open(signed string) (Head, error) {
	pubs, err := k.verifiers()
	if err != nil {
		return Head{}, err
	}
	n, err := note.Open([]byte(signed), note.VerifierList(pubs...))
	if err != nil || !strictlySigned(n, signed) {
		return Head{}, &Wrong{0, "the checkpoint is not signed by this key" + map[bool]string{true: ", nor by one that took over from it"}[len(k.changes) > 0]}
	}
	tree, err := parseHead(n.Text)
	if err != nil {
		return Head{}, &Wrong{0, "the checkpoint is signed, but is not a register's"}
	}
	at := slices.IndexFunc(pubs, func(pub note.Verifier) bool { return pub.KeyHash() == n.Sigs[0].Hash })
	unvouched := k.Unvouched()
	switch {
	case unvouched != nil && at > 0 && k.changes[at-1].Entry >= unvouched.Change.Entry:
		return Head{}, unvouched
	case at > 0 && tree.N <= k.changes[at-1].Entry:
		return Head{}, &Wrong{0, fmt.Sprintf("the checkpoint over %d entries is signed by a key that took over only with entry %d", tree.N, k.changes[at-1].Entry)}
	case at < len(k.changes) && tree.N > k.changes[at].Entry:
		return Head{}, &Wrong{0, fmt.Sprintf("the checkpoint over %d entries is signed by a key that had ended: another took over with entry %d", tree.N, k.changes[at].Entry)}
	}
	return Head{tree.N, tree.Hash, signed}, nil
}

// keyChangeIn reads the entry as a change of the signing key, if it is one. root
// is that of the tree over the entries before it.
func keyChangeIn(e Entry, root func() tlog.Hash) (c KeyChange, is bool, err error) {
	if e.Kind != (SigningKeyChanged{}).kind() {
		return c, false, nil
	}
	c.Entry = e.N
	if json.Unmarshal(e.Data, &c.SigningKeyChanged) != nil {
		return c, true, errors.New("the change of the signing key cannot be read")
	}
	if string(c.Root) != root().String() {
		return c, true, errors.New("the change of the signing key is not of these entries")
	}
	return c, true, nil
}

// ErrOldKey says that the register is signed with another key by now, which this
// server does not have: it records nothing, and so does nothing.
var ErrOldKey = errors.New("the register is signed with another key than this server's, and nothing is recorded with the wrong one: put back state/register.key of its data folder, from the server where the key was changed, or from the newest backup")

// ErrNoKey says that this server has no key to sign the register with: it records
// nothing, and so does nothing.
var ErrNoKey = errors.New("state/register.key is missing, with which the register is signed, and nothing is recorded without it: put it back, from a backup or from another server. Only if every copy of it is lost, run: letterlock register replace-lost-key")

// notHere is why the register cannot be signed with the key that signs it.
func (r *Register) notHere() error {
	if r.cfg.Signer == nil {
		return ErrNoKey
	}
	return ErrOldKey
}

// MaySign is ErrNoKey or ErrOldKey where this server does not have the key that signs
// the register.
func (r *Register) MaySign(ctx context.Context) error {
	_, signed, err := head(ctx, r.read)
	if err == nil {
		_, err = r.signerUnder(ctx, r.read, signed)
	}
	return err
}

// Begun reports whether there is any entry: everything that a data folder needs was made
// before the first one.
func (r *Register) Begun(ctx context.Context) (bool, error) {
	_, signed, err := head(ctx, r.read)
	return signed != "", err
}

// hand is a key that signs: the hash by which its checkpoints are known.
type hand struct {
	signer note.Signer
	hash   uint32
}

// signerUnder is the signer that has signed the newest checkpoint, and so signs
// the next one. Where that is not the one that was at hand, the key was changed
// beside this process, which may have the new one by now.
func (r *Register) signerUnder(ctx context.Context, q querier, signed string) (note.Signer, error) {
	if signed == "" && r.cfg.Signer == nil {
		return nil, ErrNoKey
	}
	if signed == "" {
		return r.cfg.Signer, nil
	}
	hash := signedBy(signed)
	if last := r.appending.hand.Load(); last != nil && last.hash == hash {
		return last.signer, nil
	}
	signer := r.cfg.Signer
	if signer == nil || signer.KeyHash() != hash {
		living, err := r.livingKey(ctx, q)
		if err != nil {
			return nil, err
		}
		if r.cfg.SignerOf == nil || hashOf(living) != hash {
			return nil, r.notHere()
		}
		if signer, err = r.cfg.SignerOf(living); err != nil {
			return nil, fmt.Errorf("reading the register's new signing key: %w", err)
		}
		if signer == nil || signer.KeyHash() != hash {
			return nil, r.notHere()
		}
	}
	r.appending.hand.Store(&hand{signer, hash})
	return signer, nil
}

// signedBy is the hash of the key that a checkpoint says that it is signed by; 0
// where it says nothing. Nothing is verified by it.
func signedBy(signed string) uint32 {
	line := signed[strings.LastIndexByte(signed, ' ')+1:]
	var hash [6]byte
	if len(line) < 8 {
		return 0
	}
	if _, err := base64.StdEncoding.Decode(hash[:], []byte(line[:8])); err != nil {
		return 0
	}
	return binary.BigEndian.Uint32(hash[:4])
}

// keyChanges are the changes on record, the first one first.
func keyChanges(ctx context.Context, q querier) ([]KeyChange, error) {
	rows, err := q.QueryContext(ctx, `SELECT line FROM entries WHERE kind = $1 ORDER BY seq`, SigningKeyChanged{}.kind())
	if err != nil {
		return nil, fmt.Errorf("reading changes of the signing key: %w", err)
	}
	return scanAll(rows, func(row scannable) (c KeyChange, err error) {
		var line string
		var e Entry
		if err := row.Scan(&line); err != nil {
			return c, err
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return c, err
		}
		c.Entry = e.N
		return c, json.Unmarshal(e.Data, &c.SigningKeyChanged)
	})
}

// keys are the keys of the register, from the one that this process was opened with.
func (r *Register) keys(ctx context.Context, q querier) (Keys, error) {
	pub, err := note.NewVerifier(r.cfg.Verifier)
	if err != nil {
		return Keys{}, fmt.Errorf("reading the register's public key: %w", err)
	}
	changes, err := keyChanges(ctx, q)
	if err != nil {
		return Keys{}, err
	}
	return KeysFrom(pub, changes)
}

// KeyChanges are the changes of the signing key, the first one first, for whoever
// holds one of the keys and sees a checkpoint.
func (r *Register) KeyChanges(ctx context.Context) ([]KeyChange, error) {
	return keyChanges(ctx, r.read)
}

// livingKey is the key that the register is signed with.
func (r *Register) livingKey(ctx context.Context, q querier) (SigningKey, error) {
	keys, err := r.keys(ctx, q)
	if err != nil || len(keys.changes) == 0 {
		return SigningKey(r.cfg.Verifier), err
	}
	return keys.changes[len(keys.changes)-1].To, nil
}

// LivingKey is the public key that the register is signed with.
func (r *Register) LivingKey(ctx context.Context) (SigningKey, error) {
	return r.livingKey(ctx, r.read)
}

// Signing is when the key that signs the register began to, and ErrNoKey or ErrOldKey
// where this server does not have it.
func (r *Register) Signing(ctx context.Context) (since time.Time, err error) {
	if err := r.MaySign(ctx); err != nil {
		return since, err
	}
	var at int64
	err = r.read.QueryRowContext(ctx, `SELECT at FROM entries WHERE seq = COALESCE((SELECT max(seq) FROM entries WHERE kind = $1), 0)`, SigningKeyChanged{}.kind()).Scan(&at)
	return fromMillis(at), err
}

// ChangeKey has the register signed by another key from now on, whose private and
// public halves these are, and returns the entry that says so. Whatever the old key
// has signed stays verifiable. A crash leaves the old key living, or the new one:
// the entry and the new key's first checkpoint are one transaction. Where the key
// takes over already nothing is done.
func (r *Register) ChangeKey(ctx context.Context, to note.Signer, public SigningKey) (c KeyChange, err error) {
	return r.changeKey(ctx, to, public, func(tx *sql.Tx, signed string) (from note.Signer, living SigningKey, err error) {
		if from, err = r.signerUnder(ctx, tx, signed); err == nil {
			living, err = r.livingKey(ctx, tx)
		}
		return from, living, err
	})
}

// changeKey records a change to a key. from says which key ends, and its private
// half, nil where that is lost.
func (r *Register) changeKey(ctx context.Context, to note.Signer, public SigningKey, from func(tx *sql.Tx, signed string) (note.Signer, SigningKey, error)) (c KeyChange, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		size, signed, err := head(ctx, tx)
		if err != nil {
			return err
		}
		changes, err := keyChanges(ctx, tx)
		if err != nil {
			return err
		}
		if size > 0 && signedBy(signed) == to.KeyHash() {
			if len(changes) > 0 {
				c = changes[len(changes)-1]
			}
			return nil
		}
		ends, living, err := from(tx, signed)
		if err != nil {
			return err
		}
		known, err := r.appending.edgeUnder(ctx, tx, size, signed)
		if err != nil {
			return fmt.Errorf("reading the tree's edge: %w", err)
		}
		root, err := tlog.TreeHash(size, known)
		if err != nil {
			return fmt.Errorf("hashing tree: %w", err)
		}
		c = KeyChange{size, SigningKeyChanged{From: living, To: public, Root: TreeHash(root.String())}}
		if c, err = signKeyChange(c, ends, to); err != nil {
			return err
		}
		pub, err := note.NewVerifier(string(public))
		if err != nil {
			return fmt.Errorf("reading the new key's public half: %w", err)
		}
		if _, err := KeysFrom(pub, append(changes, c)); err != nil {
			return err
		}
		return r.appendSigned(ctx, tx, c.SigningKeyChanged, "", 0, to)
	})
	if err != nil {
		return KeyChange{}, fmt.Errorf("changing the register's signing key: %w", err)
	}
	return c, nil
}

// OpenStatement reads a published checkpoint of this register, or of one from
// which it has parted: a key may have taken over there of which it does not know,
// as after a restore from an older backup.
func (r *Register) OpenStatement(ctx context.Context, st Statement) (Head, error) {
	head, err := r.OpenHead(ctx, st.Checkpoint)
	if _, wrong := errors.AsType[*Wrong](err); !wrong || len(st.Keys) == 0 {
		return head, err
	}
	pub, notOurs := note.NewVerifier(r.cfg.Verifier)
	if notOurs != nil {
		return head, err
	}
	there, notOurs := KeysFrom(pub, st.Keys)
	if notOurs != nil {
		return head, err
	}
	return there.acrossLosses().Open(st.Checkpoint) // no more is made of it than that this one is older
}
