package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/scanner/folder"
)

type aliveCmd struct{}

// stuckFile lies in the scanner's own memory while it beats and does not go on: where no
// systemd starts it anew, 'scanner alive' is who learns it.
const stuckFile = "stuck"

// stuckEvery is how often a scanner that runs looks whether it goes on.
const stuckEvery = time.Minute

// marksStuck has the file there while the scanner is stuck, until ctx ends. It begins
// without: a scanner that was killed has left it.
func marksStuck(ctx context.Context, state string, stuck func() error) {
	mark := filepath.Join(state, stuckFile)
	for {
		if stuck() == nil {
			_ = os.Remove(mark)
		} else {
			_ = os.WriteFile(mark, nil, 0o600) // on a full disk the next try does it
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(stuckEvery):
		}
	}
}

// Run looks for the scanner's beat, and whether it goes on. What a person must see to is no
// reason to take a scanner for ill, nor is a store that is away: it may work as well as ever.
func (c *aliveCmd) Run(w *world) error {
	cfg, err := readConfig(w.config)
	if err != nil {
		return err
	}
	line, err := folder.Alive(cfg.Folder, time.Now())
	if err != nil {
		return fmt.Errorf("the scanner folder cannot be looked at: %s", configfile.Reason(err))
	}
	if _, err := os.Stat(filepath.Join(cfg.State, stuckFile)); err == nil && line.OK {
		line.OK, line.Says = false, "The scanner of this folder runs, and has ended no look at it for hours: see its log, and start it anew."
	}
	fmt.Fprintln(w.out, line.Says)
	if !line.OK {
		return errFoundWrong
	}
	return nil
}
