package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/sitekey"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/pipeline/witness"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// A witness with the public key and access to the bucket follows the register
// through a real S3 server, and does not call verified what it cannot verify.
func TestAWitnessLooksIntoARealBucket(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	data := newData(t)
	configure(t, data, s3, "")
	command(t, data, "setup")
	client := s3Client(t, s3)
	var left []string
	p := start(t, data, "")
	p.eventually("the day's checkpoint is in the bucket", func() bool {
		left = nil
		for o := range client.ListObjects(t.Context(), s3.Bucket, minio.ListObjectsOptions{Prefix: letter.CheckpointsPrefix, Recursive: true}) {
			left = append(left, o.Key)
		}
		return len(left) > 0
	})
	p.stop()

	dir := t.TempDir()
	file := filepath.Join(dir, "witness.toml")
	for name, text := range map[string]string{
		"storage.key": s3.AccessKey + "\n" + s3.SecretKey + "\n",
		"witness.toml": fmt.Sprintf("[storage]\nendpoint = %q\nbucket = %q\naccess_key = \"who the file says\"\nsecret_key_file = \"storage.key\"\n",
			s3.Endpoint, s3.Bucket),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	look := func() (string, int) {
		t.Helper()
		out, err := letterlockCmd(t, data, "register", "witness", filepath.Join(dir, "kept"),
			"--key", filepath.Join(data, "register.pub"), "--storage", file).CombinedOutput()
		return string(out), exitCode(err)
	}
	for _, added := range []string{fmt.Sprintf("%d new checkpoints.", len(left)), "0 new checkpoints."} {
		if out, code := look(); code != 0 || !strings.Contains(out, added) || !strings.Contains(out, "Verified") {
			t.Fatalf("it ended with %d and said:\n%s", code, out)
		}
	}
	narrowWitness(t, s3, data, len(left))
	tried, err := os.ReadFile(filepath.Join(packHolds(t, data), "storage.html"))
	must(t, err)
	if !strings.Contains(string(tried), `<th scope="row">lifecycle</th><td>go</td>`) {
		t.Errorf("of the bucket the evidence pack says:\n%s", tried)
	}

	// Somebody who has the register's own key writes another story over the day's.
	other := anotherStory(t, s3, data, left[0])
	if _, err := client.PutObject(t.Context(), s3.Bucket, left[0], strings.NewReader(other), int64(len(other)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"the register was written anew", "found earlier"} {
		if out, code := look(); code != exitWrong || !strings.Contains(out, says) || strings.Contains(out, "Verified") {
			t.Errorf("another story: it ended with %d and said:\n%s", code, out)
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "kept", "*.forked")); len(kept) != 1 {
		t.Errorf("the witness has kept %v of it", kept)
	}
	const forged = "letterlock register\n1000\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— register AAAAAAAA\n"
	if _, err := client.PutObject(t.Context(), s3.Bucket, left[0], strings.NewReader(forged), int64(len(forged)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if out, code := look(); code != exitWrong || !strings.Contains(out, "not signed by this key") {
		t.Errorf("a forged checkpoint: it ended with %d and said:\n%s", code, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "storage.key"), []byte("another secret key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := look(); code == 0 || strings.Contains(out, "Verified") || strings.Contains(out, s3.SecretKey) {
		t.Errorf("with a wrong secret key it ended with %d and said:\n%s", code, out)
	}
}

// A portal's answer that leads to another host is not followed: whoever opens a firewall for
// the witness names the portal alone.
func TestAWitnessAsksNobodyElse(t *testing.T) {
	data := newData(t)
	command(t, data, "setup")
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(other.Close)
	portal := httptest.NewServer(http.RedirectHandler(other.URL+"/checkpoint", http.StatusFound))
	t.Cleanup(portal.Close)
	out, err := letterlockCmd(t, data, "register", "witness", filepath.Join(t.TempDir(), "kept"), portal.URL, "--key", filepath.Join(data, "register.pub")).CombinedOutput()
	if exitCode(err) == exitDone || asked.Load() > 0 || !strings.Contains(string(out), "the portal's answer leads to another address, which is not followed: give that one") {
		t.Errorf("it asked the other %d times, ended with %v and said:\n%s", asked.Load(), err, out)
	}
}

// A portal that leads to TLS, or to itself, is followed there, and nowhere else.
func TestWhereAWitnessFollows(t *testing.T) {
	for _, c := range []struct {
		from, to string
		follows  bool
	}{
		{"http://portal.example/checkpoint", "https://portal.example/checkpoint", true},
		{"https://portal.example:443/checkpoint", "https://portal.example/checkpoint/", true},
		{"https://portal.example/checkpoint", "http://portal.example/checkpoint", false},
		{"https://portal.example/checkpoint", "https://other.example/checkpoint", false},
		{"http://portal.example/checkpoint", "https://other.example/checkpoint", false},
		{"http://portal.example/checkpoint", "http://portal.example:8080/checkpoint", false},
		{"http://portal.example:8080/checkpoint", "https://portal.example/checkpoint", false},
	} {
		from, to := httptest.NewRequest(http.MethodGet, c.from, nil), httptest.NewRequest(http.MethodGet, c.to, nil)
		if err := stayThere(to, []*http.Request{from}); (err == nil) != c.follows {
			t.Errorf("from %s to %s: %v", c.from, c.to, err)
		}
	}
}

// anotherStory is a checkpoint of as many entries as the one under key, signed with
// the register's key over something else.
func anotherStory(t *testing.T, s3 deposit.S3Config, data, key string) string {
	t.Helper()
	object, err := s3Client(t, s3).GetObject(t.Context(), s3.Bucket, key, minio.GetObjectOptions{})
	must(t, err)
	var statement register.Statement
	must(t, json.NewDecoder(object).Decode(&statement))
	signer, _, err := sitekey.Read(filepath.Join(data, "state", "register.key"), "letterlock-register")
	must(t, err)
	lines := strings.SplitAfter(statement.Checkpoint, "\n")
	signed, err := note.Sign(&note.Note{Text: lines[0] + lines[1] + strings.Repeat("A", 43) + "=\n"}, signer)
	must(t, err)
	return string(signed)
}

// narrowWitness looks into the bucket with credentials that may list and read its
// checkpoints, as the README has it, and nothing else.
func narrowWitness(t *testing.T, s3 deposit.S3Config, data string, checkpoints int) {
	t.Helper()
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::%[1]s/checkpoints/*"]},
		{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::%[1]s"],"Condition":{"StringLike":{"s3:prefix":["checkpoints/*"]}}}]}`, s3.Bucket)
	sts, err := credentials.NewSTSAssumeRole(s3.Endpoint, credentials.STSAssumeRoleOptions{AccessKey: s3.AccessKey, SecretKey: s3.SecretKey, Location: "us-east-1", Policy: policy})
	must(t, err)
	value, err := sts.GetWithContext(nil)
	must(t, err)
	s3.AccessKey, s3.SecretKey, s3.SessionToken = value.AccessKeyID, value.SecretAccessKey, value.SessionToken
	store, err := archive.OpenS3(s3)
	must(t, err)
	if _, _, err := store.Read(t.Context(), letter.RecipientsKey, ""); err == nil {
		t.Fatal("the credentials read more than checkpoints")
	}
	key, err := os.ReadFile(filepath.Join(data, "register.pub"))
	must(t, err)
	pub, err := note.NewVerifier(strings.TrimSpace(string(key)))
	must(t, err)
	w := witness.Witness{Dir: t.TempDir(), Pub: pub, Now: time.Now}
	found, err := w.Look(t.Context(), []witness.Source{&witness.Bucket{Objects: store, Where: "the bucket"}})
	must(t, err)
	if found.Added != checkpoints || len(found.Wrong) > 0 || len(found.Unknown) > 0 {
		t.Errorf("with narrow credentials, of %d checkpoints it found %+v", checkpoints, found)
	}
}
