package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/register"
)

// toFile is what --move-database calls the file in the data folder.
const toFile = "sqlite"

// moveDatabase moves the register. A server that is at work here goes on until all is
// found fit, makes way, and takes up the new database. The configuration is written
// last: a crash at any step leaves the old database or the new one, whole, and the same
// command, run again, does the rest.
func (c *setupCmd) moveDatabase(w *world) error {
	if err := w.dir.mustExist(); err != nil {
		return err
	}
	unlockBackups, err := w.dir.lockBackups()
	if err != nil {
		return err
	}
	defer unlockBackups()
	return w.with(func(in *installation) error {
		to, err := in.dir.databaseAt(c.MoveDatabase, c.WithoutTLS)
		if err != nil {
			return err
		}
		m, err := in.planMove(w, to)
		if err != nil || c.DryRun {
			return err
		}
		served, letGo, err := w.holdServer()
		if err != nil {
			return err
		}
		err = m.carryOut(w)
		letGo()
		if err != nil {
			return err
		}
		return m.sayMoved(w, served)
	})
}

// databaseAt is what --move-database names. nil stands for the file.
func (d dataDir) databaseAt(to string, withoutTLS bool) (*Database, error) {
	named := &Database{WithoutTLS: withoutTLS}
	switch {
	case to == toFile:
		return nil, nil
	case strings.Contains(to, "://"):
		named.URL = to
	default:
		path, err := filepath.Abs(to)
		if err != nil {
			return nil, err
		}
		if below, err := filepath.Rel(filepath.Dir(d.config), path); err == nil && filepath.IsLocal(below) {
			path = below // which a backup takes along
		}
		named.URLFile = path
	}
	if err := named.check(); err != nil {
		return nil, configfile.Mistake{Says: err.Error()}
	}
	return named, nil
}

// move is a move of the register that may begin.
type move struct {
	in       *installation
	key      keypair // the register's
	to       register.Config
	toSays   string
	goes     *Database
	from     *Database
	fromSays string
	before   string // the configuration's text
	config   configText
	entries  int64  // of the register when the move was planned
	boot     string // of the server that was at work here then, or had been; "" for none
}

// planMove refuses what cannot be moved, or not there, and says what would be.
func (in *installation) planMove(w *world, to *Database) (m move, err error) {
	if closed, err := in.register.Closed(w.ctx); err != nil || len(closed) > 0 {
		return m, cmp.Or(err, register.ErrClosed)
	}
	if _, there, err := in.register.OldPlace(w.ctx); err != nil || there {
		return m, cmp.Or(err, configfile.Wrong("the database from which the register was moved before is still there. Remove it first: letterlock setup --remove-old-database"))
	}
	m = move{in: in, goes: to, from: in.cfg.Database}
	if m.config, err = readConfigText(in.dir.config); err == nil {
		m.before = m.config.text
		m.config, err = m.config.named(to)
	}
	if err != nil {
		return m, err
	}
	if m.key, err = in.dir.registerKey(); err != nil {
		return m, err
	}
	here, err := in.registerConfig(in.cfg, m.key)
	if err != nil {
		return m, err
	}
	there := *in.cfg
	there.Database = to
	if m.to, err = in.registerConfig(&there, m.key); err != nil {
		return m, err
	}
	if m.to.URL == here.URL {
		return m, configfile.Wrong("the register is in that database already")
	}
	m.fromSays, m.toSays = in.dir.sayPlace(here), in.dir.sayPlace(m.to)
	if err := in.refuseServers(w); err != nil {
		return m, err
	}
	asking := w.screen.Begin("Asking the new database", "", 0)
	err = register.Vacant(w.ctx, m.to)
	asking.End()
	switch {
	case errors.Is(err, register.ErrNotEmpty):
		return m, configfile.Wrong("there is a register in %s already, and none is moved over another: name an empty database", m.toSays)
	case err != nil:
		return m, err
	}
	if err := in.refuseAnotherCopy(w.ctx, m.to); err != nil {
		return m, err
	}
	entries, _, err := in.register.Checkpoint(w.ctx)
	if err != nil {
		return m, err
	}
	m.entries = entries
	servers, err := in.register.Running(w.ctx)
	if err != nil {
		return m, err
	}
	for _, s := range servers {
		if s.Name == in.serverName() {
			m.boot = s.Boot
		}
	}
	fmt.Fprintf(w.out, "From  %s\nTo    %s\nA register of %d entries.\n", m.fromSays, m.toSays, entries)
	return m, nil
}

// sayPlace is a database's place for people: without a password.
func (d dataDir) sayPlace(cfg register.Config) string {
	u, err := url.Parse(cfg.URL)
	if cfg.URL == "" || err != nil {
		return "the file " + d.database()
	}
	host := cmp.Or(u.Host, u.Query().Get("host"), "this machine")
	return fmt.Sprintf("the PostgreSQL database %s at %s", cmp.Or(strings.TrimPrefix(u.Path, "/"), u.User.Username()), host)
}

// refuseServers keeps a register from being moved away under a server on another
// machine, which the data folder's lock knows nothing of. The one that is at work here
// will make way.
func (in *installation) refuseServers(w *world) error {
	if in.cfg.Database == nil {
		return nil
	}
	others := func() ([]register.Running, error) {
		all, err := in.register.Running(w.ctx)
		return slices.DeleteFunc(all, func(s register.Running) bool { return s.Name == in.serverName() }), err
	}
	before, err := others()
	if err != nil || len(before) == 0 {
		return err
	}
	fmt.Fprintln(w.out, "Looking whether another server is at work on this database ...")
	beats := map[string]int64{}
	for _, s := range before {
		beats[s.ID()] = s.Beat
	}
	for range 12 { // a server says every five seconds that it lives
		select {
		case <-w.ctx.Done():
			return w.ctx.Err()
		case <-time.After(time.Second):
		}
		now, err := others()
		if err != nil {
			return err
		}
		for _, s := range now {
			if beat, known := beats[s.ID()]; !known || beat != s.Beat {
				return fmt.Errorf("the server %s is at work on this database: stop every server first", s.Name)
			}
		}
	}
	return nil
}

// carryOut moves the register.
func (m move) carryOut(w *world) (err error) {
	if now, err := readConfigText(m.in.dir.config); err != nil || now.text != m.before {
		return cmp.Or(err, fmt.Errorf("%s was changed meanwhile, so that nothing was moved: run this again", m.in.dir.config))
	}
	from, err := json.Marshal(m.from)
	if err != nil {
		return err
	}
	goes, err := json.Marshal(m.goes)
	if err != nil {
		return err
	}
	opening := w.screen.Begin("Opening the new database", "", 0)
	to, err := register.Open(w.ctx, m.to)
	opening.End()
	if err != nil {
		return err
	}
	closes := sync.OnceValue(to.Close)
	defer func() { err = errors.Join(err, closes()) }()
	if err := m.in.register.BeginMove(w.ctx, string(goes)); err != nil {
		return err
	}
	crashPoint("moving-begun", "")
	copying := w.screen.Begin("Copying the register", "row", 0)
	defer copying.End()
	var entries int64 // in the copy, with the one that says that it was moved
	_, _, err = m.in.register.MoveTo(w.ctx, to, register.Moving{
		From: string(from),
		Far:  copying.Set,
		Tell: func(table string, rows int64) {
			if rows > 0 {
				fmt.Fprintf(w.out, "Copied: %s, %d\n", table, rows)
			}
		},
		// The copy is whole, and named by nobody yet.
		Then: func() error {
			head, err := w.verified(to, m.key, m.entries)
			if err != nil {
				return fmt.Errorf("the copy does not verify, and is not used: %w", err)
			}
			entries = head.Entries
			fmt.Fprintf(w.out, "The copy verifies: %d entries.\n", entries)
			return m.config.write()
		},
	})
	switch _, moved := errors.AsType[*register.MovedError](err); {
	case moved:
		w.log.Warn("the old database may not know that the register was moved; do not name it again", "error", err)
	case err != nil:
		return errors.Join(fmt.Errorf("nothing was moved, and the old database goes on: %w", err), closes(), m.takeBack(w))
	}
	fmt.Fprintf(w.out, "Moved: all %d entries, and %s names the new database.\n", entries, m.in.dir.config)
	return nil
}

// takeBack removes from the new database what a move that failed has copied there:
// nobody else would know that names and letters are in it. A crash before its end
// leaves them; the next move goes over them, and until then 'check' says so.
func (m move) takeBack(w *world) error {
	ctx := context.WithoutCancel(w.ctx) // who has stopped the move wants nothing left of it
	if now, err := readConfigText(m.in.dir.config); err != nil || now.text != m.before {
		return err // it is the database that is used
	}
	if err := register.Vacant(ctx, m.to); err != nil {
		return nil // somebody else's by now, or out of reach
	}
	if err := m.in.emptyDatabase(ctx, m.to); err != nil {
		return fmt.Errorf("what was copied into %s is still there, and tells of letters and of staff. Move again, or have it emptied: %w", m.toSays, err)
	}
	return m.in.register.EndMove(ctx)
}

// sayMoved says what is to be done now. A server that had made way is waited for.
func (m move) sayMoved(w *world, served bool) error {
	says := "Start the server again."
	if served {
		says = "The server has not come back within a minute: look at what it says, and start it."
		back, err := m.serverIsBack(w)
		if err != nil {
			w.log.Warn("it could not be seen whether the server goes on", "error", err)
		} else if back {
			says = "The server goes on with it."
		}
	}
	_, err := fmt.Fprintf(w.out, "%s\nThe old one, %s, is still there, and nobody uses it. It tells of letters and of staff, and what is deleted from now on stays in it: once all is well, within the week, run 'letterlock setup --remove-old-database'. Until then 'letterlock check' says so.\n", says, m.fromSays)
	return err
}

// serverIsBack waits for a minute until the server of this data folder is at work.
func (m move) serverIsBack(w *world) (back bool, err error) {
	work := w.screen.Begin("Waiting for the server to go on", "", 0)
	defer work.End()
	moved, err := register.Open(w.ctx, m.to)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, moved.Close()) }()
	for began := time.Now(); time.Since(began) < madeWayIn; {
		all, err := moved.Running(w.ctx)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(all, func(s register.Running) bool { return s.Name == m.in.serverName() && s.Boot != m.boot }) {
			return true, nil
		}
		select {
		case <-w.ctx.Done():
			return false, w.ctx.Err()
		case <-time.After(lookEvery):
		}
	}
	return false, nil
}

// removeOldDatabase removes what the register was moved away from. It may be run
// beside a running server, and again after a crash.
func (in *installation) removeOldDatabase(w *world) error {
	old, there, err := in.register.OldPlace(w.ctx)
	if err != nil {
		return err
	}
	if !there {
		return in.removeCopy(w)
	}
	cfg, err := in.configAt(old.Place)
	if err != nil {
		return err
	}
	if !old.Going {
		if err := in.refuseNewer(w, cfg); err != nil {
			return err
		}
		if err := in.register.BeginRemoval(w.ctx, old); err != nil {
			return err
		}
	}
	crashPoint("removal-begun", "")
	work := w.screen.Begin("Removing the old database", "", 0)
	err = in.emptyDatabase(w.ctx, cfg)
	work.End()
	if err != nil {
		return err
	}
	crashPoint("removal-done", "")
	if err := in.register.EndRemoval(w.ctx); err != nil {
		return err
	}
	in.sayRemoved(w, cfg)
	return nil
}

// refuseNewer keeps a database in which somebody has gone on after the move.
func (in *installation) refuseNewer(w *world, cfg register.Config) error {
	defer w.screen.Begin("Asking the old database", "", 0).End()
	signed, err := register.HeadOf(w.ctx, cfg)
	if err != nil || signed == "" {
		return err
	}
	err = in.register.Holds(w.ctx, signed)
	if _, wrong := errors.AsType[*register.Wrong](err); wrong {
		return fmt.Errorf("%s has entries that the register does not hold: somebody has gone on with it after the move. It is not removed; find out who, and what they have recorded", in.dir.sayPlace(cfg))
	}
	return err
}

// emptyDatabase removes all that is Letterlock's from a database that nobody uses.
func (in *installation) emptyDatabase(ctx context.Context, cfg register.Config) error {
	if cfg.URL != "" {
		return in.register.DropTables(ctx, cfg)
	}
	return in.dir.wipeDatabase()
}

// wipeDatabase overwrites and removes the file in the data folder. The log goes
// first: without the file it would be nothing.
func (d dataDir) wipeDatabase() error {
	for _, ending := range []string{"-wal", "-shm", "-journal", ""} {
		if err := durable.Destroy(d.database() + ending); err != nil {
			return fmt.Errorf("the old database cannot be removed: %s", configfile.Reason(err))
		}
	}
	return nil
}

// verified verifies a register entry by entry, of which there are about so many.
func (w *world) verified(r *register.Register, key keypair, entries int64) (register.Head, error) {
	read, write := io.Pipe()
	go func() { write.CloseWithError(r.Export(w.ctx, write)) }()
	work := w.screen.Begin("Verifying the register", progress.Entries, entries)
	defer work.End()
	head, err := register.Verify(work.Lines(read), key.public())
	_ = read.CloseWithError(err)
	return head, err
}

// configText is a configuration's text.
type configText struct {
	path string // of the file itself, where its name is a link
	text string
	mode fs.FileMode
}

func readConfigText(path string) (c configText, err error) {
	if c.path, err = filepath.EvalSymlinks(path); err != nil {
		return c, configfile.Wrong("the configuration cannot be read: %s", configfile.Reason(err))
	}
	info, err := os.Stat(c.path)
	if err == nil {
		err = writable(filepath.Dir(c.path))
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(c.path)
	}
	if err != nil {
		return c, configfile.Wrong("the configuration must be read and written by whoever moves the register: %s", configfile.Reason(err))
	}
	c.text, c.mode = string(text), info.Mode().Perm()
	return c, nil
}

// write puts it in the place of the file.
func (c configText) write() error {
	if err := durable.Replace(c.path, []byte(c.text), c.mode); err != nil {
		return fmt.Errorf("the configuration cannot be written: %s", configfile.Reason(err))
	}
	return nil
}

var (
	databaseSection = regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*database[ \t]*\].*\n(?:[^\[\n].*\n|\n)*`)
	databaseLine    = regexp.MustCompile(`(?m)^([ \t]*[^#\s])`)
	databaseIdle    = regexp.MustCompile(`(?m)^#\[database\][ \t]*\n`)
)

// named is the text in which the register is in that database, and in which all else
// is as it was: what named another is commented out.
func (c configText) named(to *Database) (configText, error) {
	before, err := parseConfig(c.path, c.text)
	if err != nil {
		return c, err
	}
	before.Database = to
	idle := databaseSection.ReplaceAllStringFunc(strings.TrimSuffix(c.text, "\n")+"\n", func(section string) string {
		return databaseLine.ReplaceAllString(section, "#$1")
	})
	written := ""
	if to != nil {
		written = "[database]\n"
		if to.URL != "" {
			written += fmt.Sprintf("url = %q\n", to.URL)
		} else {
			written += fmt.Sprintf("url_file = %q\n", to.URLFile)
		}
		if to.WithoutTLS {
			written += "without_tls = true\n"
		}
	}
	candidates := []string{idle + "\n" + written}
	if at := databaseIdle.FindStringIndex(idle); at != nil && to != nil { // where a new file has it
		candidates = []string{idle[:at[0]] + written + idle[at[1]:], candidates[0]}
	} else if to == nil {
		candidates[0] = idle
	}
	for _, text := range candidates {
		if after, err := parseConfig(c.path, text); err == nil && reflect.DeepEqual(before, after) {
			c.text = text
			return c, nil
		}
	}
	return c, configfile.Wrong("%s names its database in a way that is not understood well enough to change it: write it as a section [database], each key on a line of its own", c.path)
}
