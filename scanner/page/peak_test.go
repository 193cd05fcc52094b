package page_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// childrenPeak is the most memory that any living child of this process has
// held, in MB (VmHWM), or 0 where /proc is not mounted.
func childrenPeak(t testing.TB) (peak int) {
	t.Helper()
	for _, pid := range children() {
		raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			continue // ended meanwhile
		}
		for line := range strings.Lines(string(raw)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
				kb, _ := strconv.Atoi(f[1])
				peak = max(peak, kb/1024)
			}
		}
	}
	return peak
}
