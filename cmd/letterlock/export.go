package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/register"
)

type registerCmd struct {
	Export exportCmd `cmd:"" help:"Write the register as NDJSON, ending in its signed checkpoint. The taking of an export is on the register."`
	Verify verifyCmd `cmd:"" help:"Verify an export with the register's public key; nothing else is needed."`
}

type exportCmd struct {
	Out string `help:"File to write; the terminal by default." type:"path" placeholder:"FILE"`
}

func (c *exportCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		out, done := w.out, func() error { return nil }
		if c.Out != "" {
			f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return configfile.Wrong("the export cannot be written: %s", configfile.Reason(err))
			}
			out, done = f, func() error { return errors.Join(f.Sync(), f.Close()) }
		}
		// On record before it is given out.
		if err := in.register.Record(w.ctx, register.RegisterExported{}, 0); err != nil {
			return errors.Join(err, done())
		}
		if err := errors.Join(in.register.Export(w.ctx, out), done()); err != nil || c.Out == "" {
			return err
		}
		_, err := fmt.Fprintf(w.out, "Written: %s\n", c.Out)
		return err
	})
}

type verifyCmd struct {
	File string `arg:"" help:"The export, or - for standard input."`
	Key  string `help:"The register's public key: the file register.pub, or what stands in it." required:"" placeholder:"PUB"`
}

func (c *verifyCmd) Run(w *world) error {
	key := c.Key
	if b, err := os.ReadFile(c.Key); err == nil {
		key = string(bytes.TrimSpace(b))
	}
	pub, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return configfile.Wrong("%s is neither a register's public key nor a file that holds one", c.Key)
	}
	var in io.Reader = os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return configfile.Wrong("the export cannot be read: %s", configfile.Reason(err))
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	n, err := register.Verify(in, pub)
	var bad *register.Wrong
	if errors.As(err, &bad) {
		fmt.Fprintf(w.out, "WRONG: %s.\nThis export is not what Letterlock signed. Keep it, and ask who handled it.\n", bad)
		return errFoundWrong
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.out, "Verified: %d entries, each as it was signed, none missing.\n", n)
	return err
}
