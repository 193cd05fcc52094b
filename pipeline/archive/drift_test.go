package archive_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/archive/lyingtest"
	"letterlock/scanner/deposit/deposittest"
)

// driftIsFound changes the bucket in every way that would keep a letter, or
// end it too early, and looks what Drift says.
func driftIsFound(t *testing.T, s *archive.S3) {
	const id = "letterlock-six-months"
	for _, story := range []struct {
		name   string
		change func(*lifecycle.Configuration)
		says   []string
	}{
		{"a later end", one(id, func(r *lifecycle.Rule) { r.Expiration.Days = 400 }),
			[]string{"lifecycle rule letterlock-six-months ends an object after 400 days instead of 181"}},
		{"an earlier end", one("letterlock-five-years", func(r *lifecycle.Rule) { r.Expiration.Days = 1 }),
			[]string{"lifecycle rule letterlock-five-years ends an object after 1 days instead of 1826"}},
		{"a disabled rule", one(id, func(r *lifecycle.Rule) { r.Status = "Disabled" }),
			[]string{"lifecycle rule letterlock-six-months is disabled"}},
		{"another place", one(id, func(r *lifecycle.Rule) { r.RuleFilter.Prefix = "other/" }),
			[]string{`lifecycle rule letterlock-six-months is for "other/" instead of "letters/six-months/"`}},
		{"bytes that stay hidden", one(id, func(r *lifecycle.Rule) { r.NoncurrentVersionExpiration.NoncurrentDays = 90 }),
			[]string{"lifecycle rule letterlock-six-months ends a hidden version after 90 days instead of 1"}},
		{"versions that are kept", one(id, func(r *lifecycle.Rule) { r.NoncurrentVersionExpiration.NewerNoncurrentVersions = 5 }),
			[]string{"lifecycle rule letterlock-six-months keeps the 5 newest hidden versions"}},
		{"a condition", one(id, func(r *lifecycle.Rule) {
			r.RuleFilter = lifecycle.Filter{And: lifecycle.And{
				Prefix: r.RuleFilter.Prefix, Tags: []lifecycle.Tag{{Key: "a", Value: "b"}},
			}}
		}), []string{"lifecycle rule letterlock-six-months has a condition or an action that Letterlock did not give it"}},
		{"lone markers that stay", one("letterlock-receipts-markers", func(r *lifecycle.Rule) {
			r.Expiration = lifecycle.Expiration{Days: 14}
		}), []string{
			"lifecycle rule letterlock-receipts-markers ends an object after 14 days instead of 0",
			"lifecycle rule letterlock-receipts-markers has the removal of lone delete markers changed",
		}},
		{"a rule removed", func(c *lifecycle.Configuration) {
			c.Rules = slices.DeleteFunc(c.Rules, func(r lifecycle.Rule) bool { return r.ID == id })
		}, []string{"lifecycle rule letterlock-six-months is missing"}},
		{"only small objects", one(id, func(r *lifecycle.Rule) {
			r.RuleFilter = lifecycle.Filter{And: lifecycle.And{Prefix: r.RuleFilter.Prefix, ObjectSizeLessThan: 1000}}
		}), []string{"lifecycle rule letterlock-six-months has a condition or an action that Letterlock did not give it"}},
		{"a rule that keeps hidden versions", func(c *lifecycle.Configuration) {
			keep := lifecycle.Rule{ID: "keep", Status: minio.Enabled}
			keep.NoncurrentVersionExpiration.NoncurrentDays = 300
			keep.NoncurrentVersionExpiration.NewerNoncurrentVersions = 3
			c.Rules = append(c.Rules, keep)
		}, []string{`lifecycle rule "keep" on "" is none of Letterlock's: it ends a hidden version after 300 days, keeps the 3 newest hidden versions`}},
		{"a rule that comes first", func(c *lifecycle.Configuration) {
			early := lifecycle.Rule{ID: "tidy-up", Status: minio.Enabled}
			early.RuleFilter.Prefix = "letters/"
			early.Expiration.Days = 30
			c.Rules = append(c.Rules, early)
		}, []string{`lifecycle rule "tidy-up" on "letters/" is none of Letterlock's: it ends an object after 30 days`}},
	} {
		t.Run(story.name, func(t *testing.T) {
			core, bucket := s.Client()
			rules, err := core.GetBucketLifecycle(t.Context(), bucket)
			if err != nil {
				t.Fatal(err)
			}
			story.change(rules)
			if err := core.SetBucketLifecycle(t.Context(), bucket, rules); err != nil {
				t.Fatal(err)
			}
			found(t, s, story.says)
		})
	}
	t.Run("versioning suspended", func(t *testing.T) {
		core, bucket := s.Client()
		if err := core.SuspendVersioning(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
		found(t, s, []string{"versioning of the bucket is suspended"})
	})
	t.Run("no lifecycle at all", func(t *testing.T) {
		core, bucket := s.Client()
		if err := core.SetBucketLifecycle(t.Context(), bucket, lifecycle.NewConfiguration()); err != nil {
			t.Fatal(err)
		}
		if got := drift(t, s); len(got) != 8 {
			t.Errorf("drift: %q", got)
		}
	})
}

// found checks what Drift says, that Prepare does not mend it, and that
// InstallLifecycle does.
func found(t *testing.T, s *archive.S3, says []string) {
	t.Helper()
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(says, drift(t, s)); diff != "" {
		t.Error(diff)
	}
	if change, err := s.Difference(t.Context()); err != nil || len(change) < 2 {
		t.Errorf("what mending would change: %q, %v", change, err)
	}
	if err := s.InstallLifecycle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if change, err := s.Difference(t.Context()); err != nil || change != nil {
		t.Errorf("after mending, mending would change: %q, %v", change, err)
	}
	if left := drift(t, s); len(left) != 0 {
		t.Errorf("after mending: %q", left)
	}
}

// one changes the rule with that id.
func one(id string, change func(*lifecycle.Rule)) func(*lifecycle.Configuration) {
	return func(c *lifecycle.Configuration) {
		for i := range c.Rules {
			if c.Rules[i].ID == id {
				change(&c.Rules[i])
			}
		}
	}
}

// What a person reads before the bucket is mended.
func TestDifference(t *testing.T) {
	t.Parallel()
	s := prepare(t, deposittest.Start(t).Config())
	core, bucket := s.Client()
	rules, err := core.GetBucketLifecycle(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	one("letterlock-six-months", func(r *lifecycle.Rule) {
		r.Expiration.Days = 400
		r.Status = "Disabled"
	})(rules)
	one("letterlock-incoming", func(r *lifecycle.Rule) { r.RuleFilter.Prefix = "outgoing/" })(rules)
	rules.Rules = slices.DeleteFunc(rules.Rules, func(r lifecycle.Rule) bool { return r.ID == "letterlock-receipts-markers" })
	tidy := lifecycle.Rule{ID: "tidy-up", Status: minio.Enabled}
	tidy.RuleFilter.Prefix = "letters/"
	tidy.Expiration.Days = 30
	rules.Rules = append(rules.Rules, tidy)
	if err := core.SetBucketLifecycle(t.Context(), bucket, rules); err != nil {
		t.Fatal(err)
	}
	if err := core.SuspendVersioning(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	got, err := s.Difference(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"  versioning", "-   Suspended", "+   Enabled",
		`  rule letterlock-six-months on "letters/six-months/"`, "-   is disabled", "-   ends an object after 400 days", "+   ends an object after 181 days",
		`- rule letterlock-incoming on "outgoing/"`, `+ rule letterlock-incoming on "incoming/"`,
		`+ rule letterlock-receipts-markers on "receipts/"`, "+   removes a delete marker that is alone",
		`- rule tidy-up on "letters/"`, "-   ends an object after 30 days",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What cannot be set up on a MinIO that stands alone, a server says.
func TestDriftThatIsNotOfRules(t *testing.T) {
	t.Parallel()
	server := deposittest.Start(t)
	about := func(what string) func(*http.Request) bool {
		return func(r *http.Request) bool { return lyingtest.Asks(r, http.MethodGet, what) }
	}
	for name, c := range map[string]struct {
		lie  lyingtest.Lie
		says string
	}{
		"replication": {lyingtest.Instead(about("replication"), 200, `<ReplicationConfiguration><Role></Role><Rule><ID>r</ID><Status>Enabled</Status>
			<Priority>1</Priority><Destination><Bucket>arn:aws:s3:::elsewhere</Bucket></Destination></Rule></ReplicationConfiguration>`),
			"the bucket is replicated: copies elsewhere would outlive the deadline"},
		"lock": {lyingtest.Instead(about("object-lock"), 200, "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"),
			"object lock is on: a locked letter could not be removed on its deadline"},
		"a second factor": {lyingtest.Instead(about("versioning"), 200, "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>"),
			"the bucket asks for a second factor before a version may be removed"},
		"letters moved away": {lyingtest.Replaced(about("lifecycle"), "</LifecycleConfiguration>", `<Rule><ID>cold</ID><Status>Enabled</Status><Filter><Prefix>letters/</Prefix></Filter>
			<Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule></LifecycleConfiguration>`),
			`lifecycle rule "cold" on "letters/" is none of Letterlock's: it moves an object to GLACIER after 30 days`},
	} {
		t.Run(name, func(t *testing.T) {
			honest := server.Config()
			prepare(t, honest)
			s := prepare(t, lyingtest.Before(t, honest, c.lie, nil))
			if diff := cmp.Diff([]string{c.says}, drift(t, s)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
