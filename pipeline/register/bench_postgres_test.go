package register

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"letterlock/pipeline/register/postgrestest"
)

// BenchmarkListsOnPostgreSQL sets the first page of each list of a register with
// many letters against that of one with a few, by turns in one run. BenchmarkLetters
// of pipeline/portal does it on SQLite, with what the portal makes of them.
func BenchmarkListsOnPostgreSQL(b *testing.B) {
	sizes := []int{100, 100_000}
	server := postgrestest.Start(b)
	desks, leaders := make([]*desk, len(sizes)), make([]int64, len(sizes))
	for i, n := range sizes {
		desks[i] = newDeskAt(b, server.Database(b))
		_, leaders[i] = desks[i].grown(n, allAlike)
	}
	for list := range walks {
		b.Run(string(list), func(b *testing.B) {
			took := make([][]time.Duration, len(sizes))
			for b.Loop() {
				for i, d := range desks {
					begin := time.Now()
					_, err := d.Listed(b.Context(), Listing{What: list, Limit: 26, ToldBefore: d.now.AddDate(1, 0, 0),
						Readership: Readership{Helplines: bothHelplines, Person: leaders[i], Leader: leaders[i]}})
					took[i] = append(took[i], time.Since(begin))
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			for _, t := range took {
				slices.Sort(t)
			}
			ratio := float64(took[1][len(took[1])/2]) / float64(took[0][len(took[0])/2])
			b.ReportMetric(ratio, fmt.Sprintf("x-%d/%d", sizes[1], sizes[0]))
		})
	}
}

// BenchmarkAppendOnPostgreSQL is BenchmarkAppend on a PostgreSQL that writes to the
// disk before it says that it has written, as SQLite does.
func BenchmarkAppendOnPostgreSQL(b *testing.B) {
	server := postgrestest.Start(b)
	for _, n := range sizes[:2] {
		d := newDeskAt(b, server.Database(b))
		d.must(d.exec(`DELETE FROM entries; DELETE FROM tree; DELETE FROM checkpoint`))
		filled(b, d.Register, n)
		b.Run(strconv.FormatInt(n, 10), func(b *testing.B) { benchAppend(b, d.Register) })
	}
}
