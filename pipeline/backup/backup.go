// Package backup writes and reads backups: one tar archive, sealed by age to
// recipients whose private halves are kept offline. Stock age and tar open one.
//
// The first file of the archive says what it is (About). The others have the
// names that they have below the data folder (data/...) and below the folder of
// the configuration (config/...). What a backup must never hold is the keyring:
// with it a letter could be read from an old copy of the bucket after its end.
package backup

import (
	"archive/tar"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"letterlock/pipeline/durable"
)

// MaxAge is how long a backup may be kept at most. It holds the rows of letters
// that live when it is made, hence of one whose deadline is the next day. Within
// a week of a deadline the letter's key dies as well, so that nothing of a letter
// outlives its key.
const MaxAge = 7 * 24 * time.Hour

// About is the first file of a backup.
type About struct {
	Format     int       `json:"format"`     // 1
	Program    string    `json:"program"`    // the version that made it
	Folder     string    `json:"folder"`     // the data folder's path; "" from older versions
	Made       time.Time `json:"made"`       // UTC, whole seconds
	Entries    int64     `json:"entries"`    // of the register in it
	Checkpoint string    `json:"checkpoint"` // the register's signed head
}

const (
	format    = 1
	aboutName = "letterlock-backup.json"
	maxAbout  = 64 << 10 // bytes

	prefix  = "letterlock-"
	suffix  = ".tar.age"
	stamp   = "20060102T150405Z"
	passing = ".new-" // begins the name of a backup that is being written
)

// ErrNotOurs is returned for a file that is no backup, or of a form that this
// version does not know.
var ErrNotOurs = errors.New("not a backup that this version can read")

// File is one file of a backup: its name in the archive and where it lies.
type File struct{ Name, Path string }

// Recipients reads who can open a backup: each an age recipient, as in age1....
func Recipients(lines []string) ([]age.Recipient, error) {
	if len(lines) == 0 {
		return nil, errors.New("nobody could open the backup: name at least one recipient")
	}
	to, err := age.ParseRecipients(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		return nil, errors.New("a recipient begins with age1, as 'letterlock key backup' and age-keygen print it")
	}
	return to, nil
}

// Make writes a backup into the folder, under the name of its moment, and returns
// its path. When it returns nil the backup is on disk, whole. A crash before leaves
// a sealed piece under a passing name, which the next Make removes; only one may
// run at a time. tell hears of the files' bytes as they are sealed, how many each
// time; nil for nobody.
func Make(dir string, about About, to []age.Recipient, files []File, tell func(bytes int64)) (path string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing backup: %w", err)
		}
	}()
	left, err := filepath.Glob(filepath.Join(dir, passing+"*"+suffix))
	if err != nil {
		return "", err
	}
	for _, piece := range left {
		if err := os.Remove(piece); err != nil {
			return "", err
		}
	}
	f, err := os.CreateTemp(dir, passing+"*"+suffix) // mode 0600
	if err != nil {
		return "", err
	}
	err = write(f, about, to, files, tell)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		path = filepath.Join(dir, prefix+about.Made.UTC().Format(stamp)+suffix)
		err = place(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // room for the next try on a full disk
		return "", err
	}
	return path, durable.SyncDir(dir)
}

var link = os.Link // a test takes it away

// place gives a backup that is whole its name, never in the place of another. Where the
// disk knows no second name for a file, as exFAT and some shares do not, it is seen
// first that the name is free: nobody else takes it, since only one backup is made at a time.
func place(passing, path string) error {
	err := link(passing, path)
	if err == nil {
		_ = os.Remove(passing) // the backup is there; the next one removes what is left
		return nil
	}
	if _, there := os.Lstat(path); !errors.Is(there, fs.ErrNotExist) {
		return err
	}
	return os.Rename(passing, path)
}

func write(w io.Writer, about About, to []age.Recipient, files []File, tell func(int64)) error {
	sealed, err := age.Encrypt(w, to...)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(sealed)
	about.Format = format
	text, err := json.MarshalIndent(about, "", "\t")
	if err != nil {
		return err
	}
	err = archive.WriteHeader(&tar.Header{Name: aboutName, Mode: 0o600, Size: int64(len(text)), ModTime: about.Made})
	if err == nil {
		_, err = archive.Write(text)
	}
	for _, file := range files {
		if err == nil {
			err = add(archive, file, about.Made, tell)
		}
	}
	if err != nil {
		return err
	}
	return errors.Join(archive.Close(), sealed.Close())
}

func add(archive *tar.Writer, file File, made time.Time, tell func(int64)) error {
	f, err := os.Open(file.Path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: file.Name, Mode: 0o600, Size: info.Size(), ModTime: made}); err != nil {
		return err
	}
	_, err = io.Copy(archive, told{f, tell})
	return err
}

// told is a file whose reader tells how far it is.
type told struct {
	io.Reader
	tell func(int64)
}

func (t told) Read(p []byte) (n int, err error) {
	n, err = t.Reader.Read(p)
	if t.tell != nil {
		t.tell(int64(n))
	}
	return n, err
}

// Read opens a backup and gives each of its files to place, in their order. A
// backup that was cut off or changed ends in an error, perhaps after some files.
func Read(r io.Reader, keys []age.Identity, place func(name string, content io.Reader) error) (about About, err error) {
	plain, err := age.Decrypt(r, keys...)
	if err != nil {
		return about, fmt.Errorf("opening backup: %w", err)
	}
	archive := tar.NewReader(plain)
	head, err := archive.Next()
	if err != nil || head.Name != aboutName || head.Size > maxAbout {
		return about, cmp.Or(notEnd(err), ErrNotOurs)
	}
	if err := json.NewDecoder(archive).Decode(&about); err != nil || about.Format != format {
		return about, ErrNotOurs
	}
	for {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			// What follows the archive's end is read too: only the last piece of what
			// age sealed says that nothing is missing.
			_, err = io.Copy(io.Discard, plain)
			return about, err
		}
		if err == nil && (head.Typeflag != tar.TypeReg || !fs.ValidPath(head.Name)) {
			err = ErrNotOurs
		}
		if err == nil {
			err = place(head.Name, archive)
		}
		if err != nil {
			return about, fmt.Errorf("reading backup: %w", err)
		}
	}
}

// notEnd is err, but for an end: a sealed file with nothing in it is no backup.
func notEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, tar.ErrHeader) {
		return nil
	}
	return err
}

// Kept is a backup in a folder.
type Kept struct {
	Path string
	Made time.Time // UTC, from its name
}

// List returns the backups in the folder, the oldest first. What has another name
// is none.
func List(dir string) (all []Kept, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing backups: %w", err)
	}
	for _, f := range files {
		between, ours := strings.CutPrefix(f.Name(), prefix)
		between, ends := strings.CutSuffix(between, suffix)
		if made, err := time.Parse(stamp, between); err == nil && ours && ends {
			all = append(all, Kept{filepath.Join(dir, f.Name()), made})
		}
	}
	slices.SortFunc(all, func(a, b Kept) int { return a.Made.Compare(b.Made) })
	return all, nil
}

// nextOne is how long after a backup the next daily one is made at the latest, with what a
// timer spreads its runs by.
const nextOne = 25 * time.Hour

// Before is the moment up to which backups are removed by one that begins now, so that none
// becomes older than keep until the next one removes it. The one that begins now is later.
func Before(now time.Time, keep time.Duration) time.Time {
	before := now.Add(nextOne - keep)
	if last := now.Add(-time.Second); before.After(last) { // a backup's moment is of whole seconds
		return last
	}
	return before
}

// Rotate removes the folder's backups that were made at or before the moment, but for the one
// that was just made, and says how many went; the path of that is "" where none could be
// made, and the newest stays. It goes by the path, since the clock may have been set back
// while that one was made. A crash leaves some of them to the next Rotate.
func Rotate(dir string, before time.Time, made string) (removed int, err error) {
	all, err := List(dir)
	if err != nil {
		return 0, err
	}
	if made == "" {
		all = all[:max(0, len(all)-1)]
	}
	for _, kept := range all {
		if kept.Made.After(before) || kept.Path == made {
			continue
		}
		if err := os.Remove(kept.Path); err != nil {
			return removed, fmt.Errorf("removing an old backup: %w", err)
		}
		removed++
	}
	return removed, durable.SyncDir(dir)
}
