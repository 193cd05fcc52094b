package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/cmd/progress"
	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

// BenchmarkRestore sets a backup, and its way back into a file and into a PostgreSQL
// up to where the replay begins, against a plain copy of the database's file that is
// brought onto the disk, by turns in one run. There are so many living letters, with
// four entries each.
func BenchmarkRestore(b *testing.B) {
	server := postgrestest.Start(b)
	for _, letters := range []int{100, 10_000} {
		b.Run(fmt.Sprint(letters), func(b *testing.B) {
			data := newSample(b)
			manyLetters(b, data, letters)
			kept, key := setUpBackups(b, data)
			folder := b.TempDir()
			took := map[string]time.Duration{}
			timed := func(what string, do func() error) {
				b.Helper()
				begin := time.Now()
				must(b, do())
				took[what] += time.Since(begin)
			}
			for b.Loop() {
				nextSecond()
				timed("backup", func() error {
					if status := run([]string{"--data", data, "backup"}, io.Discard, io.Discard); status != exitDone {
						return fmt.Errorf("backup ended with %d", status)
					}
					return nil
				})
				timed("copy", func() error {
					return copyFile(filepath.Join(data, "state", "letterlock.db"), filepath.Join(folder, "copy.db"))
				})
				for where, into := range map[string]string{"file": toFile, "postgresql": server.Database(b)} {
					place, err := os.MkdirTemp(folder, "place-*")
					must(b, err)
					dir, err := locate(place, "")
					must(b, err)
					w := &world{b.Context(), dir, bufio.NewReader(strings.NewReader("")), io.Discard, io.Discard, slog.New(slog.DiscardHandler), progress.On(io.Discard)}
					timed(where, func() error {
						_, err := w.unpack(dir, newestBackup(b, kept), key, into, false)
						return err
					})
				}
			}
			for what, all := range took {
				b.ReportMetric(all.Seconds()/float64(b.N), "s-"+what)
				if what != "copy" {
					b.ReportMetric(float64(all)/float64(took["copy"]), "x-copy-"+what)
				}
			}
		})
	}
}

// copyFile copies a file onto the disk.
func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, source)
	return errors.Join(err, f.Sync(), f.Close())
}

// manyLetters adds letters to a sample's register, each with four entries, as fast as
// a disk that is not waited for lets it.
func manyLetters(b *testing.B, data string, n int) {
	b.Helper()
	in, ctx := beside(b, data), b.Context()
	defer in.close()
	db := in.register.DB()
	do := func(query string, args ...any) {
		b.Helper()
		_, err := db.ExecContext(ctx, query, args...)
		must(b, err)
	}
	do(`PRAGMA synchronous = OFF`)
	do(`CREATE TEMP TABLE one AS SELECT * FROM letters LIMIT 1`)
	for range n {
		id := letter.NewID()
		do(`UPDATE one SET id = $1, reference = $2`, string(id), id.Reference())
		do(`INSERT INTO letters SELECT * FROM one`)
		for range 4 {
			must(b, in.register.RecordOf(ctx, register.LetterReadable{}, id))
		}
	}
}
