package register

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// SQLite tells one of several who switch a new file to its write-ahead log that the
// file is busy, without waiting. It takes many rounds until that happens.
func TestNobodyIsTurnedAwayFromANewFile(t *testing.T) {
	for range 100 {
		cfg := Config{Path: filepath.Join(t.TempDir(), "letterlock.db"), Now: time.Now}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				write, read, err := openFile(t.Context(), cfg)
				if err == nil {
					_, err = sqlite.there(t.Context(), write, "goose_db_version")
					err = errors.Join(err, read.Close(), write.Close())
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
