package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"letterlock/scanner/deposit"
)

// S3 is the archive on an S3 server. Its bucket has versioning on.
type S3 struct {
	*deposit.S3
}

// OpenS3 prepares to talk to the bucket, as deposit.OpenS3 does: it sends
// nothing yet.
func OpenS3(c deposit.S3Config) (*S3, error) {
	s, err := deposit.OpenS3(c)
	if err != nil {
		return nil, err
	}
	return &S3{s}, nil
}

// Prepare makes the bucket if it is missing and finishes one that is new: it
// installs the lifecycle where there is none at all, and turns on versioning
// where it never was. Whatever somebody has changed later it leaves alone,
// for Drift to find. A server that has no versioning or no lifecycle, or does
// not keep what it was told, is ErrLacks.
func (s *S3) Prepare(ctx context.Context) error {
	core, bucket := s.Client()
	there, err := core.BucketExists(ctx, bucket)
	if err != nil {
		return deposit.Explain("looking for bucket", err)
	}
	if !there {
		err := core.MakeBucket(ctx, bucket, minio.MakeBucketOptions{})
		if code := codeOf(err); err != nil && code != minio.BucketAlreadyOwnedByYou {
			return deposit.Explain("making bucket", err)
		}
	}
	versioning, err := core.GetBucketVersioning(ctx, bucket)
	if err != nil {
		return lacking("reading versioning", err)
	}
	if versioning.Status != "" {
		return nil
	}
	// Versioning comes last: a crash before it, and the next start is here again.
	rules, err := s.rules(ctx)
	if err != nil {
		return err
	}
	if len(rules) == 0 {
		return s.InstallLifecycle(ctx)
	}
	return s.turnOnVersioning(ctx)
}

// Read opens the newest version under key, or exactly the given one, and tells
// its size in bytes. A delete marker is ErrNotFound.
func (s *S3) Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error) {
	if err := deposit.CheckKey(key); err != nil {
		return nil, 0, err
	}
	core, bucket := s.Client()
	body, info, _, err := core.GetObject(ctx, bucket, key, minio.GetObjectOptions{VersionID: version})
	if codeOf(err) == minio.MethodNotAllowed {
		return nil, 0, fmt.Errorf("reading object: %w: a delete marker", deposit.ErrNotFound)
	}
	if err != nil {
		return nil, 0, deposit.Explain("reading object", err)
	}
	return body, info.Size, nil
}

// List yields every live key that begins with prefix and is one that an object
// may have, page by page, in no order that can be relied on. An error ends it.
func (s *S3) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := checkPrefix(prefix); err != nil {
			yield("", err)
			return
		}
		core, bucket := s.Client()
		for object := range core.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
			if object.Err != nil {
				yield("", deposit.Explain("listing bucket", object.Err))
				return
			}
			// What no edge of ours would write cannot be read or removed by its
			// key either; the lifecycle takes it.
			if deposit.CheckKey(object.Key) == nil && !yield(object.Key, nil) {
				return
			}
		}
		// minio-go ends a listing whose context has ended without a word.
		if err := ctx.Err(); err != nil {
			yield("", deposit.Explain("listing bucket", err))
		}
	}
}

// Folders lists the names one level below prefix, which ends in a slash, that
// something lies under: versions and delete markers too. What it costs grows
// with their number, not with what is in them.
func (s *S3) Folders(ctx context.Context, prefix string) (names []string, err error) {
	err = s.versionsBelow(ctx, prefix, false, func(key string) {
		if name, ok := strings.CutSuffix(strings.TrimPrefix(key, prefix), "/"); ok {
			names = append(names, name)
		}
	})
	return names, err
}

// Remains lists every key below prefix of which the storage still holds a
// version or a delete marker. Unfinished uploads are not in it: not every
// server lists them but by their exact key.
func (s *S3) Remains(ctx context.Context, prefix string) (keys []string, err error) {
	err = s.versionsBelow(ctx, prefix, true, func(key string) {
		if deposit.CheckKey(key) == nil && !slices.Contains(keys[max(0, len(keys)-1):], key) {
			keys = append(keys, key)
		}
	})
	return keys, err
}

// Covered lists every key below prefix of which there is more than one version or
// delete marker: what lies beneath the newest the storage's own rules take within days.
func (s *S3) Covered(ctx context.Context, prefix string) (keys []string, err error) {
	last := ""
	err = s.versionsBelow(ctx, prefix, true, func(key string) {
		if key == last && deposit.CheckKey(key) == nil && !slices.Contains(keys[max(0, len(keys)-1):], key) {
			keys = append(keys, key)
		}
		last = key
	})
	return keys, err
}

func (s *S3) versionsBelow(ctx context.Context, prefix string, deep bool, visit func(key string)) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	core, bucket := s.Client()
	options := minio.ListObjectsOptions{Prefix: prefix, Recursive: deep, WithVersions: true}
	for object := range core.ListObjectsIter(ctx, bucket, options) {
		if object.Err != nil {
			return deposit.Explain("listing bucket", object.Err)
		}
		visit(object.Key)
	}
	// minio-go ends a listing whose context has ended without a word.
	return deposit.Explain("listing bucket", ctx.Err())
}

// Traces lists every version, delete marker and unfinished upload of exactly
// this key, newest version first. Each call asks over a connection of its own,
// so that two listings in a row are two witnesses and not one.
func (s *S3) Traces(ctx context.Context, key string) ([]Trace, error) {
	if err := deposit.CheckKey(key); err != nil {
		return nil, err
	}
	fresh, err := s.Fresh()
	if err != nil {
		return nil, err
	}
	defer fresh.Close()
	core, bucket := fresh.Client()
	traces, err := versions(ctx, core, bucket, key)
	if err != nil {
		return nil, deposit.Explain("listing versions", err)
	}
	unfinished, err := uploads(ctx, core, bucket, key)
	if err != nil {
		return nil, deposit.Explain("listing uploads", err)
	}
	return append(traces, unfinished...), nil
}

func versions(ctx context.Context, core minio.Core, bucket, key string) ([]Trace, error) {
	var traces []Trace
	options := minio.ListObjectsOptions{Prefix: key, Recursive: true, WithVersions: true}
	for object := range core.ListObjectsIter(ctx, bucket, options) {
		switch {
		case object.Err != nil:
			return nil, object.Err
		case object.Key != key:
			continue
		case object.IsDeleteMarker:
			traces = append(traces, Trace{Marker, object.VersionID})
		default:
			traces = append(traces, Trace{Version, object.VersionID})
		}
	}
	// minio-go ends a listing whose context has ended without a word; here that
	// would read as "nothing left".
	return traces, ctx.Err()
}

func uploads(ctx context.Context, core minio.Core, bucket, key string) ([]Trace, error) {
	var traces []Trace
	var keyMarker, idMarker string
	for {
		page, err := core.ListMultipartUploads(ctx, bucket, key, keyMarker, idMarker, "", 1000)
		if err != nil {
			return nil, err
		}
		for _, upload := range page.Uploads {
			if upload.Key == key {
				traces = append(traces, Trace{Upload, upload.UploadID})
			}
		}
		if !page.IsTruncated {
			return traces, nil
		}
		if page.NextKeyMarker == keyMarker && page.NextUploadIDMarker == idMarker {
			return nil, errors.New("the listing does not get on")
		}
		keyMarker, idMarker = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// Remove removes exactly that trace of key for good. What is already gone is
// not an error. When Remove returns nil the server has confirmed it.
func (s *S3) Remove(ctx context.Context, key string, t Trace) error {
	if err := deposit.CheckKey(key); err != nil {
		return err
	}
	// Without an id the server would hide the object behind a marker instead.
	if t.ID == "" {
		return fmt.Errorf("removing %s: it has no id", t.Kind)
	}
	core, bucket := s.Client()
	var err error
	switch t.Kind {
	case Version, Marker:
		err = core.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{VersionID: t.ID})
	case Upload:
		err = core.AbortMultipartUpload(ctx, bucket, key, t.ID)
	default:
		return fmt.Errorf("removing %s: no such kind of trace", t.Kind)
	}
	if err := deposit.Explain("removing "+string(t.Kind), err); err != nil && !errors.Is(err, deposit.ErrNotFound) {
		return err
	}
	return nil
}

// Sweep has nothing to do: the bucket's lifecycle does it.
func (s *S3) Sweep(context.Context, time.Time) (removed int, err error) { return 0, nil }

// codeOf is the S3 error code in err, or "".
func codeOf(err error) string {
	var answer minio.ErrorResponse
	errors.As(err, &answer)
	return answer.Code
}

// lacking is deposit.Explain, for a request without whose feature a server
// cannot be used.
func lacking(doing string, err error) error {
	if isNotOffered(err) {
		return fmt.Errorf("%s: %w: %w", doing, ErrLacks, err)
	}
	return deposit.Explain(doing, err)
}

// isNotOffered reports whether a server has said that it lacks a feature.
func isNotOffered(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) &&
		(answer.StatusCode == http.StatusNotImplemented || answer.Code == minio.MethodNotAllowed)
}
