// Package portal is the web portal: the pages on which people sign in, read
// letters, decide about them, destroy paper and answer for it.
//
// It is server-rendered html/template over plain forms; script is used for
// passkeys and the idle warning only. A request passes guard.go (headers,
// forged forms, size), then routes.go (who may do what), then one handler.
// Whatever a handler returns as an error is turned into a page in one place,
// problems.go: what is wrong inside is logged there and never shown.
package portal

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// Reader opens sealed letters. What it returns is plaintext and goes to the
// person who asked, nowhere else; the portal calls it only after the opening
// is on the register.
type Reader interface {
	// PDF returns the whole letter, or ErrGone, ErrLost or ErrNotClean.
	PDF(ctx context.Context, l register.Letter) ([]byte, error)
	// Ready opens the letter so that its pages can be shown, the first of them as it
	// is asked for next, or returns ErrGone or ErrLost.
	Ready(ctx context.Context, l register.Letter, first View) error
	// Page returns one page as a JPEG, or ErrGone or ErrLost.
	Page(ctx context.Context, l register.Letter, view View) (jpeg []byte, err error)
}

// View is how one page of a letter is shown.
type View struct {
	Page int    // from 1
	DPI  int    // dots per inch of paper
	Turn int    // clockwise, by so many quarters: 0 to 3
	Mark string // who looks at it, and since when; stands in a margin of its own
}

// ErrGone is what a Reader returns for a letter that the storage's own
// lifecycle has already taken: a finished letter, not a fault.
var ErrGone = errors.New("the storage no longer holds the letter")

// ErrLost is what a Reader returns for a letter that the storage should still
// hold, and does not.
var ErrLost = errors.New("the storage has lost the letter")

// ErrMissing is ErrLost for one that was missing already when a restore was replayed,
// which is on the register, and of which nobody is told anew.
var ErrMissing = fmt.Errorf("%w before a restore", ErrLost)

// ErrNotClean is what a Reader returns for a letter whose file might do more than show
// its pages: it is given to nobody, and its pages are shown as pictures.
var ErrNotClean = errors.New("the letter's file is not given out")

// Helpline is a helpline as people know it.
type Helpline struct {
	Name  string // as in folders and object keys
	Title string // as people say it
}

// CheckLine is one line of what `letterlock check` finds.
type CheckLine struct {
	Name string // as the console calls it, in every language
	OK   bool
	Says texts.Text
}

// Config says what a Portal works with.
type Config struct {
	Register  *register.Register
	Reader    Reader
	Responses Responses // takes the kept copies of answers
	Intake    Intake    // what scanner folders ask; nil for nothing
	Scanners  Scanners  // invites machines to be scanners; nil where none can meet this server
	OwnSite   string    // whose scanner is a part of this very server; empty for none
	Program   letter.Program
	Origin    string // as browsers see it, like https://letters.example.org; its host is the passkeys' RP id for ever
	Helplines []Helpline

	SubdomainsWithoutTLS bool // there are hosts below the origin's that browsers must go on reaching without TLS

	TrustedProxies []netip.Prefix // web servers elsewhere that pass requests on; see ParseProxies

	Language string          // in which it speaks, like "en"; see package texts
	Sample   bool            // anyone may be anyone; only for a register that began as a sample
	Settings register.Values // of the configuration file
	SSO      *SSO            // the organisation's own sign-in; nil for passkeys alone
	Policy   Policy          // by whose authority paper is destroyed

	Machines    []register.Name // our own shredders; none: nobody is asked which it was
	Places      []register.Name // where it can be; at least one
	Contractors []register.Name // who does it for us; may be empty

	Retention Retention // makes the retention record

	// Closed reports whether nobody may be shown anything; nil for never. Nobody is
	// where that cannot be found out.
	Closed func(ctx context.Context) (bool, error)

	// Evidence writes the evidence pack as a zip. What it writes before it fails
	// is not a whole one.
	Evidence func(ctx context.Context, w io.Writer) error

	Now   func() time.Time
	Log   *slog.Logger
	Check func(context.Context) []CheckLine // for the administrator's page; may be nil

	languages fs.FS // in a test, instead of those of package texts
}

// files are the languages to choose from.
func (c Config) files() fs.FS {
	if c.languages != nil {
		return c.languages
	}
	return texts.Files
}

// Portal is the portal's http.Handler. Timeouts and TLS are its server's business.
type Portal struct {
	cfg         Config
	mux         *http.ServeMux
	routes      map[string][]route // those that there are, by path
	crossOrigin *http.CrossOriginProtection
	passkeys    *webauthn.WebAuthn
	ceremonies  ceremonies
	stranger    stranger
	sso         *sso // nil for none
	limiter     *limiter
	places      *places
	screens     screens
	shownAgain  shownAgain
	trays       trays
	sending     *sending
	answering   sync.Mutex // one answer to the scanner folder at a time
	files       *files
	pages       pages
	language    *texts.Language
	policy      template.HTML
	published   inForce
}

// New makes a Portal. It refuses a Language that there is no file for, or whose
// file is wrong, an Origin that is not one, or that browsers do not give passkeys
// to, and to be a sample's portal on a register that did not begin as a sample.
func New(ctx context.Context, cfg Config) (*Portal, error) {
	origin, err := parseOrigin(cfg.Origin)
	if err != nil {
		return nil, err
	}
	if cfg.Sample {
		kind, err := cfg.Register.Meta(ctx, register.MetaKind)
		if err != nil {
			return nil, fmt.Errorf("reading the data folder's kind: %w", err)
		}
		if kind != register.KindSample {
			return nil, errors.New("this data folder is not a sample: its portal cannot let people pick who they are")
		}
	}
	p := &Portal{cfg: cfg, crossOrigin: http.NewCrossOriginProtection()}
	p.ceremonies = ceremonies{cfg.Register, cfg.Now, &sealer{register: cfg.Register, now: cfg.Now}}
	p.limiter, p.places = newLimiter(cfg.Now), newPlaces(cfg.Now)
	p.shownAgain, p.trays = shownAgain{cfg.Register, cfg.Now}, trays{cfg.Register, cfg.Now}
	p.sending = &sending{forms: map[string]chan struct{}{}}
	// Behind a proxy the Host header may differ from what the browser sees.
	if err := p.crossOrigin.AddTrustedOrigin(cfg.Origin); err != nil {
		return nil, fmt.Errorf("trusting our own origin: %w", err)
	}
	if p.passkeys, err = newPasskeys(origin); err != nil {
		return nil, err
	}
	if p.files, err = loadFiles(); err != nil {
		return nil, fmt.Errorf("loading static files: %w", err)
	}
	if p.language, err = texts.New(cfg.files(), cfg.Language); err != nil {
		return nil, fmt.Errorf("reading what the portal says: %w", err)
	}
	if p.policy, err = policyHTML(cfg.Policy, p.language.Text(texts.Say("policy.table"))); err != nil {
		return nil, err
	}
	if p.pages, err = parsePages(p.templateFuncs()); err != nil {
		return nil, fmt.Errorf("parsing pages: %w", err)
	}
	if cfg.SSO != nil {
		if p.sso, err = newSSO(*cfg.SSO, cfg.Origin, cfg.Now); err != nil {
			return nil, err
		}
	}
	p.mux = p.newMux()
	if _, err := p.policyInForce(ctx); err != nil && !errors.Is(err, register.ErrClosed) {
		return nil, err
	}
	return p, nil
}

// parseOrigin checks that s is a scheme, a host and perhaps a port, and that
// browsers give passkeys to it: HTTPS with a dotted DNS name, or localhost.
func parseOrigin(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != s {
		return nil, errors.New("the portal's origin must be like https://letters.example.org, without a path")
	}
	host := u.Hostname()
	switch {
	case host == "localhost" && (u.Scheme == "http" || u.Scheme == "https"):
		return u, nil
	case u.Scheme != "https":
		return nil, errors.New("the portal's origin must begin with https:// (http:// only for localhost): browsers give passkeys to nothing else")
	case net.ParseIP(host) != nil || !strings.Contains(host, "."):
		return nil, errors.New("the portal's origin must have a full name with a dot, not an IP address or a single word: browsers give passkeys to nothing else")
	}
	return u, nil
}

// helplineTitle is the helpline as people say it.
func (p *Portal) helplineTitle(name string) string {
	for _, h := range p.cfg.Helplines {
		if h.Name == name {
			return h.Title
		}
	}
	return name // it was taken out of the configuration; its letters live on
}

// readership is whose letters the person's lists show.
func (p *Portal) readership(who register.Person) register.Readership {
	out := register.Readership{Helplines: p.helplinesOf(who), Person: who.Number}
	if who.Role != register.Manager {
		out.Leader = who.Number
	}
	return out
}

// helplinesOf returns the names of the helplines whose letters the person reads.
func (p *Portal) helplinesOf(who register.Person) []string {
	if who.Role != register.Manager {
		return who.Helplines
	}
	names := make([]string, len(p.cfg.Helplines))
	for i, h := range p.cfg.Helplines {
		names[i] = h.Name
	}
	return names
}
