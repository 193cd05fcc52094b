package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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
