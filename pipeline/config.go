package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"io"
	"iter"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/keyring"
	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
)

// ReadableByAnother in Config.DestroyAfter is the register's rule of the same name.
const ReadableByAnother = "readable-by-another"

// Config is what a server needs.
type Config struct {
	Register     *register.Register
	Store        Store
	Prepare      func(ctx context.Context) error // makes the bucket ready; tried until it succeeds; nil for nothing to do
	Keyring      *keyring.Keyring
	Pages        *page.Renderer
	Mail         Sender
	StorageUsers StorageUsers  // ends those of scanners that are no more; nil where Letterlock has made none
	Signer       note.Signer   // signs receipts and the recipients list, until another key takes over
	Verifier     note.Verifier // its public half; nil where the key is lost, and nobody knows which it was
	// SignerOf is the private half of a key that took over, or is to; nil where it is not
	// here, as on a server that was not given it. nil for a server that has no other.
	SignerOf func(public string) (note.Signer, error)

	Origin *url.URL // of the portal, for the mailed link
	// ExamplePolicy finds out whether the policy is still the example that comes with
	// the product; nil where that is well.
	ExamplePolicy func() (bool, error)
	// StorageCertificate is the one that the storage shows now, as deposit.S3 says it;
	// nil where the letters lie in a folder.
	StorageCertificate func(context.Context) (*x509.Certificate, error)
	// TryStorage tries the storage out with objects of its own, and says which of the
	// catalogue's storage-questions it does not answer as it must; deposit.ErrUnavailable
	// where it was away meanwhile. nil for no trial.
	TryStorage func(context.Context) (failed []string, err error)
	// Certificate is the portal's own, as its file says now; nil where a web
	// server in front ends TLS.
	Certificate func() (*x509.Certificate, error)
	// ShownCertificate is the one that browsers are shown at Origin now, believed or
	// not; an error where this machine does not get there. nil where nobody looks.
	ShownCertificate func(context.Context) (*x509.Certificate, error)

	Issuer       string // of the organisation's sign-in; "" where there is none
	WeakSSO      bool   // the organisation's sign-in is believed whatever it asked of a person
	Outbox       bool   // mail is written into a folder in earnest, and nobody is told
	MailDomain   string // of Message-IDs
	Helplines    []string
	Settings     register.Values // of the configuration file; nil for those of DefaultSettings
	DestroyAfter string          // "readable", ReadableByAnother or "verified": when paper may go
	HasLifecycle bool            // the storage ends letters by itself
	Backups      *Backups        // nil where none are made
	NeedsBackups bool            // what is recorded and sealed is real: nothing but backups, and custodians' shares of the keys, would bring it back
	Program      letter.Program  // this server's version
	Places       []Place         // where on this machine's disks something lies
	Spool        string          // a folder for sealed letters on their way to another place; "" is the system's for temporary files

	Name  string // of this server among several; kept over restarts
	Setup string // stands for what of the configuration all servers must share

	SweepEvery time.Duration // between two sweeps of Run; 0 for two seconds
	BeatEvery  time.Duration // between two signs of life; 0 for five seconds

	Room func(folder string) (disk.Room, error) // measures the disk of one of Places; nil for disk.RoomAt
	Now  func() time.Time
	Log  *slog.Logger
	Step func(step string, id letter.ID) // observes each step boundary; nil for none
	Far  func(done, of int)              // hears how far it is with what takes long; of is 0 where nobody knows. nil for nobody
}

// Server is the server's role. Its methods are safe for concurrent use, by
// several processes too.
type Server struct {
	cfg     Config
	began   time.Time
	swept   atomic.Int64 // when the last sweep ended, in Unix time
	door    string       // of the portal, where other machines reach it without TLS; "" where not
	ownSite string       // of this process's own scanner; "" for none
	shut    atomic.Bool  // a sign was found that this is an older copy, on record or not
	aside   atomic.Bool  // this server's clock is not that of the others

	tried atomic.Pointer[trial] // the last of the storage that this process has made

	vouched atomic.Bool // the bucket has shown that this server's key is the right one
	covered atomic.Bool // an older recipients list was found above a newer one

	showing *showing
	asked   askedScans
	taking  chan struct{} // one for each file that is being taken
	large   chan struct{} // one for the large letter that is being checked
	drawing chan struct{} // one for each letter that is being drawn for its check

	takingWait time.Duration // how long somebody waits for their turn
	diskWait   time.Duration // and for a disk to answer

	backups patient[keptBackups]   // which are looked at
	former  patient[formerBackups] // and those of before

	lookForMissing atomic.Bool // a letter was asked for and not there: look at all of them now

	said    Said // of what goes wrong with sweeps
	sending sending

	mu      sync.Mutex
	rooms   map[string]*patient[disk.Room] // by folder: how much its disk has is being looked at
	doubted time.Time                      // when it was last said that nothing is destroyed
	loud    map[register.AlarmKind]bool    // the alarms of which the log was told
	nobody  map[string]time.Time           // by helpline: when it was last said that nobody is told of its letters
	held    map[string]time.Time           // until when each held manifest is left alone
	unasked map[string]time.Time           // since when each part of a question lies there of which no report tells
	odd     oddities                       // what was met in scanners' places that none leaves there
	passes  int                            // at incoming/, where more lay than is listed at once
	strays  map[string]register.Found      // what was put on record of each stray; for endStrays alone
}

// New makes a server.
func New(cfg Config) *Server {
	if cfg.Step == nil {
		cfg.Step = func(string, letter.ID) {}
	}
	if cfg.Far == nil {
		cfg.Far = func(int, int) {}
	}
	if cfg.Room == nil {
		cfg.Room = disk.RoomAt
	}
	cfg.Name = cmp.Or(cfg.Name, "server")
	return &Server{cfg: cfg, began: time.Now(), showing: newShowing(), taking: make(chan struct{}, takenAtOnce), large: make(chan struct{}, 1), drawing: make(chan struct{}, drawnAtOnce), takingWait: takingWait, diskWait: diskWait, rooms: map[string]*patient[disk.Room]{},
		held: map[string]time.Time{}, unasked: map[string]time.Time{}, strays: map[string]register.Found{}}
}

// Exposed has the servers know, and 'letterlock check' say, that other machines
// reach this one's portal at that address without TLS. It is called before Run.
func (s *Server) Exposed(address string) { s.door = address }

// Beside has the server know that the site's scanner is at work in this process: what that
// asks is asked here, and not through the bucket. It is called before Run.
func (s *Server) Beside(site string) { s.ownSite = site }

// Bucket is what the flow needs to find, read and end letters.
type Bucket interface {
	List(ctx context.Context, prefix string) iter.Seq2[string, error]
	Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error)
	Traces(ctx context.Context, key string) ([]archive.Trace, error) // over a new connection each time
	Remove(ctx context.Context, key string, t archive.Trace) error
}

// Answers is where the flow leaves its word for the edge, and whose clock it
// compares its own with.
type Answers interface {
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [sha256.Size]byte, mode deposit.Mode) (version string, err error)
	Clock(ctx context.Context) (time.Time, error)
}

// Shelves is how the flow finds what lies where no letter is on record.
type Shelves interface {
	Folders(ctx context.Context, prefix string) ([]string, error)
	Remains(ctx context.Context, prefix string) ([]string, error)
	Covered(ctx context.Context, prefix string) ([]string, error)
}

// Store is the bucket as the server sees it.
type Store interface {
	Bucket
	Answers
	Shelves
}

// Sender hands one message to the mail system.
type Sender interface {
	Send(ctx context.Context, m mail.Message) error
}
