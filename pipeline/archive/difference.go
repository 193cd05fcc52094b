package archive

import (
	"context"
	"fmt"
	"slices"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"letterlock/scanner/deposit"
)

// Found is what there is of a bucket before Prepare.
type Found struct {
	There     bool
	Versioned bool // versioning was set at some time, to on or off
	Ruled     bool // there are deletion rules, whosever they are
}

// Found looks and changes nothing. Where Versioned and Ruled are false Prepare sets both.
func (s *S3) Found(ctx context.Context) (f Found, err error) {
	core, bucket := s.Client()
	if f.There, err = core.BucketExists(ctx, bucket); err != nil || !f.There {
		return f, deposit.Explain("looking for bucket", err)
	}
	v, err := core.GetBucketVersioning(ctx, bucket)
	if err != nil {
		return f, lacking("reading versioning", err)
	}
	rules, err := s.rules(ctx)
	f.Versioned, f.Ruled = v.Status != "", len(rules) > 0
	return f, err
}

// Difference is what InstallLifecycle would change in the bucket, for a person
// to read before it is done: a line each, "-" before what is there and goes,
// "+" before what comes, a blank before the rule that both belong to. Nothing
// to change is nil.
func (s *S3) Difference(ctx context.Context) ([]string, error) {
	rules, err := s.rules(ctx)
	if err != nil {
		return nil, err
	}
	core, bucket := s.Client()
	v, err := core.GetBucketVersioning(ctx, bucket)
	if err != nil {
		return nil, lacking("reading versioning", err)
	}
	var lines []string
	if !v.Enabled() {
		status := v.Status
		if status == "" {
			status = "off"
		}
		lines = append(lines, "  versioning", "-   "+status, "+   "+minio.Enabled)
	}
	for _, p := range pair(wanted(), rules) {
		lines = append(lines, p.difference()...)
	}
	return lines, nil
}

func (p pairs) difference() (lines []string) {
	switch {
	case p.want == nil:
		lines = append(lines, "- "+title(*p.found))
		for _, act := range acts(*p.found) {
			lines = append(lines, "-   "+act)
		}
		return lines
	case p.found == nil:
		lines = append(lines, "+ "+title(*p.want))
		for _, act := range acts(*p.want) {
			lines = append(lines, "+   "+act)
		}
		return lines
	case len(differences(effectOf(*p.want), effectOf(*p.found))) == 0:
		return nil
	case title(*p.want) != title(*p.found):
		lines = append(lines, "- "+title(*p.found), "+ "+title(*p.want))
	default:
		lines = append(lines, "  "+title(*p.want))
	}
	is, shall := acts(*p.found), acts(*p.want)
	for _, act := range is {
		if !slices.Contains(shall, act) {
			lines = append(lines, "-   "+act)
		}
	}
	for _, act := range shall {
		if !slices.Contains(is, act) && (act != endsUploads(uploadDays) || effectOf(*p.found).uploadDays != 0) {
			lines = append(lines, "+   "+act)
		}
	}
	return lines
}

func title(r lifecycle.Rule) string { return fmt.Sprintf("rule %s on %q", r.ID, effectOf(r).prefix) }

func endsUploads(days int) string {
	return fmt.Sprintf("ends an unfinished upload after %s", count(days))
}

// acts says what a rule does and on which conditions, each completing the
// sentence "the rule …".
func acts(r lifecycle.Rule) (says []string) {
	add := func(so bool, format string, args ...any) {
		if so {
			says = append(says, fmt.Sprintf(format, args...))
		}
	}
	e, f := effectOf(r), r.RuleFilter
	add(!e.enabled, "is disabled")
	add(e.days != 0, "ends an object after %s", count(e.days))
	add(!r.Expiration.IsDateNull(), "ends objects on %s", r.Expiration.Date.Format("2006-01-02"))
	add(bool(r.Expiration.DeleteAll), "ends all versions of an object at once")
	add(e.hiddenDays != 0, "ends a hidden version after %s", count(e.hiddenDays))
	add(e.newer != 0, "keeps the %d newest hidden versions", e.newer)
	add(e.uploadDays != 0, "%s", endsUploads(e.uploadDays))
	add(e.markers, "removes a delete marker that is alone")
	add(!r.Transition.IsNull(), "moves an object to %s after %s", r.Transition.StorageClass, count(int(r.Transition.Days)))
	add(!r.NoncurrentVersionTransition.IsStorageClassEmpty(), "moves a hidden version to %s after %s",
		r.NoncurrentVersionTransition.StorageClass, count(int(r.NoncurrentVersionTransition.NoncurrentDays)))
	add(!f.Tag.IsEmpty() || len(f.And.Tags) > 0, "holds only for objects with certain tags")
	add(f.ObjectSizeLessThan+f.And.ObjectSizeLessThan+f.ObjectSizeGreaterThan+f.And.ObjectSizeGreaterThan != 0,
		"holds only for objects of a certain size")
	add(!r.DelMarkerExpiration.IsNull() || !r.AllVersionsExpiration.IsNull() || r.Compression != nil || r.NoncurrentVersionCompression != nil,
		"does something that only this storage knows")
	if len(says) == 0 {
		says = append(says, "does nothing that Letterlock knows of")
	}
	return says
}

func count(days int) string {
	if days == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", days)
}
