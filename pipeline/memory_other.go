//go:build !linux

package pipeline

import (
	"os"

	"letterlock/pipeline/portal"
)

// inMemory refuses: there is no file here that no disk ever holds.
func inMemory() (*os.File, error) {
	return nil, &portal.NotTaken{Says: "This server’s system cannot keep a file in memory only, so nothing can be filed here. Letterlock’s server needs Linux for that."}
}
