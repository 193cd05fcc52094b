package probe_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/archive/lyingtest"
	"letterlock/pipeline/archive/probe"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// wrong is the names of the lines that are no-go.
func wrong(lines []probe.Line) (names []string) {
	for _, l := range lines {
		if !l.OK {
			names = append(names, l.Name)
		}
	}
	return names
}

func open(t *testing.T, c deposit.S3Config) *archive.S3 {
	t.Helper()
	s, err := archive.OpenS3(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// bucket is a prepared bucket with the credentials of a server that runs, and those of a
// scanner.
func bucket(t *testing.T, server *deposittest.Server) (c, edge deposit.S3Config) {
	t.Helper()
	c = server.Config()
	if err := open(t, c).Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	edge = c
	edge.AccessKey, edge.SecretKey = "edge-of-"+c.Bucket[:20], "a secret of the edge"
	if err := archive.MakeEdgeUser(t.Context(), c, "office", edge.AccessKey, edge.SecretKey); err != nil {
		t.Fatal(err)
	}
	own, secret := "server-of-"+c.Bucket[:20], "a secret of the server"
	if err := archive.MakeServerUser(t.Context(), c, own, secret); err != nil {
		t.Fatal(err)
	}
	c.AccessKey, c.SecretKey = own, secret
	return c, edge
}

// left counts what a probe has left in the bucket.
func left(t *testing.T, s *archive.S3) (n int) {
	t.Helper()
	core, name := s.Client()
	for o := range core.ListObjectsIter(t.Context(), name, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		n++
	}
	return n
}

func TestARealBucketIsGo(t *testing.T) {
	server := deposittest.Start(t)
	c, edge := bucket(t, server)
	s := open(t, c)
	lines := probe.S3(t.Context(), s, &probe.Edge{Site: "office", Store: open(t, edge)}, time.Now(), nil)
	if no := wrong(lines); len(no) > 0 {
		t.Errorf("no-go: %v", lines)
	}
	if err := probe.Fit(t.Context(), s, time.Now()); err != nil {
		t.Error(err)
	}
	if n := left(t, s); n != 0 {
		t.Errorf("%d objects are left of the probe", n)
	}
	if drift, err := s.Drift(t.Context()); err != nil || len(drift) > 0 {
		t.Errorf("the rules after the probe: %q, %v", drift, err)
	}
}

// A bucket that is not set up has no rules before the probe, and none after it.
func TestABareBucket(t *testing.T) {
	s := open(t, deposittest.Start(t).Config())
	if got := wrong(probe.S3(t.Context(), s, nil, time.Now(), nil)); !slices.Equal(got, []string{"bucket"}) {
		t.Errorf("without a bucket, no-go: %v", got)
	}
	core, name := s.Client()
	if err := core.MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	// Without versions a listing cannot show two.
	if got := wrong(probe.S3(t.Context(), s, nil, time.Now(), nil)); !slices.Equal(got, []string{"versioning", "listing"}) {
		t.Errorf("without versioning, no-go: %v", got)
	}
	if got := wrong(probe.AtWork(t.Context(), s, time.Now())); !slices.Equal(got, []string{"versioning", "listing", "lifecycle"}) {
		t.Errorf("without versioning and rules, no-go at work: %v", got)
	}
	var answer minio.ErrorResponse
	if _, err := core.GetBucketLifecycle(t.Context(), name); !errors.As(err, &answer) || answer.Code != "NoSuchLifecycleConfiguration" {
		t.Errorf("rules after the probe: %v", err)
	}
}

func TestAFolderIsGo(t *testing.T) {
	d, err := archive.OpenDir(filepath.Join(t.TempDir(), "bucket"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	asked, of := 0, 0
	lines := probe.Dir(t.Context(), d, time.Now(), func(done, all int) {
		if done != asked {
			t.Errorf("it says that %d are answered, after %d", done, asked)
		}
		asked, of = done+1, all
	})
	if no := wrong(lines); len(no) > 0 {
		t.Errorf("no-go: %v", lines)
	}
	if asked != len(lines) || of != len(lines) {
		t.Errorf("it says %d of %d questions, and has answered %d", asked, of, len(lines))
	}
	if err := probe.Fit(t.Context(), d, time.Now()); err != nil {
		t.Error(err)
	}
	if entries, err := filepath.Glob(filepath.Join(d.Root().Name(), "*")); err != nil || len(entries) > 0 {
		t.Errorf("left of the probe: %v, %v", entries, err)
	}
}

func about(method, what string) func(*http.Request) bool {
	return func(r *http.Request) bool { return lyingtest.Asks(r, method, what) }
}

const lockOn = `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>`

const replicated = `<ReplicationConfiguration><Role></Role><Rule><ID>r</ID><Status>Enabled</Status><Priority>1</Priority>
	<Destination><Bucket>arn:aws:s3:::elsewhere</Bucket></Destination></Rule></ReplicationConfiguration>`

const notOffered = `<Error><Code>NotImplemented</Code><Message>A header you provided implies functionality that is not implemented</Message></Error>`

const foreignRule = `<Rule><ID>tidy-up</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>
	<Transition><Days>30</Days><StorageClass>COLD</StorageClass></Transition></Rule></LifecycleConfiguration>`

// Each server lies in one way, and exactly its line says so.
func TestEveryLieIsFound(t *testing.T) {
	t.Parallel()
	server := deposittest.Start(t)
	header := func(fits func(*http.Request) bool, name, value string) lyingtest.Lie {
		return lyingtest.Rewritten(fits, func(h http.Header, body string) string {
			h.Set(name, value)
			return body
		})
	}
	removal := func(r *http.Request) bool { // of which the edge is told the truth
		return lyingtest.IsRemoval(r) && !strings.Contains(r.Header.Get("Authorization"), "edge-of-")
	}
	head := func(r *http.Request) bool { return r.Method == http.MethodHead }
	for _, c := range []struct {
		name, line string
		lie        lyingtest.Lie
		unfit      bool // also refused at the start
	}{
		{"versioning is off", "versioning", lyingtest.Instead(about("GET", "versioning"), 200, "<VersioningConfiguration></VersioningConfiguration>"), false},
		{"versioning is not offered", "versioning", lyingtest.Instead(about("GET", "versioning"), 501, notOffered), true},
		{"versions have no names", "versioning", header(lyingtest.IsPut, "X-Amz-Version-Id", ""), true},
		{"older versions are other bytes", "versioning", lyingtest.Rewritten(func(r *http.Request) bool {
			return lyingtest.Asks(r, "GET", "versionId")
		}, func(_ http.Header, body string) string { return strings.ToUpper(body) }), true},
		{"create-only is ignored", "create-only", lyingtest.Pretended(func(r *http.Request) bool {
			return lyingtest.IsPut(r) && strings.HasSuffix(r.URL.Path, "-create-only")
		}), true},
		{"a wrong hash is taken", "hash", lyingtest.Pretended(func(r *http.Request) bool {
			return lyingtest.IsPut(r) && strings.HasSuffix(r.URL.Path, "-hash")
		}), false},
		{"markers are not listed", "listing", lyingtest.Replaced(about("GET", "versions"), "<DeleteMarker>.*?</DeleteMarker>", ""), false},
		{"older versions are not listed", "listing", lyingtest.Replaced(about("GET", "versions"), "</Version><Version>.*?</Version>", "</Version>"), false},
		{"uploads are not listed", "uploads", lyingtest.Replaced(about("GET", "uploads"), "<Upload>.*?</Upload>", ""), false},
		{"uploads that are ended stay", "uploads", lyingtest.Instead(about("DELETE", "uploadId"), 204, ""), false},
		{"a lifecycle is taken and dropped", "lifecycle", lyingtest.Instead(about("PUT", "lifecycle"), 200, ""), false},
		{"a lifecycle is not offered", "lifecycle", lyingtest.Instead(about("PUT", "lifecycle"), 501, notOffered), false},
		{"a lifecycle has other days", "lifecycle", lyingtest.Replaced(about("GET", "lifecycle"), "<Days>181</Days>", "<Days>365</Days>"), false},
		{"a rule that moves objects away", "other-rules", lyingtest.Replaced(about("GET", "lifecycle"), "</LifecycleConfiguration>", foreignRule), false},
		{"object lock is on", "lock", lyingtest.Instead(about("GET", "object-lock"), 200, lockOn), false},
		{"new objects are retained", "lock", header(head, "X-Amz-Object-Lock-Mode", "GOVERNANCE"), false},
		{"new objects are on legal hold", "lock", header(head, "X-Amz-Object-Lock-Legal-Hold", "ON"), false},
		{"the bucket is replicated", "replication", lyingtest.Instead(about("GET", "replication"), 200, replicated), false},
		{"new objects are copied", "replication", header(head, "X-Amz-Replication-Status", "PENDING"), false},
		{"its clock is wrong", "clock", header(func(*http.Request) bool { return true }, "Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)), false},
		{"removals do nothing", "removal", lyingtest.Instead(removal, 204, ""), false},
		{"removed versions lie in a bin", "removal", lyingtest.Bin(removal), false},
		{"listings are stale", "removal", lyingtest.Stale(), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			honest, edge := bucket(t, server)
			liar := lyingtest.Before(t, honest, c.lie, nil)
			edge.Endpoint = liar.Endpoint
			s := open(t, liar)
			lines := probe.S3(t.Context(), s, &probe.Edge{Site: "office", Store: open(t, edge)}, time.Now(), nil)
			if diff := cmp.Diff([]string{c.line}, wrong(lines)); diff != "" {
				t.Errorf("no-go: %s\n%v", diff, lines)
			}
			for _, l := range lines {
				if l.Says == "" || l.OK == (l.Do != "") {
					t.Errorf("a line that does not say what it must: %+v", l)
				}
			}
			if err := probe.Fit(t.Context(), s, time.Now()); errors.Is(err, archive.ErrLacks) != c.unfit {
				t.Errorf("at the start: %v", err)
			}
			if drift, err := open(t, honest).Drift(t.Context()); err != nil || len(drift) > 0 {
				t.Errorf("the rules after the probe: %q, %v", drift, err)
			}
		})
	}
}

// A scanner whose credentials can do more, or less, than they must.
func TestCredentialsOfAnEdge(t *testing.T) {
	server := deposittest.Start(t)
	c, edge := bucket(t, server)
	_, other := bucket(t, server) // a scanner of another bucket
	other.Bucket = c.Bucket
	for name, edge := range map[string]probe.Edge{
		"the server's own":  {Site: "office", Store: open(t, c)},
		"another bucket's":  {Site: "office", Store: open(t, other)},
		"among all letters": {Site: "office", Store: open(t, anywhere(t, c))},
		"another site's":    {Site: "annexe", Store: open(t, edge)},
		"nobody's any more": {Site: "office", Store: open(t, func() deposit.S3Config { e := edge; e.SecretKey = "revoked"; return e }())},
	} {
		t.Run(name, func(t *testing.T) {
			lines := probe.S3(t.Context(), open(t, c), &edge, time.Now(), nil)
			if got := wrong(lines); !slices.Equal(got, []string{"edge"}) {
				t.Errorf("no-go: %v\n%v", got, lines)
			}
		})
	}
	if n := left(t, open(t, c)); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}

// anywhere are an edge's credentials that reach where no deletion rule does.
func anywhere(t *testing.T, c deposit.S3Config) deposit.S3Config {
	policy, err := archive.EdgePolicy(c.Bucket, "office")
	if err != nil {
		t.Fatal(err)
	}
	wider := strings.ReplaceAll(string(policy), "/"+letter.ClassPrefix(letter.SixMonths)+"*", "/"+letter.LettersPrefix+"*")
	sts, err := credentials.NewSTSAssumeRole(c.Endpoint, credentials.STSAssumeRoleOptions{
		AccessKey: c.AccessKey, SecretKey: c.SecretKey, Location: "us-east-1", Policy: wider})
	if err != nil {
		t.Fatal(err)
	}
	v, err := sts.GetWithContext(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.AccessKey, c.SecretKey, c.SessionToken = v.AccessKeyID, v.SecretAccessKey, v.SessionToken
	return c
}

// A probe that was killed leaves its trial rules: no drift, and the next one
// removes them.
func TestWhatAKilledProbeLeaves(t *testing.T) {
	server := deposittest.Start(t)
	c, _ := bucket(t, server)
	c.AccessKey, c.SecretKey = server.AccessKey, server.SecretKey // who may change the rules
	s := open(t, c)
	core, name := s.Client()
	rules, err := core.GetBucketLifecycle(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	mine := len(rules.Rules)
	trial := lifecycle.Rule{ID: "letterlock-trial", Status: minio.Enabled}
	trial.RuleFilter.Prefix = archive.TrialPrefix
	trial.Expiration.Days, trial.NoncurrentVersionExpiration.NoncurrentDays = 1, 1
	rules.Rules = append(rules.Rules, trial)
	if err := core.SetBucketLifecycle(t.Context(), name, rules); err != nil {
		t.Fatal(err)
	}
	if drift, err := s.Drift(t.Context()); err != nil || len(drift) > 0 {
		t.Errorf("drift: %q, %v", drift, err)
	}
	if no := wrong(probe.AtWork(t.Context(), s, time.Now())); len(no) > 0 {
		t.Errorf("at work, no-go: %v", no)
	}
	if rules, err = core.GetBucketLifecycle(t.Context(), name); err != nil || len(rules.Rules) != mine+1 {
		t.Errorf("one that only looks at the rules has left %d of %d, %v", len(rules.Rules), mine+1, err)
	}
	if no := wrong(probe.S3(t.Context(), s, nil, time.Now(), nil)); len(no) > 0 {
		t.Errorf("no-go: %v", no)
	}
	if rules, err = core.GetBucketLifecycle(t.Context(), name); err != nil || len(rules.Rules) != mine {
		t.Errorf("%d rules instead of %d, %v", len(rules.Rules), mine, err)
	}
}
