package main

import (
	"fmt"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/scanner/folder"
)

type aliveCmd struct{}

// Run looks for the scanner's beat. What a person must see to is no reason to take a
// scanner for ill, nor is a store that is away: it may work as well as ever.
func (c *aliveCmd) Run(w *world) error {
	cfg, err := readConfig(w.config)
	if err != nil {
		return err
	}
	line, err := folder.Alive(cfg.Folder, time.Now())
	if err != nil {
		return fmt.Errorf("the scanner folder cannot be looked at: %s", configfile.Reason(err))
	}
	fmt.Fprintln(w.out, line.Says)
	if !line.OK {
		return errFoundWrong
	}
	return nil
}
