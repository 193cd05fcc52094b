package register

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Wrong is what was found wrong in an export, or between two statements about
// one register. Line counts from 1; 0 is the whole.
type Wrong struct {
	Line int
	Says string
}

func (w *Wrong) Error() string {
	if w.Line == 0 {
		return w.Says
	}
	return fmt.Sprintf("line %d: %s", w.Line, w.Says)
}

// Head is a checkpoint whose signature was found good: the register had these
// entries, in this order, and no others.
type Head struct {
	Entries int64
	Root    tlog.Hash
	Note    string // as it was signed
}

// OpenHead reads a checkpoint that this very key has signed. What is wrong with it
// comes back as *Wrong.
func OpenHead(signed string, pub note.Verifier) (Head, error) {
	return Keys{pub: pub}.Open(signed)
}

// strictlySigned reports whether a note holds nothing but its one signature,
// written the one way that it is written: note.Open passes over further lines
// of the same key, and base64 leaves some bits unread.
func strictlySigned(n *note.Note, signed string) bool {
	if len(n.Sigs) != 1 || signed != n.Text+"\n— "+n.Sigs[0].Name+" "+n.Sigs[0].Base64+"\n" {
		return false
	}
	_, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64)
	return err == nil
}

// maxLine bounds one line of an export in bytes; a true one is far shorter.
const maxLine = 64 << 10

// Verify reads an export and checks it with a public key of the register alone:
// every line in its place, and the tree over them the very one that was signed, by
// that key or by one that follows from it. Where earlier heads are given, the
// export must also hold what each of them was signed over, in the same place:
// nothing was rewritten since. It returns the export's own head. What is wrong
// comes back as *Wrong, trouble with reading as any other error. It keeps one line
// and a few hashes in memory.
func Verify(export io.Reader, pub note.Verifier, earlier ...Head) (Head, error) {
	v, err := VerifyExport(export, pub, earlier...)
	return v.Head, err
}

// Proven is what an export says that was found good: all of it zero where
// nothing was signed.
type Proven struct {
	Head     Head
	Restores []RestoreSaid // of which it says that the register came of them, the first one first
	Keys     Keys          // with which it was signed
}

// VerifyExport is Verify, and returns what else the export says.
func VerifyExport(export io.Reader, pub note.Verifier, earlier ...Head) (v Proven, err error) {
	roots := map[int64]tlog.Hash{}
	for _, h := range earlier {
		roots[h.Entries] = h.Root
	}
	var differs *Wrong
	var tree frontier
	var restores []RestoreSaid
	var changes []KeyChange
	signed, err := eachEntry(export, func(line int, entry []byte, e Entry) error {
		if c, is, err := keyChangeIn(e, tree.root); err != nil {
			return &Wrong{line, err.Error()}
		} else if is && len(changes) <= mostKeyChanges {
			changes = append(changes, c)
		}
		tree.add(entry)
		if want, ok := roots[tree.entries]; ok && tree.root() != want && differs == nil {
			differs = &Wrong{line, fmt.Sprintf("the first %d entries are not those that were signed before", tree.entries)}
		}
		if said, ok := restoreIn(e); ok {
			restores = append(restores, said)
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	keys, err := KeysFrom(pub, changes)
	if err != nil {
		return v, err
	}
	head, err := checkHead(signed, keys, &tree)
	if err != nil {
		return v, err
	}
	v = Proven{head, restores, keys}
	if differs != nil {
		return v, differs
	}
	for _, h := range earlier {
		if h.Entries > head.Entries {
			return v, &Wrong{0, fmt.Sprintf("%d entries, but there were %d before", head.Entries, h.Entries)}
		}
	}
	return v, nil
}

// EachEntry calls f with the entries of an export, in their order, and ends at
// the first error. Whether they are what was signed is for Verify to say.
func EachEntry(export io.Reader, f func(Entry) error) error {
	_, err := eachEntry(export, func(_ int, _ []byte, e Entry) error { return f(e) })
	return err
}

// eachEntry calls f with each line of an export that is an entry, as it is
// written and read, and returns the checkpoint that must follow them; "" when
// none did.
func eachEntry(export io.Reader, f func(line int, entry []byte, e Entry) error) (signed string, err error) {
	in := bufio.NewScanner(export)
	in.Buffer(make([]byte, 0, maxLine), maxLine)
	in.Split(wholeLines)
	var entries int64
	for line := 1; in.Scan(); line++ {
		if signed != "" {
			return "", &Wrong{line, "something follows the checkpoint"}
		}
		if bytes.HasPrefix(in.Bytes(), []byte(`{"checkpoint":`)) {
			if signed, err = readTrailer(in.Bytes()); err != nil {
				return "", &Wrong{line, "the checkpoint cannot be read"}
			}
			continue
		}
		var e Entry
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return "", &Wrong{line, "not an entry"}
		}
		if e.N != entries {
			return "", &Wrong{line, fmt.Sprintf("entry %d stands where entry %d belongs", e.N, entries)}
		}
		if err := f(line, in.Bytes(), e); err != nil {
			return "", err
		}
		entries++
	}
	switch err := in.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return "", &Wrong{0, "a line is longer than any entry"}
	case err != nil:
		return "", fmt.Errorf("reading export: %w", err)
	}
	return signed, nil
}

// readTrailer reads an export's last line, written the one way that it is written.
func readTrailer(line []byte) (signed string, err error) {
	var t trailer
	if err := json.Unmarshal(line, &t); err != nil {
		return "", err
	}
	if written, _ := json.Marshal(t); t.Checkpoint == "" || !bytes.Equal(written, line) {
		return "", errors.New("not as it is written")
	}
	return t.Checkpoint, nil
}

// wholeLines splits at line feeds and keeps all else, a carriage return too:
// every byte of a line was hashed.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, &Wrong{0, "the end of the last line is missing"}
	}
	return 0, nil, nil
}

func checkHead(signed string, keys Keys, tree *frontier) (Head, error) {
	if signed == "" {
		return Head{}, &Wrong{0, "the export ends without a signed checkpoint: its end is missing"}
	}
	head, err := keys.Open(signed)
	switch {
	case err != nil:
		return Head{}, err
	case head.Entries != tree.entries:
		return Head{}, &Wrong{0, fmt.Sprintf("%d entries, but %d were signed", tree.entries, head.Entries)}
	case head.Root != tree.root():
		return Head{}, &Wrong{0, "an entry is not the one that was signed"}
	}
	return head, nil
}

// frontier is all that the root of a growing tree needs: the roots of the whole
// subtrees that its entries make up, largest first. There are as many as the
// number of entries has ones in binary.
type frontier struct {
	entries int64
	whole   []tlog.Hash
}

func (f *frontier) add(entry []byte) {
	h := tlog.RecordHash(entry)
	// As in counting on by one in binary, every trailing one is carried.
	for n := f.entries; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(f.whole[len(f.whole)-1], h)
		f.whole = f.whole[:len(f.whole)-1]
	}
	f.whole = append(f.whole, h)
	f.entries++
}

// root is the tree's root hash (RFC 6962, section 2.1).
func (f *frontier) root() tlog.Hash {
	h := tlog.Hash(sha256.Sum256(nil)) // of no entry
	for i, whole := range slices.Backward(f.whole) {
		if i == len(f.whole)-1 {
			h = whole
			continue
		}
		h = tlog.NodeHash(whole, h)
	}
	return h
}

// entryBegins is how every line of an export begins that is an entry.
const entryBegins = `{"n":`

// FirstDifference reads two exports side by side and returns the number of the
// first entry that is not the same in both; none when the shorter one is how
// the longer one begins. Both must have been verified.
func FirstDifference(one, other io.Reader) (n int64, differ bool, err error) {
	a, b := bufio.NewReaderSize(one, maxLine), bufio.NewReaderSize(other, maxLine)
	for ; ; n++ {
		left, err1 := a.ReadSlice('\n')
		right, err2 := b.ReadSlice('\n')
		if err := errors.Join(err1, err2); err != nil {
			return 0, false, fmt.Errorf("reading export: %w", err)
		}
		if !bytes.HasPrefix(left, []byte(entryBegins)) || !bytes.HasPrefix(right, []byte(entryBegins)) {
			return 0, false, nil
		}
		if !bytes.Equal(left, right) {
			return n, true, nil
		}
	}
}

// OpenHead reads a checkpoint of this register, whichever of its keys has signed it.
func (r *Register) OpenHead(ctx context.Context, signed string) (Head, error) {
	keys, err := r.keys(ctx, r.read)
	if err != nil {
		return Head{}, err
	}
	return keys.Open(signed)
}

// Holds checks that the register still holds what an earlier checkpoint of it
// was signed over, and nothing else in its place. *Wrong says that it does not:
// entries were taken away, as by an old backup, or written anew, or the
// checkpoint is another register's. It costs a few look-ups.
func (r *Register) Holds(ctx context.Context, signed string) error {
	h, err := r.OpenHead(ctx, signed)
	if err != nil {
		return err
	}
	tx, err := r.reading(ctx)
	if err != nil {
		return fmt.Errorf("comparing with a checkpoint: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	size, _, err := head(ctx, tx)
	if err != nil {
		return fmt.Errorf("comparing with a checkpoint: %w", err)
	}
	if h.Entries > size {
		return &Wrong{0, fmt.Sprintf("the register has %d entries and had %d before", size, h.Entries)}
	}
	root, err := tlog.TreeHash(h.Entries, hashReader(ctx, tx))
	if err != nil {
		return fmt.Errorf("comparing with a checkpoint: %w", err)
	}
	if root != h.Root {
		return &Wrong{0, fmt.Sprintf("the first %d entries of the register are not those that were signed", h.Entries)}
	}
	return nil
}

// Growth is a proof about the register that anybody may check: its first To
// entries begin with what were its first From.
type Growth struct {
	From  int64          `json:"from"`
	To    int64          `json:"to"`
	Proof tlog.TreeProof `json:"proof"`
}

// ProveGrowth is the proof that the register's first `to` entries begin with
// what were its first `from`: about two hashes for each doubling.
func (r *Register) ProveGrowth(ctx context.Context, from, to int64) (g Growth, err error) {
	tx, err := r.reading(ctx)
	if err != nil {
		return g, fmt.Errorf("proving growth: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	size, _, err := head(ctx, tx)
	if err != nil {
		return g, fmt.Errorf("proving growth: %w", err)
	}
	if from < 1 || from > to || to > size {
		return g, ErrNotFound
	}
	proof, err := tlog.ProveTree(to, from, hashReader(ctx, tx))
	return Growth{from, to, proof}, err
}

// Check checks the proof between two heads of these sizes. *Wrong says that the
// later one does not continue the earlier.
func (g Growth) Check(from, to Head) error {
	if g.From != from.Entries || g.To != to.Entries || tlog.CheckTree(g.Proof, g.To, to.Root, g.From, from.Root) != nil {
		return &Wrong{0, fmt.Sprintf("the first %d of %d entries are not those that were signed before", from.Entries, to.Entries)}
	}
	return nil
}
