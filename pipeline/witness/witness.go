// Package witness keeps checkpoints of a register where those who keep the
// register cannot reach: on another machine, with the public key and nothing
// else. Whoever takes entries away, or writes the register anew, has to sign
// another story with the same key; the checkpoints that a witness has kept are
// what it then fails to continue.
package witness

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/durable"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// Source is somewhere where checkpoints are found.
type Source interface {
	// Name says where, for people.
	Name() string
	// Heads are the checkpoints there, unverified. An error may come with some.
	Heads(ctx context.Context) ([]Shown, error)
	// Growth says whether what `to` was signed over begins with what `from`
	// was: nil, or *register.Wrong, or ErrNoProof where it cannot be said.
	Growth(ctx context.Context, from, to register.Head) error
}

// Shown is a checkpoint that a source shows.
type Shown struct {
	Signed string
	Live   bool // it is the day's, as the server says now
	Early  bool // it is of an export, which can be newer than the day's

	Restores []register.RestoreSaid // what that export says of restores
	Keys     []register.KeyChange   // what the source says of changes of the signing key
}

// ErrNoProof says that a source knows nothing of how two checkpoints belong together.
var ErrNoProof = errors.New("no proof of growth is there")

// Witness is a folder of checkpoints: each a small file that is never changed.
//
//	DIR/000000000061-3f2a….checkpoint   was signed over 61 entries
//	DIR/000000000064-90bd….export       likewise, and is of an export
//	DIR/000000000061-77c1….forked       was signed too, and does not belong to the others: the evidence
//	DIR/000000000062-1c9e….key          another key signs from entry 62 on
type Witness struct {
	Dir string
	Pub note.Verifier // a key of the register, given by hand; the others follow from it
	Now func() time.Time
	Far func(done, of int) // hears how many checkpoints of how many are compared, 0 first; nil for nobody

	keys register.Keys
}

const (
	daily  = ".checkpoint"
	early  = ".export"
	forked = ".forked"
)

// Report is what a look found.
type Report struct {
	Newest  register.Head // of all that is known now; zero where nothing is
	Added   int           // checkpoints that are new
	Wrong   []string      // the register was written anew, or entries were taken away
	Unknown []string      // what could not be compared, or not be read

	Restores []register.RestoreSaid // of which an export says that it came of them, since the folder was begun
	Lost     []register.KeyChange   // where the signing key was lost, before the one that was given
}

// kept is a checkpoint that the witness knows.
type kept struct {
	register.Head
	as string // daily or early
}

// sighting is a checkpoint and where it was seen.
type sighting struct {
	kept
	at  Source
	err error // why it could not be compared
}

func bySize(a, b kept) int { return cmp.Compare(a.Entries, b.Entries) }

// Look reads every source and compares whatever it shows with what is known.
// What belongs to it is kept; what cannot is kept as evidence, and every later
// look says so again. An error is the folder's own.
func (w *Witness) Look(ctx context.Context, sources []Source) (r Report, err error) {
	if err := os.MkdirAll(w.Dir, 0o700); err != nil {
		return r, fmt.Errorf("opening the witness's folder: %w", err)
	}
	if err := w.loadKeys(); err != nil {
		return r, err
	}
	heads, began, err := w.load(&r)
	if err != nil {
		return r, err
	}
	defer func() {
		// What was said before the folder was begun is in all that it has kept, and explains
		// nothing that does not belong to it.
		r.Restores = slices.DeleteFunc(r.Restores, func(said register.RestoreSaid) bool { return said.On.Before(letter.DateOf(began)) })
	}()
	// All are read before any is asked for proof, and all are asked for keys before
	// any checkpoint is opened.
	found := make([][]Shown, len(sources))
	for i, s := range sources {
		found[i] = w.ask(ctx, s, &r)
		if err := w.learn(s, found[i], heads, &r); err != nil {
			return r, err
		}
	}
	for _, c := range w.keys.Changes() {
		if c.Lost {
			r.Lost = append(r.Lost, c)
		}
	}
	var shown []sighting
	for i, s := range sources {
		shown = append(shown, w.read(s, found[i], heads, &r)...)
	}
	// Exports first, since each proves whatever comes before it; then from day to
	// day. What is proven may be what another needs: again, until nothing is new.
	slices.SortStableFunc(shown, func(a, b sighting) int {
		return cmp.Or(cmp.Compare(b.as, a.as), bySize(a.kept, b.kept))
	})
	done, of := 0, len(shown)
	tell(w.Far, done, of)
	for before := -1; len(shown) > 0 && len(shown) != before; {
		before = len(shown)
		var left []sighting
		for _, one := range shown {
			if one.err = w.take(ctx, one, sources, &heads, &r); one.err != nil {
				left = append(left, one)
				continue
			}
			done++
			tell(w.Far, done, of)
		}
		shown = left
	}
	for _, one := range shown {
		r.Unknown = append(r.Unknown, fmt.Sprintf("%s: the checkpoint over %d entries could not be compared with what is known: %s", one.at.Name(), one.Entries, one.err))
	}
	if len(heads) > 0 {
		r.Newest = heads[len(heads)-1].Head
	}
	return r, nil
}

// load reads the folder: checkpoints that belong together, smallest first, and when the
// first of its files was kept; the zero time for an empty one.
func (w *Witness) load(r *Report) (heads []kept, began time.Time, err error) {
	entries, err := os.ReadDir(w.Dir)
	if err != nil {
		return nil, began, fmt.Errorf("reading the witness's folder: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && (began.IsZero() || info.ModTime().Before(began)) {
			began = info.ModTime()
		}
		switch filepath.Ext(e.Name()) {
		case forked:
			r.Wrong = append(r.Wrong, fmt.Sprintf("%s was signed with the register's key and does not belong to the other checkpoints (found earlier)", e.Name()))
		case daily, early:
			signed, err := os.ReadFile(filepath.Join(w.Dir, e.Name()))
			if err != nil {
				return nil, began, fmt.Errorf("reading the witness's folder: %w", err)
			}
			head, err := w.keys.Open(string(signed))
			if err != nil {
				return nil, began, fmt.Errorf("reading %s, which somebody has changed, or which is another register's: %w", e.Name(), err)
			}
			heads = append(heads, kept{head, filepath.Ext(e.Name())})
		}
	}
	slices.SortFunc(heads, bySize)
	return heads, began, nil
}

// ask is what one source shows, unverified.
func (w *Witness) ask(ctx context.Context, s Source, r *Report) []Shown {
	shown, err := s.Heads(ctx)
	if _, wrong := errors.AsType[*register.Wrong](err); wrong {
		r.Wrong = append(r.Wrong, fmt.Sprintf("%s: %s", s.Name(), err))
	} else if err != nil {
		r.Unknown = append(r.Unknown, fmt.Sprintf("%s: %s", s.Name(), err))
	}
	return shown
}

// read is what one source shows, as far as it is signed.
func (w *Witness) read(s Source, found []Shown, heads []kept, r *Report) (shown []sighting) {
	for _, one := range found {
		head, err := w.keys.Open(one.Signed)
		if err != nil {
			r.Wrong = append(r.Wrong, fmt.Sprintf("%s: %s", s.Name(), err))
			continue
		}
		for _, said := range one.Restores {
			if !slices.Contains(r.Restores, said) {
				r.Restores = append(r.Restores, said)
			}
		}
		if one.Live {
			w.lookBack(s, head, heads, r)
		}
		as := daily
		if one.Early {
			as = early
		}
		shown = append(shown, sighting{kept: kept{head, as}, at: s})
	}
	return shown
}

// lookBack finds a register that has become smaller. The day's checkpoint of
// now is never older than one that was the day's before.
func (w *Witness) lookBack(s Source, now register.Head, heads []kept, r *Report) {
	for _, before := range slices.Backward(heads) {
		if before.Entries > now.Entries && (before.as == daily || w.longKnown(before)) {
			r.Wrong = append(r.Wrong, fmt.Sprintf("%s: the register has %d entries and had %d before: entries were taken away, as by bringing back an old backup",
				s.Name(), now.Entries, before.Entries))
			return
		}
	}
}

// take compares one checkpoint with those that are known, and keeps it. It
// returns why it could not be compared; an error of the folder is one too.
func (w *Witness) take(ctx context.Context, one sighting, all []Source, heads *[]kept, r *Report) error {
	at, found := slices.BinarySearchFunc(*heads, one.kept, bySize)
	var err error
	switch {
	case found && (*heads)[at].Root == one.Root:
		return nil
	case found:
		err = &register.Wrong{Says: fmt.Sprintf("another story of the first %d entries was signed before", one.Entries)}
	case at < len(*heads): // what is known goes on from there
		err = grows(ctx, one.Head, (*heads)[at].Head, all)
	case len(*heads) > 0:
		err = grows(ctx, (*heads)[at-1].Head, one.Head, all)
	}
	if wrong, is := errors.AsType[*register.Wrong](err); is {
		r.Wrong = append(r.Wrong, fmt.Sprintf("%s: %s: the register was written anew", one.at.Name(), wrong.Says))
		return w.keep(kept{one.Head, forked})
	}
	if err == nil {
		err = w.keep(one.kept)
	}
	if err == nil {
		r.Added++
		*heads = slices.Insert(*heads, at, one.kept)
	}
	return err
}

// grows asks every source how two checkpoints belong together. One proof that holds is
// enough (RFC 9162, section 2.1.4: nobody can make one for another story); what another
// source has instead may be damaged, and is signed by nobody.
func grows(ctx context.Context, from, to register.Head, all []Source) error {
	failed := ErrNoProof
	for _, s := range all {
		err := s.Growth(ctx, from, to)
		if err == nil {
			return nil
		}
		if _, wrong := errors.AsType[*register.Wrong](failed); !wrong && !errors.Is(err, ErrNoProof) {
			failed = err
		}
	}
	return failed
}

// keep writes one checkpoint.
func (w *Witness) keep(head kept) error { return w.write(w.path(head), head.Note) }

// write writes one file; one that is there already stays. A crash leaves a whole
// file, or one under another name that nobody reads.
func (w *Witness) write(path, text string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := durable.Replace(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("keeping a checkpoint: %w", err)
	}
	return nil
}

func (w *Witness) path(head kept) string {
	sum := sha256.Sum256([]byte(head.Note))
	return filepath.Join(w.Dir, fmt.Sprintf("%012d-%s%s", head.Entries, hex.EncodeToString(sum[:8]), head.as))
}

// catchUp is how long the day's checkpoint may be behind an export's: it is
// published once a day.
const catchUp = 48 * time.Hour

func (w *Witness) longKnown(head kept) bool {
	info, err := os.Stat(w.path(head))
	return err == nil && w.Now().Sub(info.ModTime()) > catchUp
}
