package main

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// pageOf are the commands of a page of ADMIN.md's "Losing things".
func pageOf(t *testing.T, title string) (commands []string) {
	t.Helper()
	_, page, found := strings.Cut(read(t, "ADMIN.md"), "\n### "+title+"\n")
	page, _, _ = strings.Cut(page, "\n### ")
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(page)
	if !found || block == nil {
		t.Fatalf("there is no page %q with commands", title)
	}
	return strings.Split(strings.TrimSpace(block[1]), "\n")
}

// The page "The server, stolen": with the storage's credentials ended at once, the
// thief, who has the whole data folder, fetches nothing. The new machine has every
// letter, and takes new ones, which the stolen keys do not open.
func TestTheServerIsStolen(t *testing.T) {
	store := deposittest.Start(t)
	s3 := store.Config()
	data := newData(t)
	configure(t, data, s3, "")
	kept, key := setUpBackups(t, data)
	p := start(t, data, "", "--sample")
	p.eventually("the sample's letters are announced", func() bool {
		return p.status().Letters[register.Notified] == 3 && len(claimed(filepath.Join(data, "scanner"))) == 0
	})
	before := p.letters()
	session := p.signsIn("Morgan Manager") // whose cookie is in the backup too, as a hash
	if _, page := session.do(http.MethodGet, "/letters", nil); !strings.Contains(page, before[0].Reference) {
		t.Fatalf("the manager sees no letter:\n%s", page)
	}
	sticks := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	command(t, data, makeShares(sticks)...)
	from := firstBackup(t, data, kept)
	p.stop()

	thief := s3 // root's, as they lie in the data folder
	store.Stop()
	store.SecretKey = rand.Text()
	store.Resume(t)
	if _, err := s3Client(t, thief).StatObject(t.Context(), thief.Bucket, before[0].Object, minio.StatObjectOptions{}); err == nil {
		t.Fatal("the stolen credentials are good")
	}
	place := newData(t)
	path := strings.NewReplacer("/var/lib/letterlock", place, "letterlock-20261128T040000Z.tar.age", from, "/mnt/stick/backup-key.txt", key,
		"/mnt/ann", sticks[0], "/mnt/bob", sticks[1], "/mnt/cat", sticks[2])
	for i, line := range pageOf(t, "The server, stolen") {
		words := strings.Fields(path.Replace(line))
		if words[0] == "rm" {
			must(t, os.Remove(words[1]))
			continue
		}
		if words[1] == "restore" {
			words = append(words, "--yes")
		}
		out, err := letterlockCmd(t, place, words[1:]...).CombinedOutput()
		if refused := strings.Contains(string(out), "the storage refuses"); (i == 0) != refused || (i == 0) != (err != nil) {
			t.Fatalf("%s ended with %v and said:\n%s", line, err, out)
		}
		if i == 0 {
			must(t, os.WriteFile(filepath.Join(place, "s3.key"), []byte(store.SecretKey), 0o600))
		}
	}
	if after := lettersOf(t, place); len(after) != len(before) {
		t.Errorf("%d letters of %d", len(after), len(before))
	}
	p = start(t, place, "", "--sample")
	p.isSetUp()
	must(t, os.WriteFile(filepath.Join(place, "scanner", "respect-phoneline", "new.tif"), specimen.New(9, 1).G4TIFF(), 0o600))
	p.eventually("a new letter is announced", func() bool { return p.status().Letters[register.Notified] == 4 })
	stolen, err := keyring.Open(filepath.Join(data, "keyring"))
	must(t, err)
	for _, l := range p.letters() {
		old := slices.ContainsFunc(before, func(b letterLine) bool { return b.ID == l.ID })
		sealed, err := s3Client(t, store.Config()).GetObject(t.Context(), s3.Bucket, l.Object, minio.GetObjectOptions{})
		must(t, err)
		if _, err := stolen.Unseal(l.Key, sealed); (err == nil) != old {
			t.Errorf("whoever has the stolen keys and a copy of the bucket: a letter of before the keys were replaced %v, and reading it gives: %v", old, err)
		}
	}
	session.origin = p.origin()
	if status, page := session.do(http.MethodGet, "/letters", nil); strings.Contains(page, before[0].Reference) {
		t.Errorf("a session of the stolen server lives on: %d", status)
	}
	p.stop()
}

// The page "The mail account": what the lost one could not send waits, is counted,
// and is sent by the new one.
func TestTheMailAccountIsLost(t *testing.T) {
	data := newData(t)
	s3 := deposittest.Start(t).Config()
	configure(t, data, s3, "smtp://"+realpart.Address(t)) // where nobody takes it any more
	p := start(t, data, "", "--sample")
	p.eventually("three letters' mails wait", func() bool { return p.status().MailWaiting >= 3 })
	post, mail := startPostbox(t)
	for _, line := range pageOf(t, "The mail account") {
		words := strings.Fields(line)
		switch {
		case words[0] == "systemctl":
			p.stop()
			config := filepath.Join(data, "letterlock.toml")
			text := regexp.MustCompile(`smtp = .*`).ReplaceAllString(read(t, config), `smtp = "`+mail+`"`)
			must(t, os.WriteFile(config, []byte(text), 0o600))
			p = start(t, data, "", "--sample")
			p.eventually("the new account sends what waited", func() bool { s := p.status(); return s.MailWaiting == 0 && s.Letters[register.Notified] == 3 })
		case words[1] == "status":
			if out, _ := letterlockCmd(t, data, "status").CombinedOutput(); !strings.Contains(string(out), "mail") {
				t.Errorf("status says nothing of mails:\n%s", out)
			}
		default:
			command(t, data, words[1:]...)
		}
	}
	if post.to("leader1@example.org") != 2 || post.to("leader2@example.org") != 1 {
		t.Errorf("mails: %d and %d", post.to("leader1@example.org"), post.to("leader2@example.org"))
	}
	p.stop()
}
