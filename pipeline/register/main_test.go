package register

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain has garbage collected more seldom: these tests make thousands of short-lived
// rows, and hold nothing large. A GOGC of whoever runs them is left as it is.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}
