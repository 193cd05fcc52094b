// Package probe finds out whether a storage can be trusted with letters, as a
// black box: it puts objects of its own under [archive.TrialPrefix], looks what
// becomes of them, and removes them. No letter is touched, and the bucket's
// deletion rules hold all the while. What a killed probe leaves ends by them.
package probe

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// Line is one answer: go or no-go.
type Line struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`         // what was found and what it means
	Do   string `json:"do,omitempty"` // what to do; only of a no-go
	Away bool   `json:"-"`            // a no-go for want of an answer: try again
}

// Store is what every storage can do.
type Store interface {
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [sha256.Size]byte, mode deposit.Mode) (version string, err error)
	Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error)
	Traces(ctx context.Context, key string) ([]archive.Trace, error)
	Remove(ctx context.Context, key string, t archive.Trace) error
}

// Edge is a scanner's own way to the bucket.
type Edge struct {
	Site  string
	Store *archive.S3
}

// patience is how long one question may take.
const patience = time.Minute

// probing is one probe of one storage.
type probing struct {
	store Store
	now   time.Time
	run   string   // tells this probe's objects from another's
	keys  []string // where it has put something

	// Of a bucket only.
	s3         *archive.S3
	edge       *Edge
	hashObeyed bool
}

func newProbing(store Store, now time.Time) *probing {
	return &probing{store: store, now: now, run: rand.Text()}
}

// check is one question. find says what is wrong, or "".
type check struct {
	name string
	find func(ctx context.Context) (wrong string, err error)
	good string
	do   string
}

// answer asks one question after the other. What could not be found out is a no-go.
func answer(ctx context.Context, checks []check, far func(done, of int)) (lines []Line) {
	for i, c := range checks {
		if far != nil {
			far(i, len(checks))
		}
		within, cancel := context.WithTimeout(ctx, patience)
		wrong, err := c.find(within)
		cancel()
		switch {
		case errors.Is(err, archive.ErrLacks):
			lines = append(lines, Line{Name: c.name, Says: "The storage does not offer it.", Do: c.do})
		case errors.Is(err, deposit.ErrUnavailable):
			lines = append(lines, Line{Name: c.name, Says: "The storage did not answer.", Do: "Try again when it does.", Away: true})
		case err != nil:
			lines = append(lines, Line{Name: c.name, Says: "It could not be found out: " + err.Error() + ".", Do: "Look at what Letterlock's own access key may do in this bucket: 'letterlock setup --print-policies' prints what it needs."})
		case wrong != "":
			lines = append(lines, Line{Name: c.name, Says: wrong, Do: c.do})
		default:
			lines = append(lines, Line{Name: c.name, OK: true, Says: c.good})
		}
	}
	return lines
}

const another = "Use another storage server: this one cannot hold letters."

// S3 tries a bucket out. Where edge is not nil, its credentials are tried too.
// now is this machine's time. far hears how many of how many questions are answered;
// nil for nobody.
func S3(ctx context.Context, s *archive.S3, edge *Edge, now time.Time, far func(done, of int)) []Line {
	return try(ctx, s, edge, now, s.TryLifecycle, far)
}

// AtWork tries a bucket out that is in use, as S3 does, and leaves its deletion rules
// alone: that they stand there as they were sent is what the storage keeps of them, and
// nobody who looks now and then should write them.
func AtWork(ctx context.Context, s *archive.S3, now time.Time) []Line {
	return try(ctx, s, nil, now, s.ChangedRules, nil)
}

func try(ctx context.Context, s *archive.S3, edge *Edge, now time.Time, rules func(context.Context) ([]string, error), far func(done, of int)) []Line {
	core, bucket := s.Client()
	there, err := core.BucketExists(ctx, bucket)
	switch err = deposit.Explain("looking for bucket", err); {
	case errors.Is(err, deposit.ErrUnavailable):
		return []Line{{Name: "bucket", Away: true, Says: "The storage cannot be reached.", Do: "Look whether it is running and its endpoint is right."}}
	case err != nil:
		return []Line{{Name: "bucket", Away: true, Says: "The storage refuses.", Do: "Look at the access key, the secret key and the bucket's name."}}
	case !there:
		return []Line{{Name: "bucket", Says: "There is no bucket of that name.", Do: "Run: letterlock setup"}}
	}
	p := newProbing(s, now)
	p.s3, p.edge = s, edge
	defer p.tidy(ctx)
	return append([]Line{{Name: "bucket", OK: true, Says: "The bucket is there and answers."}}, answer(ctx, []check{
		{"versioning", p.versioning,
			"Every version is kept by itself: the one that was verified is the one that is opened.",
			"Run: letterlock setup --repair. If that does not help, this server has no versioning: use another one."},
		{"create-only", p.createOnly, "What is there is not replaced by a put that must not: no scan takes another's place.", another},
		{"hash", p.hash, "Bytes that do not have the hash that came with them are refused: nothing is stored that was damaged on its way.", another},
		{"listing", p.listing, "All versions and delete markers are listed: what is left of a letter can be found.", another},
		{"uploads", p.uploads, "Unfinished uploads are listed and can be ended.", another},
		{"lifecycle", sentence(rules),
			"Deletion rules are taken and read back as they were sent: the storage ends letters even if Letterlock does not.",
			"If somebody has changed them, run: letterlock setup --repair. If that does not help, this server does not keep deletion rules: use another one."},
		{"other-rules", sentence(s.OtherRules), "There are no other deletion rules, which could keep a letter, or end it early.",
			"Remove those rules, or run: letterlock setup --repair"},
		{"lock", p.lock, "Nothing is locked or retained: what is due can be removed.",
			"Use a bucket that was made without object lock, and has no retention."},
		{"replication", p.replication, "The bucket is not replicated: no copy outlives the deadline.",
			"Switch replication of this bucket off, and remove the copies."},
		{"edge", p.tryEdge, p.edgeGood(), "Give the scanner the rights that 'letterlock setup --edge' gives, and no others."},
		{"clock", p.clock, "The storage's clock agrees with this machine's.", "Set the one that is wrong. Nothing is deleted while they differ by more than five minutes."},
		{"removal", p.removal, "What was removed is gone, by every listing and every name.", another},
	}, far)...)
}

// Dir tries a folder out. far is as with S3.
func Dir(ctx context.Context, d *archive.Dir, now time.Time, far func(done, of int)) []Line {
	p := newProbing(d, now)
	defer p.tidy(ctx)
	notOne := func(context.Context) (string, error) { return "", nil }
	disk := "Move the data folder to a local disk whose file system has hard links."
	return answer(ctx, []check{
		{"versioning", notOne, "A folder keeps no older versions: what is there is the only one.", ""},
		{"create-only", p.createOnly, "What is there is not replaced by a put that must not: no scan takes another's place.", disk},
		{"hash", p.hash, "Bytes that do not have the hash that came with them are refused.", disk},
		{"listing", p.listing, "Everything that is left of a letter is found.", disk},
		{"uploads", p.uploads, "Unfinished uploads are found and can be ended.", disk},
		{"lifecycle", notOne, "A folder has no deletion rules of its own: letters end only while Letterlock runs.", ""},
		{"clock", notOne, "A folder has no clock of its own: keep this machine's time synchronisation on.", ""},
		{"removal", p.removal, "What was removed is gone.", disk},
	}, far)
}

// Fit finds out, in a few requests, whether a storage has what nothing can make
// good: a put that leaves alone what is there, and in a bucket versions that
// are kept apart. If not it is [archive.ErrLacks]. Whether there is a lifecycle
// is for Prepare to say.
func Fit(ctx context.Context, store Store, now time.Time) error {
	p := newProbing(store, now)
	p.s3, _ = store.(*archive.S3)
	defer p.tidy(ctx)
	checks := []func(context.Context) (string, error){p.createOnly}
	if p.s3 != nil {
		// Versioning that somebody has suspended is for Drift to say.
		drift, err := p.s3.Versioning(ctx)
		if err != nil {
			return err
		}
		if len(drift) == 0 {
			checks = append(checks, p.versioning)
		}
	}
	for _, find := range checks {
		wrong, err := find(ctx)
		if err != nil {
			return fmt.Errorf("trying the storage out: %w", err)
		}
		if wrong != "" {
			return fmt.Errorf("%w: %s", archive.ErrLacks, wrong)
		}
	}
	return nil
}

// key is a place of this probe's own, of the form of a letter's.
func (p *probing) key(name string) string {
	key := archive.TrialPrefix + letter.DateOf(p.now).String() + "/" + p.run + "-" + name
	if !slices.Contains(p.keys, key) {
		p.keys = append(p.keys, key)
	}
	return key
}

func (p *probing) put(ctx context.Context, store Store, key, says string, mode deposit.Mode) (version string, err error) {
	return store.Put(ctx, key, strings.NewReader(says), int64(len(says)), sha256.Sum256([]byte(says)), mode)
}

// putDamaged puts bytes under the hash of others: it needs the right to put, and
// stores nothing where the storage compares hashes.
func putDamaged(ctx context.Context, store Store, key string) error {
	says := "damaged on its way"
	_, err := store.Put(ctx, key, strings.NewReader(says), int64(len(says)), sha256.Sum256([]byte("as it was sent")), deposit.CreateOnly)
	return err
}

// is reports whether that version of key reads so.
func (p *probing) is(ctx context.Context, key, version, says string) (bool, error) {
	body, _, err := p.store.Read(ctx, key, version)
	if errors.Is(err, deposit.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = body.Close() }()
	b, err := io.ReadAll(io.LimitReader(body, 1<<10))
	return string(b) == says, err
}

// kinds lists what there is of key, as the listing has it.
func (p *probing) kinds(ctx context.Context, key string) (kinds []archive.Kind, err error) {
	traces, err := p.store.Traces(ctx, key)
	for _, t := range traces {
		kinds = append(kinds, t.Kind)
	}
	return kinds, err
}

// tidy removes, as far as that is possible, what the probe has put, also when
// it was told to end.
func (p *probing) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for _, key := range p.keys {
		traces, err := p.store.Traces(ctx, key)
		if err != nil {
			return
		}
		for _, t := range traces {
			_ = p.store.Remove(ctx, key, t) // the storage's own rules end what stays
		}
	}
}
