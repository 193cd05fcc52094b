package pipeline

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// backUp copies the database as it is now, and returns the copy's path or address.
func (o *office) backUp() (path string) {
	o.t.Helper()
	if postgrestest.OnPostgreSQL() {
		return postgrestest.Copy(o.t, o.desk.URL)
	}
	path = filepath.Join(o.t.TempDir(), "backup.db")
	_, err := o.cfg.Register.DB().ExecContext(o.t.Context(), `VACUUM INTO '`+path+`'`)
	o.must(err)
	return path
}

// restore goes on with that copy of the database.
func (o *office) restore(path string) {
	o.t.Helper()
	cfg := o.desk
	if cfg.Path = path; cfg.URL != "" {
		cfg.URL = path
	}
	reg, err := register.Open(o.t.Context(), cfg)
	o.must(err)
	o.t.Cleanup(func() { _ = reg.Close() })
	o.cfg.Register = reg
}

// remember has the keyring remember the register as it is now.
func (o *office) remember() {
	o.t.Helper()
	_, signed, err := o.cfg.Register.Checkpoint(o.t.Context())
	o.must(err)
	o.must(o.keepInMind(o.t.Context(), signed))
}

// changeKey has a new key sign the register.
func (o *office) changeKey() {
	o.t.Helper()
	key, public := signer(o.t, "letterlock-register")
	o.signers[register.SigningKey(public)] = key
	_, err := o.cfg.Register.ChangeKey(o.t.Context(), key, register.SigningKey(public))
	o.must(err)
}

// sees leaves what the site's scanner says it has seen.
func (o *office) sees(serial uint64) {
	o.t.Helper()
	msg, err := letter.Seen{Site: "office", Serial: serial}.Sign(o.site)
	o.must(err)
	o.putRaw(letter.SeenKey("office"), msg)
}

// seesList is sees with a list of that serial, signed by whoever it is.
func (o *office) seesList(serial, listed uint64, by note.Signer) {
	o.t.Helper()
	list := o.list()
	list.Serial = listed
	proof, err := list.Sign(by)
	o.must(err)
	said, err := letter.Seen{Site: "office", Serial: serial, List: string(proof)}.Sign(o.site)
	o.must(err)
	o.putRaw(letter.SeenKey("office"), said)
}

// heardOf has the site's scanner, of this server's version, be heard of.
func (o *office) heardOf() {
	o.t.Helper()
	msg, err := letter.Report{Site: "office", At: o.now.Truncate(time.Second), Program: o.cfg.Program}.Sign(o.site)
	o.must(err)
	o.putRaw(letter.ReportKey("office"), msg)
	o.must(o.takeReport(o.t.Context(), "office"))
}

// A scanner whose word is not believed is named, for as long as it goes on and no longer.
func TestAScannerThatProvesNothingIsNamed(t *testing.T) {
	o := newOffice(t).begun()
	o.heardOf()
	o.sees(100)
	alarmed := func() bool {
		o.must(o.keepAlarms(t.Context(), o.quickFinders()))
		return slices.Contains(o.alarms(), register.ScannerOdd)
	}
	for range 5 {
		if _, err := o.RestoreSigns(t.Context()); err != nil || o.Closed(t.Context()) {
			t.Fatalf("it is closed, or %v", err)
		}
		if alarmed() {
			t.Error("it is an alarm at once")
		}
		o.now = o.now.Add(4 * time.Minute)
	}
	if !alarmed() {
		t.Error("it is no alarm")
	}
	o.began = o.began.Add(-time.Hour)
	says, _, err := o.checkScanners(t.Context())
	o.must(err)
	if text := texts.English().Text(says); !strings.Contains(text, "office") || !strings.Contains(text, "does not prove it") {
		t.Errorf("check says %q", text)
	}
	if o.now = o.now.Add(2 * oddFor); alarmed() {
		t.Error("it is an alarm for ever")
	}
}

// Each memory that was not restored with the database, or with the bucket,
// recognises it alone; none takes what is of now for a copy.
func TestWhatRecognisesARestore(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *office)
		want   []register.RestoreSign
	}{
		"nothing happened": {func(*office) {}, nil},
		"the keyring remembers, and went on": {func(o *office) {
			o.remember()
			o.must(o.cfg.Register.Record(t.Context(), register.BucketAdopted{}, 0))
		}, nil},
		"the database, an hour old": {func(o *office) {
			copied := o.backUp()
			o.must(o.cfg.Register.Record(t.Context(), register.BucketAdopted{}, 0))
			o.remember()
			o.restore(copied)
		}, []register.RestoreSign{register.SignKeyring}},
		"the database, an hour old, and as long again since": {func(o *office) {
			copied := o.backUp()
			o.must(o.cfg.Register.Record(t.Context(), register.BucketAdopted{}, 0))
			o.remember()
			o.restore(copied)
			for range 5 {
				o.must(o.cfg.Register.Record(t.Context(), register.LifecycleInstalled{}, 0))
			}
		}, []register.RestoreSign{register.SignKeyring}},
		"the signing key was changed": {func(o *office) {
			o.remember()
			o.changeKey()
			o.now = o.now.AddDate(0, 0, 1)
			o.must(o.daily(t.Context(), &watch{}))
			o.remember()
			o.must(o.cfg.Register.Record(t.Context(), register.BucketAdopted{}, 0))
		}, nil},
		"the database, of before the signing key was changed": {func(o *office) {
			copied := o.backUp()
			o.changeKey()
			o.remember()
			o.restore(copied)
		}, []register.RestoreSign{register.SignKeyring}},
		"the database, of the day before the signing key was changed": {func(o *office) {
			copied := o.backUp()
			o.changeKey()
			o.now = o.now.AddDate(0, 0, 1)
			o.must(o.daily(t.Context(), &watch{}))
			o.restore(copied)
		}, []register.RestoreSign{register.SignBucket, register.SignRecipients}},
		"the keyring's memory is damaged": {func(o *office) {
			o.must(o.cfg.Keyring.Remember("letterlock register\n12\n"))
		}, nil},
		"the keyring remembers another register": {func(o *office) {
			other := newOffice(t)
			_, signed, err := other.cfg.Register.Checkpoint(t.Context())
			o.must(err)
			o.must(o.cfg.Keyring.Remember(signed))
		}, nil},
		"the database, a day old": {func(o *office) {
			copied := o.backUp()
			o.now = o.now.AddDate(0, 0, 1)
			o.must(o.daily(t.Context(), &watch{}))
			o.restore(copied)
		}, []register.RestoreSign{register.SignBucket, register.SignRecipients}},
		"the database, a day old, and somebody put nonsense above the checkpoint": {func(o *office) {
			copied := o.backUp()
			o.now = o.now.AddDate(0, 0, 1)
			o.must(o.daily(t.Context(), &watch{}))
			o.restore(copied)
			o.putRaw(letter.CheckpointsPrefix+"9999-12-31", []byte("x"))
		}, []register.RestoreSign{register.SignBucket, register.SignRecipients}},
		"somebody put nonsense among the checkpoints": {func(o *office) {
			o.putRaw(letter.CheckpointsPrefix+"9999-12-31", newOffice(t).begun().statement())
		}, nil},
		"the bucket, a day old": {func(o *office) {
			list, err := o.readSmall(t.Context(), letter.RecipientsKey)
			o.must(err)
			o.now = o.now.AddDate(0, 0, 1)
			o.must(o.daily(t.Context(), &watch{}))
			key, err := o.cfg.Register.Anchored(t.Context())
			o.must(err)
			o.must(o.store.Store.Remove(t.Context(), key, o.only(key)))
			o.putRaw(letter.RecipientsKey, list)
		}, []register.RestoreSign{register.SignRecipients, register.SignAnchorsMissing}},
		"a scanner has seen more":                                  {func(o *office) { o.sees(100) }, []register.RestoreSign{register.SignEdge}},
		"a scanner proves that it has seen more":                   {func(o *office) { o.heardOf(); o.seesList(1<<39, 1<<39, o.cfg.Signer) }, []register.RestoreSign{register.SignEdge}},
		"a scanner that proves what it has seen says more without": {func(o *office) { o.heardOf(); o.sees(100) }, nil},
		"a scanner says more than this server can have given out":  {func(o *office) { o.sees(1 << 39) }, nil},
		"a scanner proves that it has seen another list":           {func(o *office) { o.seesList(100, 99, o.cfg.Signer) }, nil},
		"a scanner has seen the list of somebody else":             {func(o *office) { other, _ := signer(o.t, "letterlock-server"); o.seesList(100, 100, other) }, nil},
		"a scanner has seen as much": {func(o *office) {
			given, _, err := o.cfg.Register.Serials(t.Context())
			o.must(err)
			o.sees(given)
		}, nil},
		"a scanner has signed nothing": {func(o *office) { o.putRaw(letter.SeenKey("office"), []byte("x")) }, nil},
		"a scanner that is not believed any more": {func(o *office) {
			o.sees(100)
			o.must(o.cfg.Register.RevokeEdge(t.Context(), "office", 0))
		}, nil},
		"another bucket": {func(o *office) {
			o.putRaw(letter.RecipientsKey, []byte("x"))
			key, err := o.cfg.Register.Anchored(t.Context())
			o.must(err)
			o.must(o.store.Store.Remove(t.Context(), key, o.only(key)))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t).begun()
			c.change(o)
			got, err := o.RestoreSigns(t.Context())
			o.must(err)
			if !slices.Equal(got, c.want) {
				t.Errorf("signs: %v, want %v", got, c.want)
			}
		})
	}
}

// begun is the office on a day that has begun.
func (o *office) begun() *office {
	o.t.Helper()
	o.must(o.daily(o.t.Context(), &watch{}))
	return o
}

// The register's own signs are found while the bucket is away, and that the
// others could not be asked for is no "no".
func TestSignsWhileTheBucketIsAway(t *testing.T) {
	o := newOffice(t).begun()
	copied := o.backUp()
	o.must(o.cfg.Register.Record(t.Context(), register.BucketAdopted{}, 0))
	o.remember()
	o.restore(copied)
	for _, method := range []string{"Read", "List"} {
		o.store.only, o.store.at, o.store.how = method, -1, fails
		got, err := o.RestoreSigns(t.Context())
		if !slices.Equal(got, []register.RestoreSign{register.SignKeyring}) || err == nil {
			t.Errorf("%s fails: signs %v, error %v", method, got, err)
		}
	}
}

// The newest checkpoint that anybody remembers is what the register is to be
// compared with.
func TestNewestSeen(t *testing.T) {
	o := newOffice(t)
	if head, err := o.NewestSeen(t.Context()); err != nil || head.Note != "" {
		t.Errorf("nobody has seen anything, and the newest is %+v, %v", head, err)
	}
	o.begun()
	inBucket, err := o.NewestSeen(t.Context())
	o.must(err)
	o.must(o.cfg.Register.Record(t.Context(), register.BucketAdopted{}, 0))
	o.remember()
	inKeyring, err := o.NewestSeen(t.Context())
	o.must(err)
	if inBucket.Entries == 0 || inKeyring.Entries != inBucket.Entries+1 {
		t.Errorf("the bucket's over %d entries, the keyring's over %d", inBucket.Entries, inKeyring.Entries)
	}
}

// What a scanner says it has seen is no manifest that is held. It stays while
// it is a sign, and goes with all its versions once as much was given out.
func TestWhatAScannerHasSeenGoes(t *testing.T) {
	o := newOffice(t)
	key := letter.SeenKey("office")
	given, _, err := o.cfg.Register.Serials(t.Context())
	o.must(err)
	o.sees(given + 2)
	o.sees(given + 1)
	o.putRaw(letter.SeenKey("nowhere"), []byte("x"))
	for range 3 {
		o.must(o.Admit(t.Context()))
		o.now = o.now.Add(2 * heldRest)
	}
	if n := o.traces(key); n == 0 || len(o.held()) != 0 || o.kinds("manifest-held") != 0 {
		t.Fatalf("%d traces of it, held %v", n, o.held())
	}
	o.must(o.cfg.Register.RaiseSerial(t.Context(), given+2))
	o.store.at, o.store.how, o.store.only = -1, fails, "Remove"
	if err := o.Admit(t.Context()); err == nil {
		t.Error("the fault was never met")
	}
	o.store.at, o.now = 0, o.now.Add(2*heldRest)
	o.must(o.Admit(t.Context()))
	if n := o.traces(key); n != 0 || o.traces(letter.SeenKey("nowhere")) != 1 {
		t.Errorf("%d traces of it are left", n)
	}
}
