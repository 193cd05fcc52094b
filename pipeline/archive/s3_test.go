package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

var putOptions minio.PutObjectOptions

// hide puts a delete marker before key, as the lifecycle does. A Dir has none.
func hide(t *testing.T, s store, key string) {
	t.Helper()
	s3, ok := s.(*archive.S3)
	if !ok {
		return
	}
	core, bucket := s3.Client()
	if err := core.RemoveObject(t.Context(), bucket, key, minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	found := traces(t, s, key)
	if found[0].Kind != archive.Marker {
		t.Fatalf("no marker: %v", found)
	}
	if _, _, err := s.Read(t.Context(), key, found[0].ID); !errors.Is(err, deposit.ErrNotFound) {
		t.Errorf("reading a marker: %v", err)
	}
	if _, _, err := s.Read(t.Context(), key, ""); !errors.Is(err, deposit.ErrNotFound) {
		t.Errorf("reading what is hidden: %v", err)
	}
	if _, err := s.Get(t.Context(), key); !errors.Is(err, deposit.ErrNotFound) {
		t.Errorf("getting what is hidden: %v", err)
	}
	for key := range s.List(t.Context(), key) {
		t.Errorf("listed as live: %s", key)
	}
}

// lossy breaks the wire for as long as it has faults left.
type lossy struct {
	next   http.RoundTripper
	faults *atomic.Int32
	// after is whether the server gets the request before the answer is lost.
	after bool
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPut || l.faults.Add(-1) < 0 {
		return l.next.RoundTrip(r)
	}
	if !l.after {
		return nil, errors.New("the wire was cut before the request")
	}
	answer, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return nil, errors.New("the wire was cut before the answer")
}

func TestNothingIsLostOnABrokenWire(t *testing.T) {
	t.Parallel()
	server := deposittest.Start(t)
	const always = 1000
	for _, story := range []struct {
		name         string
		faults       int32
		after        bool
		first, again error
	}{
		{"a stumble before the request", 1, false, nil, deposit.ErrExists},
		{"a stumble before the answer", 1, true, deposit.ErrExists, deposit.ErrExists},
		{"it failed", always, false, deposit.ErrUnavailable, nil},
		{"it worked and the answer was lost", always, true, deposit.ErrUnavailable, deposit.ErrExists},
	} {
		t.Run(story.name, func(t *testing.T) {
			c := server.Config()
			prepare(t, c)
			var faults atomic.Int32
			c.Wrap = func(next http.RoundTripper) http.RoundTripper {
				return &lossy{next, &faults, story.after}
			}
			s := prepare(t, c)
			key, sealed := letterKey(), random(100_000)

			faults.Store(story.faults)
			if _, err := put(t.Context(), s, key, sealed, deposit.CreateOnly); !errors.Is(err, story.first) {
				t.Errorf("first put: got %v, want %v", err, story.first)
			}
			faults.Store(0)
			if _, err := put(t.Context(), s, key, sealed, deposit.CreateOnly); !errors.Is(err, story.again) {
				t.Errorf("second put: got %v, want %v", err, story.again)
			}
			if got := read(t, s, key, ""); !bytes.Equal(got, sealed) {
				t.Error("the object is not what was put")
			}
			if got := traces(t, s, key); len(got) != 1 {
				t.Errorf("traces: %v", got)
			}
		})
	}
}

func TestEveryTracesHasItsOwnConnection(t *testing.T) {
	server := deposittest.Start(t)
	s := prepare(t, server.Config())
	for range 2 {
		var reused []bool
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GotConn: func(c httptrace.GotConnInfo) { reused = append(reused, c.Reused) },
		})
		if _, err := s.Traces(ctx, letterKey()); err != nil {
			t.Fatal(err)
		}
		if len(reused) == 0 || reused[0] {
			t.Errorf("connections reused: %v", reused)
		}
	}
}

// pages answers listings of one key as S3 does when there is more than fits on
// a page: three versions and three uploads, one a page, with a neighbour whose
// key begins alike.
func pages(key string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		page := func(marker string) (n int, more bool) {
			n, _ = strconv.Atoi(q.Get(marker))
			return n + 1, n < 2
		}
		if q.Has("uploads") {
			n, more := page("upload-id-marker")
			fmt.Fprintf(w, `<ListMultipartUploadsResult><IsTruncated>%t</IsTruncated><NextKeyMarker>%s</NextKeyMarker>
				<NextUploadIdMarker>%d</NextUploadIdMarker><Upload><Key>%[2]s</Key><UploadId>u%[3]d</UploadId></Upload>
				<Upload><Key>%[2]s-2</Key><UploadId>x</UploadId></Upload></ListMultipartUploadsResult>`, more, key, n)
			return
		}
		n, more := page("version-id-marker")
		fmt.Fprintf(w, `<ListVersionsResult><IsTruncated>%t</IsTruncated><NextKeyMarker>%s</NextKeyMarker>
			<NextVersionIdMarker>%d</NextVersionIdMarker><Version><Key>%[2]s</Key><VersionId>v%[3]d</VersionId></Version>
			<Version><Key>%[2]s-2</Key><VersionId>x</VersionId></Version></ListVersionsResult>`, more, key, n)
	})
}

func TestTracesOnSeveralPages(t *testing.T) {
	key := letterKey()
	server := httptest.NewServer(pages(key))
	defer server.Close()
	s := unprepared(t, deposit.S3Config{Endpoint: server.URL, Bucket: "letters", AccessKey: "a", SecretKey: "b"})
	want := []archive.Trace{
		{Kind: archive.Version, ID: "v1"}, {Kind: archive.Version, ID: "v2"}, {Kind: archive.Version, ID: "v3"},
		{Kind: archive.Upload, ID: "u1"}, {Kind: archive.Upload, ID: "u2"}, {Kind: archive.Upload, ID: "u3"},
	}
	if diff := cmp.Diff(want, traces(t, s, key)); diff != "" {
		t.Error(diff)
	}
}

// edge opens the bucket as the edge of site office.
func edge(t *testing.T, c deposit.S3Config) *archive.S3 {
	t.Helper()
	return withPolicy(t, c, edgePolicy(t, c))
}

// withPolicy opens the bucket as somebody who may do what the policy says.
func withPolicy(t *testing.T, c deposit.S3Config, policy []byte) *archive.S3 {
	t.Helper()
	k := temporary(t, c, policy)
	c.AccessKey, c.SecretKey, c.SessionToken = k.AccessKey, k.SecretKey, k.SessionToken
	s, err := archive.OpenS3(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// edgePolicy is that of the edge of site office.
func edgePolicy(t *testing.T, c deposit.S3Config) []byte {
	t.Helper()
	policy, err := archive.EdgePolicy(c.Bucket, "office")
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// temporary are credentials with that policy which end by themselves.
func temporary(t *testing.T, c deposit.S3Config, policy []byte) deposit.Credentials {
	t.Helper()
	sts, err := credentials.NewSTSAssumeRole(c.Endpoint, credentials.STSAssumeRoleOptions{
		AccessKey: c.AccessKey, SecretKey: c.SecretKey, Location: "us-east-1", Policy: string(policy),
	})
	if err != nil {
		t.Fatal(err)
	}
	value, err := sts.GetWithContext(nil)
	if err != nil {
		t.Fatal(err)
	}
	return deposit.Credentials{AccessKey: value.AccessKeyID, SecretKey: value.SecretAccessKey, SessionToken: value.SessionToken}
}

func TestEdgeMayPutAndGetAndNothingElse(t *testing.T) {
	t.Parallel()
	server := deposittest.Start(t)
	c := server.Config()
	root, edge := prepare(t, c), edge(t, c)
	id := letter.NewID()
	theirs := letterKey()
	mustPut(t, root, theirs, []byte("sealed"), deposit.CreateOnly)
	mustPut(t, root, letter.RecipientsKey, []byte("list"), deposit.Replace)
	mustPut(t, root, letter.ReceiptKey("office", id), []byte("receipt"), deposit.Replace)
	mustPut(t, root, letter.ReceiptKey("annexe", id), []byte("receipt"), deposit.Replace)
	version := traces(t, root, theirs)[0]

	mustPut(t, edge, letterKey(), []byte("sealed"), deposit.CreateOnly)
	mustPut(t, edge, letter.IncomingKey("office", id), []byte("manifest"), deposit.Replace)
	for _, key := range []string{letter.RecipientsKey, letter.ReceiptKey("office", id)} {
		if _, err := edge.Get(t.Context(), key); err != nil {
			t.Errorf("the edge may not get %s: %v", key, err)
		}
	}
	if _, err := edge.Clock(t.Context()); err != nil {
		t.Errorf("the edge may not know the time: %v", err)
	}

	for what, try := range map[string]func() error{
		"get a letter":             func() error { _, err := edge.Get(t.Context(), theirs); return err },
		"read a letter's version":  func() error { _, _, err := edge.Read(t.Context(), theirs, version.ID); return err },
		"get another's receipt":    func() error { _, err := edge.Get(t.Context(), letter.ReceiptKey("annexe", id)); return err },
		"get its own manifest":     func() error { _, err := edge.Get(t.Context(), letter.IncomingKey("office", id)); return err },
		"put as another site":      func() error { return tryPut(t, edge, letter.IncomingKey("annexe", id)) },
		"put recipients":           func() error { return tryPut(t, edge, letter.RecipientsKey) },
		"put among the five years": func() error { return tryPut(t, edge, letter.ClassPrefix(letter.FiveYears)+"a") },
		"put where no rule holds":  func() error { return tryPut(t, edge, letter.LettersPrefix+"a") },
		"put a receipt":            func() error { return tryPut(t, edge, letter.ReceiptKey("office", id)) },
		"list":                     func() error { return listError(t.Context(), edge) },
		"list versions":            func() error { _, err := edge.Traces(t.Context(), theirs); return err },
		"remove a version":         func() error { return edge.Remove(t.Context(), theirs, version) },
		"hide a letter":            func() error { return hideError(t.Context(), edge, theirs) },
		"change the lifecycle":     func() error { return edge.InstallLifecycle(t.Context()) },
		"look at the lifecycle":    func() error { _, err := edge.Drift(t.Context()); return err },
		"replace a letter unasked": func() error { return tryPut(t, edge, theirs, deposit.CreateOnly) },
	} {
		err := try()
		want := deposit.ErrRefused
		if what == "replace a letter unasked" {
			want = deposit.ErrExists
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
	}
	if got := traces(t, root, theirs); len(got) != 1 || got[0] != version {
		t.Errorf("the letter now has %v", got)
	}
}

// What the storage would give to nobody afterwards no edge may put; and where somebody
// has put such a thing, it is told from a storage that is away.
func TestEdgePutsNothingThatIsWithheld(t *testing.T) {
	t.Parallel()
	c := deposittest.StartTLS(t).Config()
	root := prepare(t, c)
	of := c
	of.AccessKey, of.SecretKey = "scanner-of-office", "a secret of the test"
	if err := archive.MakeEdgeUser(t.Context(), c, "office", of.AccessKey, of.SecretKey); err != nil {
		t.Fatal(err)
	}
	edge, err := archive.OpenS3(of)
	if err != nil {
		t.Fatal(err)
	}
	key := letter.SeenKey("office")
	own, err := encrypt.NewSSEC(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	put := func(s *archive.S3, how minio.PutObjectOptions) error {
		core, bucket := s.Client()
		_, err := core.PutObject(t.Context(), bucket, key, strings.NewReader("x"), 1, "", "", how)
		return deposit.Explain("putting", err)
	}
	if err := put(edge, minio.PutObjectOptions{}); err != nil {
		t.Errorf("the edge may not put: %v", err)
	}
	for what, how := range map[string]minio.PutObjectOptions{
		"encrypted with its own key": {ServerSideEncryption: own},
		"of another storage class":   {StorageClass: "REDUCED_REDUNDANCY"},
	} {
		if err := put(edge, how); !errors.Is(err, deposit.ErrRefused) {
			t.Errorf("the edge put what is %s: %v", what, err)
		}
		if err := put(root, how); err != nil {
			t.Errorf("the storage does not take what is %s: %v", what, err)
		}
	}
	if err := put(root, minio.PutObjectOptions{ServerSideEncryption: own}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := root.Read(t.Context(), key, ""); !errors.Is(err, deposit.ErrRefused) {
		t.Errorf("read with no key: %v", err)
	}
}

func TestEdgePolicyRefusesWildcards(t *testing.T) {
	for _, c := range [][2]string{{"letters", "*"}, {"letters", ""}, {"letters", "a/b"}, {"*", "office"}, {"", "office"}} {
		if policy, err := archive.EdgePolicy(c[0], c[1]); err == nil {
			t.Errorf("EdgePolicy(%q, %q) = %s", c[0], c[1], policy)
		}
	}
}

func tryPut(t *testing.T, s store, key string, mode ...deposit.Mode) error {
	_, err := put(t.Context(), s, key, []byte("x"), append(mode, deposit.Replace)[0])
	return err
}

func listError(ctx context.Context, s store) (last error) {
	for _, err := range s.List(ctx, "") {
		last = err
	}
	return last
}

func hideError(ctx context.Context, s *archive.S3, key string) error {
	core, bucket := s.Client()
	return deposit.Explain("hiding", core.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{}))
}

func TestClockIsTheServersEvenWhenItRefuses(t *testing.T) {
	server := deposittest.Start(t)
	c := server.Config()
	prepare(t, c)
	c.SecretKey = "not the secret key"
	s, err := archive.OpenS3(c)
	if err != nil {
		t.Fatal(err)
	}
	now, err := s.Clock(t.Context())
	if err != nil || now.IsZero() {
		t.Fatalf("Clock: %v, %v", now, err)
	}
	if _, err := s.Get(t.Context(), letter.RecipientsKey); !errors.Is(err, deposit.ErrRefused) {
		t.Errorf("Get with a wrong secret: %v, want ErrRefused", err)
	}
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	server := deposittest.Start(t)

	t.Run("rules are read back as they were set", func(t *testing.T) {
		s := prepare(t, server.Config())
		core, bucket := s.Client()
		found, err := core.GetBucketLifecycle(t.Context(), bucket)
		if err != nil || len(found.Rules) != 8 {
			t.Fatalf("%d rules, %v", len(found.Rules), err)
		}
		if v, err := core.GetBucketVersioning(t.Context(), bucket); err != nil || !v.Enabled() {
			t.Errorf("versioning %+v, %v", v, err)
		}
	})
	t.Run("a new bucket's start that broke off is finished", func(t *testing.T) {
		s := unprepared(t, server.Config())
		core, bucket := s.Client()
		if err := core.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
		if drift := drift(t, s); len(drift) != 9 { // eight rules and versioning
			t.Errorf("drift of a bare bucket: %q", drift)
		}
		if err := s.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if drift := drift(t, s); len(drift) != 0 {
			t.Errorf("drift: %q", drift)
		}
	})
	t.Run("what somebody changed is found, not mended", func(t *testing.T) {
		driftIsFound(t, prepare(t, server.Config()))
	})
	t.Run("object lock is found", func(t *testing.T) {
		s := unprepared(t, server.Config())
		core, bucket := s.Client()
		if err := core.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{ObjectLocking: true}); err != nil {
			t.Fatal(err)
		}
		if err := s.InstallLifecycle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if drift := drift(t, s); len(drift) != 1 || !strings.Contains(drift[0], "object lock") {
			t.Errorf("drift: %q", drift)
		}
	})
}

func unprepared(t *testing.T, c deposit.S3Config) *archive.S3 {
	t.Helper()
	s, err := archive.OpenS3(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func drift(t *testing.T, s store) []string {
	t.Helper()
	found, err := s.Drift(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for range 3000 {
		if so() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("not within five minutes: %s", what)
}
