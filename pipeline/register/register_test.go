package register

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

// desk is a register with a clock that the test moves.
type desk struct {
	*Register
	t    testing.TB
	now  time.Time
	path string
	pub  note.Verifier
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "letterlock-register")
	if err != nil {
		t.Fatal(err)
	}
	return newDeskOf(t, secret, public)
}

// newDeskAt is a register in that database.
func newDeskAt(t testing.TB, url string) *desk {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "letterlock-register")
	if err != nil {
		t.Fatal(err)
	}
	return openDesk(t, secret, public, url)
}

// newDeskOf is a register of that key: two of one key are what somebody has
// who writes a register anew.
func newDeskOf(t testing.TB, secret, public string) *desk {
	t.Helper()
	return openDesk(t, secret, public, postgrestest.URL(t))
}

func openDesk(t testing.TB, secret, public, url string) *desk {
	t.Helper()
	signer, err1 := note.NewSigner(secret)
	pub, err2 := note.NewVerifier(public)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), path: filepath.Join(t.TempDir(), "letterlock.db"), pub: pub}
	var err error
	d.Register, err = Open(t.Context(), Config{Path: d.path, URL: url, Signer: signer, Verifier: public,
		Now: func() time.Time { return d.now }, CodeKey: func() ([]byte, error) { return []byte("a key of the test"), nil }, MaxSilence: 14 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	d.must(d.Record(t.Context(), FolderMade{}, 0))
	return d
}

// release has the person release the hold and, where it takes two, another.
func (d *desk) release(hold, person int64) {
	d.t.Helper()
	released, err := d.ReleaseHold(d.t.Context(), hold, person)
	if err == nil && !released {
		released, err = d.ReleaseHold(d.t.Context(), hold, person+1)
	}
	if d.must(err); !released {
		d.t.Error("two people do not release a hold")
	}
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) manifest() letter.Manifest {
	return letter.Manifest{ID: letter.NewID(), Site: "office", Helpline: "respect-phoneline", Class: letter.SixMonths,
		Received: d.now.Truncate(time.Second), Pages: 2, Size: 99, SHA256: strings.Repeat("ab", 32)}
}

// admitted takes a letter as far as the state that people can open.
func (d *desk) receipted() Letter {
	d.t.Helper()
	ctx := d.t.Context()
	m := d.manifest()
	d.must(d.Admit(ctx, m))
	l, err := d.Letter(ctx, m.ID)
	d.must(err)
	d.must(d.Verified(ctx, &l, "v1", false))
	d.must(d.Receipted(ctx, &l))
	return l
}

func (d *desk) leader() int64 {
	d.t.Helper()
	n, err := d.AddPerson(d.t.Context(), Person{Name: "Canary Nightingale", Email: "canary@example.org", Role: TeamLeader,
		Helplines: []string{"respect-phoneline"}})
	d.must(err)
	return n
}

func (d *desk) kinds() []string {
	d.t.Helper()
	entries, err := d.Entries(d.t.Context(), -1, "", "", 1000)
	d.must(err)
	var out []string
	for _, e := range entries {
		out = append([]string{e.Kind}, out...)
	}
	return out
}

func TestALettersStoryIsOnTheRegister(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader := d.leader()
	l := d.receipted()
	n, err := d.QueueMails(ctx, l, "example.org")
	if err != nil || n != 1 {
		t.Fatalf("%d people to tell, %v", n, err)
	}
	owed, err := d.UnsentMails(ctx, l.ID)
	d.must(err)
	if len(owed) != 1 || owed[0].Address != "canary@example.org" {
		t.Fatalf("owed %+v", owed)
	}
	if _, err := d.QueueMails(ctx, l, "example.org"); err != nil {
		t.Fatal(err)
	}
	if again, _ := d.UnsentMails(ctx, l.ID); len(again) != 1 || again[0].MessageID != owed[0].MessageID {
		t.Fatal("asked again, the mail is another one")
	}
	d.must(d.MailSent(ctx, l.ID, leader))
	d.must(d.Notified(ctx, &l))
	if err := d.MarkReadable(ctx, l.ID, leader); !errors.Is(err, ErrNotRead) {
		t.Fatalf("found readable without having been opened: %v", err)
	}
	d.must(d.RecordOpening(ctx, l.ID, leader, []byte("session"), "pages"))
	d.must(d.RecordOpening(ctx, l.ID, leader, []byte("session"), "pages")) // a page turned
	if _, err := d.DestroyPaper(ctx, l.ID, Destruction{Sheets: 1}, 7); !errors.Is(err, ErrPaperNotFree) {
		t.Fatalf("destroyed before anyone found it readable: %v", err)
	}
	d.must(d.MarkReadable(ctx, l.ID, leader))
	ledger, err := d.DestroyPaper(ctx, l.ID, Destruction{Sheets: 1, Method: Shredder, Level: "P-5", Place: "office", Witness: 8, Authority: "policy-1"}, 7)
	if err != nil || ledger != "D-2026-000001" {
		t.Fatalf("ledger number %q, %v", ledger, err)
	}
	if _, err := d.DestroyPaper(ctx, l.ID, Destruction{Sheets: 1}, 7); !errors.Is(err, ErrPaperNotFree) {
		t.Fatalf("destroyed twice: %v", err)
	}
	if err := d.MarkScanAgain(ctx, l.ID, leader, TooFaint); !errors.Is(err, ErrPaperGone) {
		t.Fatalf("wanted again after its destruction: %v", err)
	}
	want := "folder-made person-added letter-admitted letter-verified letter-receipted letter-notified letter-opened letter-readable paper-destroyed"
	if got := strings.Join(d.kinds(), " "); got != want {
		t.Errorf("on the register:\n%s\nwant:\n%s", got, want)
	}
}

func TestManifestsAreAdmittedOnce(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	m := d.manifest()
	d.must(d.Admit(ctx, m))
	d.must(d.Admit(ctx, m))
	other := m
	other.Pages = 3
	if err := d.Admit(ctx, other); !errors.Is(err, ErrSameIDOther) {
		t.Errorf("the same id with another content: %v", err)
	}
	if got := strings.Join(d.kinds(), " "); got != "folder-made letter-admitted" {
		t.Errorf("on the register: %s", got)
	}
}

// What another worker did meanwhile is never overwritten, and leaves no entry.
func TestTransitionsAreComparedAndSet(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	m := d.manifest()
	d.must(d.Admit(ctx, m))
	first, err := d.Letter(ctx, m.ID)
	d.must(err)
	second := first
	d.must(d.Verified(ctx, &first, "v1", false))
	if err := d.Verified(ctx, &second, "v2", false); !errors.Is(err, ErrMoved) {
		t.Fatalf("two workers verified it: %v", err)
	}
	if got := strings.Join(d.kinds(), " "); got != "folder-made letter-admitted letter-verified" {
		t.Errorf("on the register: %s", got)
	}
}

// No record, no act: if the entry cannot be written, nothing has happened.
func TestNoRecordNoAct(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader, l := d.leader(), d.receipted()
	if _, err := d.DB().ExecContext(ctx, `DROP TABLE entries`); err != nil {
		t.Fatal(err)
	}
	if err := d.RecordOpening(ctx, l.ID, leader, []byte("s"), "pages"); err == nil {
		t.Error("an opening that cannot be recorded was allowed")
	}
	if after, err := d.Letter(ctx, l.ID); err != nil || after.State != Receipted {
		t.Errorf("the state moved without its entry: %s, %v", after.State, err)
	}
}

// Whoever is told to end in the middle hears that, whatever it did to the
// transaction.
func TestATransactionIsToldToEnd(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := d.inTx(ctx, func(tx *sql.Tx) error {
		cancel()
		for { // until the transaction is rolled back behind our back
			if _, err := tx.ExecContext(t.Context(), `SELECT 1`); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDueLettersAreShownToNobody(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader, l := d.leader(), d.receipted()
	d.now = l.Deadline().Start()
	if err := d.RecordOpening(ctx, l.ID, leader, []byte("s"), "pages"); !errors.Is(err, ErrNotOpen) {
		t.Errorf("opened on its deadline: %v", err)
	}
}

func TestKeysDieOnRecordOnly(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	l := d.receipted()
	d.must(d.AddKey(ctx, l.Week(), "age1pq1x"))
	d.must(d.AddKey(ctx, l.Week(), "age1pq1x"))
	if err := d.AddKey(ctx, l.Week(), "age1pq1y"); err == nil {
		t.Error("a week has two keys")
	}
	if err := d.KeyDeathBegun(ctx, l.Week()); !errors.Is(err, ErrKeyNeeded) {
		t.Fatalf("the key of a living letter may die: %v", err)
	}
	d.must(d.ExpiryBegun(ctx, &l, Found{}))
	d.must(d.DeleteRows(ctx, l, "letterlock", d.now))
	if err := d.KeyDestroyed(ctx, l.Week()); !errors.Is(err, ErrMoved) {
		t.Errorf("dead before its death had begun: %v", err)
	}
	d.must(d.KeyDeathBegun(ctx, l.Week()))
	d.must(d.KeyDestroyed(ctx, l.Week()))
	if dead, err := d.Keys(ctx, KeyDead); err != nil || len(dead) != 1 {
		t.Errorf("dead keys: %v, %v", dead, err)
	}
}

func TestTheClockIsDoubted(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		leap  time.Duration
		doubt bool
	}{
		"an hour on":       {time.Hour, false},
		"thirteen days on": {13 * day, false},
		"a minute back":    {-time.Minute, false},
		"fifteen days on":  {15 * day, true},
		"a year on":        {366 * day, true},
		"an hour back":     {-time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			d, ctx := newDesk(t), t.Context()
			d.now = d.now.Add(c.leap)
			why, err := d.ClockDoubt(ctx)
			d.must(err)
			if (why != "") != c.doubt {
				t.Fatalf("doubt %q", why)
			}
			// An entry at the new time must not hide the leap.
			d.must(d.Record(ctx, RegisterExported{}, 0))
			if why, _ = d.ClockDoubt(ctx); (why != "") != c.doubt {
				t.Fatalf("after an entry, doubt %q", why)
			}
			d.must(d.ConfirmClock(ctx))
			if why, _ = d.ClockDoubt(ctx); why != "" {
				t.Fatalf("a person vouched for it, and still doubt %q", why)
			}
		})
	}
}

func TestPeopleAndCodes(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	n := d.leader()
	code, err := d.MakeCode(ctx, n, time.Hour)
	d.must(err)
	if _, err := d.CheckCode(ctx, n, "AAAAA-AAAAA"); !errors.Is(err, ErrCode) {
		t.Errorf("a wrong code: %v", err)
	}
	stale, err := d.CheckCode(ctx, n, strings.ToLower(code))
	d.must(err)
	code, err = d.MakeCode(ctx, n, time.Hour)
	d.must(err)
	if err := d.AddPasskey(ctx, n, stale, []byte("key"), "{}"); !errors.Is(err, ErrCode) {
		t.Errorf("a code that was replaced meanwhile: %v", err)
	}
	proof, err := d.CheckCode(ctx, n, code)
	d.must(err)
	d.must(d.AddPasskey(ctx, n, proof, []byte("key"), "{}"))
	if err := d.AddPasskey(ctx, n, proof, []byte("key2"), "{}"); !errors.Is(err, ErrCode) {
		t.Errorf("the code was used twice: %v", err)
	}
	code, err = d.MakeCode(ctx, n, time.Hour)
	d.must(err)
	hasCode := func(want bool, when string) {
		t.Helper()
		if has, err := d.HasCode(ctx, n); err != nil || has != want {
			t.Errorf("%s: has a code: %v, %v", when, has, err)
		}
	}
	hasCode(true, "just made")
	d.now = d.now.Add(time.Hour)
	hasCode(false, "expired")
	if _, err := d.CheckCode(ctx, n, code); !errors.Is(err, ErrCode) {
		t.Errorf("a code that has expired: %v", err)
	}
	code, err = d.MakeCode(ctx, n, time.Hour)
	d.must(err)
	for range codeTries {
		_, _ = d.CheckCode(ctx, n, "AAAAA-AAAAA")
	}
	hasCode(false, "tried too often")
	if _, err := d.CheckCode(ctx, n, code); !errors.Is(err, ErrCode) {
		t.Errorf("right, but after five wrong ones: %v", err)
	}
	code, err = d.MakeCode(ctx, n, time.Hour)
	d.must(err)
	if ended, err := d.MakeCodeKey(ctx, "first", 10*time.Minute); err != nil || ended != 1 || !strings.HasSuffix(strings.Join(d.kinds(), " "), "codes-ended") {
		t.Errorf("the key that knew the codes is lost, and %d are ended: %v; on the register: %v", ended, err, d.kinds())
	}
	if _, err := d.CheckCode(ctx, n, code); !errors.Is(err, ErrCode) {
		t.Errorf("a code that was ended: %v", err)
	}
	token, err := d.SignIn(ctx, n, "passkey")
	d.must(err)
	if s, err := d.Session(ctx, token); err != nil || s.Person.Number != n {
		t.Errorf("session: %+v, %v", s, err)
	}
	gone := d.busy(n)
	d.must(d.DisablePerson(ctx, n))
	if _, err := d.Session(ctx, token); !errors.Is(err, ErrNotFound) || !gone() {
		t.Errorf("a disabled person's session lives, or what was under way: %v", err)
	}
	if _, err := d.SignIn(ctx, n, "passkey"); err == nil {
		t.Error("a disabled person signed in")
	}
}

// What a person at the console can undo.
func TestLostDevicesAndRevokedEdges(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	n := d.leader()
	d.must(d.AddAnotherPasskey(ctx, n, []byte("lost"), "{}"))
	token, err := d.SignIn(ctx, n, "passkey")
	d.must(err)
	gone := d.busy(n)
	d.must(d.ForgetPasskeys(ctx, n))
	if keys, err := d.Passkeys(ctx, n); err != nil || len(keys) != 0 {
		t.Errorf("a lost passkey still opens: %v, %v", keys, err)
	}
	if _, err := d.Session(ctx, token); !errors.Is(err, ErrNotFound) || !gone() {
		t.Errorf("a lost device is still signed in, or what was under way goes on: %v", err)
	}
	if err := d.ForgetPasskeys(ctx, 99); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody's passkeys: %v", err)
	}

	d.must(d.AddEdge(ctx, "annexe", "a key"))
	if err := d.AddEdge(ctx, "annexe", "another"); err == nil {
		t.Error("a site's key was changed in silence")
	}
	d.must(d.RevokeEdge(ctx, "annexe", 0))
	if _, err := d.Edge(ctx, "annexe"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a revoked edge is believed: %v", err)
	}
	if err := d.RevokeEdge(ctx, "annexe", 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}
	d.must(d.AddEdge(ctx, "annexe", "another"))
	if key, err := d.Edge(ctx, "annexe"); err != nil || key != "another" {
		t.Errorf("enrolled anew it has %q, %v", key, err)
	}
}

func TestSessionsEnd(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	n := d.leader()
	token, err := d.SignIn(ctx, n, "passkey")
	d.must(err)
	for range 35 { // busy all day long
		d.now = d.now.Add(14 * time.Minute)
		if _, err = d.Session(ctx, token); err != nil {
			break
		}
	}
	if err == nil || d.now.Sub(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)) < SessionMax {
		t.Errorf("a busy session ended with %v", err)
	}
	token, err = d.SignIn(ctx, n, "passkey")
	d.must(err)
	d.now = d.now.Add(SessionIdle)
	if _, err := d.Session(ctx, token); !errors.Is(err, ErrNotFound) {
		t.Errorf("an idle session lives: %v", err)
	}
}

func TestSampleStaysSample(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	kind, err := d.Found(ctx, true)
	d.must(err)
	again, err := d.Found(ctx, false)
	d.must(err)
	if kind != KindSample || again != KindSample {
		t.Errorf("began as %s, became %s", kind, again)
	}
}

// Somebody asks for the status in the moment in which the service starts for
// the first time: both find a register without tables.
func TestTwoProcessesMakeOneRegister(t *testing.T) {
	for range 5 {
		cfg := Config{Path: filepath.Join(t.TempDir(), "letterlock.db"), URL: postgrestest.Empty(t), Now: time.Now}
		said := make(chan error)
		const processes = 4
		for range processes {
			go func() {
				r, err := Open(t.Context(), cfg)
				if err == nil {
					_, err = r.write.ExecContext(t.Context(), "SELECT value FROM meta")
					err = errors.Join(err, r.Close())
				}
				said <- err
			}()
		}
		for range processes {
			if err := <-said; err != nil {
				t.Error(err)
			}
		}
	}
}
