package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/pipeline"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/archive/probe"
	"letterlock/pipeline/keyring"
	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
)

// clock is the product's clock: the system's, or in a sample some days ahead
// of it.
type clock struct {
	ahead func() int // days; nil for none
}

// Now is the product's time. Days are added on the calendar, so that the time
// of day stays the same over a change to summer time.
func (c *clock) Now() time.Time {
	now := systemClock()
	if c.ahead != nil {
		now = now.In(letter.London).AddDate(0, 0, c.ahead())
	}
	return now
}

// shifted is a store whose own clock runs ahead as far as the product's, so that
// in a sample the two can be compared like any others.
type shifted struct {
	bucket
	clock *clock
}

// Sweep goes by the files' own dates, which are of the system's clock.
func (s shifted) Sweep(ctx context.Context, _ time.Time) (removed int, err error) {
	return s.bucket.Sweep(ctx, time.Now())
}

// Clock is the store's clock, moved by the sample's days.
func (s shifted) Clock(ctx context.Context) (time.Time, error) {
	t, err := s.bucket.Clock(ctx)
	return t.Add(time.Until(s.clock.Now()).Round(time.Second)), err
}

// bucket is everything that the server does with a store.
type bucket interface {
	pipeline.Store
	pipeline.Lifecycle
	scanner.Store // what this process's own edge does with it
	Sweep(ctx context.Context, now time.Time) (removed int, err error)
	Prepare(ctx context.Context) error
	InstallLifecycle(ctx context.Context) error
}

// installation is an opened data folder.
type installation struct {
	dir      dataDir
	beside   dataDir // where the folders bucket and keyring are; in a drill not in dir
	cfg      *Config
	clock    *clock
	sample   bool
	log      *slog.Logger
	register *register.Register
	store    bucket
	keyring  *keyring.Keyring
	server   keypair           // signs what scanners read, unless another took over since this process began
	asItIs   bool              // tables of an earlier version are left as they are, and refused
	fit      bool              // the storage was tried out by this process
	admin    *deposit.S3Config // of a command that was given them: credentials that may make users of the storage
	opened   []io.Closer
	far      func(done, of int) // hears how far the server's role is with what takes long; nil for nobody
}

// opener is open, or openAsItIs.
type opener func(ctx context.Context, d dataDir, log *slog.Logger) (*installation, error)

// open opens what every command needs: configuration, register, store, keyring. It
// brings the register's tables up to date.
func open(ctx context.Context, d dataDir, log *slog.Logger) (*installation, error) {
	return openBeside(ctx, d, d, log)
}

// openAsItIs is open for whoever leaves the tables as they are.
func openAsItIs(ctx context.Context, d dataDir, log *slog.Logger) (*installation, error) {
	return (&installation{dir: d, beside: d, log: log, asItIs: true}).opening(ctx)
}

// openBeside opens a data folder with the bucket and the keyring of another.
func openBeside(ctx context.Context, d, beside dataDir, log *slog.Logger) (*installation, error) {
	return (&installation{dir: d, beside: beside, log: log}).opening(ctx)
}

func (in *installation) opening(ctx context.Context) (*installation, error) {
	in.clock = &clock{}
	if err := in.open(ctx); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

func (in *installation) open(ctx context.Context) (err error) {
	if in.cfg, err = readConfig(in.dir.config); err != nil {
		return err
	}
	if err := in.openStore(); err != nil {
		return err
	}
	if err := in.openRegister(ctx); err != nil {
		return err
	}
	if err = in.openServerKey(ctx); err != nil {
		return err
	}
	if in.keyring, err = keyring.Open(in.keyringFolder()); err != nil {
		if folder := in.keyringFolder(); !exists(folder) {
			return fmt.Errorf("the keyring's folder %s is not there and cannot be made: mount its volume, or make it for the account that runs Letterlock: install -d -m 700 -o ACCOUNT %s", folder, folder)
		}
		return fmt.Errorf("the keyring cannot be opened: %s", configfile.Reason(err))
	}
	// Before any command records anything. One that only looks goes on whatever
	// comes of it, and one that acts is refused where the sign is on record.
	if _, err := in.looks(nil).RecogniseHere(ctx); err != nil {
		in.log.Warn("it could not be found out whether the database was restored from a backup", "error", err)
	}
	return in.openCodeKey(ctx)
}

func (in *installation) keyringFolder() string {
	return in.beside.named(in.cfg.KeyringFolder, in.beside.in("keyring"))
}

// recognise finds out, before anybody is let in, whether the database or the
// bucket was restored from a backup. The bucket may be away: the server's role
// asks it before it does anything.
func (in *installation) recognise(ctx context.Context) error {
	brief, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	signs, err := in.looks(nil).Recognise(brief)
	if len(signs) == 0 {
		return nil
	}
	known, notKnown := in.register.Closed(ctx)
	if notKnown != nil || len(known) == 0 {
		return errors.Join(err, notKnown) // a process that starts now would not know of it
	}
	return nil
}

// examplePolicyMark begins the note by which the example says what it is, of every version.
const examplePolicyMark = "This text came with Letterlock"

// isExamplePolicy reports whether the policy is the example still, as far as it says so
// itself: whoever leaves the note in publishes it. nil in a sample, which has no other.
func (in *installation) isExamplePolicy() func() (bool, error) {
	if in.sample {
		return nil
	}
	return func() (bool, error) {
		text, err := in.readPolicy()
		return bytes.Contains(text, []byte(examplePolicyMark)), err
	}
}

// readPolicy is the text of the confidentiality policy. A data folder that was
// made before there was one has the example's.
func (in *installation) readPolicy() ([]byte, error) {
	text, err := os.ReadFile(in.dir.named(in.cfg.PolicyFile, in.dir.policy()))
	if errors.Is(err, fs.ErrNotExist) && in.cfg.PolicyFile == "" {
		return examplePolicy, nil
	}
	if err != nil {
		return nil, configfile.Wrong("%s: the policy that policy_file names cannot be read: %s", in.dir.config, configfile.Reason(err))
	}
	return text, nil
}

func (in *installation) openRegister(ctx context.Context) error {
	where := *in.cfg
	if in.dir != in.beside {
		where.Database = nil // a drill looks at the file that was unpacked, never at the server that the backup is of
	}
	cfg, err := in.registerConfig(&where, keypair{})
	if err != nil {
		return err
	}
	key, err := in.openingKey(ctx, cfg)
	if err != nil {
		return err
	}
	if err := in.notEmptied(ctx, cfg, key); err != nil {
		return err
	}
	cfg.Signer, cfg.Verifier, cfg.AsItIs = key.signer, key.verifier, in.asItIs
	if in.register, err = register.Open(ctx, cfg); err != nil {
		return err
	}
	in.opened = append(in.opened, in.register)
	if err := in.finishRotation(ctx, key); err != nil {
		return err
	}
	// A full disk keeps nobody from looking. Another register's key is nobody's to verify with.
	if key.signer != nil && !exists(in.dir.registerPub()) && in.hasRegisterKey(ctx) == nil {
		if err := writeNew(in.dir.registerPub(), []byte(key.verifier+"\n"), 0o644); err != nil {
			return fmt.Errorf("the register's public key cannot be written: %s", configfile.Reason(err))
		}
	}
	kind, err := in.register.Meta(ctx, register.MetaKind)
	if err != nil {
		return err
	}
	in.sample = kind == register.KindSample
	in.setClock()
	return in.register.Use(ctx)
}

// registerConfig says how the register is opened where that configuration has it.
func (in *installation) registerConfig(c *Config, key keypair) (register.Config, error) {
	address, err := c.address(in.dir.config)
	return register.Config{Path: in.dir.database(), URL: address, Address: func() (string, error) { return c.address(in.dir.config) }, Unread: in.sayUnread(), Idle: time.Duration(c.Portal.Idle), ReadableByAnother: c.DestroyAfter == pipeline.ReadableByAnother, Signer: key.signer, Verifier: key.verifier, SignerOf: in.dir.signerOf, Now: in.clock.Now, CodeKey: in.dir.codeKey, Issuer: in.actingIssuer(),
		Program: commandline.Version(), Step: func(step string) { crashPoint(step, "") },
		// With a storage that has a clock of its own too: where it runs on this very
		// machine, that clock is the same one.
		MaxSilence: time.Duration(c.MaxSilence)}, err
}

// sayUnread says, once while it lasts and each hour again, that the database's address
// cannot be read any more: a new password is not heard of meanwhile.
func (in *installation) sayUnread() func(error) {
	var said pipeline.Said
	return func(err error) {
		if err == nil {
			said.Over()
		} else if said.Due("unread", time.Hour) {
			in.log.Warn("the database's address or password cannot be read anew, and the one before counts until it can", "error", err)
		}
	}
}

// setClock lets a sample's clock run ahead by what its register says at the
// moment: another process may have moved it. A real folder's clock never does.
func (in *installation) setClock() {
	if !in.sample || in.clock.ahead != nil {
		return
	}
	in.store = shifted{in.store, in.clock}
	var known atomic.Int64 // which counts while the register cannot be asked
	in.clock.ahead = func() int {
		ahead, err := in.register.Meta(context.Background(), register.MetaClockAhead)
		days, notANumber := strconv.Atoi(ahead)
		switch {
		case register.IsAway(err): // the server's role says so
		case err != nil, ahead != "" && notANumber != nil:
			in.log.Error("the sample's clock cannot be read", "error", err)
		default:
			known.Store(int64(days))
		}
		return int(known.Load())
	}
}

func (in *installation) openStore() error {
	if in.cfg.Storage == nil {
		path := in.beside.in("bucket")
		dir, err := archive.OpenDir(path)
		if err != nil {
			return fmt.Errorf("the bucket folder cannot be opened: %s", configfile.Reason(err))
		}
		in.store = dir
		in.opened = append(in.opened, dir)
		return nil
	}
	s3, err := in.cfg.s3(in.dir.config)
	if err != nil {
		return err
	}
	store, err := archive.OpenS3(s3)
	if err != nil {
		return configfile.Wrong("%s: %s", in.dir.config, err)
	}
	in.store = store
	in.opened = append(in.opened, store)
	return nil
}

func (c *Config) s3(configPath string) (deposit.S3Config, error) {
	renew := func() (k deposit.Credentials, err error) {
		k.AccessKey, k.SecretKey, k.SessionToken, err = configfile.StorageKey(configPath, c.Storage.SecretKeyFile, c.Storage.AccessKey)
		return k, err
	}
	now, err := renew()
	s3 := c.s3As(now)
	s3.Renew = renew
	return s3, err
}

// s3As is the bucket for whoever has these credentials.
func (c *Config) s3As(who deposit.Credentials) deposit.S3Config {
	return deposit.S3Config{Endpoint: c.Storage.Endpoint, Bucket: c.Storage.Bucket, Region: c.Storage.Region,
		AccessKey: who.AccessKey, SecretKey: who.SecretKey, SessionToken: who.SessionToken}
}

func (in *installation) close() {
	for _, c := range in.opened {
		if err := c.Close(); err != nil {
			in.log.Warn("something did not close well", "error", err)
		}
	}
}

// looks makes a server's role that only looks, and sends nothing but a
// question to the mail system.
func (in *installation) looks(sender pipeline.Sender) *pipeline.Server {
	origin := &url.URL{Scheme: "http", Host: "localhost"}
	if set, err := url.Parse(in.cfg.Portal.Origin); err == nil && set.Host != "" && !in.sample {
		origin = set
	}
	return in.pipeline(origin, nil, sender)
}

// pipeline makes the server's role.
func (in *installation) pipeline(origin *url.URL, pages *page.Renderer, sender pipeline.Sender) *pipeline.Server {
	var own func() (*x509.Certificate, error)
	if files, ok := in.certificate(); ok {
		own = files.Leaf
	}
	var users pipeline.StorageUsers
	if in.cfg.Storage != nil {
		users = storageUsers{in}
	}
	var storages func(context.Context) (*x509.Certificate, error)
	if store, is := in.real().(*archive.S3); is {
		storages = store.Certificate
	}
	return pipeline.New(pipeline.Config{
		StorageUsers: users, Program: letter.Program(commandline.Version()),
		Register: in.register, Prepare: in.prepare, Store: in.store, Keyring: in.keyring, Pages: pages, Mail: sender,
		Signer: in.server.signer, Verifier: in.server.public(), SignerOf: in.serverSignerOf, HasLifecycle: in.cfg.Storage != nil, Origin: origin, Certificate: own, ShownCertificate: in.shownCertificate(origin), StorageCertificate: storages, TryStorage: in.failsTrial, Issuer: in.issuer(), WeakSSO: in.issuer() != "" && !in.cfg.SSO.Strong, Outbox: in.cfg.Mail.SMTP == "" && !in.sample, ExamplePolicy: in.isExamplePolicy(), MailDomain: in.mailDomain(), Helplines: in.cfg.names(), Settings: in.cfg.Portal.settings(), DestroyAfter: in.cfg.DestroyAfter, Backups: in.keptBackups(), NeedsBackups: !in.sample, Places: in.places(), Spool: in.dir.in("state"), SweepEvery: pace,
		Name: in.serverName(), Setup: in.shared(),
		Now: in.clock.Now, Log: in.log, Step: crashPoint,
		Far: in.tell,
	})
}

// tell says how far what is at work is, where somebody looks.
func (in *installation) tell(done, of int) {
	if in.far != nil {
		in.far(done, of)
	}
}

// sender is the mail account, or the outbox where there is none.
func (in *installation) sender(console io.Writer) (pipeline.Sender, error) {
	language, err := texts.New(texts.Files, in.cfg.Portal.Language)
	if err != nil {
		return nil, err
	}
	m := in.cfg.Mail
	if m.SMTP == "" {
		outbox, err := mail.NewOutbox(in.dir.in("outbox"), m.From, console, in.clock.Now)
		if err != nil {
			return nil, err
		}
		outbox.Speak(language)
		return outbox, nil
	}
	var password string
	if m.PasswordFile != "" {
		if password, err = configfile.Secret(in.dir.config, m.PasswordFile, "mail account's password"); err != nil {
			return nil, err
		}
	}
	sender, err := mail.NewSMTP(m.SMTP, password, m.From, in.clock.Now)
	if err != nil {
		return nil, configfile.Wrong("%s: %s", in.dir.config, err)
	}
	sender.Speak(language)
	if m.PasswordFile != "" {
		sender.Renew(func() (string, error) {
			return configfile.Secret(in.dir.config, m.PasswordFile, "mail account's password")
		})
	}
	return sender, nil
}

// prepare makes the bucket ready. A bucket that is new is given the storage's
// own deletion rules; what somebody has changed in one that is not is left
// alone: the difference is an alarm, and mended only when a person asks.
func (in *installation) prepare(ctx context.Context) error {
	// A bucket in which there should be letters is never made anew.
	why, err := in.looks(nil).BucketDoubt(ctx)
	if err != nil {
		return err
	}
	if why != "" {
		return fmt.Errorf("the bucket is not used: %s%s If you are sure that it is the right one, run: letterlock setup --repair", why, in.leftInFolder())
	}
	return in.makeReady(ctx)
}

func (in *installation) makeReady(ctx context.Context) error {
	in.tell(1, 4) // the first was the doubt whether it is the right bucket
	if err := in.store.Prepare(ctx); err != nil {
		return fmt.Errorf("preparing the bucket: %w", err)
	}
	in.tell(2, 4)
	if err := in.tryStorage(ctx); err != nil {
		return err
	}
	in.tell(3, 4)
	installed, err := in.register.Meta(ctx, register.MetaLifecycle)
	if err != nil || installed != "" || in.cfg.Storage == nil {
		return err // once; and a folder has no rules of its own
	}
	drift, err := in.store.Drift(ctx)
	if err != nil || len(drift) > 0 {
		return err
	}
	return in.recordLifecycle(ctx)
}

// tryStorage refuses, once a process, a storage that cannot hold letters.
func (in *installation) tryStorage(ctx context.Context) error {
	if in.fit {
		return nil
	}
	if err := probe.Fit(ctx, in.real(), time.Now()); err != nil {
		return err
	}
	in.fit = true
	return nil
}

// real is the store without a sample's clock.
func (in *installation) real() bucket {
	if s, ok := in.store.(shifted); ok {
		return s.bucket
	}
	return in.store
}

// refuseUnfit ends a start on a storage that cannot hold letters. Whatever else
// may be wrong with it just now is no reason not to start.
func (in *installation) refuseUnfit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := in.prepare(ctx); errors.Is(err, archive.ErrLacks) {
		return err
	}
	return nil // the server's role comes back to it, and says it
}

func (in *installation) installLifecycle(ctx context.Context) error {
	if err := in.store.InstallLifecycle(ctx); err != nil {
		return fmt.Errorf("writing the storage's deletion rules: %w", err)
	}
	return in.recordLifecycle(ctx)
}

func (in *installation) recordLifecycle(ctx context.Context) error {
	if err := in.register.Record(ctx, register.LifecycleInstalled{}, 0); err != nil {
		return err
	}
	return in.register.SetMeta(ctx, register.MetaLifecycle, "installed")
}
