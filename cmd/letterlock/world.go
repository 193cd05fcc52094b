package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"letterlock/cmd/progress"
)

// world is what a command may touch besides its flags.
type world struct {
	ctx    context.Context
	dir    dataDir
	in     *bufio.Reader // the person at the keyboard
	out    io.Writer
	errout io.Writer
	log    *slog.Logger
	screen *progress.Screen // where it is said how far a command is that takes long
}

// agree asks the person at the keyboard; everything but yes is no, silence too.
func (w *world) agree(question string, yes bool) error {
	if yes {
		return nil
	}
	fmt.Fprintf(w.out, "%s [y/N] ", question)
	answer, _ := w.in.ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(w.out)
	return errors.New("nothing was changed, since nobody said yes; where nobody can be asked, add --yes")
}

// with opens an existing data folder for a command. The database's tables are of this
// version already: a server of the one before may be at work with them, and who only
// looks, or makes the backup with which one goes back, must not change them.
func (w *world) with(f func(in *installation) error) error { return w.within(openAsItIs, f) }

// within is with for a data folder that is opened in that way.
func (w *world) within(open opener, f func(in *installation) error) error {
	if err := w.dir.mustExist(); err != nil {
		return err
	}
	in, err := w.opened(open)
	if err != nil {
		return err
	}
	defer in.close()
	return f(in)
}

// opened opens the data folder in that way. A newer version's first start brings the
// database up to date, a database on a server may be slow to answer, and other servers are
// listened for where the key of enrolment codes is missing.
func (w *world) opened(open opener) (*installation, error) {
	defer w.screen.Begin("Opening the register", "", 0).End()
	return open(w.ctx, w.dir, w.log)
}

// begin shows how far the server's role is with what f has it do.
func (w *world) begin(in *installation, says string, unit progress.Unit) *progress.Work {
	work := w.screen.Begin(says, unit, 0)
	in.far = work.Far
	return work
}

func (w *world) json(v any) error {
	enc := json.NewEncoder(w.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
