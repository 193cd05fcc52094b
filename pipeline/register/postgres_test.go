package register

import (
	"testing"
	"time"

	"letterlock/pipeline/register/postgrestest"
)

// Whatever holds of a register in an SQLite file holds of one in PostgreSQL.
func TestOnPostgreSQL(t *testing.T) {
	postgrestest.Suite(t, "^Test", func(url string) error {
		r, err := Open(t.Context(), Config{URL: url, Now: time.Now})
		if err != nil {
			return err
		}
		return r.Close()
	})
}
