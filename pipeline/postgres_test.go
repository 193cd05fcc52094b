package pipeline

import (
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
)

// A letter's whole way, its end, a replay and the job queue, with the register in
// PostgreSQL; and what several servers are to each other, who exist there only.
func TestOnPostgreSQL(t *testing.T) {
	const tests = `^Test(ALetter|AReplayCutOff|.*OfTheLostTime|ADraft|.*Expir|.*Proof|.*Jobs|KeysDie|Run$|.*Servers|AServerDies|TheServerWithTheWrong)`
	postgrestest.Suite(t, tests, func(url string) error {
		r, err := register.Open(t.Context(), register.Config{URL: url, Now: time.Now})
		if err != nil {
			return err
		}
		return r.Close()
	})
}
