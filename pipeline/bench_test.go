package pipeline

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// shelves fills an office with letters that nobody ever sent: copies of one
// letter's rows, each with an object of a few bytes. All were read, and their papers
// destroyed, as nearly every letter of an archive.
type shelves struct {
	*office
	like letter.ID // the letter whose rows are copied
}

func fill(b testing.TB, opts ...option) *shelves {
	o := newOffice(b, opts...)
	m := o.deposit()
	o.work(m.ID)
	o.destroyPaper(m)
	return &shelves{o, m.ID}
}

// add puts n letters on record, received on the given days in turn, and what
// lies in the bucket of each.
func (s *shelves) add(n int, put func(key string), days ...letter.Date) (ids []letter.ID) {
	s.t.Helper()
	db, ctx := s.cfg.Register.DB(), s.t.Context()
	tx, err := db.BeginTx(ctx, nil)
	s.must(err)
	letters, papers := s.copies(tx, "letters", "id"), s.copies(tx, "papers", "letter")
	for i := range n {
		id, day := letter.NewID(), days[i%len(days)]
		deadline := letter.Deadline(day, letter.SixMonths)
		for _, stmt := range []*sql.Stmt{letters, papers} {
			_, err := stmt.ExecContext(ctx, string(id), string(s.like), day.Start().UnixMilli(), deadline.String(),
				string(letter.WeekOf(deadline)), letter.ObjectKey(letter.SixMonths, "respect-phoneline", day, id))
			s.must(err)
		}
		put(letter.ObjectKey(letter.SixMonths, "respect-phoneline", day, id))
		ids = append(ids, id)
	}
	s.must(tx.Commit())
	return ids
}

// copies copies a row of the table under another id, day and place.
func (s *shelves) copies(tx *sql.Tx, table, id string) *sql.Stmt {
	s.t.Helper()
	rows, err := tx.QueryContext(s.t.Context(), `SELECT name FROM pragma_table_info($1)`, table)
	s.must(err)
	var into, from []string
	for rows.Next() {
		var name string
		s.must(rows.Scan(&name))
		into = append(into, name)
		switch name {
		case id:
			name = "$1"
		case "received":
			name = "$3"
		case "deadline":
			name = "$4"
		case "week":
			name = "$5"
		case "object":
			name = "$6"
		case "object_version", "since", "lies":
			name = "''"
		}
		from = append(from, name)
	}
	s.must(rows.Close())
	stmt, err := tx.PrepareContext(s.t.Context(), fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM %[1]s WHERE %[4]s = $2`,
		table, strings.Join(into, ", "), strings.Join(from, ", "), id))
	s.must(err)
	return stmt
}

// inDir puts an object into the office's folder, without the pains of a deposit.
func (s *shelves) inDir() func(key string) {
	d := s.store.Store.(*archive.Dir)
	return func(key string) {
		s.t.Helper()
		folder := key[:strings.LastIndexByte(key, '/')]
		if err := d.Root().WriteFile(key, []byte(key), 0o600); err != nil {
			s.must(d.Root().MkdirAll(folder, 0o700))
			s.must(d.Root().WriteFile(key, []byte(key), 0o600))
		}
	}
}

// endDue does what the sweeps of a day do with the letters that are due, one
// after the other, and everything else that a sweep looks at. Once a day each
// letter is looked for in the storage besides: that is measured apart.
func (s *shelves) endDue() {
	s.t.Helper()
	ctx := s.t.Context()
	s.must(s.Admit(ctx))
	_, err := s.cfg.Register.DueNow(ctx, dueAtOnce)
	s.must(err)
	due, err := s.cfg.Register.PastDeadline(ctx, letter.DateOf(s.now), dueAtOnce)
	s.must(err)
	for len(due) > 0 {
		for _, id := range due {
			s.must(s.Advance(ctx, id))
		}
		due, err = s.cfg.Register.PastDeadline(ctx, letter.DateOf(s.now), dueAtOnce)
		s.must(err)
	}
	_, err = s.cfg.Register.ProveErased(ctx)
	s.must(err)
	s.must(s.endStrays(ctx))
	s.must(s.EndKeys(ctx))
	s.must(s.watchAlarms(ctx, &watch{present: letter.DateOf(s.now)}))
}

// ended checks that so many letters have ended, each with what lay in the bucket.
func (s *shelves) ended(n int) {
	s.t.Helper()
	entries, err := s.cfg.Register.Entries(s.t.Context(), -1, "letter-deleted", "", n+1)
	s.must(err)
	for _, e := range entries {
		if !bytes.Contains(e.Data, []byte(`"versions":1,`)) {
			s.t.Fatalf("a letter was not found in the bucket: %s", e.Data)
		}
	}
	if len(entries) != n {
		s.t.Fatalf("%d letters of %d have ended", len(entries), n)
	}
}

// BenchmarkExpiry ends 100 letters beside 1,000, 100,000 and 1,000,000 that are
// not due, in turn, so that whatever else the machine does is shared by all
// three, and reports how many times as long as beside 1,000 it takes. The cost is
// to follow the 100: at most 1.5 times. What a day's look for every letter in the
// storage takes is reported apart: it follows the archive, letter by letter, as it
// must. Filling the shelves takes minutes, and as many files as letters.
//
//	go test ./pipeline -run '^$' -bench Expiry -benchtime 5x -timeout 0
func BenchmarkExpiry(b *testing.B) {
	const due = 100
	sizes := []int{1_000, 100_000, 1_000_000}
	var all []*shelves
	for _, n := range sizes {
		s := fill(b)
		today := letter.DateOf(s.now)
		var days []letter.Date
		for d := 1; d < 180; d++ { // all of them due later
			days = append(days, today.AddDays(-d))
		}
		s.add(n, s.inDir(), days...)
		all = append(all, s)
	}
	took := make([]time.Duration, len(sizes))
	for b.Loop() {
		for i, s := range all {
			s.add(due, s.inDir(), s.past())
			begun := time.Now()
			s.endDue()
			took[i] += time.Since(begun)
		}
	}
	for i, s := range all {
		s.ended(b.N * due)
		b.ReportMetric(float64(took[i].Milliseconds())/float64(b.N*due), fmt.Sprintf("ms/letter-of-%d", sizes[i]))
		b.ReportMetric(float64(took[i])/float64(took[0]), fmt.Sprintf("times-at-%d", sizes[i]))
		begun := time.Now()
		missing, err := s.Missing(b.Context())
		s.must(err)
		if len(missing) > 0 {
			b.Fatalf("%d letters are missing", len(missing))
		}
		b.ReportMetric(float64(time.Since(begun).Microseconds())/float64(sizes[i]), fmt.Sprintf("µs-look/letter-of-%d", sizes[i]))
	}
}

// past is the latest day whose letters are due.
func (s *shelves) past() letter.Date {
	today := letter.DateOf(s.now)
	past := today
	for today.Before(letter.Deadline(past, letter.SixMonths)) {
		past = past.AddDays(-1)
	}
	return past
}

// BenchmarkDeletion ends 1,000 due letters on a real server, and reports how
// many times as long that takes as to list, remove and list as many objects.
//
//	go test ./pipeline -run '^$' -bench Deletion -benchtime 1x -timeout 0
func BenchmarkDeletion(b *testing.B) {
	const due = 1000
	s3, err := archive.OpenS3(deposittest.Start(b).Config())
	if err != nil {
		b.Fatal(err)
	}
	if err := s3.Prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	s := fill(b, onStore(s3))
	past := s.past()
	put := func(key string) {
		body := []byte(key)
		_, err := s3.Put(b.Context(), key, bytes.NewReader(body), int64(len(body)), sha256.Sum256(body), deposit.CreateOnly)
		s.must(err)
	}
	var ours, bare time.Duration
	for b.Loop() {
		var keys []string
		for range due {
			keys = append(keys, letter.ObjectKey(letter.SixMonths, "mens-advice-line", past, letter.NewID()))
		}
		for _, key := range keys {
			put(key)
		}
		begun := time.Now()
		for _, key := range keys {
			s.must(bareRemoval(b, s3, key))
		}
		bare += time.Since(begun)

		s.add(due, put, past)
		begun = time.Now()
		s.endDue()
		ours += time.Since(begun)
	}
	s.ended(b.N * due)
	b.ReportMetric(float64(ours)/float64(bare), "times-bare")
	b.ReportMetric(float64(ours.Milliseconds())/float64(b.N*due), "ms/letter")
}

// bareRemoval lists an object's versions, removes them and lists again.
func bareRemoval(b *testing.B, s3 *archive.S3, key string) error {
	core, bucket := s3.Client()
	options := minio.ListObjectsOptions{Prefix: key, Recursive: true, WithVersions: true}
	for range 2 {
		for o := range core.ListObjectsIter(b.Context(), bucket, options) {
			if o.Err != nil {
				return o.Err
			}
			if err := core.RemoveObject(b.Context(), bucket, key, minio.RemoveObjectOptions{VersionID: o.VersionID}); err != nil {
				return err
			}
		}
	}
	return nil
}
