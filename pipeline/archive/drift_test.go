package archive_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"letterlock/pipeline/archive"
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
		{"a rule that comes first", func(c *lifecycle.Configuration) {
			early := lifecycle.Rule{ID: "tidy-up", Status: minio.Enabled}
			early.RuleFilter.Prefix = "letters/"
			early.Expiration.Days = 30
			c.Rules = append(c.Rules, early)
		}, []string{`lifecycle rule "tidy-up" on "letters/" is none of Letterlock's`}},
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
	if err := s.InstallLifecycle(t.Context()); err != nil {
		t.Fatal(err)
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
