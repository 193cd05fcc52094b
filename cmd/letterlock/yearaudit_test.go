package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/minio/minio-go/v7"
	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/pipeline/retention"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// copies is somebody who copies a letter's object from the bucket on its first
// day. What the copy is worth then is tried: it opens.
func (y *year) copies(l register.Letter) (sealed, plain []byte) {
	y.t.Helper()
	body, _, err := y.in.store.Read(y.t.Context(), l.ObjectKey(), l.Lies.Version)
	y.must(err)
	sealed, err = io.ReadAll(body)
	y.must(err)
	y.must(body.Close())
	opened, err := y.in.keyring.Unseal(l.Week(), bytes.NewReader(sealed))
	y.must(err)
	plain, err = io.ReadAll(opened)
	y.must(err)
	return sealed, plain
}

// needles are texts to look for, by their first eight bytes.
type needles map[uint64][]needle

type needle struct{ text, what string }

func (n needles) add(text, what string) {
	if len(text) >= 8 {
		first := binary.LittleEndian.Uint64([]byte(text))
		n[first] = append(n[first], needle{text, what})
	}
}

// in says what is found in the data.
func (n needles) in(data []byte) (found []string) {
	for i := 0; i+8 <= len(data); i++ {
		for _, k := range n[binary.LittleEndian.Uint64(data[i:])] {
			if bytes.HasPrefix(data[i:], []byte(k.text)) && !slices.Contains(found, k.what) {
				found = append(found, k.what)
			}
		}
	}
	return found
}

// below looks through the names and bytes of every file below a folder, and
// counts what it has looked through.
func (n needles) below(dir string, files *int, size *int64) (found []string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		name := strings.TrimPrefix(path, dir)
		for _, what := range n.in([]byte(name)) {
			found = append(found, what+" in the name of "+name)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := readApart(path)
		if err != nil {
			return nil
		}
		*files++
		*size += int64(len(b))
		for _, what := range n.in(b) {
			found = append(found, what+" in "+name)
		}
		return nil
	})
	return found
}

// readApart reads a file, a database's in a process of its own: whoever closes
// one of its files takes away the locks of all who have it open in that process.
func readApart(path string) ([]byte, error) {
	if strings.HasPrefix(filepath.Base(path), "letterlock.db") {
		return exec.Command("cat", path).Output()
	}
	return os.ReadFile(path)
}

// plaintext is what only plaintext holds, of every paper of the year.
func (y *year) plaintext() needles {
	n := needles{}
	n.add("Canary_Name", "a file's name")
	n.add("CANARYWORD", "a word of a text")
	for _, s := range y.scans {
		n.add(s.run, fmt.Sprintf("the page of paper %d", s.number))
	}
	return n
}

// goneTold is for how many days a scanner is told that a letter was erased before
// its time, or that a paper was destroyed after its letter.
const goneTold = 30

// bygone is what must have gone with the letters that have ended: their sealed
// bytes, and what their rows held; their ids too where that is asked, and those of
// letters of which the scanner is still told. The keys of weeks that are over are
// in it.
func (y *year) bygone(ids, told bool) needles {
	n := needles{}
	for _, s := range y.scans {
		if !y.mustBeGone(s) {
			continue
		}
		of := fmt.Sprintf(" of letter %s (fate %d, gone since %s)", s.id, s.fate, s.ends)
		n.add(string(s.sealed[len(s.sealed)/2:][:48]), "sealed bytes"+of)
		if s.paper { // a paper that waits keeps its id and reference, and at the scanner its record
			continue
		}
		for _, row := range s.rows {
			n.add(row, "a row"+of)
		}
		if ids && (told || s.told == (letter.Date{}) || s.told.AddDays(goneTold).Before(y.today())) {
			n.add(string(s.id), "the id"+of)
			n.add(s.id.Reference(), "the reference"+of)
		}
	}
	for w, text := range y.keys {
		if !y.today().Before(w.Over()) {
			secret := text[bytes.Index(text, []byte("AGE-SECRET-KEY-")):]
			n.add(string(bytes.TrimSpace(secret)), "the key "+string(w))
		}
	}
	return n
}

// audit looks for everything that must not be there, in everything that was
// written, and tries what must be.
func (y *year) audit(when string) {
	y.t.Helper()
	var found []string
	var files int
	var size int64
	look := func() bool {
		files, size, found = 0, 0, nil
		plain, gone, ids, untold := y.plaintext(), y.bygone(false, false), y.bygone(true, true), y.bygone(true, false)
		for _, dir := range []string{y.data, y.server.Dir, y.temp} {
			for _, n := range []needles{plain, gone} {
				found = append(found, n.below(dir, &files, &size)...)
			}
		}
		found = append(found, plain.in([]byte(y.said+y.p.out.String()))...)
		// The register keeps ids, and so do mailboxes and the log. Nothing else does.
		for _, dir := range []string{filepath.Join(y.data, "scanner"), filepath.Join(y.data, "state", "edge"), filepath.Join(y.data, "keyring")} {
			found = append(found, ids.below(dir, &files, &size)...)
		}
		found = append(found, untold.below(y.server.Dir, &files, &size)...)
		found = append(found, y.inRows(ids, untold)...)
		return len(found) == 0
	}
	if y.p.running() {
		y.eventually("every scan has left the scanner folder", func() bool { return len(claimed(filepath.Join(y.data, "scanner"))) == 0 })
	}
	// MinIO keeps what it has deleted in a bin, for five minutes or until it starts.
	y.server.Stop()
	y.server.Resume(y.t)
	// Slips go, marks are swept and the bin is emptied a moment later.
	for late := time.Now().Add(patience); !look() && time.Now().Before(late); {
		y.pauses()
	}
	for _, f := range found {
		y.t.Errorf("%s, on %s: %s", when, y.today(), f)
	}
	y.searched = fmt.Sprintf("%d files, %d MB", files, size>>20)
	if len(found) > 0 {
		y.t.FailNow()
	}
	y.bucketHoldsTheLiving()
	if y.p.running() {
		y.livingOpen()
	}
}

// inRows looks through every row of the database, but for the register's own.
// Jobs that have ended are kept for a minute, in which half a year passes here:
// they are looked through once another start has cleared them away. What somebody
// has put on record by a tray is of use for half an hour, in which a whole day's work
// is done here: it counts once it is over.
func (y *year) inRows(ids, untold needles) (found []string) {
	y.t.Helper()
	db := y.in.register.DB()
	names, err := db.QueryContext(y.t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('entries', 'tree', $1)`,
		map[bool]string{false: "river_job"}[y.startedAgain])
	y.must(err)
	var tables []string
	for names.Next() {
		var name string
		y.must(names.Scan(&name))
		tables = append(tables, name)
	}
	y.must(names.Close())
	for _, table := range tables {
		over := ""
		if table == "underway" {
			over = fmt.Sprintf(" WHERE kind <> 'tray' OR ends <= %d", y.in.clock.Now().UnixMilli())
		}
		rows, err := db.QueryContext(y.t.Context(), `SELECT * FROM "`+table+`"`+over)
		y.must(err)
		columns, err := rows.Columns()
		y.must(err)
		for rows.Next() {
			cells := make([]any, len(columns))
			for i := range cells {
				cells[i] = new([]byte)
			}
			y.must(rows.Scan(cells...))
			for i, c := range cells {
				if columns[i] == "answers" {
					continue // an answer names its letter as long as it lives itself
				}
				n := ids
				if table == "gone" {
					n = untold
				}
				for _, what := range n.in(*c.(*[]byte)) {
					found = append(found, what+" in table "+table+", column "+columns[i])
				}
			}
		}
		y.must(rows.Close())
	}
	return found
}

// bucketHoldsTheLiving compares every version and marker in the bucket with the
// letters that live.
func (y *year) bucketHoldsTheLiving() {
	y.t.Helper()
	want := map[string]int{}
	y.must(y.in.register.EachLetter(y.t.Context(), func(l register.Letter) error {
		want[l.ObjectKey()]++
		return nil
	}))
	living := len(want)
	for _, s := range y.scans {
		if !y.mustBeGone(s) {
			living--
		}
	}
	if living != 0 {
		y.t.Errorf("there are %d living letters more than by the account", living)
	}
	for _, key := range traces(y.t, y.s3, letter.LettersPrefix) {
		want[key]--
	}
	for key, n := range want {
		if n != 0 {
			y.t.Errorf("%d versions too few (below 0: too many) of %s", n, key)
		}
	}
	if left := traces(y.t, y.s3, letter.IncomingPrefix); len(left) > 0 {
		y.t.Errorf("manifests that were taken in are still there: %v", left)
	}
}

// livingOpen opens every letter that lives: each shows its own page and no other.
func (y *year) livingOpen() {
	y.t.Helper()
	pages := y.plaintext()
	for _, s := range y.scans {
		l, err := y.in.register.Letter(y.t.Context(), s.id)
		if err != nil || !l.Open(y.in.clock.Now()) || s.run == "" {
			continue
		}
		status, pdf := y.as(manager).do(http.MethodGet, "/l/"+string(s.id)+"/letter.pdf", nil)
		shows := slices.DeleteFunc(pages.in([]byte(pdf)), func(what string) bool { return !strings.HasPrefix(what, "the page") })
		if status != http.StatusOK || len(shows) != 1 || shows[0] != fmt.Sprintf("the page of paper %d", s.number) {
			y.t.Errorf("letter %s (fate %d) answers %d and shows %v", s.id, s.fate, status, shows)
		}
	}
}

// putsBackADeadKey is somebody with an old copy of the keyring. The key dies again.
func (y *year) putsBackADeadKey() {
	y.t.Helper()
	var dead letter.Week
	for w := range y.keys {
		if !y.today().Before(w.Over()) {
			dead = w
		}
	}
	if dead == "" {
		y.t.Fatal("no key has died")
	}
	y.must(os.WriteFile(filepath.Join(y.data, "keyring", string(dead)+".txt"), y.keys[dead], 0o600))
	y.moves(y.today().AddDays(1))
	y.lives()
	if !y.recorded("key-found-again", "") {
		y.t.Error("it is not on record that a dead key was found again")
	}
}

// isWell asks whether anything needs somebody.
func (y *year) isWell() {
	y.t.Helper()
	y.eventually("no alarm stands", func() bool { return letterlockCmd(y.t, y.data, "status").Run() == nil })
	y.eventually("check finds nothing", func() bool { return letterlockCmd(y.t, y.data, "check").Run() == nil })
}

// registerHolds verifies the register as a stranger does: its export continues
// every checkpoint that was ever left in the bucket.
func (y *year) registerHolds() {
	y.t.Helper()
	text, err := os.ReadFile(filepath.Join(y.data, "register.pub"))
	y.must(err)
	pub, err := note.NewVerifier(strings.TrimSpace(string(text)))
	y.must(err)
	client := s3Client(y.t, y.s3)
	var heads []register.Head
	for _, key := range traces(y.t, y.s3, letter.CheckpointsPrefix) {
		object, err := client.GetObject(y.t.Context(), y.s3.Bucket, key, minio.GetObjectOptions{})
		y.must(err)
		body, err := io.ReadAll(object)
		y.must(err)
		var statement register.Statement
		y.must(json.Unmarshal(body, &statement))
		head, err := register.OpenHead(statement.Checkpoint, pub)
		y.must(err)
		heads = append(heads, head)
	}
	if len(heads) < *yearDays {
		y.t.Errorf("%d checkpoints in the bucket", len(heads))
	}
	export := filepath.Join(y.t.TempDir(), "register.ndjson")
	command(y.t, y.data, "register", "export", "--out", export)
	command(y.t, y.data, "register", "verify", export, "--key", filepath.Join(y.data, "register.pub"))
	f, err := openExport(export)
	y.must(err)
	defer func() { _ = f.Close() }()
	head, err := register.Verify(f, pub, heads...)
	y.must(err)
	y.entries = head.Entries
}

// recordAddsUp compares the retention record of the whole time with the
// account, and with that of its months.
func (y *year) recordAddsUp() {
	y.t.Helper()
	first := letter.DateOf(y.began)
	whole := y.record(retention.Period{First: first, Last: y.today()})
	var want retention.Line
	for _, s := range y.scans {
		n, p := &want.Letters, &want.Paper
		switch {
		case s.answers != "":
			n.Filed++
		case s.paper:
			n.Arrived, p.In, p.After = n.Arrived+1, p.In+1, p.After+1
		default:
			n.Arrived, p.In, p.Destroyed, p.Sheets = n.Arrived+1, p.In+1, p.Destroyed+1, p.Sheets+1
		}
		switch {
		case y.mustBeGone(s):
			n.Deleted++
		case s.holds > 0:
			n.After, n.Held = n.After+1, n.Held+1
		case s.staysOn():
			n.After, n.FiveYears = n.After+1, n.FiveYears+1
		default:
			n.After, n.Ordinary = n.After+1, n.Ordinary+1
		}
		switch s.fate {
		case kept, shared:
			n.Kept++
		case erased:
			n.Erased++
		case redirected:
			n.MovedIn, n.MovedOut = n.MovedIn+1, n.MovedOut+1
		}
	}
	want.Paper.Sheets = whole.Total.Paper.Sheets // the sample's own letters have more than one
	if whole.Total != want {
		y.t.Errorf("the retention record of the whole time says\n%+v, by the account it is\n%+v", whole.Total, want)
	}
	var sum retention.Letters
	for m := retention.MonthOf(first); m.First.Before(y.today()); m = retention.MonthOf(m.Last.AddDays(1)) {
		month := y.record(m).Total.Letters
		if month.Before != sum.After {
			y.t.Errorf("%s begins with %d letters, and the month before ended with %d", m, month.Before, sum.After)
		}
		sum.Arrived, sum.Filed, sum.Deleted, sum.After = sum.Arrived+month.Arrived, sum.Filed+month.Filed, sum.Deleted+month.Deleted, month.After
	}
	if all := want.Letters; sum.Arrived != all.Arrived || sum.Filed != all.Filed || sum.Deleted != all.Deleted || sum.After != all.After {
		y.t.Errorf("the months add up to %+v, by the account it is %+v", sum, all)
	}
}

func (y *year) record(p retention.Period) retention.Record {
	y.t.Helper()
	r, err := retention.Make(p, y.in.clock.Now(), y.in.helplineTitle, y.in.register.Story(y.t.Context(), retention.Kinds))
	y.must(err)
	for _, says := range r.Wrong {
		y.t.Errorf("the retention record of %s: %s", p, texts.English().Text(says))
	}
	return r
}

// nothingOldOpens tries to open every copy from the first day with every key
// that is left, as whoever has everything can.
func (y *year) nothingOldOpens() {
	y.t.Helper()
	var left []age.Identity
	files, err := filepath.Glob(filepath.Join(y.data, "keyring", "x*.txt"))
	y.must(err)
	for _, path := range files {
		f, err := os.Open(path)
		y.must(err)
		ids, err := age.ParseIdentities(f)
		y.must(err)
		y.must(f.Close())
		left = append(left, ids...)
	}
	for _, s := range y.scans {
		_, err := age.Decrypt(bytes.NewReader(s.sealed), left...)
		if over := !y.today().Before(s.week.Over()); over && err == nil {
			y.t.Errorf("a copy of letter %s (fate %d) from its first day still opens", s.id, s.fate)
		}
	}
	if len(left) == 0 || len(y.scans) == 0 {
		y.t.Error("no key is left, or no copy: this cannot fail")
	}
}
