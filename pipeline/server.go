package pipeline

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
)

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
