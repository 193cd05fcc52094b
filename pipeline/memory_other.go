//go:build !linux

package pipeline

import (
	"os"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/texts"
)

// inMemory refuses: there is no file here that no disk ever holds.
func inMemory() (*os.File, error) {
	return nil, &portal.NotTaken{Says: texts.Say("response.no-memory")}
}
