package register

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"letterlock/scanner/letter"
)

// appending is what append asks of the database, prepared once: each of them is
// short, and reading its text would take longer than doing it.
type appending struct {
	head, entry, hash, checkpoint *sql.Stmt

	// hand is the key that signed last; see signerUnder.
	hand atomic.Pointer[hand]

	// edge is the tree's edge under the newest checkpoint that append signed.
	edge atomic.Pointer[edge]
}

// edge is the right edge of the tree: the hashes of its largest whole subtrees,
// all that a further entry is hashed with. A checkpoint signs their root, so
// that whoever reads the same checkpoint knows the edge without reading it, also
// after a transaction that was taken back and beside other processes.
type edge struct {
	signed string
	hashes hashes
}

// prepare prepares the statements; db has one connection, or it would be done
// again for each transaction.
func (a *appending) prepare(ctx context.Context, db *sql.DB) error {
	for _, one := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&a.head, `SELECT COALESCE(c.size, 0), COALESCE(c.note, ''), (SELECT at FROM entries ORDER BY seq DESC LIMIT 1),
			EXISTS (SELECT 1 FROM meta WHERE name = $1), EXISTS (SELECT 1 FROM meta WHERE name = $2) FROM (SELECT 1 AS one) AS always LEFT JOIN checkpoint c ON c.one = always.one`},
		{&a.entry, `INSERT INTO entries (seq, at, kind, letter, line) VALUES ($1, $2, $3, $4, $5)`},
		{&a.hash, `INSERT INTO tree (idx, hash) VALUES ($1, $2)`},
		{&a.checkpoint, `INSERT INTO checkpoint (one, size, note) VALUES (1, $1, $2)
			ON CONFLICT (one) DO UPDATE SET size = excluded.size, note = excluded.note`},
	} {
		prepared, err := db.PrepareContext(ctx, one.text)
		if err != nil {
			return fmt.Errorf("preparing to append: %w", err)
		}
		*one.to = prepared
	}
	return nil
}

// append writes one entry, its hashes and the new signed head. It must be part
// of the transaction that makes the change it records: a crash leaves both or
// neither.
func (r *Register) append(ctx context.Context, tx *sql.Tx, ev Event, id letter.ID, by int64) error {
	return r.appendSigned(ctx, tx, ev, id, by, nil)
}

// appendSigned is append with the key that signs from this entry on; nil for the
// one that has signed so far.
func (r *Register) appendSigned(ctx context.Context, tx *sql.Tx, ev Event, id letter.ID, by int64, signer note.Signer) error {
	var size int64
	var signed string
	var newest sql.NullInt64
	var closed, moved bool
	if err := tx.StmtContext(ctx, r.appending.head).QueryRowContext(ctx, metaClosed, metaMoved).Scan(&size, &signed, &newest, &closed, &moved); err != nil {
		return fmt.Errorf("reading the register's head: %w", err)
	}
	if moved {
		return errElsewhere
	}
	if closed && !mayRecordClosed(ctx, ev) {
		return ErrClosed
	}
	if r.aside.Load() {
		return ErrAside
	}
	if signer == nil {
		var err error
		if signer, err = r.signerUnder(ctx, tx, signed); err != nil {
			return err
		}
	}
	now := r.cfg.Now()
	if newest.Valid {
		if err := r.doubtClock(ctx, tx, fromMillis(newest.Int64), now); err != nil {
			return fmt.Errorf("comparing the clock with the register: %w", err)
		}
	}
	e, line, err := newEntry(size, now, ev, id, by)
	if err != nil {
		return err
	}
	if _, err := tx.StmtContext(ctx, r.appending.entry).ExecContext(ctx, e.N, millis(e.At), e.Kind, string(id), string(line)); err != nil {
		return fmt.Errorf("writing entry: %w", err)
	}
	return r.grow(ctx, tx, size, signed, line, signer)
}

// grow hashes an entry into the tree of size entries under the signed checkpoint
// and has the signer sign the new head.
func (r *Register) grow(ctx context.Context, tx *sql.Tx, size int64, signed string, line []byte, signer note.Signer) error {
	known, err := r.appending.edgeUnder(ctx, tx, size, signed)
	if err != nil {
		return fmt.Errorf("reading the tree's edge: %w", err)
	}
	added, err := tlog.StoredHashes(size, line, known)
	if err != nil {
		return fmt.Errorf("hashing entry: %w", err)
	}
	first := tlog.StoredHashCount(size)
	insert := tx.StmtContext(ctx, r.appending.hash)
	for i, h := range added {
		known[first+int64(i)] = h
		if _, err := insert.ExecContext(ctx, first+int64(i), h[:]); err != nil {
			return fmt.Errorf("writing tree: %w", err)
		}
	}
	next := make(hashes, len(known))
	root, err := tlog.TreeHash(size+1, kept(known, next))
	if err != nil {
		return fmt.Errorf("hashing tree: %w", err)
	}
	head, err := signHead(tlog.Tree{N: size + 1, Hash: root}, signer)
	if err != nil {
		return fmt.Errorf("signing the register's head: %w", err)
	}
	if _, err := tx.StmtContext(ctx, r.appending.checkpoint).ExecContext(ctx, size+1, string(head)); err != nil {
		return fmt.Errorf("writing the register's head: %w", err)
	}
	r.appending.edge.Store(&edge{string(head), next})
	return nil
}

// edgeUnder is the edge of the tree of size entries that the checkpoint signs,
// as a copy to add to.
func (a *appending) edgeUnder(ctx context.Context, tx *sql.Tx, size int64, signed string) (hashes, error) {
	if last := a.edge.Load(); last != nil && last.signed == signed {
		return maps.Clone(last.hashes), nil
	}
	read := hashes{}
	_, err := tlog.TreeHash(size, kept(hashReader(ctx, tx), read))
	return read, err
}

// hashes are hashes of the tree by their place in it.
type hashes map[int64]tlog.Hash

// ReadHashes is tlog.HashReader.
func (known hashes) ReadHashes(idx []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(idx))
	for i, n := range idx {
		h, ok := known[n]
		if !ok {
			return nil, errors.New("a hash of the tree is missing")
		}
		out[i] = h
	}
	return out, nil
}

// kept keeps in into what is read from.
func kept(from tlog.HashReader, into hashes) tlog.HashReader {
	return tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		read, err := from.ReadHashes(idx)
		if err != nil {
			return nil, err
		}
		for i, n := range idx {
			into[n] = read[i]
		}
		return read, nil
	})
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// scannable is one row, alone or of several.
type scannable interface{ Scan(...any) error }

// scanAll reads all rows of a query, each with scan, and closes them.
func scanAll[T any](rows *sql.Rows, scan func(scannable) (T, error)) ([]T, error) {
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// head is the number of entries and the signed checkpoint over them.
func head(ctx context.Context, q querier) (size int64, signed string, err error) {
	err = q.QueryRowContext(ctx, `SELECT size, note FROM checkpoint WHERE one = 1`).Scan(&size, &signed)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", nil
	}
	return size, signed, err
}

// hashReader reads hashes of the tree, all that are asked for in one query.
func hashReader(ctx context.Context, q querier) tlog.HashReader {
	return tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		found, err := readHashes(ctx, q, idx)
		if err != nil {
			return nil, err
		}
		return found.ReadHashes(idx)
	})
}

func readHashes(ctx context.Context, q querier, idx []int64) (hashes, error) {
	if len(idx) == 0 {
		return nil, nil
	}
	marks, args := make([]string, len(idx)), make([]any, len(idx))
	for i, n := range idx {
		marks[i], args[i] = "$"+strconv.Itoa(i+1), n
	}
	rows, err := q.QueryContext(ctx, `SELECT idx, hash FROM tree WHERE idx IN (`+strings.Join(marks, ",")+`)`, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := make(hashes, len(idx))
	for rows.Next() {
		var n int64
		var raw sql.RawBytes
		if err := rows.Scan(&n, &raw); err != nil {
			return nil, err
		}
		var h tlog.Hash
		if copy(h[:], raw) != tlog.HashSize || len(raw) != tlog.HashSize {
			return nil, errors.New("a hash of the tree has the wrong length")
		}
		found[n] = h
	}
	return found, rows.Err()
}

// origin begins every checkpoint, in the form of https://c2sp.org/tlog-checkpoint:
// a line that says of what, the number of entries, the root hash in base64.
const origin = "letterlock register"

func signHead(t tlog.Tree, signer note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: formatHead(t)}, signer)
}

func formatHead(t tlog.Tree) string { return fmt.Sprintf("%s\n%d\n%s\n", origin, t.N, t.Hash) }

// parseHead reads what formatHead writes, and nothing else.
func parseHead(text string) (t tlog.Tree, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return t, errors.New("not a register's checkpoint")
	}
	t.N, err = strconv.ParseInt(lines[1], 10, 64)
	if err == nil {
		t.Hash, err = tlog.ParseHash(lines[2])
	}
	if err != nil || formatHead(t) != text {
		return tlog.Tree{}, errors.New("not a register's checkpoint")
	}
	return t, nil
}

// Checkpoint is the register's size in entries and its signed head.
func (r *Register) Checkpoint(ctx context.Context) (entries int64, signed string, err error) {
	return head(ctx, r.read)
}

// trailer is the last line of an export.
type trailer struct {
	Checkpoint string `json:"checkpoint"`
}

// Export writes the register as NDJSON: one entry a line, and last the signed
// checkpoint over exactly these lines.
func (r *Register) Export(ctx context.Context, w io.Writer) error {
	// One read transaction: lines and checkpoint are of the same moment.
	tx, err := r.reading(ctx)
	if err != nil {
		return fmt.Errorf("exporting register: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	_, signed, err := head(ctx, tx)
	if err != nil {
		return fmt.Errorf("exporting register: %w", err)
	}
	rows, err := tx.QueryContext(ctx, `SELECT line FROM entries ORDER BY seq`)
	if err != nil {
		return fmt.Errorf("exporting register: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := bufio.NewWriter(w)
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return fmt.Errorf("exporting register: %w", err)
		}
		_, _ = out.WriteString(line + "\n") // a bufio.Writer keeps its first error for Flush
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("exporting register: %w", err)
	}
	last, err := json.Marshal(trailer{signed})
	if err != nil {
		return err
	}
	_, _ = out.Write(append(last, '\n'))
	return out.Flush()
}

// VerifyTip checks that the entries on record are those under the signed
// checkpoint: the tree's root is computed from its stored hashes, and the
// newest entry hashed anew. It returns the number of entries. Verify on an
// export checks every entry.
func (r *Register) VerifyTip(ctx context.Context) (entries int64, err error) {
	tx, err := r.reading(ctx)
	if err != nil {
		return 0, fmt.Errorf("verifying register: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	size, signed, err := head(ctx, tx)
	if err != nil || size == 0 {
		return size, err
	}
	keys, err := r.keys(ctx, tx)
	if err != nil {
		return 0, err
	}
	known, err := keys.Open(signed)
	if err != nil {
		return 0, err
	}
	root, err := tlog.TreeHash(size, hashReader(ctx, tx))
	if err != nil {
		return 0, fmt.Errorf("verifying register: %w", err)
	}
	var count int64
	var newest string
	if err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM entries), line FROM entries WHERE seq = $1`, size-1).Scan(&count, &newest); err != nil {
		return 0, fmt.Errorf("verifying register: %w", err)
	}
	leaf, err := hashReader(ctx, tx).ReadHashes([]int64{tlog.StoredHashIndex(0, size-1)})
	if err != nil {
		return 0, fmt.Errorf("verifying register: %w", err)
	}
	if known.Entries != size || count != size || root != known.Root || leaf[0] != tlog.RecordHash([]byte(newest)) {
		return 0, &Wrong{0, "the entries are not those that were signed"}
	}
	return size, nil
}
