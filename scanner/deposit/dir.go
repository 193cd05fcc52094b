package deposit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Dir is the store that needs nothing installed: a folder, in which keys are
// paths. Folders are 0700 and files 0600. It wants a local file system that
// has hard links and keeps what fsync was called for.
type Dir struct {
	root *os.Root

	mu   sync.Mutex
	sure map[string]*os.File // folders whose names are on the disk, and all above them; see SyncFolders
}

// OpenDir opens the store in the folder at path and makes the folder if it is
// missing. Nothing outside of it is ever touched, whatever a key says and
// wherever a symbolic link points.
func OpenDir(path string) (*Dir, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := makeFolder(path); err != nil {
			return nil, Explain("making bucket folder", err)
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, Explain("opening bucket folder", err)
	}
	return &Dir{root: root, sure: map[string]*os.File{}}, nil
}

// makeFolder makes a folder and those above it, and brings the name of each
// onto the disk.
func makeFolder(path string) error {
	parent := filepath.Dir(filepath.Clean(path))
	if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(os.Open(parent))
}

// Close gives the folder back.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.sure {
		f.Close()
	}
	clear(d.sure)
	return d.root.Close()
}

// Root is the bucket's folder, for package archive, which lists and removes.
func (d *Dir) Root() *os.Root { return d.root }

// Put stores size bytes of body, from its beginning, under key, and returns
// their version, which in a Dir is the SHA-256 of the bytes in hex.
//
// When Put returns nil, the bytes have the hash sum, and they, the name and
// every folder above it are on the disk (fsync). After an error other than
// ErrExists the object is either whole under its key or not there; the attempt
// can leave a file that [UploadOf] recognises, only if the process died. A body
// that is a file of the same file system is not copied, and must not be written
// to any more; one that is [ReadBack] is not read, either.
func (d *Dir) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [32]byte, mode Mode) (version string, err error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	if err := measure(body, size); err != nil {
		return "", err
	}
	if mode == CreateOnly {
		// Only to spare the copy: who is first is decided by Link below.
		if _, err := d.root.Lstat(key); err == nil {
			return "", d.taken(key)
		}
	}
	upload, err := d.spool(ctx, key, body, sum)
	if err != nil {
		return "", err
	}
	// A crash here leaves a whole upload and no object.
	if err := d.publish(upload, key, mode); err != nil {
		return "", err
	}
	// A crash here leaves the object or the upload, whichever the disk has:
	// nobody has been told anything yet.
	if err := d.SyncFolders(key); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum[:]), nil
}

// spool writes body into an unfinished upload of key, or makes it one, checks it
// against sum and gets its bytes onto the disk. What it cannot finish it takes away.
func (d *Dir) spool(ctx context.Context, key string, body io.Reader, sum [32]byte) (upload string, err error) {
	f, upload, err := d.begin(key)
	if err != nil {
		return "", explainPut("making upload", err)
	}
	// A crash from here on leaves this file, which is recognised by its name.
	hash := sha256.New()
	dst, adopted := io.Writer(hash), d.adopt(body, key)
	if adopted != "" {
		_ = d.root.Remove(upload)
		upload = adopted
	} else {
		dst = io.MultiWriter(f, hash)
	}
	read, isRead := body.(ReadBack)
	got := read.Sum
	if adopted == "" || !isRead {
		_, err = io.Copy(dst, &patient{ctx, body})
		got = [sha256.Size]byte(hash.Sum(nil))
	}
	if err == nil && got != sum {
		err = ErrWrongHash
	}
	if err == nil && adopted == "" { // what is adopted is synced already
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		_ = d.root.Remove(upload)
		return "", explainPut("writing upload", err)
	}
	return upload, nil
}

// adopt spares the copy of a body that is a file of the bucket's own file
// system: it becomes an upload by a second name. Whoever puts a file must not
// write to it again. Where that cannot be had, upload is empty.
//
// The file is synced before, unless its writer has done so. The second name changes the file, and its sync would write to the disk
// what that of the folder writes in any case.
func (d *Dir) adopt(body io.Reader, key string) (upload string) {
	file, ok := body.(*os.File)
	read, synced := body.(ReadBack)
	if synced {
		file, ok = read.File, true
	}
	upload = UploadName(key)
	if !ok || !synced && file.Sync() != nil || link(file, d.root, upload) != nil {
		return ""
	}
	return upload
}

// begin makes an empty upload of key and the folders above it. The archive
// removes folders that have become empty, at any moment: a folder that is gone
// again is made again. (MkdirAll can fail with either error when a folder goes
// between two of its steps.)
func (d *Dir) begin(key string) (f *os.File, upload string, err error) {
	for range 100 {
		if dir := path.Dir(key); dir != "." {
			err = d.root.MkdirAll(dir, 0o700)
		}
		if err == nil {
			upload = UploadName(key)
			f, err = d.root.OpenFile(upload, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return f, upload, err
}

// explainPut is Explain for the steps of a put, in which "exists" and "does
// not exist" are never about the object: something stands where a folder or
// the object should be, or somebody empties the bucket.
func explainPut(doing string, err error) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s: %w: %v", doing, ErrRefused, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w: %v", doing, ErrUnavailable, err)
	}
	return Explain(doing, err)
}

// publish gives a spooled upload its key.
func (d *Dir) publish(upload, key string, mode Mode) error {
	if mode == Replace {
		err := d.root.Rename(upload, key)
		// Left where that failed, and where it is the object under a second name, as of a file
		// that is put again: to rename one over the other does nothing.
		_ = d.root.Remove(upload)
		return explainPut("publishing object", err)
	}
	// Rename would replace; Link fails when the name is taken, and of several
	// writers exactly one is the first.
	err := d.root.Link(upload, key)
	// A crash here leaves the object and, as an upload, a second name of it.
	removed := d.root.Remove(upload)
	if errors.Is(err, fs.ErrExist) {
		return d.taken(key)
	}
	return explainPut("publishing object", errors.Join(err, removed))
}

// taken says ErrExists, once it is true of the disk as well: the object may be
// one whose folders another put has not yet synced.
func (d *Dir) taken(key string) error {
	if info, err := d.root.Lstat(key); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("publishing object: %w: what has its name is no object", ErrRefused)
	}
	if err := d.SyncFolders(key); err != nil {
		return err
	}
	return fmt.Errorf("publishing object: %w", ErrExists)
}

// SyncFolders brings the names in every folder from key's own up to the
// bucket's onto the disk. All of them, since the one who made a folder a
// moment ago may not have come so far; but no further than to a folder of which
// that was done before. A folder that has gone meanwhile has nothing to keep.
func (d *Dir) SyncFolders(key string) error {
	var synced []string
	var files []*os.File
	for dir := path.Dir(key); ; dir = path.Dir(dir) {
		f, err := d.root.Open(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != "." {
			continue
		}
		if err == nil {
			files = append(files, f)
			err = f.Sync()
		}
		if err != nil {
			closeAll(files)
			return Explain("syncing folder", err)
		}
		if dir == "." || d.isSure(dir, f) {
			f.Close()
			d.remember(synced, files)
			return nil
		}
		synced = append(synced, dir)
	}
}

// isSure reports whether that folder is one that was synced before, with all
// above it. While it is held open no other can pass for it; and since it was never
// empty, or it would have been removed, those above it are the same as well.
func (d *Dir) isSure(dir string, f *os.File) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := d.sure[dir]
	if held == nil {
		return false
	}
	a, err1 := held.Stat()
	b, err2 := f.Stat()
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}

// maxSure is how many folders are held open at most: those of today's letters,
// manifests and receipts of a few helplines.
const maxSure = 32

// remember holds folders that were synced with all above them.
func (d *Dir) remember(dirs []string, files []*os.File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, dir := range dirs {
		if held := d.sure[dir]; held != nil {
			held.Close()
		} else if len(d.sure) >= maxSure {
			closeAll(slices.Collect(maps.Values(d.sure)))
			clear(d.sure) // they are synced once more
		}
		d.sure[dir] = files[i]
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func syncFolder(f *os.File, err error) error {
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Get returns the object under key, which must not be longer than 1 MiB, or
// ErrNotFound.
func (d *Dir) Get(ctx context.Context, key string) ([]byte, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	f, err := d.root.Open(key)
	if err != nil {
		return nil, Explain("reading object", err)
	}
	defer f.Close()
	return readSmall(&patient{ctx, f})
}

// Clock always fails with ErrNoClock: the folder is on this machine, so its
// clock is the one that would have to be checked.
func (d *Dir) Clock(context.Context) (time.Time, error) { return time.Time{}, ErrNoClock }

// ReadBack is a body that is a file which whoever has written it has synced and read
// back, and found to have the hash Sum.
type ReadBack struct {
	*os.File
	Sum [sha256.Size]byte
}

const uploadSuffix = ".upload"

// UploadName is a fresh name, beside key, for an object that is not (or no
// longer) finished.
func UploadName(key string) string {
	dir, base := path.Split(key)
	return dir + "." + base + "." + rand.Text() + uploadSuffix
}

// UploadOf recognises a name of UploadName and tells whose upload it is.
func UploadOf(name string) (key string, ok bool) {
	dir, base := path.Split(name)
	base, dotted := strings.CutPrefix(base, ".")
	base, suffixed := strings.CutSuffix(base, uploadSuffix)
	dot := strings.LastIndexByte(base, '.')
	if !dotted || !suffixed || dot < 1 {
		return "", false
	}
	key = dir + base[:dot]
	return key, CheckKey(key) == nil
}

// patient reads until its context ends.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}
