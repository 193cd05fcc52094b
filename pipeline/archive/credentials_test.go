package archive_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

func TestMakeEdgeUser(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *deposittest.Server{
		"http": deposittest.Start, "https": deposittest.StartTLS,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t).Config()
			prepare(t, c)
			old, secret := rand.Text(), rand.Text()
			// Twice, as after a crash: the last secret key counts.
			for _, secret := range []string{old, secret} {
				if err := archive.MakeEdgeUser(t.Context(), c, "office", "edge-office", secret); err != nil {
					t.Fatal(err)
				}
			}
			if err := tryPut(t, as(t, c, "edge-office", old), letterKey()); !errors.Is(err, deposit.ErrRefused) {
				t.Errorf("the old secret key: %v", err)
			}
			edgeMayDoItsWorkAndNoMore(t, c, "edge-office", secret)
		})
	}
}

// TestAdminRequestsAreLedNowhereElse: a new scanner's secret goes to the server
// that was named.
func TestAdminRequestsAreLedNowhereElse(t *testing.T) {
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a stranger was asked") }))
	defer stranger.Close()
	server := httptest.NewServer(http.RedirectHandler(stranger.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	c := deposit.S3Config{Endpoint: server.URL, Bucket: "letters", AccessKey: "a", SecretKey: "b"}
	if err := archive.MakeEdgeUser(t.Context(), c, "office", "edge-office", rand.Text()); err == nil {
		t.Error("a server that leads elsewhere has made a scanner")
	}
	s, err := deposit.OpenS3(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Get(t.Context(), "letters/x"); err == nil {
		t.Error("something was read")
	}
}

// as opens the bucket with other credentials.
func as(t *testing.T, c deposit.S3Config, accessKey, secretKey string) *archive.S3 {
	c.AccessKey, c.SecretKey = accessKey, secretKey
	return unprepared(t, c)
}

// TestServersUserMayDoItsWorkAndNoMore: what the server does is in the conformance suite
// and the probe, which run with such a user.
func TestServersUserMayDoItsWorkAndNoMore(t *testing.T) {
	t.Parallel()
	server := deposittest.Start(t)
	c, others := server.Config(), server.Config()
	root := prepare(t, c)
	prepare(t, others)
	var set []byte
	spied := c
	spied.Wrap = func(next http.RoundTripper) http.RoundTripper { return policySpy{next, &set} }
	old, secret := rand.Text(), rand.Text()
	for _, secret := range []string{old, secret, secret} { // the last as set-up that is run again
		if err := archive.MakeServerUser(t.Context(), spied, "letterlock-server", secret); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := archive.ServerPolicy(c.Bucket); err != nil || !bytes.Equal(set, want) {
		t.Errorf("the policy that was set is not the one that is printed (%v):\n%s", err, set)
	}
	s, theirs := as(t, c, "letterlock-server", secret), letterKey()
	mustPut(t, root, theirs, []byte("sealed"), deposit.CreateOnly)
	mustPut(t, root, letter.CheckpointKey(letter.Date{Year: 2026, Month: 11, Day: 26}), []byte("checkpoint"), deposit.CreateOnly)
	if got := read(t, s, theirs, ""); string(got) != "sealed" {
		t.Errorf("a letter reads %q", got)
	}
	checkpoint := letter.CheckpointKey(letter.Date{Year: 2026, Month: 11, Day: 26})
	core, bucket := s.Client()
	self := c
	self.AccessKey, self.SecretKey = "letterlock-server", secret
	for what, try := range map[string]func() error{
		"its former secret":       func() error { return listError(t.Context(), as(t, c, "letterlock-server", old)) },
		"list another bucket":     func() error { return listError(t.Context(), as(t, others, "letterlock-server", secret)) },
		"put into another bucket": func() error { return tryPut(t, as(t, others, "letterlock-server", secret), theirs) },
		"make a bucket":           func() error { return core.MakeBucket(t.Context(), bucket+"-2", minio.MakeBucketOptions{}) },
		"remove the bucket":       func() error { return core.RemoveBucket(t.Context(), bucket) },
		"suspend versioning":      func() error { return core.SuspendVersioning(t.Context(), bucket) },
		"change the lifecycle":    func() error { return s.InstallLifecycle(t.Context()) },
		"change the bucket policy": func() error {
			return core.SetBucketPolicy(t.Context(), bucket, `{"Version":"2012-10-17","Statement":[]}`)
		},
		"put where no rule holds": func() error { return tryPut(t, s, letter.LettersPrefix+"a") },
		"put elsewhere":           func() error { return tryPut(t, s, "elsewhere/a") },
		"remove a checkpoint":     func() error { return s.Remove(t.Context(), checkpoint, traces(t, root, checkpoint)[0]) },
		"lock a letter": func() error {
			hold := minio.LegalHoldEnabled
			return core.PutObjectLegalHold(t.Context(), bucket, theirs, minio.PutObjectLegalHoldOptions{Status: &hold})
		},
		"make a scanner":        func() error { return archive.MakeEdgeUser(t.Context(), self, "annexe", "edge-annexe", rand.Text()) },
		"make another server":   func() error { return archive.MakeServerUser(t.Context(), self, "letterlock-server-2", rand.Text()) },
		"remove another's user": func() error { return archive.RemoveEdgeUser(t.Context(), self, "edge-office") },
		"take over a user's name": func() error {
			if err := archive.MakeEdgeUser(t.Context(), c, "office", "edge-office", secret); err != nil {
				return err
			}
			return archive.MakeServerUser(t.Context(), c, "edge-office", rand.Text())
		},
		"take over the server's name": func() error {
			return archive.MakeEdgeUser(t.Context(), c, "office", "letterlock-server", rand.Text())
		},
	} {
		err := try()
		if strings.HasPrefix(what, "take over ") && errors.Is(err, archive.ErrOthersUser) {
			continue
		}
		if !errors.Is(deposit.Explain("trying", err), deposit.ErrRefused) {
			t.Errorf("%s: got %v, want %v", what, err, deposit.ErrRefused)
		}
	}
	if err := tryPut(t, as(t, c, "edge-office", secret), letterKey()); err != nil {
		t.Errorf("the scanner whose name was wanted: %v", err)
	}
	if got := read(t, root, theirs, ""); string(got) != "sealed" {
		t.Errorf("afterwards the letter reads %q", got)
	}
	if drift, err := s.Drift(t.Context()); err != nil || len(drift) > 0 {
		t.Errorf("afterwards the bucket is not as it was: %q, %v", drift, err)
	}
}

// policySpy keeps the policy that goes by last.
type policySpy struct {
	next http.RoundTripper
	set  *[]byte
}

func (s policySpy) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/add-canned-policy") {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		if *s.set, err = io.ReadAll(body); err != nil {
			return nil, err
		}
	}
	return s.next.RoundTrip(r)
}

// Where the storage lets the server read it says of what was never put that it is not
// there; where it does not, it refuses that like everything else. So a server tells the
// storage's refusal from that of one object.
func TestWhatIsNotThereIsRefusedWhereNothingMayBeRead(t *testing.T) {
	t.Parallel()
	c := deposittest.Start(t).Config()
	prepare(t, c)
	policy, err := archive.ServerPolicy(c.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	from, to := []byte("/"+letter.IncomingPrefix+"*"), []byte("/elsewhere/*")
	for want, policy := range map[error][]byte{
		deposit.ErrNotFound: policy,
		deposit.ErrRefused:  bytes.Replace(policy, from, to, 1), // that of reading is the first
	} {
		s := withPolicy(t, c, policy)
		if _, _, err := s.Read(t.Context(), letter.IncomingKey("office", letter.NewID()), ""); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if err := listError(t.Context(), s); err != nil {
			t.Errorf("it may not list: %v", err)
		}
	}
}

func edgeMayDoItsWorkAndNoMore(t *testing.T, c deposit.S3Config, accessKey, secretKey string) {
	t.Helper()
	root, edge := unprepared(t, c), as(t, c, accessKey, secretKey)
	id, theirs := letter.NewID(), letterKey()
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

	another := c
	another.AccessKey, another.SecretKey = accessKey, secretKey
	for what, try := range map[string]func() error{
		"get a letter":            func() error { _, err := edge.Get(t.Context(), theirs); return err },
		"get another's receipt":   func() error { _, err := edge.Get(t.Context(), letter.ReceiptKey("annexe", id)); return err },
		"put as another site":     func() error { return tryPut(t, edge, letter.IncomingKey("annexe", id)) },
		"put recipients":          func() error { return tryPut(t, edge, letter.RecipientsKey) },
		"put where no rule holds": func() error { return tryPut(t, edge, letter.LettersPrefix+"a") },
		"list":                    func() error { return listError(t.Context(), edge) },
		"list versions":           func() error { _, err := edge.Traces(t.Context(), theirs); return err },
		"remove a version":        func() error { return edge.Remove(t.Context(), theirs, version) },
		"hide a letter":           func() error { return hideError(t.Context(), edge, theirs) },
		"change the lifecycle":    func() error { return edge.InstallLifecycle(t.Context()) },
		"make another edge": func() error {
			return archive.MakeEdgeUser(t.Context(), another, "annexe", "edge-annexe", rand.Text())
		},
	} {
		if err := try(); !errors.Is(err, deposit.ErrRefused) {
			t.Errorf("%s: got %v, want %v", what, err, deposit.ErrRefused)
		}
	}
	if got := traces(t, root, theirs); len(got) != 1 || got[0] != version {
		t.Errorf("the letter now has %v", got)
	}
}

// Two edges of one server keep apart, whether they differ in site or in bucket.
func TestEdgeUsersKeepApart(t *testing.T) {
	t.Parallel()
	server := deposittest.Start(t)
	ours, others := server.Config(), server.Config()
	prepare(t, ours)
	prepare(t, others)
	secret := rand.Text()
	for accessKey, c := range map[string]deposit.S3Config{"edge-ours": ours, "edge-others": others} {
		if err := archive.MakeEdgeUser(t.Context(), c, "office", accessKey, secret); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.MakeEdgeUser(t.Context(), ours, "annexe", "edge-annexe", secret); err != nil {
		t.Fatal(err)
	}
	mustPut(t, as(t, ours, "edge-ours", secret), letterKey(), []byte("sealed"), deposit.CreateOnly)
	mustPut(t, as(t, others, "edge-others", secret), letterKey(), []byte("sealed"), deposit.CreateOnly)
	for what, err := range map[string]error{
		"another bucket": tryPut(t, as(t, others, "edge-ours", secret), letterKey()),
		"another site":   tryPut(t, as(t, ours, "edge-annexe", secret), letter.IncomingKey("office", letter.NewID())),
	} {
		if !errors.Is(err, deposit.ErrRefused) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestMakeEdgeUserRefused(t *testing.T) {
	t.Parallel()
	c := deposittest.Start(t).Config()
	prepare(t, c)
	wrong := c
	wrong.SecretKey = rand.Text()
	for name, try := range map[string]struct {
		config                  deposit.S3Config
		site, accessKey, secret string
		want                    error // nil: any
	}{
		"wrong root key":    {wrong, "office", "edge", rand.Text(), deposit.ErrRefused},
		"short secret":      {c, "office", "edge", "x", deposit.ErrRefused},
		"short access key":  {c, "office", "e", rand.Text(), deposit.ErrRefused},
		"wildcard site":     {c, "*", "edge", rand.Text(), nil},
		"the root user":     {c, "office", c.AccessKey, rand.Text(), nil},
		"no server":         {elsewhere(c, "http://127.0.0.1:1"), "office", "edge", rand.Text(), deposit.ErrUnavailable},
		"not a URL":         {elsewhere(c, "127.0.0.1:1"), "office", "edge", rand.Text(), nil},
		"another S3 server": {elsewhere(c, xmlServer(t)), "office", "edge", rand.Text(), deposit.ErrRefused},
	} {
		err := archive.MakeEdgeUser(t.Context(), try.config, try.site, try.accessKey, try.secret)
		if err == nil || try.want != nil && !errors.Is(err, try.want) {
			t.Errorf("%s: got %v, want %v", name, err, try.want)
		}
		if err != nil && (strings.Contains(err.Error(), c.SecretKey) || len(try.secret) > 1 && strings.Contains(err.Error(), try.secret)) {
			t.Errorf("%s: the error holds a secret key: %v", name, err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := archive.MakeEdgeUser(over, c, "office", "edge", rand.Text()); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func elsewhere(c deposit.S3Config, endpoint string) deposit.S3Config {
	c.Endpoint = endpoint
	return c
}

// xmlServer answers as an S3 server does to which the admin interface is a
// bucket that it does not have.
func xmlServer(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`<Error><Code>NoSuchBucket</Code></Error>`))
	}))
	t.Cleanup(server.Close)
	return server.URL
}
