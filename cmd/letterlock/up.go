package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/sitekey"
	"letterlock/cmd/supervised"
	"letterlock/pipeline"
	"letterlock/pipeline/mail"
	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/separator"
	scannertexts "letterlock/scanner/texts"
)

type upCmd struct {
	Listen string `help:"Address of the portal." default:"localhost:8080" placeholder:"HOST:PORT"`
	Sample bool   `help:"Make (or go on with) a data folder for trying things out, with letters and people of its own."`
	Clock  string `help:"Sample only: the day that it is, as in 2027-05-26. It only moves forward." placeholder:"DAY"`
}

type serveCmd struct {
	Listen string `help:"Address of the portal." default:"localhost:8080" placeholder:"HOST:PORT"`
}

// Run plays every role.
func (c *upCmd) Run(w *world) error {
	if c.Clock != "" && !c.Sample {
		return configfile.Wrong("--clock is for --sample only: a real folder's clock is the system's")
	}
	return w.play(c.Listen, func(in *installation) error {
		if err := c.found(w.ctx, in); err != nil {
			return err
		}
		if c.Sample {
			return in.prepareSample(w.ctx, c.Listen, c.Clock)
		}
		return nil
	}, true)
}

// found holds a folder to the kind that it began as.
func (c *upCmd) found(ctx context.Context, in *installation) error {
	kind, err := in.register.Found(ctx, c.Sample)
	if err != nil {
		return err
	}
	switch {
	case c.Sample && kind != register.KindSample:
		return configfile.Wrong("%s is a real data folder: a sample needs one of its own (--data)", in.dir.path)
	case !c.Sample && kind == register.KindSample:
		return configfile.Wrong("%s is a sample, and a sample never becomes real: start it with --sample, or choose another folder with --data", in.dir.path)
	}
	in.sample = c.Sample
	return nil
}

// Run plays the server's role alone.
func (c *serveCmd) Run(w *world) error {
	return w.play(c.Listen, func(in *installation) error { return (&upCmd{}).found(w.ctx, in) }, false)
}

// play takes the data folder for this process alone and plays the roles until the
// context ends, but while the register is moved. begin is what a command does first.
func (w *world) play(listen string, begin func(*installation) error, edge bool) (err error) {
	known := exists(w.dir.lockName())
	var unlock func() // nil while the data folder is not ours
	if known {
		if unlock, err = w.dir.lockOrMoving(); err != nil {
			return err
		}
	}
	defer func() {
		if unlock != nil {
			unlock()
		}
	}()
	// The port before anything is made: a slip in --listen leaves no folder behind.
	door, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("the portal cannot listen on %s: %s; choose another with --listen", listen, cause(err))
	}
	defer func() { _ = door.Close() }()
	if err := w.dir.notHalf(); err != nil {
		return err
	}
	if !w.dir.found() {
		fmt.Fprintf(w.errout, "Making a new data folder: %s\n", w.dir.path)
	}
	if err := w.dir.create(); err != nil {
		return err
	}
	if !known {
		if unlock, err = w.dir.lock(); err != nil {
			return err
		}
	}
	defer w.willMakeWay()()
	for {
		if unlock == nil {
			if unlock, err = w.standBack(door); err != nil || unlock == nil {
				return err
			}
		}
		moved, err := w.untilMoved(door, begin, edge)
		if err != nil || !moved {
			return err
		}
		unlock()
		unlock = nil
	}
}

// playHere opens the data folder, which is this process's own, and plays the roles
// until the context ends. The door stays open.
func (w *world) playHere(door net.Listener, begin func(*installation) error, edge bool) error {
	if err := w.dir.wipeLeft(); err != nil {
		return err
	}
	in, err := w.openPatiently(door)
	if err != nil {
		return err
	}
	defer in.close()
	if err := in.hasKeys(w.ctx); err != nil {
		return err
	}
	if err := in.recognise(w.ctx); err != nil {
		return err
	}
	if err := begin(in); err != nil {
		return err
	}
	if err := in.refuseUnfit(w.ctx); err != nil {
		return err
	}
	origin, err := in.origin(door.Addr())
	if err != nil {
		return err
	}
	r, err := in.roles(w, origin, edge)
	if err != nil {
		return err
	}
	defer r.close()
	if err := in.greet(w, origin, edge); err != nil {
		return err
	}
	r.sayIfOpen(door.Addr())
	supervised.Ready(w.log)
	go supervised.Watch(w.ctx, w.log, r.server.Stuck)
	lent := lend(door)
	defer lent.takeBack()
	return r.play(w.ctx, lent)
}

// hasKeys says of the keys without which no server begins which is lost, or not the right
// one.
func (in *installation) hasKeys(ctx context.Context) error {
	if err := in.hasRegisterKey(ctx); err != nil {
		return err
	}
	if err := in.hasServerKey(); err != nil {
		return err
	}
	in.noteServerKey(ctx)
	return in.hasCodeKey()
}

// asTold is err, but for what comes of being told to end: that may happen
// anywhere, and is no failure.
func asTold(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// cause is the last word of a network error: "address already in use".
func cause(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return strings.Join(strings.Fields(err.Error()), " ") // the database's driver writes several lines
}

// origin is the portal's address as browsers see it.
func (in *installation) origin(at net.Addr) (*url.URL, error) {
	origin := in.cfg.Portal.Origin
	if origin == "" || in.sample {
		_, port, err := net.SplitHostPort(at.String())
		if err != nil {
			return nil, err
		}
		origin = "http://localhost:" + port
	}
	return url.Parse(origin)
}

// roles are what one process plays.
type roles struct {
	in        *installation
	server    *pipeline.Server
	pages     *page.Renderer
	edge      *scanner.Edge
	questions *scanner.Questions // of the edge's folder
	web       *http.Server       // the portal's
	metrics   net.Listener       // nil for nowhere
}

func (in *installation) roles(w *world, origin *url.URL, edge bool) (*roles, error) {
	r := &roles{in: in}
	if err := r.open(w, origin, edge); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// heap is how many bytes of memory the program takes at ease: from there on it
// clears away more often what it no longer needs, so that many readers at once do
// not take twice of what they need. It is no wall: what must be in memory goes
// beyond it. Somebody's own GOMEMLIMIT stands.
const heap = 160 << 20

func (r *roles) open(w *world, origin *url.URL, edge bool) (err error) {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(heap)
	}
	if r.pages, err = page.Open(page.Config{CacheDir: r.in.dir.cache()}); err != nil {
		return err
	}
	sender, err := r.in.sender(w.out)
	if err != nil {
		return err
	}
	r.server = r.in.pipeline(origin, r.pages, sender)
	if r.metrics, err = r.in.metricsDoor(); err != nil {
		return err
	}
	policy, err := r.in.readPolicy()
	if err != nil {
		return err
	}
	cfg := r.in.portalConfig(r.server, origin, policy)
	if cfg.SSO, err = r.in.sso(); err != nil {
		return err
	}
	if edge {
		if r.edge, err = r.in.edge(w.ctx, r.pages); err != nil {
			return err
		}
		if r.questions, err = scanner.OpenQuestions(r.edge); err != nil {
			return err
		}
		r.server.Beside(r.in.cfg.Scanner.Site)
		cfg.Intake = intakes{&intake{site: r.in.cfg.Scanner.Site, record: r.in.register.Record, questions: r.questions}, cfg.Intake}
	}
	cfg.OwnSite = r.in.ownSite()
	handler, err := portal.New(w.ctx, cfg)
	switch {
	case err != nil && (w.ctx.Err() != nil || register.IsAway(err)): // which says nothing of the configuration
		return err
	case err != nil:
		return configfile.Wrong("%s: %s", r.in.dir.config, err)
	}
	r.web, err = r.in.web(handler)
	return err
}

func (in *installation) portalConfig(server *pipeline.Server, origin *url.URL, policy []byte) portal.Config {
	cfg := portal.Config{Register: in.register, Closed: server.FindClosed, Scanners: in.scanners(), Program: letter.Program(commandline.Version()), Retention: retentionDesk{in}, Evidence: in.evidenceZip, Reader: server, Intake: server.Intake(), Responses: server, Origin: origin.String(), Language: in.cfg.Portal.Language, SubdomainsWithoutTLS: in.cfg.Portal.SubdomainsWithoutTLS, Sample: in.sample, Settings: in.cfg.Portal.settings(),
		Policy: portal.Policy{Name: in.cfg.Policy, Text: policy}, Now: in.clock.Now, Log: in.log,
		Check: func(ctx context.Context) []portal.CheckLine {
			var out []portal.CheckLine
			for _, l := range server.Check(ctx) {
				out = append(out, portal.CheckLine{Name: l.Name, OK: l.OK, Says: l.Text})
			}
			return out
		}}
	cfg.TrustedProxies, _ = portal.ParseProxies(in.cfg.Portal.TrustedProxy) // which Config.check has read
	for _, name := range in.cfg.Destruction.Places {
		cfg.Places = append(cfg.Places, register.Name(name))
	}
	for _, name := range in.cfg.Destruction.Machines {
		cfg.Machines = append(cfg.Machines, register.Name(name))
	}
	for _, name := range in.cfg.Destruction.Contractors {
		cfg.Contractors = append(cfg.Contractors, register.Name(name))
	}
	for _, h := range in.cfg.Helplines {
		cfg.Helplines = append(cfg.Helplines, portal.Helpline{Name: h.Name, Title: h.typeset()})
	}
	return cfg
}

func (in *installation) scannerFolder() string {
	return in.dir.named(in.cfg.Scanner.Folder, in.dir.in("scanner"))
}

// edge makes this process's own edge and enrols it. It meets the server only
// in the bucket, like any other.
func (in *installation) edge(ctx context.Context, pages *page.Renderer) (*scanner.Edge, error) {
	site, err := in.enrolOwn(ctx)
	if err != nil {
		return nil, err
	}
	language, err := scannertexts.New(scannertexts.Files, in.cfg.Scanner.Language)
	if err != nil {
		return nil, err
	}
	cfg := scanner.Config{
		Folder: in.scannerFolder(), StateDir: in.dir.edgeState(), Site: in.cfg.Scanner.Site, Helplines: in.cfg.names(), Titles: in.cfg.titles(), Language: language, Portal: true, Reports: true, Program: letter.Program(commandline.Version()),
		Signer: site.signer, NextKey: sitekey.Next(in.siteKey(), in.cfg.Scanner.Site, in.takeOwnKey), Rotate: "letterlock edge rotate-key", Server: in.server.public(), Store: in.store,
		Workshop: scanner.Children{Pages: pages, Normaliser: pdf.Normaliser{Limits: pdf.Limits{AllowSymbols: in.cfg.Scanner.AllowSymbols}}},
		Duplex:   separator.Duplex(in.cfg.Scanner.Duplex),
		Arriving: time.Duration(in.cfg.Scanner.ArrivingLimit), Settle: pace, Rescan: pace, SlipEvery: pace, Now: in.clock.Now, Log: in.log, Step: crashPoint,
	}
	// Of a scanner on another machine only its signs of life are known: a minute
	// shows whether it is still there.
	patient, cancel := context.WithTimeout(ctx, 75*time.Second)
	defer cancel()
	return folder.WhenFree(patient, func() (*scanner.Edge, error) { return scanner.Open(cfg) },
		func(held *folder.HeldError) bool { return held.Far },
		func(held *folder.HeldError) {
			in.log.Warn("Waiting for a minute whether it is alive: " + held.Error() + ".")
		})
}

// greet says where things are, and how the first person enrols.
func (in *installation) greet(w *world, origin *url.URL, edge bool) error {
	if edge {
		fmt.Fprintf(w.out, "Drop scans into   %s%c<helpline> (%s)\n", in.scannerFolder(), os.PathSeparator, list(in.cfg.names()))
	}
	fmt.Fprintf(w.out, "The portal is at  %s\n", origin)
	if in.cfg.Mail.SMTP == "" {
		fmt.Fprintf(w.out, "Mail goes to      %s (no mail server is set)\n", in.dir.in("outbox"))
	} else {
		fmt.Fprintf(w.out, "Mail goes to      the mail server of the configuration, from %s\n", in.cfg.Mail.From)
	}
	signs, err := in.register.Closed(w.ctx)
	if err != nil {
		return err
	}
	if len(signs) > 0 {
		_, err := fmt.Fprintln(w.out, "CLOSED            "+texts.English().Text(pipeline.RestoredSays(signs)))
		return err
	}
	if in.sample {
		_, err := fmt.Fprintf(w.out, "First sign-in     %s/sample: this is a sample, be whoever you like. Today is %s.\n", origin, letter.DateOf(in.clock.Now()))
		return err
	}
	return in.greetAdministrator(w, origin.String(), (&setupAdministrator{}).person())
}

func (in *installation) mailDomain() string {
	domain, err := mail.Domain(in.cfg.Mail.From)
	if err != nil {
		return "localhost" // the sender itself is refused where it is used
	}
	return domain
}

// play runs every role until the context ends, and ends them in the order that
// leaves the least to do again.
func (r *roles) play(ctx context.Context, door net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 4)
	running := 0
	begin := func(role func() error) {
		running++
		go func() { ended <- asTold(ctx, role()) }()
	}
	begin(func() error { return r.answer(door) })
	begin(func() error { return r.serve(ctx) })
	if r.metrics != nil {
		begin(func() error { return r.serveMetrics(ctx) })
	}
	if r.edge != nil {
		begin(func() error { r.edge.Run(ctx); return nil })
	}
	var errs []error
	select {
	case <-ctx.Done():
	case err := <-ended: // a role that ends by itself ends them all
		errs = append(errs, err)
		running--
	}
	if !errors.Is(context.Cause(ctx), errMoving) { // else it begins again
		supervised.Stopping(r.in.log)
	}
	stop()
	r.hangUp()
	for range running {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// serve plays the server's role. The bucket may be away when Letterlock
// starts; nothing waits for it but what needs it.
func (r *roles) serve(ctx context.Context) error {
	go func() {
		// The first letter should not wait for the renderer's slow start.
		if err := r.pages.Warm(ctx); err != nil && ctx.Err() == nil {
			r.in.log.Warn("the page renderer could not be warmed up", "error", err)
		}
	}()
	return r.server.Run(ctx)
}

func (r *roles) close() {
	if r.metrics != nil {
		_ = r.metrics.Close() // closed already where it was served
	}
	if r.questions != nil {
		_ = r.questions.Close() // nothing was written
	}
	if r.edge != nil {
		if err := r.edge.Close(); err != nil {
			r.in.log.Warn("the scanner did not close well", "error", err)
		}
	}
	if r.server != nil {
		_ = r.server.Close() // it wipes, and cannot fail
	}
	if r.pages != nil {
		r.pages.Close()
	}
}
