package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// Dir is the archive in a folder. It may be used by several processes at once,
// edges among them. It keeps no older versions and knows no delete markers.
type Dir struct {
	*deposit.Dir
}

// OpenDir opens the folder at path, as deposit.OpenDir does.
func OpenDir(path string) (*Dir, error) {
	d, err := deposit.OpenDir(path)
	if err != nil {
		return nil, err
	}
	return &Dir{d}, nil
}

// Read opens the object under key, or exactly the given version of it, and
// tells its size in bytes. What was replaced or removed is ErrNotFound. What
// is being read stays readable, whatever happens to the key meanwhile.
func (d *Dir) Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error) {
	if err := deposit.CheckKey(key); err != nil {
		return nil, 0, err
	}
	f, err := d.Root().Open(key)
	if err != nil {
		return nil, 0, deposit.Explain("reading object", err)
	}
	size, err := seekVersion(ctx, f, version)
	if err != nil {
		_ = f.Close()
		return nil, 0, deposit.Explain("reading object", err)
	}
	return f, size, nil
}

// seekVersion checks that f is that version ("" is any) and leaves it at its
// beginning.
func seekVersion(ctx context.Context, f *os.File, version string) (size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, deposit.ErrNotFound
	}
	if version == "" {
		return info.Size(), nil
	}
	found, err := versionOf(ctx, f)
	if err != nil {
		return 0, err
	}
	if found != version {
		return 0, deposit.ErrNotFound
	}
	_, err = f.Seek(0, io.SeekStart)
	return info.Size(), err
}

// versionOf reads all of r for its version id.
func versionOf(ctx context.Context, r io.Reader) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), ctx.Err()
}

// List yields every key that begins with prefix, in no order that can be
// relied on. An error ends it. Objects that come or go meanwhile may be in it
// or not.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := checkPrefix(prefix); err != nil {
			yield("", err)
			return
		}
		err := d.walk(ctx, prefix, func(name string, _ fs.DirEntry) error {
			if deposit.CheckKey(name) == nil && !yield(name, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield("", deposit.Explain("listing bucket", err))
		}
	}
}

// Folders lists the names one level below prefix, which ends in a slash, that
// something lies under.
func (d *Dir) Folders(ctx context.Context, prefix string) (names []string, err error) {
	if err := checkPrefix(prefix); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(d.Root().FS(), path.Dir(prefix+"x"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ctx.Err()
	}
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, deposit.Explain("listing bucket", errors.Join(err, ctx.Err()))
}

// Remains lists every key below prefix of which there is still an object or an
// unfinished upload.
func (d *Dir) Remains(ctx context.Context, prefix string) (keys []string, err error) {
	if err := checkPrefix(prefix); err != nil {
		return nil, err
	}
	err = d.walk(ctx, prefix, func(name string, _ fs.DirEntry) error {
		if of, upload := deposit.UploadOf(name); upload {
			name = of
		}
		if deposit.CheckKey(name) == nil && !slices.Contains(keys, name) {
			keys = append(keys, name)
		}
		return nil
	})
	return keys, deposit.Explain("listing bucket", err)
}

// Covered lists nothing: of a key there is one version.
func (d *Dir) Covered(context.Context, string) (keys []string, err error) { return nil, nil }

// walk calls visit for every file whose path begins with prefix, unfinished
// uploads included. What disappears on the way is passed over.
func (d *Dir) walk(ctx context.Context, prefix string, visit func(name string, entry fs.DirEntry) error) error {
	top := path.Dir(prefix + "x")
	return fs.WalkDir(d.Root().FS(), top, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case !entry.Type().IsRegular() || !strings.HasPrefix(name, prefix):
			return nil
		}
		return visit(name, entry)
	})
}

// Traces lists everything that the folder still holds of exactly this key: the
// object and its unfinished uploads.
func (d *Dir) Traces(ctx context.Context, key string) ([]Trace, error) {
	if err := deposit.CheckKey(key); err != nil {
		return nil, err
	}
	var traces []Trace
	switch version, err := d.current(ctx, key); {
	case err == nil:
		traces = append(traces, Trace{Version, version})
	case !errors.Is(err, deposit.ErrNotFound):
		return nil, err
	}
	// After the object, since Remove moves from there to here.
	entries, err := fs.ReadDir(d.Root().FS(), path.Dir(key))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, deposit.Explain("listing uploads", err)
	}
	for _, entry := range entries {
		name := path.Join(path.Dir(key), entry.Name())
		if of, ok := deposit.UploadOf(name); ok && of == key {
			traces = append(traces, Trace{Upload, entry.Name()})
		}
	}
	return traces, nil
}

// current is the version id of the object under key.
func (d *Dir) current(ctx context.Context, key string) (string, error) {
	f, _, err := d.Read(ctx, key, "")
	if err != nil {
		return "", err
	}
	defer f.Close()
	version, err := versionOf(ctx, f)
	return version, deposit.Explain("reading object", err)
}

// Remove removes exactly that trace of key for good. What is already gone, or
// was replaced by another version, is not an error. When Remove returns nil,
// the name is gone from the disk; folders that have become empty go with it.
func (d *Dir) Remove(ctx context.Context, key string, t Trace) error {
	if err := deposit.CheckKey(key); err != nil {
		return err
	}
	// Without an id it would be whatever version is there now.
	if t.ID == "" {
		return fmt.Errorf("removing %s: it has no id", t.Kind)
	}
	switch t.Kind {
	case Version:
		f, _, err := d.Read(ctx, key, t.ID)
		if errors.Is(err, deposit.ErrNotFound) {
			return d.prune(key)
		}
		if err != nil {
			return err
		}
		defer f.Close()
		return d.take(key, f.(*os.File))
	case Upload:
		name := path.Join(path.Dir(key), t.ID)
		if of, ok := deposit.UploadOf(name); !ok || of != key {
			return errors.New("removing upload: it is not one of this key")
		}
		return d.drop(name)
	}
	return fmt.Errorf("removing %s: a folder has none", t.Kind)
}

// take removes the object under key, but only if it is the opened file and not
// one that has replaced it since. Looking and removing cannot be one step, so
// it moves the object aside first and looks at what it holds.
func (d *Dir) take(key string, wanted *os.File) error {
	aside := deposit.UploadName(key)
	if err := d.Root().Rename(key, aside); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return d.prune(key)
		}
		return deposit.Explain("removing object", err)
	}
	// A crash here leaves the object as an upload of its key: Traces shows it
	// and the next removal takes it. If it was a newer one, then it was a
	// manifest or a receipt, and its writer puts it again.
	if same, err := d.isSame(aside, wanted); err != nil {
		return deposit.Explain("removing object", err)
	} else if !same {
		if err := d.Root().Link(aside, key); err != nil && !errors.Is(err, fs.ErrExist) {
			return deposit.Explain("putting newer object back", err)
		}
	}
	return d.drop(aside)
}

func (d *Dir) isSame(name string, wanted *os.File) (bool, error) {
	a, err := d.Root().Lstat(name)
	if err != nil {
		return false, err
	}
	b, err := wanted.Stat()
	return err == nil && os.SameFile(a, b), err
}

// drop removes a file and the folders that it leaves empty.
func (d *Dir) drop(name string) error {
	if err := d.Root().Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return deposit.Explain("removing object", err)
	}
	return d.prune(name)
}

// prune removes the empty folders above name and brings the removal onto the
// disk. A put that finds its folder gone makes it again.
func (d *Dir) prune(name string) error {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		// The only thing that can be in the way is another object.
		if err := d.Root().Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return d.SyncFolders(name)
}

// Prepare has nothing to do: opening has made the folder.
func (d *Dir) Prepare(context.Context) error { return nil }

// LeaveUpload leaves an unfinished upload of key, as a writer does that is
// killed, and returns its id. It is for trying the folder out.
func (d *Dir) LeaveUpload(key string) (id string, err error) {
	if err := deposit.CheckKey(key); err != nil {
		return "", err
	}
	name := deposit.UploadName(key)
	if err := d.Root().MkdirAll(path.Dir(key), 0o700); err != nil {
		return "", deposit.Explain("making upload", err)
	}
	return path.Base(name), deposit.Explain("making upload", d.Root().WriteFile(name, nil, 0o600))
}

// InstallLifecycle has nothing to do: a folder has no lifecycle of its own.
// Sweep and the proof on the deadline stand in for it.
func (d *Dir) InstallLifecycle(context.Context) error { return nil }

// Drift finds nothing: what a folder does not have cannot be changed.
func (d *Dir) Drift(context.Context) ([]string, error) { return nil, nil }

// Sweep does what the lifecycle of an S3 bucket does for what is brief: it
// removes manifests and receipts that were written more than letter.BriefDays
// before now, and unfinished uploads of any key that are more than a day old.
// Letters it leaves to the server, which ends them, and whatever else lies among
// them beyond its deadline, on the register. It returns how many files
// it has removed.
func (d *Dir) Sweep(ctx context.Context, now time.Time) (removed int, err error) {
	stale := now.AddDate(0, 0, -uploadDays)
	brief := now.AddDate(0, 0, -letter.BriefDays)
	err = d.walk(ctx, "", func(name string, entry fs.DirEntry) error {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		_, upload := deposit.UploadOf(name)
		due := upload && info.ModTime().Before(stale) || isBrief(name) && info.ModTime().Before(brief)
		if !due {
			return nil
		}
		removed++
		return d.sweepOne(name, upload, brief)
	})
	return removed, deposit.Explain("sweeping bucket", err)
}

// sweepOne removes one file that was found to be due, unless it is a manifest
// or receipt that was put again since.
func (d *Dir) sweepOne(name string, upload bool, brief time.Time) error {
	if upload {
		return d.drop(name)
	}
	f, err := d.Root().Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.ModTime().Before(brief) {
		return err
	}
	return d.take(name, f)
}

func isBrief(key string) bool {
	return strings.HasPrefix(key, letter.IncomingPrefix) || strings.HasPrefix(key, letter.ReceiptsPrefix)
}
