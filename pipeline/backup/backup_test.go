package backup

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
)

// office is a folder of backups, its key, and two files to back up.
type office struct {
	dir   string
	key   *age.HybridIdentity
	files []File
}

func newOffice(t *testing.T) office {
	t.Helper()
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	o := office{dir: t.TempDir(), key: key}
	from := t.TempDir()
	for name, content := range map[string]string{"data/state/letterlock.db": strings.Repeat("CANARY of the register. ", 9000), "config/letterlock.toml": "# settings"} {
		path := filepath.Join(from, filepath.Base(name))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		o.files = append(o.files, File{name, path})
	}
	return o
}

func (o office) make(t *testing.T, made time.Time) (path string) {
	t.Helper()
	path, err := Make(o.dir, About{Program: "v1", Folder: "/data", Made: made, Entries: 7, Checkpoint: "signed"}, []age.Recipient{o.key.Recipient()}, o.files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var day = time.Date(2027, 3, 1, 4, 0, 0, 0, time.UTC)

func TestABackupComesBackAsItWas(t *testing.T) {
	o := newOffice(t)
	sealed, err := os.ReadFile(o.make(t, day))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("CANARY")) {
		t.Error("the backup is not sealed")
	}
	want, got := map[string]string{}, map[string]string{}
	for _, f := range o.files {
		content, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		want[f.Name] = string(content)
	}
	about, err := Read(bytes.NewReader(sealed), []age.Identity{o.key}, func(name string, content io.Reader) error {
		b, err := io.ReadAll(content)
		got[name] = string(b)
		return err
	})
	if err != nil || about != (About{1, "v1", "/data", day, 7, "signed"}) {
		t.Errorf("read: %+v, %v", about, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A backup that was cut off anywhere or in which a byte is another is refused,
// at its end at the latest; and so is what is none.
func TestADamagedBackupIsRefused(t *testing.T) {
	o := newOffice(t)
	sealed, err := os.ReadFile(o.make(t, day))
	if err != nil {
		t.Fatal(err)
	}
	read := func(sealed []byte) error {
		_, err := Read(bytes.NewReader(sealed), []age.Identity{o.key}, func(_ string, content io.Reader) error {
			_, err := io.Copy(io.Discard, content)
			return err
		})
		return err
	}
	if err := read(sealed); err != nil {
		t.Fatal(err)
	}
	for at := 1; at < len(sealed); at += 1777 {
		if read(sealed[:at]) == nil {
			t.Errorf("cut off after %d of %d bytes, it is taken", at, len(sealed))
		}
		changed := bytes.Clone(sealed)
		changed[at] ^= 1
		if read(changed) == nil {
			t.Errorf("byte %d is another, and it is taken", at)
		}
	}
	if read(sealed[:len(sealed)-1]) == nil {
		t.Error("without its last byte it is taken")
	}
	for name, plain := range map[string][]byte{"nothing": nil, "a text": []byte(strings.Repeat("no archive ", 100)), "another archive": foreignTar(t, "letter.txt"),
		"one that leads out of its folder": append(aboutTar(t), foreignTar(t, "../../etc/passwd")...)} {
		var b bytes.Buffer
		w, err := age.Encrypt(&b, o.key.Recipient())
		if err == nil {
			_, err = w.Write(plain)
		}
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		if err := read(b.Bytes()); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// aboutTar is the beginning of a backup, without the archive's end.
func aboutTar(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	text := `{"format":1}`
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: aboutName, Mode: 0o600, Size: int64(len(text))})
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func foreignTar(t *testing.T, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: name, Mode: 0o600}), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Old backups go, others' files stay, and what a crash left goes with the next.
func TestRotation(t *testing.T) {
	o := newOffice(t)
	left := filepath.Join(o.dir, passing+"1"+suffix)
	foreign := filepath.Join(o.dir, "letterlock-holiday.tar.age")
	for _, path := range []string{left, foreign} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var last string
	for n := range 10 {
		last = o.make(t, day.AddDate(0, 0, n))
	}
	removed, err := Rotate(o.dir, day.AddDate(0, 0, 9).Add(-MaxAge), last)
	if err != nil || removed != 3 {
		t.Errorf("%d went, %v", removed, err)
	}
	kept, err := List(o.dir)
	if err != nil || len(kept) != 7 || !kept[0].Made.Equal(day.AddDate(0, 0, 3)) || !kept[6].Made.Equal(day.AddDate(0, 0, 9)) {
		t.Errorf("kept: %v, %v", kept, err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what a crash left is there")
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error("a foreign file went")
	}
	if _, err := Make(o.dir, About{Made: day.AddDate(0, 0, 9)}, []age.Recipient{o.key.Recipient()}, o.files, nil); err == nil {
		t.Error("a backup took the place of another")
	}
	if removed, err := Rotate(o.dir, day.AddDate(1, 0, 0), ""); err != nil || removed != 6 {
		t.Errorf("while no other can be made, %d went, %v", removed, err)
	}
	if kept, err := List(o.dir); err != nil || len(kept) != 1 || !kept[0].Made.Equal(day.AddDate(0, 0, 9)) {
		t.Errorf("while no other can be made there are %v, %v", kept, err)
	}
}

// A timer makes a backup a day, a few minutes earlier or later: none becomes older than it may
// until the next, but for the newest, which stays whatever is set.
func TestNoBackupOutlivesItsTime(t *testing.T) {
	for keep, most := range map[time.Duration]int{MaxAge: 6, 72 * time.Hour: 2, 24 * time.Hour: 1} {
		t.Run(keep.String(), func(t *testing.T) {
			o := newOffice(t)
			random := rand.New(rand.NewPCG(1, 2))
			at := func(n int) time.Time {
				return day.AddDate(0, 0, n).Add(time.Duration(random.Int64N(int64(10*time.Minute))) + 500*time.Millisecond)
			}
			now := at(0)
			for n := range 30 {
				before := Before(now, keep)
				if _, err := Rotate(o.dir, before, o.make(t, now.Truncate(time.Second))); err != nil {
					t.Fatal(err)
				}
				now = at(n + 1)
				kept, err := List(o.dir)
				if err != nil || len(kept) != min(n+1, most) {
					t.Fatalf("after %d days: %v, %v", n+1, kept, err)
				}
				if age := now.Sub(kept[0].Made); age > keep && len(kept) > 1 {
					t.Errorf("one is %s old before the next is made", age)
				}
			}
		})
	}
}

// The clock is set back while a backup is made, which has an earlier moment than the one
// before: it stays, and the one before goes.
func TestTheBackupThatWasJustMadeStays(t *testing.T) {
	o := newOffice(t)
	before := Before(day, 24*time.Hour)
	was, made := o.make(t, day.AddDate(0, 0, -1)), o.make(t, day.Add(-25*time.Hour))
	if removed, err := Rotate(o.dir, before, made); err != nil || removed != 1 {
		t.Errorf("%d went, %v", removed, err)
	}
	if _, err := os.Stat(made); err != nil {
		t.Errorf("the one that was just made: %v", err)
	}
	if _, err := os.Stat(was); err == nil {
		t.Error("the one before is there")
	}
}

func TestRecipients(t *testing.T) {
	o := newOffice(t)
	for _, ok := range [][]string{{o.key.Recipient().String()}, {"age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"}} {
		if to, err := Recipients(ok); err != nil || len(to) != 1 {
			t.Errorf("%v: %v", ok, err)
		}
	}
	for _, bad := range [][]string{nil, {""}, {"ada@example.org"}, {o.key.String()}} {
		if _, err := Recipients(bad); err == nil {
			t.Errorf("%q is taken for recipients", bad)
		}
	}
}

// A disk that knows no second name for a file holds backups all the same, and none
// takes the place of another there.
func TestABackupOnADiskWithoutHardLinks(t *testing.T) {
	link = func(_, _ string) error { return errors.ErrUnsupported }
	defer func() { link = os.Link }()
	o := newOffice(t)
	made := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	path := o.make(t, made)
	whole, err := os.ReadFile(path)
	if err != nil || len(whole) == 0 {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	if _, err := Make(filepath.Dir(path), About{Made: made}, []age.Recipient{o.key.Recipient()}, nil, nil); err == nil {
		t.Error("a backup took the place of another")
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, whole) {
		t.Errorf("the first is changed: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), passing+"*")); err != nil || len(left) > 0 {
		t.Errorf("pieces are left: %v, %v", left, err)
	}
}
