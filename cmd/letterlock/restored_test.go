package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// objects are a bucket's, as a backup of it holds them: without their versions.
type objects map[string][]byte

func backUpBucket(t *testing.T, s3 deposit.S3Config) objects {
	t.Helper()
	client, kept := s3Client(t, s3), objects{}
	for o := range client.ListObjects(t.Context(), s3.Bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		body, err := client.GetObject(t.Context(), s3.Bucket, o.Key, minio.GetObjectOptions{})
		if err == nil {
			kept[o.Key], err = io.ReadAll(body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return kept
}

// restoreBucket leaves in the bucket what the backup holds, and nothing else.
func (kept objects) restoreBucket(t *testing.T, s3 deposit.S3Config) {
	t.Helper()
	client := s3Client(t, s3)
	for o := range client.ListObjects(t.Context(), s3.Bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if err := client.RemoveObject(t.Context(), s3.Bucket, o.Key, minio.RemoveObjectOptions{VersionID: o.VersionID}); o.Err != nil || err != nil {
			t.Fatal(o.Err, err)
		}
	}
	for key, body := range kept {
		if _, err := client.PutObject(t.Context(), s3.Bucket, key, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// drop leaves a scan in the scanner's folder.
func (o *apart) drop(name string, seed uint64) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.scans, "respect-phoneline", name), specimen.New(seed, 1).G4TIFF(), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// Database and bucket are restored together, and the keyring remembers nothing:
// the scanner on its own machine has seen more, and tells the server, which is
// closed from its next start on. The scan that found it out waits.
func TestAScannerRecognisesARestore(t *testing.T) {
	o := newApart(t)
	server, scanner := o.serve(), o.scan("")
	scanner.eventually("the scanner has made its folders", func() bool { return exists(filepath.Join(o.scans, "respect-phoneline")) })
	o.drop("a.tif", 1)
	server.eventually("the first letter is announced", func() bool { return server.status().Letters[register.Notified] == 1 })
	server.stop()
	state := filepath.Join(o.data, "state")
	database, bucket := filepath.Join(t.TempDir(), "state"), backUpBucket(t, o.s3)
	if err := os.CopyFS(database, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}

	// Life goes on: lists are published, and another letter comes.
	for range 4 {
		command(t, o.data, "setup", "--config", o.config())
	}
	scanner.stop()
	server, scanner = o.serve(), o.scan("")
	o.drop("b.tif", 2)
	server.eventually("the second letter is announced", func() bool { return server.status().Letters[register.Notified] == 2 })
	server.stop()
	scanner.stop()

	bucket.restoreBucket(t, o.s3)
	err := os.RemoveAll(state)
	if err == nil {
		err = os.CopyFS(state, os.DirFS(database))
	}
	if err == nil {
		err = os.Remove(filepath.Join(o.data, "keyring", "register.seen"))
	}
	if err != nil {
		t.Fatal(err)
	}
	server, scanner = o.serve(), o.scan("")
	o.drop("c.tif", 3)
	scanner.eventually("the scanner tells what it has seen", func() bool { return len(traces(t, o.s3, letter.SeenKey("office"))) > 0 })
	server.stop()

	server = o.serve()
	server.eventually("it is closed", func() bool {
		return strings.Contains(server.out.String(), "CLOSED") && strings.Contains(server.out.String(), "a scanner has seen a newer list of keys")
	})
	portal := regexp.MustCompile(`portal is at +(http://\S+)`).FindStringSubmatch(server.out.String())[1]
	for path, want := range map[string]int{"/sign-in": http.StatusServiceUnavailable, "/letters": http.StatusServiceUnavailable, "/checkpoint": http.StatusOK} {
		answer, err := http.Get(portal + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: answered %d, want %d", path, answer.StatusCode, want)
		}
	}
	if out, err := letterlockCmd(t, o.data, "check").CombinedOutput(); exitCode(err) != exitWrong || !strings.Contains(string(out), "letterlock restore") {
		t.Errorf("check ended with %v and said:\n%s", err, out)
	}
	if len(claimed(o.scans)) == 0 || len(traces(t, o.s3, letter.IncomingPrefix)) != 1 {
		t.Error("the scan that found it out does not wait")
	}
	scanner.stop()
	server.stop()
}

// replaySteps are the boundaries of a replay, in their order.
var replaySteps = []string{"replay-begun", "replay-keys", "replay-settled", "replay-places", "replay-adopted", "replay-unknown", "replay-scans", "replay-papers", "replay-drafts",
	"expiring", "store-emptied", "rows-deleted", "files-erased", "replay-deadline", "replay-removed", "replay-remains",
	"key-dying", "key-overwritten", "key-gone", "replay-key-ends", "replay-memory"}

// restoredSample is a sample of which the three letters are gone, and which has a
// fourth, and whose database was then put back to the day of the three. The
// keyring shows their dead key again, and the bucket an object that is past its
// day and belongs to no letter on record.
func restoredSample(t *testing.T) (data string) {
	t.Helper()
	data = newSample(t)
	state, backup := filepath.Join(data, "state"), filepath.Join(t.TempDir(), "state")
	must(t, os.CopyFS(backup, os.DirFS(state)))

	p := start(t, data, "", "--sample", "--clock", today().AddDays(20).String())
	p.isSetUp()
	first := p.letters()[0]
	object := copies(data, first.ID)[0]
	key := filepath.Join(data, "keyring", string(first.Key)+".txt")
	shownAgain := map[string][]byte{}
	for from, to := range map[string]string{key: key, object: filepath.Join(filepath.Dir(object), string(letter.NewID())+".age")} {
		body, err := os.ReadFile(from)
		must(t, err)
		shownAgain[to] = body
	}
	must(t, os.WriteFile(filepath.Join(data, "scanner", "respect-phoneline", "later.tif"), specimen.New(9, 1).G4TIFF(), 0o600))
	p.eventually("the fourth is announced", func() bool {
		return p.status().Letters[register.Notified] == 4 && len(claimed(filepath.Join(data, "scanner"))) == 0
	})
	late := first.Deadline.AddDays(9)
	moveSample(t, data, late)
	p.eventually("the three are gone and so is their key", func() bool { return len(p.letters()) == 1 && !exists(key) })
	p.stop()

	must(t, os.RemoveAll(state))
	must(t, os.CopyFS(state, os.DirFS(backup)))
	for path, body := range shownAgain {
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, body, 0o600))
	}
	moveSample(t, data, late) // which also vouches for the clock
	return data
}

// beside opens a data folder beside the program that may run on it.
func beside(t testing.TB, data string) *installation {
	t.Helper()
	dir, err := locate(data, "")
	must(t, err)
	in, err := open(t.Context(), dir, slog.New(slog.DiscardHandler))
	must(t, err)
	return in
}

// moveSample moves a sample's day.
func moveSample(t *testing.T, data string, to letter.Date) {
	t.Helper()
	in := beside(t, data)
	defer in.close()
	must(t, in.moveClock(t.Context(), to.String()))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A replay that is killed at each of its steps, and begun again by hand each time,
// leaves Letterlock closed until its end, and then what a replay leaves that was
// never disturbed: the same letters, and every act on the register once.
func TestKillAtEveryStepOfAReplay(t *testing.T) {
	data := restoredSample(t)
	undisturbed := filepath.Join(t.TempDir(), "data")
	must(t, os.CopyFS(undisturbed, os.DirFS(data)))
	command(t, undisturbed, "restore", "--yes")
	for _, step := range replaySteps {
		killedAt(t, data, step, "restore", "--yes")
		if signs := closedFor(t, data); len(signs) == 0 {
			t.Fatalf("killed at %q, and it is open", step)
		}
	}
	command(t, data, "restore", "--yes")
	if signs := closedFor(t, data); len(signs) > 0 {
		t.Errorf("replayed, and it is closed: %v", signs)
	}
	if diff := cmp.Diff(command(t, undisturbed, "letters", "--json"), command(t, data, "letters", "--json")); diff != "" {
		t.Errorf("the letters are others than after a replay that was not killed:\n%s", diff)
	}
	counts := func(data string) map[string]int {
		all := map[string]int{}
		for _, kind := range entries(t, data) {
			all[kind]++
		}
		return all
	}
	if diff := cmp.Diff(counts(undisturbed), counts(data)); diff != "" {
		t.Errorf("the entries are others than after a replay that was not killed:\n%s", diff)
	}

	p := start(t, data, "", "--sample")
	p.isSetUp()
	p.eventually("the fourth is announced again", func() bool { return p.status().Letters[register.Notified] == 1 })
	p.stop()
	if all := p.letters(); len(all) != 1 || len(copies(data, all[0].ID)) != 1 || len(copies(data, "*")) != 1 {
		t.Errorf("%d letters, and %d objects in the bucket", len(all), len(copies(data, "*")))
	}
}

// closedFor is why Letterlock is closed.
func closedFor(t *testing.T, data string) []register.RestoreSign {
	t.Helper()
	in := beside(t, data)
	defer in.close()
	signs, err := in.register.Closed(t.Context())
	must(t, err)
	return signs
}
