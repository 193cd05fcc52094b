package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/invitation"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

type setupCmd struct {
	serverUserFlags

	Settings   bool   `help:"Write letterlock.toml and policy.md where there are none, and make nothing else: to be filled in first."`
	Repair     bool   `help:"Take the bucket for the right one, and write its deletion rules again where they are not Letterlock's any more, after showing the difference."`
	TakeOver   bool   `help:"With --repair: take the bucket although another installation's keys or letters were found in it, or letters of this one are missing."`
	Yes        bool   `help:"Do not ask before a new server is made, or --repair changes the bucket."`
	NoInput    bool   `help:"Ask nothing, not even at a terminal: what no flag says is as in a new letterlock.toml."`
	Edge       string `help:"Enrol a scanner of that site on this machine, and write what it needs to --edge-folder. For another machine: letterlock edge invite." placeholder:"SITE"`
	EdgeFolder string `help:"Where the scanner's configuration and keys go." type:"path" placeholder:"DIR"`
	Scans      string `help:"The scanner folder on the scanner's own machine." default:"/scans" placeholder:"DIR"`
	TestMail   string `help:"Send a test message there, in which nothing is confidential. Ends with 3 when the mail server does not take it." placeholder:"ADDRESS"`

	MoveDatabase      string `help:"Move state and register into another database, beside a running server, which makes way for it: a file that holds the address of an empty PostgreSQL; or that address, where no password is in it; or 'sqlite' for the file in the data folder." placeholder:"TO"`
	WithoutTLS        bool   `help:"With --move-database: that database may be reached without TLS on another machine, as in a network of its own within one machine."`
	DryRun            bool   `help:"Say what is there and what would be made, changed or, with --move-database, moved, and do nothing."`
	RemoveOldDatabase bool   `help:"Remove the database from which the register was moved, and what is deleted in it, or the copy that a move which was cut off has left in another: a file is overwritten, the tables of a PostgreSQL are dropped."`

	setupValues
	setupAdministrator
}

// Run leaves a bucket, keys and, if asked, a scanner's configuration. It may be
// run again at any time, beside a running server too.
func (c *setupCmd) Run(w *world) error {
	switch err := c.wrongUse(); {
	case err != nil:
		return err
	case c.PrintPolicies:
		return c.printPolicies(w, c.Edge)
	case c.MoveDatabase != "":
		return c.moveDatabase(w)
	case c.RemoveOldDatabase:
		return w.with(func(in *installation) error { return in.removeOldDatabase(w) })
	}
	text, begins, err := c.configuration(w)
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.plan(w, text)
	}
	if err := w.dir.createWith(text); err != nil {
		return err
	}
	if c.Settings {
		_, err := fmt.Fprintf(w.out, "Settings: %s and %s. Fill in both, then run: letterlock setup\n", w.dir.config, w.dir.policy())
		return err
	}
	// A crash here leaves a configuration and a policy; the next run goes by them.
	crashPoint("setup-written", "")
	if err := c.makeServerUser(w, c.Yes); err != nil {
		return err
	}
	in, err := w.opened(open)
	if err != nil {
		return err
	}
	defer in.close()
	if err := c.openStore(in); err != nil {
		return err
	}
	if err := in.hasKeys(w.ctx); err != nil {
		return err
	}
	// A crash here leaves tables and keys in which nothing is recorded yet.
	crashPoint("setup-opened", "")
	if _, err := in.register.Found(w.ctx, false); err != nil { // a new folder is a real one
		return err
	}
	if err := c.takeBucket(w, in); err != nil {
		return err
	}
	if err := c.tryOwn(w, in); err != nil {
		return err
	}
	if c.Edge != "" {
		if err := in.equipEdge(w, c); err != nil {
			return err
		}
	}
	if c.talks() && !begins && !c.Repair {
		if err := c.askWhereNobody(w, in); err != nil {
			return err
		}
	}
	if c.named() {
		if err := in.greetAdministrator(w, cmp.Or(in.cfg.Portal.Origin, "the portal's "), c.person()); err != nil {
			return err
		}
	}
	return in.tryMail(w, c.TestMail)
}

// wrongUse says which flags do not go together.
func (c *setupCmd) wrongUse() error {
	switch {
	case c.MoveDatabase == "" && c.WithoutTLS:
		return configfile.Wrong("--without-tls belongs to --move-database")
	case c.DryRun && c.RemoveOldDatabase:
		return configfile.Wrong("--dry-run is not for --remove-old-database, which says by itself where it cannot be done")
	case c.MoveDatabase != "" && c.RemoveOldDatabase:
		return configfile.Wrong("first --move-database, and --remove-old-database once all is well since")
	case c.PrintPolicies:
		return nil // which goes by nothing else
	case (c.MoveDatabase != "" || c.RemoveOldDatabase) && (c.given() || c.named()):
		return configfile.Wrong("--move-database and --remove-old-database go by the configuration that is there: leave out what a new one is to say")
	case c.MoveDatabase != "":
		return nil
	case c.TestMail != "" && c.Settings:
		return configfile.Wrong("first --settings, and --test-mail once [mail] is filled in")
	case c.TestMail != "" && !isPlainAddress(c.TestMail):
		return configfile.Wrong("--test-mail is a plain address like name@example.org")
	case c.RemoveOldDatabase:
		return nil
	case (c.Edge == "") != (c.EdgeFolder == ""):
		return configfile.Wrong("--edge and --edge-folder belong together")
	case c.Edge != "" && !letter.ValidName(c.Edge):
		return configfile.Wrong("a site's name is up to 40 lower-case letters, digits and hyphens")
	}
	return cmp.Or(c.serverUserFlags.check(), c.setupAdministrator.check())
}

// configuration is the text of the configuration by which setup goes: what is there, or
// what is asked for or said by flags. begins is true where somebody was asked.
func (c *setupCmd) configuration(w *world) (text string, begins bool, err error) {
	if c.ServerUser != "" && (!exists(w.dir.config) || c.Storage != "" && w.dir.untouched()) {
		c.willBe(c.ServerUser, w.dir)
	}
	if c.talks() && !exists(w.dir.config) {
		text, err = c.ask(w)
		return text, true, err
	}
	text, err = c.settled(w.dir)
	return text, false, err
}

// takeBucket finds that the bucket is this server's, or one that nobody has used yet, and
// leaves it ready, with the recipients list in it. A crash leaves what the next run goes
// on with.
func (c *setupCmd) takeBucket(w *world, in *installation) error {
	if err := w.looking(func() error { return in.recognise(w.ctx) }); err != nil {
		return err
	}
	if closed, err := in.register.Closed(w.ctx); err != nil || len(closed) > 0 {
		if err := cmp.Or(err, c.mayWhileClosed(w, in)); err != nil {
			return err
		}
	}
	if err := c.refuseAnother(w, in); err != nil {
		return err
	}
	ready, publish := in.prepare, in.looks(nil).PublishRecipients
	if c.Repair {
		adopts, err := c.adopts(w, in)
		if err != nil {
			return err
		}
		if adopts {
			ready, publish = in.makeReady, in.looks(nil).AdoptBucket
		}
	}
	work := w.begin(in, "Preparing the bucket", "step")
	err := ready(w.ctx)
	work.End()
	if err != nil {
		return err
	}
	if err := c.compareRules(w, in); err != nil {
		return err
	}
	work = w.begin(in, "Making keys", "key")
	err = publish(w.ctx)
	work.End()
	if err != nil {
		return err
	}
	fmt.Fprintln(w.out, "Keys: the recipients list is in the bucket.")
	return nil
}

// adopts reports whether the bucket is one that this server does not know as its own, and
// that somebody says is the right one all the same.
func (c *setupCmd) adopts(w *world, in *installation) (bool, error) {
	var why string
	err := w.looking(func() (err error) {
		why, err = in.looks(nil).BucketDoubt(w.ctx)
		return err
	})
	if err != nil || why == "" {
		return false, err
	}
	fmt.Fprintf(w.out, "Bucket: %s\n", why)
	if err := c.refuseStrangers(w, in); err != nil {
		return false, err
	}
	return true, w.agree("Is it the right one all the same? That will be on the register.", c.Yes)
}

// looking does what has to look at the bucket, which may take a while.
func (w *world) looking(f func() error) error {
	looking := w.screen.Begin("Looking at the bucket", "", 0)
	defer looking.End()
	return f()
}

// mayWhileClosed lets a person say that this is the right bucket although it
// holds nothing of this server, as a new one does where the old one is lost: a
// replay that waits for that would wait for ever. All else waits for the replay.
func (c *setupCmd) mayWhileClosed(w *world, in *installation) error {
	if !c.Repair || c.Edge != "" || c.named() {
		return register.ErrClosed
	}
	why, err := in.looks(nil).BucketDoubt(w.ctx)
	if err == nil && why == "" {
		err = register.ErrClosed
	}
	w.ctx = register.Replaying(w.ctx)
	return err
}

// refuseStrangers keeps a slip in the configuration from taking over another
// installation's bucket, or from leaving this one's letters behind.
func (c *setupCmd) refuseStrangers(w *world, in *installation) error {
	looking := w.screen.Begin("Looking whose the bucket is", "", 0)
	found, err := in.looks(nil).BucketStrangers(w.ctx)
	looking.End()
	if err != nil || len(found) == 0 {
		return err
	}
	fmt.Fprintf(w.out, "Bucket: %s.\n", strings.Join(found, "; "))
	if c.TakeOver {
		return nil
	}
	return fmt.Errorf("this bucket is not taken over: look at [storage] in %s.%s If you know all this and want it all the same, run: letterlock setup --repair --take-over", in.dir.config, in.leftInFolder())
}

// leftInFolder says that this installation's letters lie in its own folder,
// where [storage] is set and they do.
func (in *installation) leftInFolder() string {
	if in.cfg.Storage == nil || !exists(in.dir.in("bucket", "letters")) {
		return ""
	}
	return fmt.Sprintf(" This installation's letters lie in %s, and are not moved to a server: take [storage] out again, and see \"From the folder to an S3 server\" in the README.", in.dir.in("bucket"))
}

// compareRules shows how the storage's deletion rules differ, and mends them
// only when asked to, and told so again after showing what that would change.
func (c *setupCmd) compareRules(w *world, in *installation) error {
	store, ok := in.real().(*archive.S3)
	if !ok {
		fmt.Fprintln(w.out, "Bucket: a folder, ready; Letterlock itself deletes what is due.")
		return nil
	}
	looking := w.screen.Begin("Reading the storage's deletion rules", "", 0)
	drift, err := store.Drift(w.ctx)
	looking.End()
	if err != nil {
		return fmt.Errorf("reading the storage's deletion rules: %w", err)
	}
	if len(drift) == 0 {
		fmt.Fprintln(w.out, "Bucket: ready, its deletion rules are Letterlock's.")
		return nil
	}
	fmt.Fprintf(w.out, "Bucket: it is not as it must be:\n  %s\n", strings.Join(drift, "\n  "))
	if !c.Repair {
		return fmt.Errorf("the storage was changed by somebody: find out who, then run: letterlock setup --repair")
	}
	return c.mend(w, in, store)
}

func (c *setupCmd) mend(w *world, in *installation, store *archive.S3) error {
	change, err := store.Difference(w.ctx)
	if err != nil {
		return err
	}
	if len(change) > 0 {
		fmt.Fprintf(w.out, "This would be changed, - goes and + comes:\n  %s\n", strings.Join(change, "\n  "))
		if err := w.agree("Change it?", c.Yes); err != nil {
			return err
		}
		if err := in.installLifecycle(w.ctx); err != nil {
			return err
		}
		fmt.Fprintln(w.out, "Bucket: the rules were written again.")
	}
	left, err := store.Drift(w.ctx)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("this is for you to change at the storage, Letterlock cannot: %s", strings.Join(left, "; "))
	}
	return nil
}

// equipEdge enrols a scanner and writes its folder: what is there already is
// kept, so that running setup again changes no key.
func (in *installation) equipEdge(w *world, c *setupCmd) error {
	site, folder := c.Edge, c.EdgeFolder
	s := in.cfg.Storage
	if s == nil {
		return in.meetsNoScanner()
	}
	user := "letterlock-" + site
	if own, err := in.cfg.s3(in.dir.config); err == nil && own.AccessKey == user {
		return configfile.Wrong("the server itself is %s at the storage: give the site another name, or the server with --server-user%s", user, bothInCompose)
	}
	if _, err := in.register.Edge(w.ctx, site); err == nil && !exists(filepath.Join(folder, "site.key")) {
		return configfile.Wrong("the site %q is enrolled already, and its key is not in %s ('letterlock up' enrols its own scanner): choose another name with --edge%s", site, folder, siteInCompose)
	}
	if exists(filepath.Join(folder, "letterlock.toml")) { // whose storage.key is the server's
		return configfile.Wrong("%s is a server's data folder: name another with --edge-folder", folder)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("the scanner's folder cannot be made: %s", configfile.Reason(err))
	}
	key, err := signingKey(filepath.Join(folder, "site.key"), site)
	if err != nil {
		return err
	}
	// A crash leaves a key that nobody believes, and the next run enrols it; one after that
	// leaves a scanner that cannot speak to the storage; and one before the end a scanner
	// that can, and has not been told of it. The next run goes on, with the same key and
	// the same secret.
	crashPoint("setup-edge-key", "")
	if err := in.register.AddEdge(w.ctx, site, key.verifier); err != nil {
		return err
	}
	crashPoint("setup-edge-enrolled", "")
	secret, err := secretFile(filepath.Join(folder, "storage.key"), func() (string, error) { return rand.Text() + rand.Text()[:14], nil })
	if err != nil {
		return err
	}
	admin, err := in.adminS3()
	if err != nil {
		return err
	}
	if err := in.register.NoteStorageUser(w.ctx, user, site); err != nil {
		return err
	}
	making := w.screen.Begin("Making the scanner's user of the storage", "", 0)
	err = archive.MakeEdgeUser(w.ctx, admin, site, user, secret)
	making.End()
	if err != nil {
		return fmt.Errorf("making the scanner's own storage credentials: %w", err)
	}
	edge, err := in.edgeConfig(w.ctx, site, user, c.Scans)
	if err != nil {
		return err
	}
	text := edge.Config("letterlock setup")
	path := filepath.Join(folder, "scanner.toml")
	if err := durable.Replace(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("the scanner's configuration cannot be written: %s", configfile.Reason(err))
	}
	crashPoint("setup-edge-written", "")
	if err := in.register.Equipped(w.ctx, site); err != nil { // with the key that signs now
		return err
	}
	_, err = fmt.Fprintf(w.out, "Scanner: %s is enrolled; it starts with: scanner run --config %s\n", site, commandline.Word(path))
	return err
}

// Where a composition says what these flags are, nobody types them.
const (
	siteInCompose = " (with Docker Compose: LETTERLOCK_SITE in the file .env)"
	userInCompose = " (with Docker Compose: LETTERLOCK_SERVER_USER in the file .env)"
	bothInCompose = " (with Docker Compose: LETTERLOCK_SITE and LETTERLOCK_SERVER_USER in the file .env)"
)

// edgeConfig is what a scanner of that site finds in its scanner.toml.
func (in *installation) edgeConfig(ctx context.Context, site, user, scans string) (invitation.Edge, error) {
	if err := in.hasServerKey(); err != nil {
		return invitation.Edge{}, err
	}
	living, err := in.register.ServerKey(ctx) // which may have changed beside this process
	if err != nil {
		return invitation.Edge{}, err
	}
	edge := invitation.Edge{Site: site, Helplines: in.cfg.names(), Folder: scans, ServerKey: cmp.Or(living, in.server.verifier), Duplex: in.cfg.Scanner.Duplex,
		ArrivingLimit: time.Duration(in.cfg.Scanner.ArrivingLimit), AllowSymbols: in.cfg.Scanner.AllowSymbols,
		Endpoint: in.cfg.Storage.Endpoint, Bucket: in.cfg.Storage.Bucket, Region: in.cfg.Storage.Region, AccessKey: user, WithoutTLS: in.cfg.Storage.WithoutTLS}
	for _, h := range in.cfg.Helplines {
		edge.Titles = append(edge.Titles, h.Title)
	}
	return edge, nil
}
