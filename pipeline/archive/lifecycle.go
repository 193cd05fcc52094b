package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

const (
	// hiddenDays is how long bytes outlive the delete marker that expiry has
	// put before them: one, the least that S3 servers accept.
	hiddenDays = 1
	// uploadDays is how long an unfinished upload may lie.
	uploadDays = 1
)

// wanted is the lifecycle that ends a letter even if Letterlock is never
// started again. Each place has two rules, because S3 servers refuse days and
// markers in one: on a versioned bucket the first puts a marker before what is
// due and removes the bytes behind it; the second removes the marker once it
// is alone.
func wanted() []lifecycle.Rule {
	var rules []lifecycle.Rule
	for _, class := range letter.Classes {
		rules = append(rules, rulesFor("letterlock-"+string(class), letter.ClassPrefix(class), class.LifecycleDays())...)
	}
	rules = append(rules, rulesFor("letterlock-incoming", letter.IncomingPrefix, letter.BriefDays)...)
	return append(rules, rulesFor("letterlock-receipts", letter.ReceiptsPrefix, letter.BriefDays)...)
}

// rulesFor is the two rules of one place.
func rulesFor(id, prefix string, days int) []lifecycle.Rule {
	bytes := lifecycle.Rule{ID: id, Status: minio.Enabled}
	bytes.RuleFilter.Prefix = prefix
	bytes.Expiration.Days = lifecycle.ExpirationDays(days)
	bytes.NoncurrentVersionExpiration.NoncurrentDays = hiddenDays
	bytes.AbortIncompleteMultipartUpload.DaysAfterInitiation = uploadDays

	markers := lifecycle.Rule{ID: id + "-markers", Status: minio.Enabled}
	markers.RuleFilter.Prefix = prefix
	markers.Expiration.DeleteMarker = true
	return []lifecycle.Rule{bytes, markers}
}

// InstallLifecycle sets the bucket's lifecycle to Letterlock's rules and
// nothing else, and turns versioning on. It is what mends most of what Drift
// finds, so it is for a person to ask for.
func (s *S3) InstallLifecycle(ctx context.Context) error {
	core, bucket := s.Client()
	if err := core.SetBucketLifecycle(ctx, bucket, &lifecycle.Configuration{Rules: wanted()}); err != nil {
		return lacking("installing lifecycle", err)
	}
	// Read back before versioning, so that a server that does not keep them is
	// refused by the next start too.
	differs, err := s.keeps(ctx, wanted())
	if err != nil {
		return err
	}
	if len(differs) > 0 {
		return fmt.Errorf("%w: it takes deletion rules (lifecycle) and does not keep them: %s", ErrLacks, strings.Join(differs, "; "))
	}
	// A crash here leaves the rules without the versioning that they are made
	// for: Prepare or Drift finds it.
	return s.turnOnVersioning(ctx)
}

func (s *S3) turnOnVersioning(ctx context.Context) error {
	core, bucket := s.Client()
	if err := core.EnableVersioning(ctx, bucket); err != nil {
		return lacking("turning on versioning", err)
	}
	v, err := core.GetBucketVersioning(ctx, bucket)
	if err != nil {
		return lacking("reading versioning", err)
	}
	if !v.Enabled() {
		return fmt.Errorf("%w: versioning was turned on and is not on", ErrLacks)
	}
	return nil
}

// Drift says in plain words, one sentence each, how the bucket differs from
// what InstallLifecycle makes of it, and what else there would keep the
// storage from forgetting. Nothing found is nil. An error means that the
// bucket could not be looked at.
func (s *S3) Drift(ctx context.Context) ([]string, error) {
	rules, err := s.rules(ctx)
	if err != nil {
		return nil, err
	}
	changed, others := compare(wanted(), rules)
	drift := append(changed, others...)
	for _, look := range []func(context.Context) ([]string, error){s.Versioning, s.ObjectLock, s.Replication} {
		found, err := look(ctx)
		if err != nil {
			return nil, err
		}
		drift = append(drift, found...)
	}
	return drift, nil
}

// rules is the lifecycle as the bucket has it now.
func (s *S3) rules(ctx context.Context) ([]lifecycle.Rule, error) {
	core, bucket := s.Client()
	found, err := core.GetBucketLifecycle(ctx, bucket)
	if codeOf(err) == "NoSuchLifecycleConfiguration" {
		return nil, nil
	}
	if err != nil {
		return nil, lacking("reading lifecycle", err)
	}
	return found.Rules, nil
}

// Versioning says how the bucket's versioning differs from being on, for
// everything, without a condition; as Drift does.
func (s *S3) Versioning(ctx context.Context) ([]string, error) {
	core, bucket := s.Client()
	v, err := core.GetBucketVersioning(ctx, bucket)
	if err != nil {
		return nil, lacking("reading versioning", err)
	}
	var drift []string
	switch {
	case v.Suspended():
		drift = append(drift, "versioning of the bucket is suspended")
	case !v.Enabled():
		drift = append(drift, "versioning of the bucket is off")
	}
	if len(v.ExcludedPrefixes) > 0 || v.ExcludeFolders {
		drift = append(drift, "versioning of the bucket leaves out some prefixes")
	}
	if v.MFADelete == minio.Enabled {
		drift = append(drift, "the bucket asks for a second factor before a version may be removed")
	}
	return drift, nil
}

// ObjectLock says what stops every removal before its time; as Drift does.
func (s *S3) ObjectLock(ctx context.Context) ([]string, error) {
	core, bucket := s.Client()
	state, _, _, _, err := core.GetObjectLockConfig(ctx, bucket)
	switch code := codeOf(err); {
	case code == "ObjectLockConfigurationNotFoundError", isNotOffered(err):
		return nil, nil
	case errors.Is(deposit.Explain("", err), deposit.ErrRefused):
		return []string{"whether the bucket has object lock cannot be read with these credentials"}, nil
	case err != nil:
		return nil, deposit.Explain("reading object lock", err)
	case state == minio.Enabled:
		return []string{"object lock is on: a locked letter could not be removed on its deadline"}, nil
	}
	return nil, nil
}

// Replication says whether there are copies that no deadline reaches: markers
// and removals of versions are not replicated; as Drift does.
func (s *S3) Replication(ctx context.Context) ([]string, error) {
	core, bucket := s.Client()
	found, err := core.GetBucketReplication(ctx, bucket)
	switch {
	case isNotOffered(err):
		return nil, nil
	case errors.Is(deposit.Explain("", err), deposit.ErrRefused):
		return []string{"whether the bucket is replicated cannot be read with these credentials"}, nil
	case err != nil:
		return nil, deposit.Explain("reading replication", err)
	case len(found.Rules) > 0:
		return []string{"the bucket is replicated: copies elsewhere would outlive the deadline"}, nil
	}
	return nil, nil
}

// OtherRules says which deletion rules the bucket has that are none of
// Letterlock's; as Drift does.
func (s *S3) OtherRules(ctx context.Context) ([]string, error) {
	rules, err := s.rules(ctx)
	_, others := compare(wanted(), rules)
	return others, err
}

// ChangedRules says what became of Letterlock's rules on the bucket; as Drift does.
func (s *S3) ChangedRules(ctx context.Context) ([]string, error) {
	rules, err := s.rules(ctx)
	changed, _ := compare(wanted(), rules)
	return changed, err
}

// TryLifecycle finds out whether the server takes a lifecycle and gives it
// back as it was sent, and says how it does not; nothing found is nil. Letterlock's
// rules hold all the while: what is tried is those and two more for TrialPrefix.
// A bucket without rules is left without. Where the bucket's rules are not
// Letterlock's, that is what it says, and where there are others besides,
// nothing is tried: they are not Letterlock's to write; nor where they stand there
// already and these credentials may not change them.
func (s *S3) TryLifecycle(ctx context.Context) ([]string, error) {
	before, err := s.rules(ctx)
	if err != nil {
		return nil, err
	}
	if len(before) > 0 {
		if changed, others := compare(wanted(), before); len(changed)+len(others) > 0 {
			return changed, nil
		}
	}
	core, bucket := s.Client()
	sent := append(wanted(), trialRules()...)
	if err := lacking("installing lifecycle", core.SetBucketLifecycle(ctx, bucket, &lifecycle.Configuration{Rules: sent})); err != nil {
		if len(before) > 0 && codeOf(err) == minio.AccessDenied {
			return nil, nil // the server's own credentials; and the rules that set-up wrote are what was read back
		}
		return nil, err
	}
	// A crash here leaves two rules for a place in which there are no letters:
	// no drift, and the next trial or mending removes them.
	differs, err := s.keeps(ctx, sent)
	after := wanted()
	if len(before) == 0 && !s.mended(ctx) {
		after = nil
	}
	restored := core.SetBucketLifecycle(context.WithoutCancel(ctx), bucket, &lifecycle.Configuration{Rules: after})
	if err := errors.Join(err, deposit.Explain("installing lifecycle", restored)); err != nil {
		return nil, err
	}
	return differs, nil
}

// mended reports whether set-up has installed Letterlock's rules while they were tried.
func (s *S3) mended(ctx context.Context) bool {
	now, err := s.rules(context.WithoutCancel(ctx))
	return err == nil && !slices.ContainsFunc(now, isTrial) && len(now) == len(wanted())
}

// keeps reads the rules that were just sent back, and says how they differ. A
// server may need a moment (AWS: "bucket configurations have an eventual
// consistency model").
func (s *S3) keeps(ctx context.Context, sent []lifecycle.Rule) (differs []string, err error) {
	for range 3 {
		found, err := s.rules(ctx)
		if err != nil {
			return nil, err
		}
		changed, others := compare(sent, found)
		if differs = append(changed, others...); len(differs) == 0 {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return differs, nil
}

// trial begins the name of a rule that is only tried out.
const trial = "letterlock-trial"

func trialRules() []lifecycle.Rule { return rulesFor(trial, TrialPrefix, 1) }

// isTrial recognises what a trial has left that broke off.
func isTrial(r lifecycle.Rule) bool {
	return slices.ContainsFunc(trialRules(), func(t lifecycle.Rule) bool {
		return r.ID == t.ID && len(differences(effectOf(t), effectOf(r))) == 0
	})
}

// compare finds the differences between two lifecycles: what became of the
// wanted rules, and which others there are.
func compare(want, found []lifecycle.Rule) (changed, others []string) {
	for _, p := range pair(want, found) {
		switch {
		case p.want == nil:
			if !isTrial(*p.found) {
				others = append(others, fmt.Sprintf("lifecycle rule %q on %q is none of Letterlock's: it %s",
					p.found.ID, effectOf(*p.found).prefix, strings.Join(acts(*p.found), ", ")))
			}
		case p.found == nil:
			changed = append(changed, fmt.Sprintf("lifecycle rule %s is missing", p.want.ID))
		default:
			for _, says := range differences(effectOf(*p.want), effectOf(*p.found)) {
				changed = append(changed, fmt.Sprintf("lifecycle rule %s %s", p.want.ID, says))
			}
		}
	}
	return changed, others
}

// pairs is a rule as it should be and the one of its name that is there; one of
// the two may be nil.
type pairs struct{ want, found *lifecycle.Rule }

// pair finds for each wanted rule the one that has its name; what is left over
// follows.
func pair(want, found []lifecycle.Rule) (all []pairs) {
	left := slices.Clone(found)
	for _, w := range want {
		p := pairs{want: &w}
		if i := slices.IndexFunc(left, func(f lifecycle.Rule) bool { return f.ID == w.ID }); i >= 0 {
			f := left[i]
			p.found, left = &f, slices.Delete(left, i, i+1)
		}
		all = append(all, p)
	}
	for _, f := range left {
		all = append(all, pairs{found: &f})
	}
	return all
}

// effect is what a rule does, however it is written.
type effect struct {
	enabled    bool
	prefix     string
	days       int
	hiddenDays int
	newer      int // versions kept behind the newest one
	uploadDays int
	markers    bool
	more       bool // anything that Letterlock's rules never have
}

func effectOf(r lifecycle.Rule) effect {
	filter := r.RuleFilter
	return effect{
		enabled:    r.Status == minio.Enabled,
		prefix:     r.Prefix + filter.Prefix + filter.And.Prefix, // a server gives one of the three
		days:       int(r.Expiration.Days),
		hiddenDays: int(r.NoncurrentVersionExpiration.NoncurrentDays),
		newer:      r.NoncurrentVersionExpiration.NewerNoncurrentVersions,
		uploadDays: int(r.AbortIncompleteMultipartUpload.DaysAfterInitiation),
		markers:    bool(r.Expiration.DeleteMarker),
		more: !filter.Tag.IsEmpty() || len(filter.And.Tags) > 0 ||
			filter.ObjectSizeLessThan != 0 || filter.ObjectSizeGreaterThan != 0 ||
			filter.And.ObjectSizeLessThan != 0 || filter.And.ObjectSizeGreaterThan != 0 ||
			!r.Expiration.IsDateNull() || bool(r.Expiration.DeleteAll) ||
			!r.Transition.IsNull() || !r.NoncurrentVersionTransition.IsStorageClassEmpty() ||
			!r.DelMarkerExpiration.IsNull() || !r.AllVersionsExpiration.IsNull() ||
			r.Compression != nil || r.NoncurrentVersionCompression != nil,
	}
}

// differences completes the sentence "lifecycle rule X …".
func differences(want, found effect) []string {
	var says []string
	note := func(different bool, format string, args ...any) {
		if different {
			says = append(says, fmt.Sprintf(format, args...))
		}
	}
	note(!found.enabled, "is disabled")
	note(found.prefix != want.prefix, "is for %q instead of %q", found.prefix, want.prefix)
	note(found.days != want.days, "ends an object after %d days instead of %d", found.days, want.days)
	note(found.hiddenDays != want.hiddenDays, "ends a hidden version after %d days instead of %d", found.hiddenDays, want.hiddenDays)
	note(found.newer != want.newer, "keeps the %d newest hidden versions", found.newer)
	// MinIO accepts a limit on uploads, drops it and reads back none. That one
	// difference is known; Traces finds uploads anyway.
	note(found.uploadDays != want.uploadDays && found.uploadDays != 0, "ends an unfinished upload after %d days instead of %d", found.uploadDays, want.uploadDays)
	note(found.markers != want.markers, "has the removal of lone delete markers changed")
	note(found.more, "has a condition or an action that Letterlock did not give it")
	return says
}
