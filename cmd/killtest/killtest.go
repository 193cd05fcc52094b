// Package killtest ends a program in the middle of its work, as a power cut does,
// and lets no program outlive the test that has started it. Only tests import it.
package killtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"letterlock/scanner/letter"
)

// env names the step at which the program is killed, and at which of its times:
// "sealed 2".
const env = "LETTERLOCK_TEST_KILL_AT"

// At is what a program's environment says, for Arm, when it is to be killed at a
// step: "sealed", or "sealed 2" for the second time that the step comes.
func At(step string) string { return env + "=" + step }

// Arm is called by a test binary before it plays a program. From here on the
// program dies with the test that has started it, on Linux; and if its
// environment says so, it kills itself when step is told of that step.
func Arm(step *func(step string, id letter.ID)) {
	dieWithTheTest()
	at, times, _ := strings.Cut(os.Getenv(env), " ")
	if at == "" {
		return
	}
	left := atomic.Int32{}
	left.Store(1)
	if times != "" {
		n, err := strconv.ParseInt(times, 10, 32)
		if err != nil {
			panic(fmt.Sprintf("killtest: no number of times: %q", times))
		}
		left.Store(int32(n))
	}
	*step = func(step string, _ letter.ID) {
		if step == at && left.Add(-1) == 0 {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			select {} // until the signal arrives
		}
	}
}
