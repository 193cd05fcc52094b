// Scanner is the edge alone: it takes scans from a folder, seals them and
// leaves them in the bucket. It knows public keys only, and can neither list
// nor read nor remove a letter there. 'scanner enrol' writes what it needs.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/cmd/supervised"
	"letterlock/scanner"
	"letterlock/scanner/deposit"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/separator"
	"letterlock/scanner/texts"
	"letterlock/scanner/words"
)

// Exit statuses; scripts rely on them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUse    = 2
	exitWrong  = 3 // check or alive found something wrong
)

// crashPoint observes each step of a letter. The crash tests end the process here.
var crashPoint = func(step string, id letter.ID) {}

type cli struct {
	Config string `help:"The scanner's configuration, as 'scanner enrol' wrote it." default:"scanner.toml" env:"LETTERLOCK_SCANNER_CONFIG" type:"path" placeholder:"FILE"`

	commandline.Log
	Version kong.VersionFlag `help:"Say which version this is."`

	Enrol  enrolCmd  `cmd:"" help:"Make this machine the scanner of a site, with the file and the code of an invitation." example:"scanner enrol /mnt/stick/annexe.invitation --config /var/lib/letterlock-scanner/scanner.toml"`
	Run    runCmd    `cmd:"" help:"Take scans until it is ended." example:"scanner run --config /var/lib/letterlock-scanner/scanner.toml"`
	Repair repairCmd `cmd:"" help:"Take refused scans after all, by drawing their pages anew." example:"scanner repair --config /var/lib/letterlock-scanner/scanner.toml fax.pdf"`
	Status statusCmd `cmd:"" help:"Count what is arriving, on its way and refused." example:"scanner status"`
	Alive  aliveCmd  `cmd:"" help:"Say whether a scanner is at work on the scanner folder. Ends with 3 when none is: for what looks after a container." example:"scanner alive"`
	Check  checkCmd  `cmd:"" help:"Look at everything that a person may have to mend." example:"scanner check; scanner check --json"`
	Key    keyCmd    `cmd:"" help:"This scanner's own signing key."`

	commandline.Commands
}

// Config is scanner.toml.
type Config struct {
	Site          string              `toml:"site" doc:"Name of the place that scans, as it was enrolled."`
	Helplines     []string            `toml:"helplines" doc:"Each has a folder of its name in the scanner folder."`
	Titles        []string            `toml:"titles" doc:"What people call each of the helplines, in the same order: on the sheet of slips, in STATUS.txt and in notes. Absent: their names."`
	Language      string              `toml:"language" def:"en" doc:"In which language people read the slips, notes, STATUS.txt and the sheet of slips in the scanner folder. English (en) comes with Letterlock; another is one file, scanner/texts/en.toml translated. Troubles for the person who looks after the scanner, the console and the log are English always."`
	Folder        string              `toml:"folder" doc:"The scanner folder, on the share where scans are dropped."`
	State         string              `toml:"state" def:"state" doc:"The scanner's own memory, on this machine's disk. A relative path counts from this file."`
	ServerKey     string              `toml:"server_key" doc:"The server's public key: whose receipts are believed."`
	SiteKeyFile   string              `toml:"site_key_file" def:"site.key" doc:"The file with the site's private key. Whoever has it can announce letters as this site until the site is revoked."`
	Duplex        string              `toml:"duplex" def:"auto" doc:"Whether both sides of every sheet are scanned: \"yes\", \"no\", or \"auto\", which tells it from the pages of a stack where they prove it."`
	ArrivingLimit configfile.Duration `toml:"arriving_limit" def:"30m" doc:"A scan that has stopped growing and is still not complete is refused as cut off after this time."`
	AllowSymbols  bool                `toml:"allow_symbols" def:"false" doc:"Takes PDFs in which the scanner drew one shape in the place of others that look alike (JBIG2, \"compact PDF\"). A number on the page can silently have become another one: a 6 an 8, sharp and clear. Leave it false, and set the scanner to CCITT G4 or JPEG."`
	Storage       Storage             `toml:"storage" doc:"The bucket, with credentials that can put and not list, read or remove."`
}

// Storage is the bucket as an edge sees it.
type Storage struct {
	Endpoint      string `toml:"endpoint" doc:"URL of the S3 server."`
	Bucket        string `toml:"bucket" doc:"Name of the bucket."`
	Region        string `toml:"region" def:"us-east-1" doc:"Region of the bucket."`
	AccessKey     string `toml:"access_key" doc:"Who this scanner is to the S3 server."`
	SecretKeyFile string `toml:"secret_key_file" def:"storage.key" doc:"The file with the secret key, or on two lines an access key, in the place of access_key, and its secret key; on a third the session token of credentials that end by themselves. New ones count at once."`
	WithoutTLS    bool   `toml:"without_tls" doc:"Whether the endpoint may be http:// on another machine. Letters are sealed in any case; but leave it false unless nobody can be on the way, as in a network of its own within one machine."`
}

// workshop is where scans are worked on.
func (c *Config) workshop(pages *page.Renderer) scanner.Children {
	return scanner.Children{Pages: pages, Normaliser: pdf.Normaliser{Limits: pdf.Limits{AllowSymbols: c.AllowSymbols}}}
}

func main() {
	if pdf.RunChild(os.Args) || page.RunChild(os.Args) {
		return
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

type world struct {
	ctx    context.Context
	config string
	out    io.Writer
	log    *slog.Logger
	screen *progress.Screen // where it is said how far a command is that takes long
}

func run(args []string, out, errout io.Writer) (status int) {
	var c cli
	screen := progress.On(errout)
	out, errout = screen.Beside(out), screen
	ended := false
	parser, err := kong.New(&c, commandline.Option("scanner"), kong.Writers(out, errout),
		kong.Description("Takes scans from a folder, seals them and leaves them in the bucket."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Exit(func(code int) { ended, status = true, code }))
	if err != nil {
		panic(err) // a mistake in the command line's own description
	}
	parsed, err := parser.Parse(args)
	if ended {
		return status // --help
	}
	if err != nil {
		fmt.Fprintf(errout, "scanner: %s. See scanner --help\n", err)
		return exitUse
	}
	if commandline.WantsJSON(parsed) || c.JSON() {
		screen = screen.Silent()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = parsed.Run(&world{ctx, c.Config, out, c.Logger(errout), screen})
	var use configfile.Mistake
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &use):
		fmt.Fprintf(errout, "scanner: %s\n", use.Says)
		return exitUse
	case errors.Is(err, errFoundWrong):
		return exitWrong // the lines have said it
	}
	fmt.Fprintf(errout, "scanner: %s\n", configfile.Reason(err))
	return exitFailed
}

func readConfig(path string) (*Config, error) {
	c := &Config{}
	if err := configfile.Read(path, c); err != nil {
		return nil, err
	}
	if c.Site == "" || len(c.Helplines) == 0 || c.Folder == "" || c.ServerKey == "" {
		return nil, configfile.Wrong("%s: site, helplines, folder and server_key are needed; 'scanner enrol' writes them", path)
	}
	if len(c.Titles) > 0 && len(c.Titles) != len(c.Helplines) {
		return nil, configfile.Wrong("%s: titles has %d entries for %d helplines; it has one for each, in the same order", path, len(c.Titles), len(c.Helplines))
	}
	if err := configfile.CheckEndpoint(c.Storage.Endpoint, c.Storage.WithoutTLS); err != nil {
		return nil, configfile.Wrong("%s: %s", path, err)
	}
	if there := texts.Names(texts.Files); !slices.Contains(there, c.Language) {
		return nil, configfile.Wrong("%s: language is one of: %s", path, strings.Join(there, ", "))
	}
	c.State = configfile.Beside(path, c.State)
	return c, nil
}

// titles are what people call the helplines, by name.
func (c *Config) titles() map[string]string {
	out := map[string]string{}
	for i, title := range c.Titles {
		out[c.Helplines[i]] = title
	}
	return out
}

// notAsRoot keeps root from leaving files that the scanner's own account cannot read.
func (w *world) notAsRoot() error {
	dir := filepath.Dir(w.config)
	return configfile.NotAsRoot("scanner", filepath.Join(dir, "site.key"), dir)
}

type runCmd struct{}

// Run takes scans until the context ends. Once the machine is enrolled anew beside it, it
// begins anew by itself.
func (*runCmd) Run(w *world) error {
	if err := w.notAsRoot(); err != nil {
		return err
	}
	r := scans{world: w}
	for {
		anew, err := r.take()
		if err != nil || !anew {
			return err
		}
		fmt.Fprintln(w.out, "This machine was enrolled anew, and goes on as that.")
	}
}

// scans are taken by one process, which may begin anew.
type scans struct {
	*world
	ready sync.Once
	begun atomic.Pointer[scanner.Edge] // nil while it waits for the folder
	key   atomic.Pointer[string]       // with which it signs, as its file has it
}

// take takes scans until the context ends, or until the machine is enrolled anew.
func (r *scans) take() (anew bool, err error) {
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	enrolled, err := os.Stat(r.config) // before it is read
	if err != nil {
		enrolled = nil // which reading it says
	}
	c, err := readConfig(r.config)
	if err != nil {
		return false, err
	}
	store, err := c.store(r.config)
	if err != nil {
		return false, err
	}
	defer func() { _ = store.Close() }()
	signer, err := r.signer(c)
	if err != nil {
		return false, err
	}
	server, err := c.server(r.config)
	if err != nil {
		return false, err
	}
	language, err := texts.New(texts.Files, c.Language)
	if err != nil {
		return false, configfile.Wrong("%s", err)
	}
	// The compiled renderer is kept beside the scanner's own memory.
	pages, err := page.Open(page.Config{Children: 1, CacheDir: filepath.Join(c.State, "cache")})
	if err != nil {
		return false, err
	}
	defer pages.Close()
	cfg := scanner.Config{Folder: c.Folder, StateDir: c.State, Site: c.Site, Helplines: c.Helplines, Titles: c.titles(), Language: language, Asks: true, Reports: true, Program: letter.Program(commandline.Version()),
		Signer: signer, NextKey: c.nextKey(r.config, func() { _, _ = r.signer(c) }), Server: server, Store: store, Workshop: c.workshop(pages), Duplex: separator.Duplex(c.Duplex),
		Arriving: time.Duration(c.ArrivingLimit), Log: r.log, Step: crashPoint}
	r.ready.Do(r.isReady)
	go marksStuck(ctx, c.State, r.stuck)
	go func() {
		if c.untilAnew(ctx, r.config, enrolled, func() string { return *r.key.Load() }) {
			stop()
		}
	}()
	// Another scanner may be at work on the folder, or may have been until its
	// machine stopped: this one waits, ready to go on in its place.
	edge, err := folder.WhenFree(ctx, func() (*scanner.Edge, error) {
		edge, err := scanner.Open(cfg)
		if err != nil {
			return nil, err
		}
		// Whoever held the folder until now may have changed the key meanwhile.
		if edge.Signer, err = r.signer(c); err != nil {
			return nil, errors.Join(err, edge.Close())
		}
		return edge, nil
	},
		func(*folder.HeldError) bool { return true },
		func(held *folder.HeldError) { fmt.Fprintf(r.out, "Waiting: %s.\n", held) })
	if ctx.Err() != nil && errors.As(err, new(*folder.HeldError)) {
		return r.ctx.Err() == nil, nil // told to end, or enrolled anew, while it waited
	}
	if err != nil {
		return false, err
	}
	fmt.Fprintf(r.out, "Drop scans into %s%c<helpline>\n", c.Folder, os.PathSeparator)
	r.begun.Store(edge)
	edge.Run(ctx)
	r.begun.Store(nil)
	if r.ctx.Err() != nil {
		supervised.Stopping(r.log)
	}
	return r.ctx.Err() == nil, edge.Close()
}

// isReady says that the process is, also while it waits for the folder, and that it goes
// on for as long as it does.
func (r *scans) isReady() {
	supervised.Ready(r.log)
	go supervised.Watch(r.ctx, r.log, r.stuck)
}

// stuck is why the scanner is to be started anew; nil also while it waits for the folder.
func (r *scans) stuck() error {
	if edge := r.begun.Load(); edge != nil {
		return edge.Stuck()
	}
	return nil
}

// signer is the site's key, as it lies there now, with which the scanner signs from here
// on.
func (r *scans) signer(c *Config) (note.Signer, error) {
	secret, err := configfile.Secret(r.config, c.SiteKeyFile, "site's private key")
	if err != nil {
		return nil, err
	}
	own, err := letter.SignerOf(secret)
	if err != nil {
		return nil, configfile.Wrong("%s: the site_key_file holds no signing key", r.config)
	}
	r.key.Store(&secret)
	return own, nil
}

func (c *Config) server(config string) (note.Verifier, error) {
	server, err := note.NewVerifier(c.ServerKey)
	if err != nil {
		return nil, configfile.Wrong("%s: server_key is not a public key of Letterlock", config)
	}
	return server, nil
}

func (c *Config) store(config string) (*deposit.S3, error) {
	renew := func() (k deposit.Credentials, err error) {
		k.AccessKey, k.SecretKey, k.SessionToken, err = configfile.StorageKey(config, c.Storage.SecretKeyFile, c.Storage.AccessKey)
		return k, err
	}
	now, err := renew()
	if err != nil {
		return nil, err
	}
	store, err := deposit.OpenS3(deposit.S3Config{Endpoint: c.Storage.Endpoint, Bucket: c.Storage.Bucket,
		Region: c.Storage.Region, AccessKey: now.AccessKey, SecretKey: now.SecretKey, SessionToken: now.SessionToken, Renew: renew})
	if err != nil {
		return nil, configfile.Wrong("%s: %s", config, err)
	}
	return store, nil
}

type statusCmd struct {
	JSON bool `help:"One JSON object instead of lines."`
}

// Run counts; it works beside a running scanner.
func (c *statusCmd) Run(w *world) error {
	cfg, err := readConfig(w.config)
	if err != nil {
		return err
	}
	work := w.screen.Begin("Looking into the folder", "", 0)
	n, err := folder.Count(cfg.Folder, cfg.Helplines)
	work.End()
	if err != nil {
		return fmt.Errorf("the scanner folder cannot be read: %s", configfile.Reason(err))
	}
	if c.JSON {
		return json.NewEncoder(w.out).Encode(n)
	}
	t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "arriving\t%d\n", n.Arriving)
	for _, a := range n.Arrivals {
		fmt.Fprintf(t, "  %s\t%d\tthe oldest unchanged for %s\n", cmp.Or(a.Helpline, "for nobody"), a.Files, words.Lasted(time.Since(a.Since)))
	}
	fmt.Fprintf(t, "on its way\t%d\nrefused\t%d\nasked about\t%d\n", n.Claimed+n.Waiting, n.Refused, n.Asked)
	if n.Other > 0 {
		fmt.Fprintf(t, "  of these\t%d\twere taken before for another helpline: one of the two may be in the wrong place\n", n.Other)
	}
	return t.Flush()
}
