package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	_ "modernc.org/sqlite"

	"letterlock/pipeline/backup"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/realpart"
)

// backedUp is a sample for which backups are set up: its data folder, the folder
// of the backups and the file with their key.
func backedUp(t *testing.T) (data, kept, key string) {
	t.Helper()
	data = newSample(t)
	kept, key = setUpBackups(t, data)
	return data, kept, key
}

// setUpBackups puts them into the configuration.
func setUpBackups(t testing.TB, data string) (kept, key string) {
	t.Helper()
	kept, key = t.TempDir(), filepath.Join(t.TempDir(), "key.txt")
	made := command(t, data, "key", "backup", "--out", key)
	recipients := regexp.MustCompile(`(?m)^recipients = .*`).FindString(made)
	path := filepath.Join(data, "letterlock.toml")
	text, err := os.ReadFile(path)
	must(t, err)
	before, after, _ := strings.Cut(string(text), "\n[backup]\n")
	must(t, os.WriteFile(path, fmt.Appendf(nil, "%s\n[backup]\nfolder = %q\n%s\n%s", before, kept, recipients, after), 0o600))
	return kept, key
}

func newestBackup(t testing.TB, kept string) string {
	t.Helper()
	all, err := backup.List(kept)
	must(t, err)
	if len(all) == 0 {
		t.Fatal("there is no backup")
	}
	return all[len(all)-1].Path
}

// In a backup there is no row of a letter that is gone, in any table but those of
// the register's own entries, which name its id for good, and of papers that still
// have to be destroyed; and neither the keyring nor
// a letter is in it. Stock age and tar say so.
func TestABackupHoldsNoRowOfALetterThatIsGone(t *testing.T) {
	data, kept, key := backedUp(t)
	var ids []string
	p := start(t, data, "", "--sample")
	p.isSetUp()
	for _, l := range p.letters() {
		ids = append(ids, string(l.ID))
	}
	living := unpackByHand(t, firstBackup(t, data, kept), key)
	if n := rowsOf(t, living, ids); n == 0 {
		t.Fatal("the rows of living letters are not found: the search cannot fail")
	}
	moveSample(t, data, p.letters()[0].Deadline.AddDays(1))
	p.eventually("the letters are gone, with proof", func() bool { return len(p.letters()) == 0 && deletions(t, data) == len(ids) })
	command(t, data, "backup")
	p.stop()

	files := unpackByHand(t, newestBackup(t, kept), key)
	if n := rowsOf(t, files, ids); n > 0 {
		t.Errorf("%d rows of letters that are gone are in the backup", n)
	}
	must(t, filepath.WalkDir(files, func(path string, d os.DirEntry, err error) error {
		if strings.Contains(path, "keyring") || strings.HasSuffix(path, ".age") {
			t.Errorf("%s is in the backup", path)
		}
		return err
	}))
	if found := searchTree(files, "AGE-SECRET-KEY"); len(found) > 0 {
		t.Errorf("a letter's key is in %v", found)
	}
	for _, name := range []string{"letterlock-backup.json", "config/letterlock.toml", "data/state/letterlock.db", "data/state/register.key", "data/state/server.key", "data/state/codes.key", "data/register.pub", "data/policy.md"} {
		if !exists(filepath.Join(files, name)) {
			t.Errorf("%s is not in the backup", name)
		}
	}
}

func firstBackup(t testing.TB, data, kept string) string {
	t.Helper()
	command(t, data, "backup")
	return newestBackup(t, kept)
}

// unpackByHand opens a backup with stock age and tar.
func unpackByHand(t *testing.T, path, key string) (files string) {
	t.Helper()
	tool := realpart.Tool(t, "age", "age (filippo.io/age/cmd/age, 1.3 or later)")
	files = t.TempDir()
	opened := exec.Command(tool, "-d", "-i", key, path)
	unpacked := exec.Command("tar", "-x", "-C", files)
	var said bytes.Buffer
	opened.Stderr, unpacked.Stderr = &said, &said
	var err error
	unpacked.Stdin, err = opened.StdoutPipe()
	must(t, err)
	must(t, opened.Start())
	if err := unpacked.Run(); err != nil {
		t.Fatalf("tar: %v\n%s", err, said.String())
	}
	if err := opened.Wait(); err != nil {
		t.Fatalf("age: %v\n%s", err, said.String())
	}
	return files
}

// deletions counts the proofs of deletion on the register.
func deletions(t *testing.T, data string) (n int) {
	t.Helper()
	for _, kind := range entries(t, data) {
		if kind == "letter-deleted" {
			n++
		}
	}
	return n
}

// rowsOf counts the rows that name one of the ids in any table but those of the
// register's entries and of papers.
func rowsOf(t *testing.T, files string, ids []string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(files, "data", "state", "letterlock.db")+"?mode=ro")
	must(t, err)
	defer func() { _ = db.Close() }()
	rows, err := db.Query(`SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT IN ('entries', 'papers')`)
	must(t, err)
	var questions []string
	for rows.Next() {
		var table, column string
		must(t, rows.Scan(&table, &column))
		questions = append(questions, fmt.Sprintf(`SELECT count(*) FROM %q WHERE instr(CAST(%q AS TEXT), $1) > 0`, table, column))
	}
	must(t, rows.Err())
	for _, question := range questions {
		for _, id := range ids {
			var found int
			must(t, db.QueryRow(question, id).Scan(&found))
			n += found
		}
	}
	return n
}

// Killed at any step of a backup, a drill or a restore, the same command run again
// does it whole. What names people lies nowhere but in the database afterwards,
// and at no step is there a restored register that is open.
func TestKillAtEveryStepOfABackupAndARestore(t *testing.T) {
	data, kept, key := backedUp(t)
	for _, step := range []string{"backup-recorded", "backup-copied", "backup-written"} {
		nextSecond()
		killedAt(t, data, step, "backup")
		nextSecond()
		command(t, data, "backup")
		noneLeft(t, data)
	}
	from := newestBackup(t, kept)
	killedAt(t, data, "drill-unpacked", "restore", "--drill", "--from", from, "--key", key)
	command(t, data, "restore", "--drill", "--from", from, "--key", key)
	noneLeft(t, data)

	// So does the day's backup, beside a server that goes on; and a server that starts.
	killedAt(t, data, "drill-unpacked", "restore", "--drill", "--from", from, "--key", key)
	nextSecond()
	command(t, data, "backup")
	noneLeft(t, data)
	killedAt(t, data, "drill-unpacked", "restore", "--drill", "--from", from, "--key", key)
	nextSecond()
	killedAt(t, data, "backup-copied", "backup")
	p := start(t, data, "", "--sample")
	p.isSetUp()
	p.stop()
	noneLeft(t, data)

	place := filepath.Join(t.TempDir(), "new")
	for _, folder := range []string{"bucket", "keyring"} {
		must(t, os.CopyFS(filepath.Join(place, folder), os.DirFS(filepath.Join(data, folder))))
	}
	for _, step := range []string{"unpacked", "unpacked-closed", "unpacked-placed", "unpacked-named"} {
		killedAt(t, place, step, "restore", "--yes", "--from", from, "--key", key)
		for _, begin := range [][]string{{"up", "--listen", "localhost:0"}, {"serve", "--listen", "localhost:0"}, {"setup"}, {"status"}, {"restore"}} {
			out, err := letterlockCmd(t, place, begin...).CombinedOutput()
			if exitCode(err) != exitUse || !strings.Contains(string(out), "go on with the same command") {
				t.Fatalf("killed at %q, %s ended with %v and said:\n%s", step, begin, err, out)
			}
		}
	}
	killedAt(t, place, "replay-begun", "restore", "--yes", "--from", from, "--key", key)
	if len(closedFor(t, place)) == 0 {
		t.Fatal("killed in the replay, and it is open")
	}
	command(t, place, "restore", "--yes")
	if signs := closedFor(t, place); len(signs) > 0 {
		t.Errorf("restored, and it is closed: %v", signs)
	}
	noneLeft(t, place)
	if got, want := command(t, place, "letters", "--json"), command(t, data, "letters", "--json"); got != want {
		t.Errorf("other letters came back:\n%s\nwant\n%s", got, want)
	}
}

// nextSecond waits for it: a backup is named by its second.
func nextSecond() { time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) }

// noneLeft fails the test when a copy of the database lies beside it.
func noneLeft(t *testing.T, data string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(data, "state"))
	must(t, err)
	for _, f := range files {
		for _, passing := range []string{".backup", ".drill", ".restoring"} {
			if strings.HasPrefix(f.Name(), passing) {
				t.Errorf("%s is left in the folder", f.Name())
			}
		}
	}
}

// A backup whose register was tampered with is refused, although it is sealed well:
// its recipient is no secret, so that anybody may have made it.
func TestABackupOfAnotherRegisterIsRefused(t *testing.T) {
	data, kept, key := backedUp(t)
	command(t, data, "backup")
	good := newestBackup(t, kept)
	files := unpackByHand(t, good, key)
	for name, tamper := range map[string]string{
		"an entry is another": `UPDATE entries SET line = replace(line, '"sample":true', '"sample":false') WHERE seq = 0`,
		"entries are missing": `DELETE FROM entries WHERE seq > 3`,
	} {
		db := filepath.Join(t.TempDir(), "letterlock.db")
		text, err := os.ReadFile(filepath.Join(files, "data", "state", "letterlock.db"))
		must(t, err)
		must(t, os.WriteFile(db, text, 0o600))
		handle, err := sql.Open("sqlite", db)
		must(t, err)
		_, err = handle.Exec(tamper)
		must(t, err)
		must(t, handle.Close())
		forged := forge(t, good, key, db)
		place := filepath.Join(t.TempDir(), "new")
		out, err := letterlockCmd(t, place, "restore", "--yes", "--from", forged, "--key", key).CombinedOutput()
		if exitCode(err) != exitFailed || !strings.Contains(string(out), "is not used") || exists(filepath.Join(place, "state", "letterlock.db")) {
			t.Errorf("%s: ended with %v and said:\n%s", name, err, out)
		}
	}
}

// forge seals the backup's files anew, with another database.
func forge(t *testing.T, good, keyFile, db string) (path string) {
	t.Helper()
	text, err := os.ReadFile(keyFile)
	must(t, err)
	keys, err := age.ParseIdentities(bytes.NewReader(text))
	must(t, err)
	sealed, err := os.Open(good)
	must(t, err)
	defer func() { _ = sealed.Close() }()
	dir := t.TempDir()
	var files []backup.File
	about, err := backup.Read(sealed, keys, func(name string, content io.Reader) error {
		if name == "data/"+databaseName {
			files = append(files, backup.File{Name: name, Path: db})
			return nil
		}
		b, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		files = append(files, backup.File{Name: name, Path: filepath.Join(dir, fmt.Sprint(len(files)))})
		return os.WriteFile(files[len(files)-1].Path, b, 0o600)
	})
	must(t, err)
	path, err = backup.Make(t.TempDir(), about, []age.Recipient{keys[0].(*age.HybridIdentity).Recipient()}, files, nil)
	must(t, err)
	return path
}

// Backups go when their week is over, and check says so where they do not.
func TestBackupsGoWithTheirWeek(t *testing.T) {
	data, kept, _ := backedUp(t)
	old := firstBackup(t, data, kept)
	moveSample(t, data, letter.DateOf(time.Now()).AddDays(10))
	out, err := letterlockCmd(t, data, "check").CombinedOutput()
	if exitCode(err) != exitWrong || !strings.Contains(string(out), "LOOK      backup") {
		t.Errorf("without a backup for ten days check ended with %v and said:\n%s", err, out)
	}
	in := beside(t, data)
	must(t, in.register.KeepTime(t.Context(), register.MetaBackup, in.clock.Now()))
	in.close()
	if out, _ := letterlockCmd(t, data, "check").CombinedOutput(); !strings.Contains(string(out), "is kept for longer than it may be") {
		t.Errorf("with a backup of ten days ago check said:\n%s", out)
	}
	if said := command(t, data, "backup"); !strings.Contains(said, "Removed, so that none is kept for longer than 7 days: 1 backup") || exists(old) {
		t.Errorf("the old backup is there, and it said:\n%s", said)
	}
	if out, _ := letterlockCmd(t, data, "check").CombinedOutput(); !strings.Contains(string(out), "ok        backup") {
		t.Errorf("with a backup of now check said:\n%s", out)
	}
}

// The folder of the backups is changed: nobody removes those that lie in the one before, so
// that each backup names it, and check once one is older than it may be, until they are gone.
func TestTheFormerFolderOfBackupsIsNamed(t *testing.T) {
	data, former, _ := backedUp(t)
	firstBackup(t, data, former)
	now, config := t.TempDir(), filepath.Join(data, "letterlock.toml")
	text := read(t, config)
	must(t, os.WriteFile(config, []byte(strings.Replace(text, former, now, 1)), 0o600))
	says := "In " + former + ", into which backups went before, nothing is removed any more: remove those that lie there by hand, within 7 days.\n"
	checks := func(when, state, want string) {
		t.Helper()
		if out, _ := letterlockCmd(t, data, "check").CombinedOutput(); !regexp.MustCompile(`(?m)^` + state + ` +backup +.*` + regexp.QuoteMeta(want)).Match(out) {
			t.Errorf("%s check does not say %q:\n%s", when, want, out)
		}
	}
	if said := command(t, data, "backup"); !strings.Contains(said, says) {
		t.Errorf("the first into another folder said:\n%s", said)
	}
	checks("at once", "ok", "The last backup is of")
	moveSample(t, data, letter.DateOf(time.Now()).AddDays(8))
	if said := command(t, data, "backup"); !strings.Contains(said, says) {
		t.Errorf("while one lies there it said:\n%s", said)
	}
	checks("after a week", "LOOK", "lies in a folder into which backups went before, "+former+", and is kept for longer than it may be")
	must(t, os.Remove(newestBackup(t, former)))
	checks("once it is removed", "ok", "The last backup is of")
	must(t, os.Remove(newestBackup(t, now))) // its name is its second
	command(t, data, "backup")
	must(t, os.Remove(newestBackup(t, now)))
	if said := command(t, data, "backup"); strings.Contains(said, former) {
		t.Errorf("of an empty folder it said:\n%s", said)
	}
}

// The disk of the folder of before is away for a day, or the timer's unit does not show it: it
// is named again once its backups are to be seen. One that stays empty is named once.
func TestAFormerFolderThatLooksEmptyIsNotForgotten(t *testing.T) {
	data, former, _ := backedUp(t)
	firstBackup(t, data, former)
	now, config := t.TempDir(), filepath.Join(data, "letterlock.toml")
	must(t, os.WriteFile(config, []byte(strings.Replace(read(t, config), former, now, 1)), 0o600))
	must(t, os.Rename(former, former+".away"))
	must(t, os.Mkdir(former, 0o700))
	for n, says := range []bool{true, false, true} {
		if n == 2 {
			must(t, errors.Join(os.Remove(former), os.Rename(former+".away", former)))
		}
		if said := command(t, data, "backup"); strings.Contains(said, "In "+former+", into which backups went before") != says {
			t.Errorf("on day %d the folder of before is to be named: %v. It said:\n%s", n, says, said)
		}
		moveSample(t, data, letter.DateOf(time.Now()).AddDays(n+1))
	}
}

// The folder of before is on a share whose machine is gone, and whoever looks into it never
// comes back: backups are made as before, one after the other, and check blames no folder.
func TestAFormerFolderThatNeverAnswersStopsNoBackup(t *testing.T) {
	data, former, _ := backedUp(t)
	firstBackup(t, data, former)
	now, config := t.TempDir(), filepath.Join(data, "letterlock.toml")
	must(t, os.WriteFile(config, []byte(strings.Replace(read(t, config), former, now, 1)), 0o600))
	hangs, asked := make(chan struct{}), make(chan struct{}, 10)
	listFormer = func(string) ([]backup.Kept, error) {
		asked <- struct{}{}
		<-hangs
		return nil, nil
	}
	t.Cleanup(func() {
		close(hangs)
		listFormer = backup.List
	})
	ends := func(command, says string) {
		t.Helper()
		said := make(chan string, 1)
		go func() {
			out, err := looks(data, command)
			said <- fmt.Sprint(out, err)
		}()
		select {
		case out := <-said:
			if !strings.Contains(out, says) {
				t.Errorf("%s said:\n%s", command, out)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s waits for the folder of before", command)
		}
		<-asked
	}
	for range 2 {
		ends("backup", "In "+former+", into which backups went before")
		ends("check", "ok        backup       The last backup is of")
		must(t, os.Remove(newestBackup(t, now))) // its name is its second
	}
}

// The folder of the backups is called by another path: it is no folder of before, and nobody
// is told to remove the backups of now.
func TestTheSameFolderByAnotherPathIsNoFormerOne(t *testing.T) {
	data, kept, _ := backedUp(t)
	firstBackup(t, data, kept)
	linked, config := filepath.Join(t.TempDir(), "backups"), filepath.Join(data, "letterlock.toml")
	must(t, os.Symlink(kept, linked))
	text := read(t, config)
	for n, path := range []string{kept + "/", linked, filepath.Dir(kept) + "//" + filepath.Base(kept), kept} {
		must(t, os.WriteFile(config, []byte(strings.Replace(text, kept, path, 1)), 0o600))
		moveSample(t, data, letter.DateOf(time.Now()).AddDays(n+1))
		if said := command(t, data, "backup"); strings.Contains(said, "went before") {
			t.Errorf("called %s it said:\n%s", path, said)
		}
	}
	in := beside(t, data)
	t.Cleanup(in.close)
	if folders, err := in.register.BackupFolders(t.Context(), in.serverName()); err != nil || len(folders) != 1 {
		t.Errorf("on record are %v, %v", folders, err)
	}
	if former, _ := in.oldestFormer([]register.BackupFolder{{Path: linked}, {Path: kept + "/."}}); former != "" {
		t.Errorf("check takes %s for another folder", former)
	}
}

// The key to which backups are sealed is not where it is said to be, as on a second server to
// which nobody has copied it: check names the file before the day on which none is made.
func TestACheckNamesTheKeyOfBackupsThatIsNotThere(t *testing.T) {
	data, kept, _ := backedUp(t)
	firstBackup(t, data, kept)
	must(t, os.Remove(filepath.Join(data, "key.pub")))
	if out, _ := letterlockCmd(t, data, "check").CombinedOutput(); !strings.Contains(string(out), "LOOK      backup       The file key.pub cannot be read, with the key to which backups are sealed") {
		t.Errorf("check said:\n%s", out)
	}
}
