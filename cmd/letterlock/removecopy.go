package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/register"
)

// configAt is how the register is opened at a place that it has noted of itself.
func (in *installation) configAt(place string) (cfg register.Config, err error) {
	c := *in.cfg
	c.Database = nil
	if err := json.Unmarshal([]byte(place), &c.Database); err != nil {
		return cfg, fmt.Errorf("reading where the register was, or was to go: %w", err)
	}
	key, err := in.dir.registerKey()
	if err != nil {
		return cfg, err
	}
	return in.registerConfig(&c, key)
}

// refuseAnotherCopy keeps the place of a move that was cut off from being forgotten over
// another move, which goes to that database.
func (in *installation) refuseAnotherCopy(ctx context.Context, to register.Config) error {
	cut, there, err := in.register.UnendedMove(ctx)
	if err != nil || !there {
		return err
	}
	left, err := in.configAt(cut.Place)
	if err != nil || left.URL == to.URL {
		return err
	}
	return configfile.Wrong("a move into %s was cut off, and a copy of the register may lie there. Move there, or remove it first: letterlock setup --remove-old-database", in.dir.sayPlace(left))
}

// removeCopy removes what a move that was cut off has left in a database that nobody
// uses. A crash on the way leaves it to be done again.
func (in *installation) removeCopy(w *world) error {
	unlock, err := in.dir.lockBackups() // which a move that is at work holds
	if err != nil {
		return err
	}
	defer unlock()
	cut, there, err := in.register.UnendedMove(w.ctx)
	if err != nil {
		return err
	}
	if !there {
		return configfile.Wrong("there is no old database: the register was not moved, or what it was moved from is removed")
	}
	cfg, err := in.configAt(cut.Place)
	if err != nil {
		return err
	}
	work := w.screen.Begin("Removing what the move has left", "", 0)
	err = register.Vacant(w.ctx, cfg)
	used := errors.Is(err, register.ErrNotEmpty)
	if err == nil {
		err = in.emptyDatabase(w.ctx, cfg)
	}
	work.End()
	if err != nil && !used {
		return fmt.Errorf("what the move has left in %s cannot be removed: %w", in.dir.sayPlace(cfg), err)
	}
	if err := in.register.EndMove(w.ctx); err != nil {
		return err
	}
	if used {
		fmt.Fprintf(w.out, "Another register is at work in %s by now, and stays.\n", in.dir.sayPlace(cfg))
		return nil
	}
	in.sayRemoved(w, cfg)
	return nil
}

// sayRemoved says that nothing of the register is left there, and what may be elsewhere.
func (in *installation) sayRemoved(w *world, cfg register.Config) {
	fmt.Fprintf(w.out, "Removed: %s.\n", in.dir.sayPlace(cfg))
	if cfg.URL != "" {
		fmt.Fprintln(w.out, "Its server keeps a log of changes, and perhaps archives, standbys and backups, which hold copies for a while: see \"PostgreSQL\" in ADMIN.md. The empty database itself is its administrator's to drop.")
	}
}
