package register

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"letterlock/scanner/letter"
)

func benchRegister(b *testing.B) *Register {
	b.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "letterlock-register")
	if err != nil {
		b.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		b.Fatal(err)
	}
	r, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "letterlock.db"), Signer: signer, Verifier: public, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Close() })
	return r
}

// filled gives the register n entries with their hashes, of which 500 are of
// the letter that is returned, however many there are.
func filled(b *testing.B, r *Register, n int64) letter.ID {
	b.Helper()
	asked := letter.NewID()
	err := r.inTx(b.Context(), func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(b.Context(), `INSERT INTO entries (seq, at, kind, letter, line) VALUES ($1, $2, $3, $4, $5)`)
		if err != nil {
			return err
		}
		hash, err := tx.PrepareContext(b.Context(), `INSERT INTO tree (idx, hash) VALUES ($1, $2)`)
		if err != nil {
			return err
		}
		var stored []tlog.Hash
		read := tlog.HashReaderFunc(func(idx []int64) (out []tlog.Hash, err error) {
			for _, i := range idx {
				out = append(out, stored[i])
			}
			return out, nil
		})
		for i := range n {
			id, ev := letter.NewID(), Event(LetterOpened{As: ShownPages})
			switch {
			case i < 500:
				id = asked
			case i%4 == 0:
				ev = LetterReadable{}
			}
			e, line, err := newEntry(i, time.UnixMilli(1_770_000_000_000+i), ev, id, 7)
			if err != nil {
				return err
			}
			if _, err := insert.ExecContext(b.Context(), e.N, millis(e.At), e.Kind, string(e.Letter), string(line)); err != nil {
				return err
			}
			hashes, err := tlog.StoredHashes(i, line, read)
			if err != nil {
				return err
			}
			for _, h := range hashes {
				if _, err := hash.ExecContext(b.Context(), len(stored), h[:]); err != nil {
					return err
				}
				stored = append(stored, h)
			}
		}
		signed, err := signHead(tlog.Tree{N: n}, r.cfg.Signer)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(b.Context(), `INSERT INTO checkpoint (one, size, note) VALUES (1, $1, $2)`, n, string(signed))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return asked
}

var sizes = []int64{1_000, 100_000, 1_000_000}

// BenchmarkByLength sets what is asked of a long register against the same asked
// of a short one, by turns in one run: a page costs what it shows, a line of an
// export what a line costs, however long the register is.
func BenchmarkByLength(b *testing.B) {
	registers, letters := make([]*Register, len(sizes)), make([]letter.ID, len(sizes))
	for i, n := range sizes {
		registers[i] = benchRegister(b)
		letters[i] = filled(b, registers[i], n)
	}
	page := func(before int64, kind string, ofLetter bool) func(i int) error {
		return func(i int) error {
			var id letter.ID
			if ofLetter {
				id = letters[i]
			}
			found, err := registers[i].Entries(b.Context(), before, kind, id, 51)
			if err == nil && len(found) != 51 {
				err = fmt.Errorf("%d entries", len(found))
			}
			return err
		}
	}
	for name, ask := range map[string]func(i int) error{
		"newest page": page(-1, "", false), "kind's page": page(-1, "letter-readable", false), "letter's page": page(-1, "", true),
		"older page":  page(700, "", false),
		"export line": func(i int) error { return registers[i].Export(b.Context(), io.Discard) },
	} {
		b.Run(name, func(b *testing.B) {
			took := make([]time.Duration, len(sizes))
			for b.Loop() {
				for i := range sizes {
					begin := time.Now()
					if err := ask(i); err != nil {
						b.Fatal(err)
					}
					took[i] += time.Since(begin)
				}
			}
			for i, n := range sizes[1:] {
				ratio := float64(took[i+1]) / float64(took[0])
				if name == "export line" {
					ratio *= float64(sizes[0]) / float64(n)
				}
				b.ReportMetric(ratio, fmt.Sprintf("x-%d/%d", n, sizes[0]))
			}
		})
	}
}

// BenchmarkAppend sets a change that is recorded against the same change with a
// plain row inserted in the same transaction, by turns in one run: into a table
// without any index, and into one that can be searched by letter and kind as the
// register can.
func BenchmarkAppend(b *testing.B) {
	for _, n := range sizes {
		r := benchRegister(b)
		filled(b, r, n)
		b.Run(strconv.FormatInt(n, 10), func(b *testing.B) { benchAppend(b, r) })
	}
}

func benchAppend(b *testing.B, r *Register) {
	if _, err := r.write.ExecContext(b.Context(), `CREATE TABLE IF NOT EXISTS plain (seq INTEGER PRIMARY KEY, at BIGINT, kind TEXT, letter TEXT, line TEXT);
		CREATE TABLE IF NOT EXISTS searched (seq INTEGER PRIMARY KEY, at BIGINT, kind TEXT, letter TEXT, line TEXT);
		CREATE INDEX IF NOT EXISTS searched_letter ON searched (letter, seq);
		CREATE INDEX IF NOT EXISTS searched_kind ON searched (kind, seq)`); err != nil {
		b.Fatal(err)
	}
	id := letter.NewID()
	_, line, err := newEntry(1, time.Now(), LetterOpened{As: ShownPages}, id, 7)
	if err != nil {
		b.Fatal(err)
	}
	change := func(ctx context.Context, tx *sql.Tx) error { return setMeta(ctx, tx, "bench", time.Now().String()) }
	insert := func(table string) func(tx *sql.Tx) error {
		return func(tx *sql.Tx) error {
			_, err := tx.ExecContext(b.Context(), `INSERT INTO `+table+` (at, kind, letter, line) VALUES ($1, $2, $3, $4)`, 1, "letter-opened", string(id), string(line))
			return err
		}
	}
	took := func(write func(tx *sql.Tx) error) time.Duration {
		begin := time.Now()
		err := r.inTx(b.Context(), func(tx *sql.Tx) error {
			if err := change(b.Context(), tx); err != nil {
				return err
			}
			return write(tx)
		})
		if err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	var plain, searched, recorded time.Duration
	for b.Loop() {
		plain += took(insert("plain"))
		searched += took(insert("searched"))
		recorded += took(func(tx *sql.Tx) error { return r.append(b.Context(), tx, LetterOpened{As: ShownPages}, id, 7) })
	}
	b.ReportMetric(float64(recorded)/float64(plain), "x-plain")
	b.ReportMetric(float64(recorded)/float64(searched), "x-searched")
}
