package pipeline

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"io"
	"iter"
	"log/slog"
	"net/url"
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
