package witness

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime/quotedprintable"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// maxText bounds in bytes what is read of an answer or a file that is no export.
const maxText = 1 << 20

// Portal is a portal, which shows the day's checkpoint to everybody.
type Portal struct {
	Origin string // as people type it, as in https://letters.example.org
	Client *http.Client
}

// Name is its address.
func (p Portal) Name() string { return p.Origin }

// Heads is the day's checkpoint.
func (p Portal) Heads(ctx context.Context) ([]Shown, error) {
	body, err := p.get(ctx, "/checkpoint")
	if err != nil {
		return nil, err
	}
	keys, err := p.keys(ctx)
	return []Shown{{Signed: string(body), Live: true, Keys: keys}}, err
}

// keys are the changes of the signing key. A portal of before there were any shows none.
func (p Portal) keys(ctx context.Context) (changes []register.KeyChange, err error) {
	body, err := p.get(ctx, "/checkpoint/keys")
	if errors.Is(err, errNotThere) {
		return nil, nil
	}
	if err == nil && json.Unmarshal(body, &changes) != nil {
		err = errors.New("what the portal says of the signing key cannot be read")
	}
	return changes, err
}

// Growth asks the portal for the proof.
func (p Portal) Growth(ctx context.Context, from, to register.Head) error {
	body, err := p.get(ctx, fmt.Sprintf("/checkpoint/growth?from=%d&to=%d", from.Entries, to.Entries))
	if err != nil {
		return err
	}
	var g register.Growth
	if json.Unmarshal(body, &g) != nil {
		return errors.New("the portal's proof cannot be read")
	}
	return g.Check(from, to)
}

// get reads an address of the portal. What it has no proof of is ErrNoProof.
func (p Portal) get(ctx context.Context, path string) ([]byte, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(p.Origin, "/")+path, nil)
	if err != nil {
		return nil, errors.New("this is no address of a portal")
	}
	a, err := p.Client.Do(q)
	if err != nil {
		return nil, errors.New("the portal does not answer")
	}
	defer func() { _ = a.Body.Close() }()
	switch {
	case a.StatusCode == http.StatusBadRequest:
		return nil, ErrNoProof
	case a.StatusCode == http.StatusNotFound:
		return nil, errNotThere
	case a.StatusCode/100 == 3:
		return nil, errors.New("the portal's answer leads to another address, which is not followed: give that one")
	case a.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the portal has no checkpoint to show (status %d)", a.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(a.Body, maxText))
	if err != nil {
		return nil, errors.New("the portal's answer breaks off")
	}
	return body, nil
}

// errNotThere says that a portal has no such page.
var errNotThere = errors.New("the portal has no checkpoint to show (status 404)")

// Files is a file or a folder of files: exports, checkpoints from the bucket,
// mails with a checkpoint in them, or a checkpoint as it is.
type Files struct {
	Path string
	Pub  note.Verifier
	Far  func(done, of int) // hears how many files of how many are read; nil for nobody

	exports map[register.Head]string // where each export lies that was found good
	growths []register.Growth
}

// Name is its path.
func (f *Files) Name() string { return f.Path }

// Heads reads all files. Of an export every entry is verified.
func (f *Files) Heads(ctx context.Context) (shown []Shown, err error) {
	f.exports, f.growths = map[register.Head]string{}, nil
	var paths []string
	err = filepath.WalkDir(f.Path, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			paths = append(paths, path)
		}
		return errors.Join(err, ctx.Err())
	})
	var failed []error // of one file each; the others are read all the same
	for i, path := range paths {
		if ctx.Err() != nil {
			break
		}
		tell(f.Far, i, len(paths))
		one, err := f.read(path)
		shown = append(shown, one...)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", filepath.Base(path), err))
		}
	}
	err = cmp.Or(err, ctx.Err())
	if len(shown)+len(failed) == 0 && err == nil {
		err = errors.New("no checkpoint and no export is there")
	}
	return shown, errors.Join(append(failed, err)...)
}

func (f *Files) read(path string) ([]Shown, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	in := bufio.NewReader(file)
	if start, _ := in.Peek(len(exportBegins)); string(start) == exportBegins {
		export, err := register.VerifyExport(in, f.Pub)
		if err != nil {
			return nil, err
		}
		f.exports[export.Head] = path
		return []Shown{{Signed: export.Head.Note, Early: true, Restores: export.Restores, Keys: export.Keys.Changes()}}, nil
	}
	text, err := io.ReadAll(io.LimitReader(in, maxText))
	if err != nil {
		return nil, err
	}
	shown, growth := checkpointsIn(text)
	f.growths = append(f.growths, growth...)
	return shown, nil
}

const exportBegins = `{"n":0,`

// Growth looks for a proof among the checkpoints, and otherwise verifies an
// export that ends with `to` against `from`.
func (f *Files) Growth(_ context.Context, from, to register.Head) error {
	if err := growthIn(f.growths, from, to); !errors.Is(err, ErrNoProof) {
		return err
	}
	path, ok := f.exports[to]
	if !ok {
		return ErrNoProof
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	_, err = register.Verify(file, f.Pub, from)
	return err
}

// Objects is what a witness needs of the bucket: it reads, and no more.
type Objects interface {
	List(ctx context.Context, prefix string) iter.Seq2[string, error]
	Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error)
}

// Bucket is the bucket with the letters, in which a checkpoint is left each day.
type Bucket struct {
	Objects Objects
	Where   string             // for people
	Far     func(done, of int) // hears how many checkpoints of how many are read; nil for nobody

	growths []register.Growth
}

// Name says which bucket.
func (b *Bucket) Name() string { return b.Where }

// Heads are the checkpoints of all days.
func (b *Bucket) Heads(ctx context.Context) (shown []Shown, err error) {
	b.growths = nil
	var keys []string
	var broken error // of the listing; what it has shown before is read all the same
	for key, err := range b.Objects.List(ctx, letter.CheckpointsPrefix) {
		if broken = err; err != nil {
			break
		}
		keys = append(keys, key)
	}
	for i, key := range keys {
		tell(b.Far, i, len(keys))
		body, _, err := b.Objects.Read(ctx, key, "")
		if err != nil {
			return shown, err
		}
		text, err := io.ReadAll(io.LimitReader(body, maxText))
		if err = errors.Join(err, body.Close()); err != nil {
			return shown, err
		}
		one, growth := checkpointsIn(text)
		shown, b.growths = append(shown, one...), append(b.growths, growth...)
	}
	return shown, broken
}

// tell says how far a source is read, where somebody wants to hear it.
func tell(far func(done, of int), done, of int) {
	if far != nil {
		far(done, of)
	}
}

// Growth looks for a proof among the checkpoints.
func (b *Bucket) Growth(_ context.Context, from, to register.Head) error {
	return growthIn(b.growths, from, to)
}

// growthIn follows proofs from day to day, from one checkpoint to another.
func growthIn(growths []register.Growth, from, to register.Head) error {
	for _, g := range growths {
		if g.From == from.Entries && g.To == to.Entries {
			return g.Check(from, to)
		}
	}
	return ErrNoProof
}

// signed is a checkpoint wherever it stands in a text.
var signed = regexp.MustCompile(`letterlock register\n[0-9]+\n[A-Za-z0-9+/]{43}=\n\n— \S+ [A-Za-z0-9+/=]+\n`)

// checkpointsIn finds checkpoints in a statement, in a mail however it is
// encoded, or in any other text.
func checkpointsIn(text []byte) (shown []Shown, growths []register.Growth) {
	var st register.Statement
	if json.Unmarshal(text, &st) == nil {
		if st.Growth != nil {
			growths = append(growths, *st.Growth)
		}
		return []Shown{{Signed: st.Checkpoint, Keys: st.Keys}}, growths
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if bytes.Contains(text, []byte("=E2=80=94")) {
		if plain, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(text))); err == nil {
			text = bytes.ReplaceAll(plain, []byte("\r\n"), []byte("\n"))
		}
	}
	seen := map[string]bool{}
	for _, s := range signed.FindAllString(string(text), -1) {
		if !seen[s] {
			seen[s] = true
			shown = append(shown, Shown{Signed: s})
		}
	}
	return shown, growths
}
