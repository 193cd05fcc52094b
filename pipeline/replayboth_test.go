package pipeline

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// bucketCopy is a bucket as a backup holds it: without its versions.
type bucketCopy map[string][]byte

// bucketPrefixes are those of everything in the bucket.
var bucketPrefixes = []string{"letters/", letter.IncomingPrefix, letter.ReceiptsPrefix, "keys/", letter.CheckpointsPrefix}

func (o *office) copyBucket() bucketCopy {
	o.t.Helper()
	copied := bucketCopy{}
	for _, prefix := range bucketPrefixes {
		for key, err := range o.store.Store.List(o.t.Context(), prefix) {
			o.must(err)
			copied[key] = o.object(key)
		}
	}
	return copied
}

func (o *office) object(key string) []byte {
	o.t.Helper()
	body, _, err := o.store.Store.Read(o.t.Context(), key, "")
	o.must(err)
	text, err := io.ReadAll(body)
	o.must(err)
	o.must(body.Close())
	return text
}

// putBack leaves in the bucket what the copy holds, and nothing else.
func (o *office) putBack(copied bucketCopy) {
	o.t.Helper()
	ctx := o.t.Context()
	for _, prefix := range bucketPrefixes {
		keys, err := o.store.Store.Remains(ctx, prefix)
		o.must(err)
		for _, key := range keys {
			traces, err := o.store.Store.Traces(ctx, key)
			o.must(err)
			o.must(o.removeAll(ctx, o.store.Store, key, traces))
		}
	}
	for key, body := range copied {
		o.putRaw(key, body)
	}
}

// holds reports whether a database's files, the journal included, hold a text anywhere.
func (o *office) holds(database, text string) bool {
	o.t.Helper()
	for _, path := range []string{database, database + "-wal"} {
		raw, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			o.t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(text)) {
			return true
		}
	}
	return false
}

// shows reports whether any object in the bucket holds a run of these bytes.
func (o *office) shows(sealed []byte) bool {
	o.t.Helper()
	for _, body := range o.copyBucket() {
		if bytes.Contains(body, sealed[len(sealed)/2:][:48]) {
			return true
		}
	}
	return false
}

// Database and bucket are put back together, so that both agree: the keyring
// alone recognises it, and where its memory is gone, a scanner alone. What was due
// since ends again, with nothing left of it anywhere; what came since is lost with
// both.
func TestBothFromABackup(t *testing.T) {
	o := newOffice(t)
	var bucket bucketCopy
	r := aWinter(t, o, func() { bucket = o.copyBucket() })
	sealed := bucket[r.ended.ObjectKey()]
	december, err := os.ReadFile(r.copied)
	o.must(err)
	for _, c := range []struct {
		name string
		seen func()
		want register.RestoreSign
	}{
		{"the keyring remembers", func() {}, register.SignKeyring},
		{"a scanner remembers", func() {
			o.must(o.cfg.Keyring.Remember(""))
			o.sees(1000)
		}, register.SignEdge},
	} {
		r.copied = filepath.Join(t.TempDir(), "december.db")
		o.must(os.WriteFile(r.copied, december, 0o600))
		o.putBack(bucket)
		c.seen()
		if !o.holds(r.copied, r.ended.SHA256) || !o.shows(sealed) {
			t.Fatal("the copies hold nothing that is gone: the search cannot fail")
		}
		r.goBack()
		if signs, err := r.RestoreSigns(t.Context()); err != nil || len(signs) != 1 || signs[0] != c.want {
			t.Fatalf("%s: recognised by %v, %v", c.name, signs, err)
		}
		done, err := r.replayOnce()
		o.must(err)
		done.Keys = min(done.Keys, 1)
		if want := (register.Restored{Deleted: 1, Keys: 1}); done != want {
			t.Errorf("%s: did %+v, want %+v\n%s", c.name, done, want, r.log)
		}
		if o.holds(r.copied, r.ended.SHA256) || o.shows(sealed) || o.traces(r.ended.ObjectKey()) != 0 {
			t.Errorf("%s: something is left of the letter that is gone", c.name)
		}
		if signs, err := r.RestoreSigns(t.Context()); err != nil || len(signs) > 0 {
			t.Errorf("%s: signs are left: %v, %v", c.name, signs, err)
		}
		for _, m := range []letter.Manifest{r.kept, r.redirect, r.erased, r.shredded, r.same} {
			if l := o.state(m.ID); l.Missing || !l.Open(o.now) {
				t.Errorf("%s: a letter of December is not what it was: %+v", c.name, l)
			}
		}
		if b, err := o.cfg.Register.Balance(t.Context()); err != nil || b.Differs() != 0 {
			t.Errorf("%s: the counts differ: %+v %v", c.name, b, err)
		}
	}
}
