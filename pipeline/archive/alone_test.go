package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// past is a bucket on a real server whose objects came into being long ago.
type past struct {
	*testing.T
	s *archive.S3
}

func ago(days int) time.Time { return time.Now().AddDate(0, 0, -days) }

// put stores a version of key that is so many days old.
func (p past) put(key string, days int) {
	p.Helper()
	core, bucket := p.s.Client()
	options := minio.PutObjectOptions{Internal: minio.AdvancedPutOptions{SourceMTime: ago(days)}}
	if _, err := core.Client.PutObject(p.Context(), bucket, key, bytes.NewReader([]byte("sealed")), 6, options); err != nil {
		p.Fatal(err)
	}
}

// hide puts a delete marker before key that is so many days old.
func (p past) hide(key string, days int) {
	p.Helper()
	core, bucket := p.s.Client()
	if err := core.RemoveObject(p.Context(), bucket, key, minio.RemoveObjectOptions{Internal: minio.AdvancedRemoveOptions{
		ReplicationDeleteMarker: true, ReplicationMTime: ago(days),
		ReplicationStatus: minio.ReplicationStatusReplica, ReplicationRequest: true,
	}}); err != nil {
		p.Fatal(err)
	}
}

// dateBackMarker makes a marker of today before key one of two days ago.
func (p past) dateBackMarker(key string) {
	p.Helper()
	core, bucket := p.s.Client()
	for o := range core.Client.ListObjectsIter(p.Context(), bucket, minio.ListObjectsOptions{Prefix: key, WithVersions: true}) {
		if o.Err != nil {
			p.Fatal(o.Err)
		}
		if o.IsDeleteMarker && o.LastModified.After(ago(1)) {
			if err := p.s.Remove(p.Context(), key, archive.Trace{Kind: archive.Marker, ID: o.VersionID}); err != nil {
				p.Fatal(err)
			}
			p.hide(key, 2)
		}
	}
}

// is what the storage holds of a key, newest first: M is a marker, V a version.
func (p past) is(key string) (kinds string) {
	p.Helper()
	for _, t := range traces(p.T, p.s, key) {
		kinds += map[archive.Kind]string{archive.Version: "V", archive.Marker: "M"}[t.Kind]
	}
	return kinds
}

// withoutRules is a bucket in which the past is laid before there are rules: they
// would be at work between one version and the next.
func withoutRules(t *testing.T, c deposit.S3Config) *archive.S3 {
	t.Helper()
	s, err := archive.OpenS3(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	core, bucket := s.Client()
	if err := errors.Join(core.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}),
		core.EnableVersioning(t.Context(), bucket)); err != nil {
		t.Fatal(err)
	}
	return s
}

// With no Letterlock alive, the rules alone end everything that is due, in
// every place that has them, and touch nothing that is a day short of it. What
// takes days on a real server, until the bytes behind a marker go, is dated back.
//
// Unfinished uploads cannot be: MinIO has a limit of its own for them.
func TestTheLifecycleAloneIsEnough(t *testing.T) {
	t.Parallel()
	p := past{t, withoutRules(t, deposittest.Start(t).Config())}
	// Due is rounded up to a midnight (UTC). A test that is at work at that
	// moment must not take the new day's due for too early.
	short := 0
	if now := time.Now().UTC(); now.Add(15*time.Minute).Day() != now.Day() {
		short = 1
	}
	type object struct{ what, key, was, becomes string }
	var objects []object
	var hidden []string
	places := map[string]int{letter.IncomingPrefix + "office/": letter.BriefDays, letter.ReceiptsPrefix + "office/": letter.BriefDays,
		archive.TrialPrefix: letter.SixMonths.LifecycleDays()}
	for _, class := range letter.Classes {
		places[letter.ClassPrefix(class)+"respect-phoneline/2026-11-26/"] = class.LifecycleDays()
	}
	for prefix, days := range places {
		n := 0
		key := func(what, was, becomes string) string {
			n++
			objects = append(objects, object{fmt.Sprintf("%s: %s", prefix, what), fmt.Sprintf("%s%d", prefix, n), was, becomes})
			return objects[len(objects)-1].key
		}
		due := key("due", "V", "MV")
		p.put(due, days+1)
		hidden = append(hidden, due)

		twice := key("due, in two versions", "VV", "MV") // the older was hidden for days
		p.put(twice, days+1)
		p.put(twice, days+1)
		hidden = append(hidden, twice)

		ended := key("hidden for two days, in three versions", "MVVV", "")
		for range 3 {
			p.put(ended, days+4)
		}
		p.hide(ended, 2)

		p.put(key("a day short of due", "V", "V"), days-short)

		half := key("hidden, and a day short of its end", "MV", "MV")
		p.put(half, days+2)
		p.hide(half, 1-short)

		again := key("replaced days ago by one that is not due", "VV", "V")
		p.put(again, days-3)
		p.put(again, 2)

		replaced := key("replaced a day ago", "VV", "VV")
		p.put(replaced, days-3)
		p.put(replaced, 1-short)
	}
	p.put(letter.RecipientsKey, 3000)
	objects = append(objects, object{"the recipients list", letter.RecipientsKey, "V", "V"})

	if err := p.s.InstallLifecycle(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, o := range objects {
			if t.Failed() {
				t.Logf("%s: was %q, is %q, becomes %q", o.what, o.was, p.is(o.key), o.becomes)
			}
		}
	}()
	for _, o := range objects {
		eventually(t, fmt.Sprintf("%s: %q has become %q", o.what, o.was, o.becomes), func() bool { return p.is(o.key) == o.becomes })
	}
	// A day later the rules' own markers have hidden the bytes for long enough. Where the
	// rules make another in the moment in which there is none, that is dated back too.
	for _, key := range hidden {
		eventually(t, "nothing is left of "+key, func() bool {
			p.dateBackMarker(key)
			return p.is(key) == ""
		})
	}
	for _, o := range objects { // and nothing else has changed meanwhile
		if got := p.is(o.key); !slices.Contains(hidden, o.key) && got != o.becomes {
			t.Errorf("%s: it is %q", o.what, got)
		}
	}
}
