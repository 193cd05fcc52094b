package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// maxSkew is how far two honest clocks may differ.
const maxSkew = 5 * time.Minute

// sentence makes one of many.
func sentence(find func(context.Context) ([]string, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		found, err := find(ctx)
		if len(found) == 0 {
			return "", err
		}
		text := strings.Join(found, "; ") + "."
		return strings.ToUpper(text[:1]) + text[1:], err
	}
}

func (p *probing) versioning(ctx context.Context) (wrong string, err error) {
	if wrong, err = sentence(p.s3.Versioning)(ctx); err != nil || wrong != "" {
		return wrong, err
	}
	key := p.key("versions")
	first, err := p.put(ctx, p.store, key, "first", deposit.Replace)
	if err != nil {
		return "", err
	}
	second, err := p.put(ctx, p.store, key, "second", deposit.Replace)
	if err != nil {
		return "", err
	}
	if first == "" || first == second {
		return "It says that versioning is on, and gives an object no version of its own.", nil
	}
	same, err := p.is(ctx, key, first, "first")
	if !same {
		wrong = "An older version is not kept as it was."
	}
	return wrong, err
}

func (p *probing) createOnly(ctx context.Context) (wrong string, err error) {
	key := p.key("create-only")
	if _, err := p.put(ctx, p.store, key, "first", deposit.CreateOnly); err != nil {
		return "", err
	}
	_, err = p.put(ctx, p.store, key, "second", deposit.CreateOnly)
	if err == nil {
		return "A put that must not replace an object is taken although there is one: a letter could take another's place.", nil
	}
	if !errors.Is(err, deposit.ErrExists) {
		return "", err
	}
	same, err := p.is(ctx, key, "", "first")
	if !same {
		wrong = "A put that must not replace an object is refused, and has replaced it all the same."
	}
	return wrong, err
}

func (p *probing) hash(ctx context.Context) (wrong string, err error) {
	key := p.key("hash")
	switch err := putDamaged(ctx, p.store, key); {
	case err == nil:
		return "Bytes that do not have the hash that came with them are taken: a letter that was damaged on its way would be stored.", nil
	case !errors.Is(err, deposit.ErrWrongHash):
		return "", err
	}
	left, err := p.kinds(ctx, key)
	if len(left) > 0 {
		return "Bytes that do not have the hash that came with them are refused, and stored all the same.", err
	}
	p.hashObeyed = err == nil
	return "", err
}

func (p *probing) listing(ctx context.Context) (wrong string, err error) {
	key := p.key("listing")
	for _, says := range []string{"first", "second"} {
		if _, err := p.put(ctx, p.store, key, says, deposit.Replace); err != nil {
			return "", err
		}
	}
	want := []archive.Kind{archive.Version}
	if p.s3 != nil {
		want = []archive.Kind{archive.Marker, archive.Version, archive.Version}
		if err := hide(ctx, p.s3, key); err != nil {
			return "", err
		}
	}
	found, err := p.kinds(ctx, key)
	if err == nil && !slices.Equal(found, want) {
		wrong = fmt.Sprintf("Of an object with %s the listing shows %s: what is left of a letter could not be found.", count(want), count(found))
	}
	return wrong, err
}

// hide puts a delete marker before an object.
func hide(ctx context.Context, s *archive.S3, key string) error {
	core, bucket := s.Client()
	return deposit.Explain("hiding object", core.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{}))
}

func count(kinds []archive.Kind) string {
	n := map[archive.Kind]int{}
	for _, k := range kinds {
		n[k]++
	}
	return fmt.Sprintf("%d versions and %d delete markers", n[archive.Version], n[archive.Marker])
}

func (p *probing) uploads(ctx context.Context) (wrong string, err error) {
	key := p.key("upload")
	id, err := p.begin(ctx, key)
	if err != nil {
		return "", err
	}
	found, err := p.kinds(ctx, key)
	if err != nil {
		return "", err
	}
	if len(found) != 1 || found[0] != archive.Upload {
		wrong = "An unfinished upload is not listed: what is left of a letter could not be found."
	}
	if err := p.store.Remove(ctx, key, archive.Trace{Kind: archive.Upload, ID: id}); err != nil || wrong != "" {
		return wrong, err
	}
	found, err = p.kinds(ctx, key)
	if len(found) > 0 {
		wrong = "An unfinished upload that was ended is still there."
	}
	return wrong, err
}

// begin leaves an unfinished upload.
func (p *probing) begin(ctx context.Context, key string) (id string, err error) {
	if d, ok := p.store.(*archive.Dir); ok {
		return d.LeaveUpload(key)
	}
	core, bucket := p.s3.Client()
	id, err = core.NewMultipartUpload(ctx, bucket, key, minio.PutObjectOptions{})
	return id, deposit.Explain("beginning upload", err)
}

// object is what the server says of an object that it has just been given.
func (p *probing) object(ctx context.Context) (minio.ObjectInfo, error) {
	key := p.key("object")
	if _, err := p.put(ctx, p.store, key, "object", deposit.Replace); err != nil {
		return minio.ObjectInfo{}, err
	}
	core, bucket := p.s3.Client()
	info, err := core.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
	return info, deposit.Explain("looking at object", err)
}

func (p *probing) lock(ctx context.Context) (wrong string, err error) {
	if wrong, err = sentence(p.s3.ObjectLock)(ctx); err != nil || wrong != "" {
		return wrong, err
	}
	info, err := p.object(ctx)
	if info.Metadata.Get("X-Amz-Object-Lock-Mode") != "" || info.Metadata.Get("X-Amz-Object-Lock-Legal-Hold") == "ON" {
		wrong = "A new object is locked by itself: it could not be removed on its deadline."
	}
	return wrong, err
}

func (p *probing) replication(ctx context.Context) (wrong string, err error) {
	if wrong, err = sentence(p.s3.Replication)(ctx); err != nil || wrong != "" {
		return wrong, err
	}
	info, err := p.object(ctx)
	if info.ReplicationStatus != "" {
		wrong = "A new object is copied elsewhere: the copy would outlive the deadline."
	}
	return wrong, err
}

func (p *probing) clock(ctx context.Context) (wrong string, err error) {
	theirs, err := p.s3.Clock(ctx)
	if errors.Is(err, deposit.ErrNoClock) {
		return "The storage does not say what time it is.", nil
	}
	if apart := p.now.Sub(theirs).Abs(); err == nil && apart > maxSkew {
		wrong = fmt.Sprintf("The storage's clock differs from this machine's by %s.", apart.Round(time.Second))
	}
	return wrong, err
}

// removal removes everything that the probe has put, but for uploads, and
// demands that nothing of it can be seen any more.
func (p *probing) removal(ctx context.Context) (wrong string, err error) {
	for _, key := range p.keys {
		if wrong, err = p.removed(ctx, key); err != nil || wrong != "" {
			return wrong, err
		}
	}
	return "", nil
}

func (p *probing) removed(ctx context.Context, key string) (wrong string, err error) {
	var gone []archive.Trace
	for {
		found, err := p.store.Traces(ctx, key)
		if err != nil {
			return "", err
		}
		found = slices.DeleteFunc(found, isUpload)
		if len(found) == 0 {
			break
		}
		// One by one, since a listing may show an older one only then.
		if slices.Contains(gone, found[0]) {
			return "What was removed, and said to be, is still listed.", nil
		}
		if err := p.store.Remove(ctx, key, found[0]); err != nil {
			return "", err
		}
		gone = append(gone, found[0])
	}
	for _, t := range gone {
		if t.Kind != archive.Version {
			continue
		}
		err := read(ctx, p.store, key, t.ID)
		if err == nil {
			return "What was removed is not listed any more, and can still be read.", nil
		}
		if !errors.Is(err, deposit.ErrNotFound) {
			return "", err
		}
	}
	return "", nil
}

func isUpload(t archive.Trace) bool { return t.Kind == archive.Upload }

func (p *probing) edgeGood() string {
	if p.edge == nil {
		return "No scanner's credentials were tried: give --edge-folder to do that."
	}
	return "The scanner's credentials can put letters and announce them, and nothing else."
}

// tryEdge asks as the scanner what it must not be given. Puts in places that
// matter are of damaged bytes, which show the right to put and store nothing.
func (p *probing) tryEdge(ctx context.Context) (wrong string, err error) {
	if p.edge == nil {
		return "", nil
	}
	info, err := p.object(ctx)
	if err != nil {
		return "", err
	}
	edge, key, site := p.edge.Store, info.Key, p.edge.Site
	version := archive.Trace{Kind: archive.Version, ID: info.VersionID}
	var may, mayNot []string
	for _, try := range []struct {
		what    string
		allowed bool
		do      func() error
	}{
		{"put a letter", true, func() error { return p.damaged(ctx, key+"-edge") }},
		{"announce a letter", true, func() error { return p.damaged(ctx, letter.IncomingKey(site, letter.NewID())) }},
		{"announce as another site", false, func() error { return p.damaged(ctx, letter.IncomingKey(archive.TrialName, letter.NewID())) }},
		{"put where letters are kept for five years", false, func() error { return p.damaged(ctx, letter.ClassPrefix(letter.FiveYears)+p.run) }},
		{"put where no deletion rule holds", false, func() error { return p.damaged(ctx, letter.LettersPrefix+p.run) }},
		{"put a receipt", false, func() error { return p.damaged(ctx, letter.ReceiptKey(site, letter.NewID())) }},
		{"put a recipients list", false, func() error { return p.damaged(ctx, letter.RecipientsKey+"."+p.run) }},
		{"read a letter", false, func() error { return read(ctx, edge, key, "") }},
		{"read a letter's version", false, func() error { return read(ctx, edge, key, info.VersionID) }},
		{"list letters", false, func() error { return list(ctx, edge) }},
		{"list versions", false, func() error { _, err := edge.Traces(ctx, key); return err }},
		{"see the deletion rules", false, func() error { _, err := edge.OtherRules(ctx); return err }},
		{"hide a letter", false, func() error { return hide(ctx, edge, key) }},
		{"remove a letter", false, func() error { return edge.Remove(ctx, key, version) }},
	} {
		err := try.do()
		switch refused := errors.Is(err, deposit.ErrRefused); {
		case errors.Is(err, deposit.ErrUnavailable):
			return "", err
		case errors.Is(err, errNotTried):
		case refused && try.allowed:
			mayNot = append(mayNot, try.what)
		case !refused && !try.allowed:
			may = append(may, try.what)
		}
	}
	if len(mayNot) > 0 {
		wrong = "The scanner's credentials cannot " + strings.Join(mayNot, ", ") + ". "
	}
	if len(may) > 0 {
		wrong += "The scanner's credentials can " + strings.Join(may, ", ") + ": a stolen scanner could too."
	}
	return strings.TrimSpace(wrong), nil
}

// errNotTried is the answer to a question that would have done harm.
var errNotTried = errors.New("not tried")

// damaged is a put as the scanner. Where the storage would store it, which the
// hash's own line has said, it is not tried.
func (p *probing) damaged(ctx context.Context, key string) error {
	if !p.hashObeyed {
		return errNotTried
	}
	return putDamaged(ctx, p.edge.Store, key)
}

func read(ctx context.Context, s Store, key, version string) error {
	body, _, err := s.Read(ctx, key, version)
	if err == nil {
		_ = body.Close()
	}
	return err
}

func list(ctx context.Context, s *archive.S3) error {
	for _, err := range s.List(ctx, archive.TrialPrefix) {
		if err != nil {
			return err
		}
	}
	return nil
}
