package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/pipeline/register"
)

// The commands of this file need no data folder: whoever does not trust the
// server runs them elsewhere, with the public key.

// publicKey is the register's public key as the command line names it.
type publicKey struct {
	Key string `help:"The register's public key: the file register.pub, or what stands in it. Keys that took over from it are found by what it has signed." required:"" placeholder:"PUB"`
}

func (k publicKey) verifier() (note.Verifier, error) {
	key := k.Key
	if b, err := os.ReadFile(k.Key); err == nil {
		key = string(bytes.TrimSpace(b))
	}
	pub, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return nil, configfile.Wrong("%s is neither a register's public key nor a file that holds one", k.Key)
	}
	return pub, nil
}

type verifyCmd struct {
	publicKey `embed:""`
	File      string `arg:"" help:"The export, or - for standard input."`
}

// Run verifies one export.
func (c *verifyCmd) Run(w *world) error {
	pub, err := c.verifier()
	if err != nil {
		return err
	}
	export, err := w.verifyFile(c.File, pub)
	var bad *register.Wrong
	if w.broken(err) {
		return errFoundWrong
	}
	if errors.As(err, &bad) {
		fmt.Fprintf(w.out, "WRONG: %s.\nThis export is not what Letterlock signed. Keep it, and ask who handled it.\n", bad)
		return errFoundWrong
	}
	if err != nil {
		return err
	}
	w.showRestores(export.Restores)
	for _, change := range export.Keys.Changes() {
		fmt.Fprintf(w.out, "%s: %s\n", change.Says(), change.To)
	}
	_, err = fmt.Fprintf(w.out, "Verified: %d entries, each as it was signed, none missing.\n", export.Head.Entries)
	return err
}

// broken says that a key was lost, where that is what is wrong, and reports whether it is.
func (w *world) broken(err error) bool {
	lost, is := errors.AsType[*register.Unvouched](err)
	if is {
		fmt.Fprintf(w.out, "BROKEN: %s.\n", lost)
	}
	return is
}

// showRestores says what a register says of its own restores.
func (w *world) showRestores(restores []register.RestoreSaid) {
	for _, said := range restores {
		fmt.Fprintln(w.out, said)
	}
}

func (w *world) verifyFile(path string, pub note.Verifier, earlier ...register.Head) (register.Proven, error) {
	f := os.Stdin
	if path != "-" {
		var err error
		if f, err = openExport(path); err != nil {
			return register.Proven{}, err
		}
		defer func() { _ = f.Close() }()
	}
	work := w.reading("Verifying the export", f)
	defer work.End()
	export, err := register.VerifyExport(work.Reader(commandline.Input(w.ctx, f)), pub, earlier...)
	if w.ctx.Err() != nil {
		return export, errInterrupted
	}
	return export, err
}

// reading is the work of reading a whole file.
func (w *world) reading(says string, f *os.File) *progress.Work {
	var size int64 // of a pipe, which nobody knows
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return w.screen.Begin(says, progress.Bytes, size)
}

func openExport(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, configfile.Wrong("the export cannot be read: %s", configfile.Reason(err))
	}
	return f, nil
}

type compareCmd struct {
	publicKey `embed:""`
	Old       string `arg:"" help:"The older export, or a file that holds nothing but a checkpoint of then."`
	New       string `arg:"" help:"The newer export."`
}

// Run compares two exports.
func (c *compareCmd) Run(w *world) error {
	pub, err := c.verifier()
	if err != nil {
		return err
	}
	var bad *register.Wrong
	old, err := c.older(w, pub)
	if errors.As(err, &bad) {
		fmt.Fprintf(w.out, "WRONG: %s: %s.\nThis is not what Letterlock signed. Keep it, and ask who handled it.\n", c.Old, bad)
		return errFoundWrong
	}
	if err != nil {
		return err
	}
	newer, err := w.verifyFile(c.New, pub, old)
	if w.broken(err) {
		return errFoundWrong
	}
	if errors.As(err, &bad) {
		restores := slices.DeleteFunc(newer.Restores, func(said register.RestoreSaid) bool { return !said.MayExplain(old) })
		return c.wrong(w, bad, old, newer.Head, restores)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.out, "Verified: the newer begins with the %d entries of the older, each unchanged, and adds %d.\n",
		old.Entries, newer.Head.Entries-old.Entries)
	return err
}

// wrong says what does not fit. A newer export with a head was signed, and yet
// it does not continue the older one: it may say itself that it was restored.
func (c *compareCmd) wrong(w *world, bad *register.Wrong, old, newer register.Head, restores []register.RestoreSaid) error {
	fmt.Fprintf(w.out, "WRONG: %s: %s.\n", c.New, bad)
	if newer.Note == "" {
		fmt.Fprintln(w.out, "This is not what Letterlock signed. Keep it, and ask who handled it.")
		return errFoundWrong
	}
	n, differ := c.firstDifference(w)
	switch {
	case len(restores) > 0 && (!differ || n >= restores[0].Entry):
		w.showRestores(restores)
		fmt.Fprintln(w.out, "Is that restore known? Keep both files: what was lost stands in the older one alone.")
		if !differ {
			fmt.Fprintln(w.out, "A checkpoint alone does not tell whether anything before it was changed as well: compare an export of then.")
		}
	case newer.Entries < old.Entries:
		fmt.Fprintln(w.out, "If you have not mixed up the two files, entries were taken away, as by restoring an old backup.")
	default:
		w.showRestores(restores)
		fmt.Fprintln(w.out, "Both were signed with the register's key: the register was written anew. Keep both files, and ask who has had the key.")
	}
	if differ {
		fmt.Fprintf(w.out, "The first entry that differs is number %d.\n", n)
	}
	return errFoundWrong
}

// firstDifference finds nothing where the older file is a checkpoint alone.
func (c *compareCmd) firstDifference(w *world) (n int64, differ bool) {
	older, err1 := os.Open(c.Old)
	newer, err2 := os.Open(c.New)
	if errors.Join(err1, err2) == nil {
		work := w.reading("Looking for the first difference", older)
		n, differ, err1 = register.FirstDifference(work.Reader(older), newer)
		work.End()
	}
	for _, f := range []*os.File{older, newer} {
		if f != nil {
			_ = f.Close()
		}
	}
	return n, differ && err1 == nil
}

// older is the head of what is older. A key may have signed it that only the newer
// export names: one that took over since, or one before the key that was given.
func (c *compareCmd) older(w *world, pub note.Verifier) (register.Head, error) {
	given, err := register.KeysFrom(pub, nil)
	if err != nil {
		return register.Head{}, err
	}
	head, err := w.headOf(c.Old, given)
	if _, other := errors.AsType[*register.Wrong](err); other {
		if newer, notGood := w.verifyFile(c.New, pub); notGood == nil && len(newer.Keys.Changes()) > 0 {
			return w.headOf(c.Old, newer.Keys)
		}
	}
	return head, err
}

// headOf is the head of an export, which is verified, or of a file that holds
// a checkpoint alone.
func (w *world) headOf(path string, keys register.Keys) (register.Head, error) {
	f, err := openExport(path)
	if err != nil {
		return register.Head{}, err
	}
	defer func() { _ = f.Close() }()
	work := w.reading("Verifying the older export", f)
	defer work.End()
	in := bufio.NewReader(work.Reader(f))
	if start, _ := in.Peek(1); string(start) == "{" || len(start) == 0 {
		return register.Verify(in, keys.First())
	}
	signed, err := io.ReadAll(io.LimitReader(in, maxCheckpoint))
	if err != nil {
		return register.Head{}, fmt.Errorf("reading checkpoint: %w", err)
	}
	return keys.Open(string(signed))
}

// maxCheckpoint bounds a signed checkpoint in bytes; a true one has some 200.
const maxCheckpoint = 4 << 10
