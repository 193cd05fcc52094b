package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/minio/minio-go/v7"
	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// looks runs check and returns its lines by name; LOOK stands before what is
// not well.
func (o *office) looks(t *testing.T) map[string]string {
	t.Helper()
	var out, errout bytes.Buffer
	status := run([]string{"check", "--json", "--config", o.config()}, &out, &errout)
	var lines []folder.Line
	if err := json.Unmarshal(out.Bytes(), &lines); err != nil || errout.Len() > 0 {
		t.Fatalf("%v: %s%s", err, out.String(), errout.String())
	}
	says, well := map[string]string{}, true
	for _, l := range lines {
		if !l.OK {
			l.Says, well = "LOOK "+l.Says, false
		}
		says[l.Name] += l.Says
	}
	if well != (status == exitDone) || !well && status != exitWrong {
		t.Errorf("exit status %d of %v", status, says)
	}
	return says
}

func (o *office) look(t *testing.T, name, want string) {
	t.Helper()
	if says := o.looks(t)[name]; !strings.Contains(says, want) || strings.HasPrefix(says, "LOOK") != strings.HasPrefix(want, "LOOK") {
		t.Errorf("%s: %q does not say %q", name, says, want)
	}
}

// publish puts a recipients list into the store.
func publish(t *testing.T, store *deposit.S3, list seal.Recipients, server note.Signer) {
	t.Helper()
	msg, err := list.Sign(server)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Put(t.Context(), letter.RecipientsKey, bytes.NewReader(msg), int64(len(msg)), sha256.Sum256(msg), deposit.Replace)
	if err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	dir := t.TempDir()
	o := &office{dir: filepath.Join(dir, "office"), scans: filepath.Join(dir, "scans"), endpoint: s3.Endpoint, bucket: s3.Bucket, access: s3.AccessKey, secret: s3.SecretKey}
	if err := o.write(); err != nil {
		t.Fatal(err)
	}
	o.look(t, "folder", "LOOK There is no folder")
	o.look(t, "certificate", "") // the storage is reached without TLS
	f, err := folder.Open(folder.Config{Path: o.scans, Helplines: []string{"respect-phoneline", "mens-advice-line"}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	o.look(t, "owner", "A scanner is at work")
	f.Close()

	store, err := deposit.OpenS3(s3)
	if err != nil {
		t.Fatal(err)
	}
	core, bucket := store.Client()
	if err := core.Client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	o.look(t, "recipients", "LOOK The store gives this scanner no recipients list")

	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	list := seal.Recipients{Serial: 1, ValidUntil: now.Add(time.Hour), Keys: map[letter.Week]string{
		letter.WeekOf(letter.Deadline(letter.DateOf(now), letter.SixMonths)): id.Recipient().String()}}
	publish(t, store, list, o.server)
	for name, want := range map[string]string{
		"folder": "Files can be made", "owner": "No scanner is at work", "store": "The store answers", "put": "The store lets this scanner put letters", "recipients": "valid until", "bins": "", "confinement": "", "disk": "are free where these lie: the scanner folder",
	} {
		o.look(t, name, want)
	}
	if runtime.GOOS != "windows" {
		o.look(t, "files", "can be read by its account alone")
		// In a folder that lets nobody in nobody reads it.
		if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.Chmod(o.dir, 0o755), os.Chmod(filepath.Join(o.dir, "site.key"), 0o644)); err != nil {
			t.Fatal(err)
		}
		o.look(t, "files", "LOOK Other accounts of this machine can read what only this one should: the scanner's signing key. Shut them out: chmod go= ")
		if err := os.Chmod(filepath.Join(o.dir, "site.key"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(o.scans, "respect-phoneline", "#recycle")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	o.look(t, "bins", "LOOK What is deleted through the share is kept in the recycle bin of Synology")
	if err := os.Remove(bin); err != nil {
		t.Fatal(err)
	}

	old := list
	old.ValidUntil = now.Add(-time.Hour)
	publish(t, store, old, o.server)
	o.look(t, "recipients", "LOOK The recipients list ran out on")
	old = list
	old.Keys = map[letter.Week]string{"x2020-W01": id.Recipient().String()}
	publish(t, store, old, o.server)
	o.look(t, "recipients", "LOOK The recipients list has no key for letters that arrive now")
	secret, _, err := note.GenerateKey(rand.Reader, "letterlock-server")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, store, list, stranger)
	o.look(t, "recipients", "LOOK The recipients list in the store is not the server's")

	o.endpoint = "http://127.0.0.1:9"
	if err := o.write(); err != nil {
		t.Fatal(err)
	}
	o.look(t, "store", "LOOK The store cannot be reached")
	o.look(t, "recipients", "LOOK The recipients list cannot be read: the store cannot be reached.")
	o.look(t, "put", "LOOK The store could not be asked")
}

// The check says which disk is nearly full, what lies on it, and that nothing is lost.
func TestCheckSaysWhenADiskIsNearlyFull(t *testing.T) {
	c := &Config{Folder: "/share", State: "/state"}
	share, own := disk.Room{Volume: "share", Free: 52e9, Size: 100e9}, disk.Room{Volume: "own", Free: 9e9, Size: 50e9, Left: 5e5, Files: 1e6}
	for name, m := range map[string]struct {
		share, own disk.Room
		err        error
		says       []string // LOOK stands before what is not well
	}{
		"room": {share, own, nil, []string{"52 GB of 100 GB are free where these lie: the scanner folder.", "9.0 GB of 50 GB are free where these lie: this scanner's own memory."}},
		"one disk, nearly full": {disk.Room{Volume: "a", Free: 7e8, Size: 1e11}, disk.Room{Volume: "a", Free: 7e8, Size: 1e11}, nil,
			[]string{"LOOK A disk is nearly full. 700 MB of 100 GB are free where these lie: the scanner folder, this scanner's own memory. When it is full scans wait, and nothing is lost."}},
		"many files":           {share, disk.Room{Volume: "own", Free: 9e9, Size: 5e10, Left: 1, Files: 1e6}, nil, []string{"52 GB", "LOOK A disk is nearly full of small files: only 1 file more can be made where these lie: this scanner's own memory."}},
		"not to be measured":   {share, own, fs.ErrPermission, []string{"LOOK It could not be found out how full the disks are"}},
		"not there yet":        {share, own, fs.ErrNotExist, nil},
		"a system that cannot": {share, own, errors.ErrUnsupported, nil},
	} {
		lines := c.checkDisks(func(folder string) (disk.Room, error) {
			if folder == "/share" {
				return m.share, m.err
			}
			return m.own, m.err
		})
		if len(lines) != len(m.says) {
			t.Errorf("%s: %v", name, lines)
			continue
		}
		for i, l := range lines {
			want, bad := strings.CutPrefix(m.says[i], "LOOK ")
			if l.Name != "disk" || l.OK == bad || !strings.HasPrefix(l.Says, want) {
				t.Errorf("%s: %+v", name, l)
			}
		}
	}
	lines := c.checkDisks(func(folder string) (disk.Room, error) {
		if folder == "/share" {
			return disk.Room{}, errors.New("no route to host")
		}
		return disk.Room{Volume: "own", Free: 1e6, Size: 50e9}, nil
	})
	if len(lines) != 2 || lines[0].OK || lines[1].OK || !strings.HasPrefix(lines[1].Says, "A disk is nearly full.") {
		t.Errorf("a share that is away hides the other disk: %+v", lines)
	}
}

func TestStatusSaysWhatArrives(t *testing.T) {
	dir := t.TempDir()
	o := &office{dir: dir, scans: filepath.Join(dir, "scans"), endpoint: "http://127.0.0.1:9", bucket: "b", access: "a", secret: "s"}
	if err := o.write(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"respect-phoneline/a.pdf", "respect-phoneline/b.pdf", "stray.pdf",
		"mens-advice-line/duplicates/c.pdf", "mens-advice-line/duplicates/c.pdf.txt"} {
		path := filepath.Join(o.scans, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errout bytes.Buffer
	if status := run([]string{"status", "--config", o.config()}, &out, &errout); status != exitDone {
		t.Fatal(errout.String())
	}
	said := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"arriving 3 for nobody 1 the oldest unchanged for less than a minute respect-phoneline 2 the oldest", "on its way 0 refused 0 asked about 1"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q does not say %q", said, want)
		}
	}
}
