package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/specimen"
)

// The server's disk is lost; the bucket on a real S3 server, a backup of the first day
// and the keyring on its own volume are not. A drill finds what is missing. Restored
// beside the bucket, killed at each step and run again, the letter that came after the
// backup is there and opens, and those that ended after it stay gone, with their proof
// written anew, and without a row. Then the bucket is lost too.
func TestALostServerComesBackBesideItsBucket(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	data := newData(t)
	configure(t, data, s3, "")
	kept, key := setUpBackups(t, data)
	p := start(t, data, "", "--sample")
	p.eventually("the sample's letters are announced", func() bool {
		return p.status().Letters[register.Notified] == 3 && len(claimed(filepath.Join(data, "scanner"))) == 0
	})
	ended := p.letters()
	from := firstBackup(t, data, kept)
	p.stop()
	p = start(t, data, "", "--sample", "--clock", today().AddDays(20).String())
	p.isSetUp()
	must(t, os.WriteFile(filepath.Join(data, "scanner", "respect-phoneline", "later.tif"), specimen.New(9, 1).G4TIFF(), 0o600))
	p.eventually("the fourth is announced", func() bool { return p.status().Letters[register.Notified] == 4 })
	late := ended[0].Deadline.AddDays(9)
	moveSample(t, data, late)
	p.eventually("the three are gone, with proof", func() bool { return len(p.letters()) == 1 && deletions(t, data) == 3 })
	living := p.letters()[0]
	command(t, data, "restore", "--drill", "--from", from, "--key", key)
	p.stop()

	place := newData(t)
	must(t, os.CopyFS(filepath.Join(place, "keyring"), os.DirFS(filepath.Join(data, "keyring"))))
	must(t, os.RemoveAll(data))
	for _, step := range []string{"unpacked", "replay-begun"} {
		killedAt(t, place, step, "restore", "--yes", "--from", from, "--key", key)
	}
	moveSample(t, place, late) // its own clock is of the first day
	for _, step := range []string{"replay-adopted", "replay-remains"} {
		killedAt(t, place, step, "restore", "--yes")
		if len(closedFor(t, place)) == 0 {
			t.Fatalf("killed at %q, and it is open", step)
		}
	}
	command(t, place, "restore", "--yes")
	if signs := closedFor(t, place); len(signs) > 0 {
		t.Errorf("restored, and it is closed: %v", signs)
	}

	all := lettersOf(t, place)
	if len(all) != 1 || all[0].ID != living.ID || all[0].Deadline != living.Deadline || deletions(t, place) != 3 {
		t.Fatalf("there are %d letters and %d proofs: %+v", len(all), deletions(t, place), all)
	}
	client := s3Client(t, s3)
	sealed, err := client.GetObject(t.Context(), s3.Bucket, all[0].Object, minio.GetObjectOptions{})
	must(t, err)
	if pdf := opened(t, place, all[0], sealed); string(pdf[:5]) != "%PDF-" {
		t.Error("the letter is no PDF")
	}
	if left := traces(t, s3, "letters/"); len(left) != 1 {
		t.Errorf("in the bucket are %v", left)
	}
	var ids []string
	for _, l := range ended {
		ids = append(ids, string(l.ID))
	}
	files := t.TempDir() // as rowsOf finds them in a backup
	must(t, os.CopyFS(filepath.Join(files, "data", "state"), os.DirFS(filepath.Join(place, "state"))))
	if n := rowsOf(t, files, ids); n > 0 {
		t.Errorf("%d rows of letters that are gone", n)
	}
	p = start(t, place, "", "--sample")
	p.eventually("the fourth is announced again", func() bool { return p.status().Letters[register.Notified] == 1 })
	p.stop()
	losesTheBucket(t, place, s3)
}

// losesTheBucket is the page "The bucket", of which there is no copy: a new one is
// taken only when a person says so, and gets Letterlock's rules. The letter that was
// lost stays on record, and what comes goes the whole way.
func losesTheBucket(t *testing.T, data string, s3 deposit.S3Config) {
	t.Helper()
	must(t, s3Client(t, s3).RemoveBucketWithOptions(t.Context(), s3.Bucket, minio.RemoveBucketOptions{ForceDelete: true}))
	for _, c := range []struct{ says, args string }{
		{"letterlock setup --repair", "setup"},
		{"1 living letter", "setup --repair --yes"},
	} {
		out, err := letterlockCmd(t, data, strings.Fields(c.args)...).CombinedOutput()
		if exitCode(err) == exitDone || !strings.Contains(string(out), c.says) {
			t.Errorf("%s ended with %v and said:\n%s", c.args, err, out)
		}
	}
	page := pageOf(t, "The bucket")
	for _, line := range page[:2] {
		command(t, data, append(strings.Fields(line)[1:], "--yes")...)
	}
	p := start(t, data, "", "--sample")
	p.isSetUp()
	must(t, os.WriteFile(filepath.Join(data, "scanner", "respect-phoneline", "new.tif"), specimen.New(10, 1).G4TIFF(), 0o600))
	p.eventually("the next letter is announced", func() bool { return p.status().Letters[register.Notified] == 2 })
	if left := traces(t, s3, "letters/"); len(left) != 1 {
		t.Errorf("in the new bucket are %v", left)
	}
	out, err := letterlockCmd(t, data, strings.Fields(page[2])[1:]...).CombinedOutput()
	if !regexp.MustCompile(`(?m)^ok +storage `).Match(out) || !regexp.MustCompile(`(?m)^ok +missing .*\b1\b`).Match(out) {
		t.Errorf("check ended with %v and said:\n%s", err, out)
	}
	p.stop()
}

// The page "The key that opens backups": with the new key's public half in the
// configuration, the new key alone opens what is made from then on, and the old one
// what was made before.
func TestTheKeyThatOpensBackupsIsChanged(t *testing.T) {
	data, kept, first := backedUp(t)
	before := firstBackup(t, data, kept)
	second := filepath.Join(t.TempDir(), "backup-key-2.txt")
	made := command(t, data, "key", "backup", "--out", second)
	line := regexp.MustCompile(`(?m)^recipients = .*`)
	config := filepath.Join(data, "letterlock.toml")
	must(t, os.WriteFile(config, []byte(line.ReplaceAllLiteralString(read(t, config), line.FindString(made))), 0o600))
	nextSecond()
	command(t, data, "backup")
	after := newestBackup(t, kept)
	for _, c := range []struct {
		backup, key string
		opens       bool
	}{{before, first, true}, {before, second, false}, {after, first, false}, {after, second, true}} {
		out, err := letterlockCmd(t, data, "restore", "--drill", "--from", c.backup, "--key", c.key).CombinedOutput()
		if c.opens && err != nil || !c.opens && (exitCode(err) != exitUse || !strings.Contains(string(out), "is not the key of this backup")) {
			t.Errorf("%s with %s ended with %v and said:\n%s", filepath.Base(c.backup), filepath.Base(c.key), err, out)
		}
	}
}
