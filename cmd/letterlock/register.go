package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/pipeline/register"
)

type registerCmd struct {
	Export    exportCmd    `cmd:"" help:"Write the register as NDJSON, ending in its signed checkpoint. The taking of an export is on the register." example:"letterlock register export --out register.ndjson"`
	Verify    verifyCmd    `cmd:"" help:"Verify an export with the register's public key; nothing else is needed." example:"letterlock register verify register.ndjson --key register.pub"`
	Compare   compareCmd   `cmd:"" help:"Prove with the public key that a newer export continues an older one: nothing was taken away or written anew." example:"letterlock register compare monday.ndjson register.ndjson --key register.pub"`
	LostKey   lostKeyCmd   `cmd:"" name:"replace-lost-key" help:"Where every copy of the key that signs the register is lost: have a new one sign. Whoever verifies is told of the break." example:"letterlock register replace-lost-key"`
	RotateKey rotateKeyCmd `cmd:"" help:"Have a new key sign the register from now on, without stopping anything. Whoever holds the old public key can verify what either has signed." example:"letterlock register rotate-key; letterlock register rotate-key --prepare"`
	Witness   witnessCmd   `cmd:"" help:"On another machine: keep checkpoints, compare whatever the sources show with them, and say when the register was written anew. Ends with 3 then." example:"letterlock register witness kept --key register.pub https://letters.example.org"`
}

type exportCmd struct {
	Out string `help:"File to write; the terminal by default." type:"path" placeholder:"FILE"`
}

func (c *exportCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		out, done := w.out, func(failed error) error { return failed }
		if c.Out != "" {
			f, err := beginFile(c.Out)
			if errors.Is(err, fs.ErrExist) {
				return configfile.Wrong("%s is there already: remove it, or name another file with --out", c.Out)
			}
			if err != nil {
				return configfile.Wrong("the export cannot be written: %s", configfile.Reason(err))
			}
			out, done = f, func(failed error) error { return endFile(f, c.Out, failed) }
		}
		// On record before it is given out; of an older copy of the register, which
		// records nothing, people need one to see what is missing.
		err := in.register.Record(w.ctx, register.RegisterExported{}, 0)
		if errors.Is(err, register.ErrClosed) {
			fmt.Fprintln(w.errout, "This is the export of a register that was restored from a backup: newer entries are missing, and the taking of it is on no record.")
		} else if err != nil {
			return done(err)
		}
		if err := done(in.export(w, out, c.Out == "")); err != nil || c.Out == "" {
			return err
		}
		_, err = fmt.Fprintf(w.out, "Written: %s\n", c.Out)
		return err
	})
}

// export writes the register. Nothing is said meanwhile where a person sees the
// entries themselves.
func (in *installation) export(w *world, out io.Writer, shown bool) error {
	if shown && w.screen.Shows(out) {
		return in.register.Export(w.ctx, out)
	}
	entries, _, err := in.register.Checkpoint(w.ctx)
	if err != nil {
		return err
	}
	work := w.screen.Begin("Exporting the register", progress.Entries, entries)
	defer work.End()
	return in.register.Export(w.ctx, work.LinesTo(out))
}
