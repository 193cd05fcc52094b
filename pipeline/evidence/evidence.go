// Package evidence makes the evidence pack: what an auditor, the data-protection
// officer or a court is given to see how letters are kept and that they go. It
// is the policy, the procedure as it is configured at this moment, the register
// with its signature, what that register says of every scan, destruction and
// deletion, and a table of what is demanded and where the pack meets it, or
// that it does not.
//
// Every list is made from the pack's own export of the register and from
// nothing else, so that whoever holds the public key can make it again. The
// export lies in a spool file meanwhile; in memory there is one entry of it, and
// for the retention record what lives.
package evidence

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// Facts is what a pack is made from.
type Facts struct {
	Made     time.Time // the product's time
	Version  string    // of the program
	Sample   bool      // nothing in it is real
	Language *texts.Language

	PolicyName string // with its version, as destruction records name it
	Policy     []byte // Markdown
	Setup      Setup
	Storage    []Finding // what trying the storage out has shown

	PublicKey string                                       // the register's, as golang.org/x/mod/sumdb/note writes it
	Export    func(ctx context.Context, w io.Writer) error // the register, as its package exports it
	Spool     string                                       // the folder for the export meanwhile

	// Far hears how many bytes of how many are read, of an export that is read several
	// times; of is 0 while that is not known. nil for nobody.
	Far func(done, of int64)

	// Retention is the retention record of a year, as in "2026", from these entries.
	Retention func(year string, entries iter.Seq2[register.Entry, error]) (Record, error)
}

// Setup is the configuration as far as the procedure depends on it, and what
// there is of people, keys and shares.
type Setup struct {
	Helplines    []Helpline
	People       map[register.Role]int // who may sign in; team leaders stand with their helplines
	S3           bool                  // the storage is a bucket, and not a folder
	DestroyAfter string                // "readable", "readable-by-another" or "verified"
	Places       []string              // where paper is destroyed or handed over
	Contractors  []string              // who does it for us
	Duplex       string                // as configured
	Arriving     time.Duration         // after which a scan that is not whole is refused
	AllowSymbols bool                  // JBIG2 symbols are taken
	MaxSilence   time.Duration         // of the register
	Mail         bool                  // mails go to a mail server
	KeyringApart bool                  // the keyring has a folder of its own, which may be a volume of its own
	Keys         int                   // private keys in the keyring
	Shared       int                   // of them: two custodians at least hold a share
}

// Helpline is one helpline.
type Helpline struct {
	Name    string // as in folders and object keys
	Title   string // as people say it
	Leaders int    // who may open its letters
}

// Count is how many people of that role may sign in.
func (s Setup) Count(role string) int { return s.People[register.Role(role)] }

// Titles are what people call the helplines.
func (s Setup) Titles() (all []string) {
	for _, h := range s.Helplines {
		all = append(all, h.Title)
	}
	return all
}

// Finding is one answer of trying the storage out.
type Finding struct {
	Name string
	OK   bool
	Says string
	Do   string // only of what is not well
}

// Record is a retention record.
type Record struct {
	PDF, CSV func(io.Writer) error
	Wrong    []texts.Text // where its counts do not add up, whole sentences
	Overdue  int          // letters and copies of answers past their deadline at its end, and not gone
}

// Found is what was seen while a pack was made.
type Found struct {
	Entries    int64
	Checkpoint string         // the signed head over them
	Counts     map[string]int // of entries, by kind
	Levels     map[string]int // of destructions in our own shredder, by the level that was recorded
	Sites      []string       // whose scanners are believed
	Wrong      []texts.Text   // whole sentences; nothing where all is well

	verified bool          // the export is what was signed
	keys     register.Keys // with which it was signed
	first    int           // year of the first entry
	overdue  int           // letters and copies of answers past their deadline now
	uneven   bool          // a retention record does not add up
}

// Sink takes the files of a pack, one after the other.
type Sink interface {
	File(name string, write func(io.Writer) error) error
}

// pack is a pack in the making.
type pack struct {
	Facts
	Found
	ctx    context.Context
	sink   Sink
	export *os.File
	files  []file
	parsed *template.Template

	was, will int64 // bytes of the export that are read, and that will be
}

// file is one file of the pack, as its index tells of it.
type file struct {
	Name string
	Says texts.Text
}

// Write writes the pack. An export that does not verify is written as it is, and
// the pack says so and holds no list that would be made from it.
func Write(ctx context.Context, sink Sink, f Facts) (Found, error) {
	p := &pack{Facts: f, Found: Found{Counts: map[string]int{}, Levels: map[string]int{}}, ctx: ctx, sink: sink}
	if p.Far == nil {
		p.Far = func(int64, int64) {}
	}
	if err := p.write(); err != nil {
		return Found{}, fmt.Errorf("making the evidence pack: %w", err)
	}
	return p.Found, nil
}

func (p *pack) write() error {
	if err := p.takeExport(); err != nil {
		return err
	}
	defer func() { _ = p.export.Close() }()
	if err := p.verify(); err != nil {
		return err
	}
	for _, s := range p.Storage {
		if !s.OK {
			p.wrong(texts.Say("evidence-wrong.storage", "name", s.Name, "says", s.Says))
		}
	}
	if p.verified {
		if err := p.count(); err != nil {
			return err
		}
		if err := p.willRead(letter.DateOf(p.Made).Year - p.first + 1); err != nil {
			return err
		}
	}
	for _, part := range []func() error{p.sources, p.lists, p.retention, p.pages} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (p *pack) wrong(says texts.Text) { p.Wrong = append(p.Wrong, says) }

// takeExport spools the export. Its file has no name any more when it is
// written: a crash leaves nothing of it.
func (p *pack) takeExport() (err error) {
	if p.export, err = os.CreateTemp(p.Spool, "evidence-*"); err != nil {
		return err
	}
	if err := errors.Join(os.Remove(p.export.Name()), p.Export(p.ctx, p.export)); err != nil {
		_ = p.export.Close()
		return err
	}
	return p.willRead(1)
}

// willRead says how often the export is read: it is verified, counted and copied,
// and then read for either form of each list and for the retention record of each
// of so many years.
func (p *pack) willRead(years int) error {
	info, err := p.export.Stat()
	if err != nil {
		return err
	}
	p.will = info.Size() * int64(3+2*len(lists)+years)
	return nil
}

// Read reads on in the export, and tells how far it is.
func (p *pack) Read(b []byte) (n int, err error) {
	n, err = p.export.Read(b)
	p.was += int64(n)
	if p.will > 0 {
		p.will = max(p.will, p.was) // a retention record is read twice where a clock was wrong
	}
	p.Far(p.was, p.will)
	return n, err
}

// verify does what 'letterlock register verify' does, with the export that the
// pack gives.
func (p *pack) verify() error {
	pub, err := note.NewVerifier(p.PublicKey)
	if err != nil {
		return fmt.Errorf("reading the register's public key: %w", err)
	}
	if _, err := p.export.Seek(0, io.SeekStart); err != nil {
		return err
	}
	export, err := register.VerifyExport(p, pub)
	var bad *register.Wrong
	if errors.As(err, &bad) {
		p.wrong(texts.Say("evidence-wrong.register", "why", bad.Error()))
		return nil
	}
	p.Entries, p.Checkpoint, p.keys, p.verified = export.Head.Entries, export.Head.Note, export.Keys, err == nil
	return err
}

// each calls f with the export's entries.
func (p *pack) each(f func(register.Entry) error) error {
	if _, err := p.export.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return register.EachEntry(p, func(e register.Entry) error {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		return f(e)
	})
}

var errEnough = errors.New("no more entries are wanted")

// entries are the export's, for whoever may stop before their end.
func (p *pack) entries() iter.Seq2[register.Entry, error] {
	return func(yield func(register.Entry, error) bool) {
		err := p.each(func(e register.Entry) error {
			if !yield(e, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(register.Entry{}, err)
		}
	}
}

// count counts the entries, and finds whose scanners are believed.
func (p *pack) count() error {
	return p.each(func(e register.Entry) error {
		if p.Counts[e.Kind]++; e.N == 0 {
			p.first = letter.DateOf(e.At).Year
		}
		switch e.Kind {
		case "paper-destroyed":
			fields, err := read(e)
			if err != nil {
				return err
			}
			if level := fields["level"]; level != "" {
				p.Levels[level]++
			}
		case "edge-added", "edge-revoked":
			fields, err := read(e)
			if err != nil {
				return err
			}
			p.Sites = slices.DeleteFunc(p.Sites, func(site string) bool { return site == fields["site"] })
			if e.Kind == "edge-added" {
				p.Sites = append(p.Sites, fields["site"])
			}
		}
		return nil
	})
}

// file writes one file of the pack.
func (p *pack) file(name string, says texts.Text, write func(io.Writer) error) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	p.files = append(p.files, file{name, says})
	if err := p.sink.File(name, write); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// sources are what the rest can be checked with.
func (p *pack) sources() error {
	text := func(says string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, says); return err }
	}
	err := p.file("policy.md", texts.Say("evidence-file.policy", "policy", p.PolicyName), text(string(p.Policy)))
	if err != nil {
		return err
	}
	err = p.file("register.ndjson", texts.Say("evidence-file.register"), func(w io.Writer) error {
		if _, err := p.export.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.Copy(w, p)
		return err
	})
	if err != nil {
		return err
	}
	if err := p.file("register.pub", texts.Say("evidence-file.public-key"), text(p.PublicKey+"\n")); err != nil {
		return err
	}
	return p.file("verification.txt", texts.Say("evidence-file.verification"), text(p.verification()))
}

func (p *pack) verification() string {
	say := func(says texts.Text) string { return p.Language.Text(says) }
	result := say(texts.Say("evidence-verification.verified", "entries", p.Entries)) + "\n\n" +
		say(texts.Say("evidence-verification.checkpoint")) + "\n\n" + p.Checkpoint
	for _, c := range p.keys.Changes() {
		result += fmt.Sprintf("\n%s: %s\n", c.Says(), c.To)
	}
	if !p.verified {
		result = say(texts.Say("evidence-verification.wrong")) + "\n"
	}
	return say(texts.Say("evidence-verification.was-verified", "made", moment(p.Made))) + "\n\n" + result +
		"\n" + say(texts.Say("evidence-verification.do-it-yourself")) + "\n\n  letterlock register verify register.ndjson --key register.pub\n"
}

// retention adds the retention record of every year.
func (p *pack) retention() error {
	if !p.verified || p.Entries == 0 {
		return nil
	}
	for year := p.first; year <= letter.DateOf(p.Made).Year; year++ {
		name := strconv.Itoa(year)
		record, err := p.Retention(name, p.entries())
		if err != nil {
			return fmt.Errorf("making the retention record of %s: %w", name, err)
		}
		p.overdue, p.uneven = record.Overdue, p.uneven || len(record.Wrong) > 0
		for _, says := range record.Wrong {
			p.wrong(texts.Say("evidence-wrong.retention-record", "year", name, "says", says))
		}
		if err := p.file("retention-record-"+name+".pdf", texts.Say("evidence-file.record-for-printing", "year", name), record.PDF); err != nil {
			return err
		}
		if err := p.file("retention-record-"+name+".csv", texts.Say("evidence-file.record-for-a-spreadsheet", "year", name), record.CSV); err != nil {
			return err
		}
	}
	if p.overdue > 0 {
		p.wrong(texts.Say("evidence-wrong.overdue", "n", p.overdue))
	}
	return nil
}
