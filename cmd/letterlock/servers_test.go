package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// configure writes a configuration that names real servers.
func configure(t *testing.T, data string, s3 deposit.S3Config, mail string) {
	t.Helper()
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("[storage]\nendpoint = %q\nbucket = %q\naccess_key = %q\nsecret_key_file = \"s3.key\"\n", s3.Endpoint, s3.Bucket, s3.AccessKey)
	if mail != "" {
		text += fmt.Sprintf("[mail]\nsmtp = %q\nfrom = \"letters@example.org\"\n", mail)
	}
	for _, h := range exampleHelplines {
		text += fmt.Sprintf("[[helpline]]\nname = %q\ntitle = %q\n", h.Name, h.Title)
	}
	for name, content := range map[string]string{"letterlock.toml": text, "s3.key": s3.SecretKey} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// withLeastRights prepares the bucket, and gives the server of that data folder a user of
// its own in the place of the storage's administrator.
func withLeastRights(t *testing.T, data string, s3 deposit.S3Config) {
	t.Helper()
	bucket, err := archive.OpenS3(s3)
	must(t, err)
	defer func() { _ = bucket.Close() }()
	must(t, bucket.Prepare(t.Context()))
	must(t, archive.MakeServerUser(t.Context(), s3, "letterlock-server", "the secret of the server"))
	must(t, os.WriteFile(filepath.Join(data, "s3.key"), []byte("letterlock-server\nthe secret of the server\n"), 0o600))
}

// isWellOtherwise has check find nothing to see to but what every new installation has:
// no backups, no custodians and no mail server are set up, and its policy is the example.
func isWellOtherwise(t *testing.T, data string) {
	t.Helper()
	out, _ := letterlockCmd(t, data, "check").Output()
	if left := toSeeTo(string(out)); !slices.Equal(left, []string{"backup", "escrow", "mail", "people", "policy"}) {
		t.Fatalf("check says that somebody has to see to %v:\n%s", left, out)
	}
}

// toSeeTo are the names of what check says somebody has to see to.
func toSeeTo(said string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^LOOK +(\S+) +(.*)`).FindAllStringSubmatch(said, -1) {
		if !strings.HasPrefix(m[2], "The keyring lies in memory") { // as where a test's folder does
			names = append(names, m[1])
		}
	}
	return names
}

func s3Client(t *testing.T, s3 deposit.S3Config) *minio.Client {
	t.Helper()
	client, err := minio.New(strings.TrimPrefix(s3.Endpoint, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(s3.AccessKey, s3.SecretKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// traces lists every version and delete marker below a prefix, but for those of
// reports.
func traces(t *testing.T, s3 deposit.S3Config, prefix string) (keys []string) {
	t.Helper()
	for o := range s3Client(t, s3).ListObjects(t.Context(), s3.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		_, report := letter.SplitReport(o.Key)
		_, _, asked := letter.SplitAsked(o.Key)
		if !report && (!asked || strings.Contains(prefix, "/asked")) { // these come and go while a scanner runs
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// The whole way over a real S3 server with versioning and a real SMTP server,
// past the deadline and past the week, with no more rights at the storage than a running
// server needs.
func TestTheWayOverRealServers(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	post, mail := startPostbox(t)
	data := newData(t)
	configure(t, data, s3, mail)
	withLeastRights(t, data, s3)
	p := start(t, data, "", "--sample")
	p.eventually("the sample's letters are announced", func() bool {
		return p.status().Letters[register.Notified] == 3 && len(claimed(filepath.Join(data, "scanner"))) == 0
	})
	if n := len(post.mails["leader1@example.org"]); n != 2 {
		t.Errorf("the first helpline's leader has %d mails", n)
	}
	if n := len(post.mails["leader2@example.org"]); n != 1 {
		t.Errorf("the second helpline's leader has %d mails", n)
	}
	p.eventually("the day's mail is with the data-protection officer, and nothing with anybody else", func() bool {
		return post.to("protection@example.org") == 1 && post.total() == 4
	})
	for _, l := range p.letters() {
		if l.Version == "" || len(traces(t, s3, l.Object)) != 1 {
			t.Errorf("a letter's object has version %q and %d traces", l.Version, len(traces(t, s3, l.Object)))
		}
	}
	command(t, data, "check")
	p.stop()

	p = start(t, data, "", "--sample", "--clock", today().AddMonths(8).String())
	p.eventually("everything is gone, with proof", func() bool {
		kinds := entries(t, data)
		return count(kinds, "letter-deleted") == 3 && count(kinds, "key-destroyed") > 0
	})
	p.stop()
	for _, prefix := range []string{"letters/", "incoming/", "receipts/"} {
		if left := traces(t, s3, prefix); len(left) > 0 {
			t.Errorf("left under %s: %v", prefix, left)
		}
	}
}

// Deletion rules that somebody has changed are an alarm, are not mended by a
// restart, and are mended when a person asks.
func TestChangedDeletionRulesAreAnAlarm(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	data := newData(t)
	configure(t, data, s3, "")
	client := s3Client(t, s3)
	planned := func(says string) {
		t.Helper()
		if said := command(t, data, "setup", "--dry-run"); !strings.Contains(said, says) {
			t.Errorf("a dry run said:\n%s", said)
		}
	}
	planned("Bucket: it would be made")
	if there, err := client.BucketExists(t.Context(), s3.Bucket); err != nil || there || exists(filepath.Join(data, "state", "letterlock.db")) {
		t.Errorf("a dry run made something: bucket %v, %v", there, err)
	}
	command(t, data, "setup")
	planned("Bucket: it is there, with versioning")
	for _, h := range exampleHelplines {
		command(t, data, "user", "add", "--name", "Ada", "--role", "team-leader", "--helpline", h.Name, "--email", "ada@example.org")
	}
	command(t, data, "user", "add", "--name", "Mo", "--role", "manager", "--email", "mo@example.org")
	isWellOtherwise(t, data)
	if err := client.SetBucketLifecycle(t.Context(), s3.Bucket, lifecycle.NewConfiguration()); err != nil {
		t.Fatal(err)
	}
	planned("This only setup --repair would change")
	alarm := func() {
		t.Helper()
		out, err := letterlockCmd(t, data, "check").CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitWrong || !strings.Contains(string(out), "deletion rules are not Letterlock’s") {
			t.Fatalf("check ended with %v and said:\n%s", err, out)
		}
	}
	alarm()
	p := start(t, data, "")
	p.eventually("the difference is in the log too", func() bool { return strings.Contains(p.out.String(), "deletion rules are not Letterlock’s") })
	// The same sweep raises the alarm, but after it has said so.
	p.eventually("the alarm is raised", func() bool {
		return slices.ContainsFunc(p.status().Alarms, func(a alarmStatus) bool { return a.Kind == register.StorageWrong })
	})
	p.stop()
	alarm()
	if out, err := letterlockCmd(t, data, "status", "--json").Output(); exitCode(err) != exitWrong || !strings.Contains(string(out), "storage-wrong") {
		t.Errorf("status ended with %v and said:\n%s", err, out)
	}
	if err := letterlockCmd(t, data, "setup").Run(); err == nil {
		t.Error("setup mended them without being asked")
	}
	// The difference is shown, and silence is no.
	shown, err := letterlockCmd(t, data, "setup", "--repair").CombinedOutput()
	if exitCode(err) != exitFailed || !strings.Contains(string(shown), `+ rule letterlock-six-months on "letters/six-months/"`) {
		t.Errorf("asked, and not answered, setup ended with %v and said:\n%s", err, shown)
	}
	alarm()
	yes := letterlockCmd(t, data, "setup", "--repair")
	yes.Stdin = strings.NewReader("y\n")
	if out, err := yes.CombinedOutput(); err != nil {
		t.Errorf("told yes, setup ended with %v and said:\n%s", err, out)
	}
	isWellOtherwise(t, data)
	opened := filepath.Join(data, "s3.key")
	must(t, os.Chmod(opened, 0o644))
	for dir := data; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) { // in one that lets nobody in nobody reads it
		must(t, os.Chmod(dir, 0o755))
	}
	if out, _ := letterlockCmd(t, data, "check").Output(); !strings.Contains(string(out), "only this one should: the storage's secret key. Shut them out: chmod go= ") {
		t.Errorf("a secret is open to all, and check says:\n%s", out)
	}
	must(t, os.Chmod(opened, 0o600))
	isWellOtherwise(t, data)
	if err := client.SuspendVersioning(t.Context(), s3.Bucket); err != nil {
		t.Fatal(err)
	}
	command(t, data, "setup", "--repair", "--yes")
	isWellOtherwise(t, data)
}

// A slip in the configuration neither takes over another installation's bucket
// nor leaves this one's letters behind.
func TestABucketIsNotTakenOverByMistake(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	refused := func(data string, wants ...string) {
		t.Helper()
		out, err := letterlockCmd(t, data, "setup", "--repair", "--yes").CombinedOutput()
		if exitCode(err) != exitFailed {
			t.Errorf("setup ended with %v and said:\n%s", err, out)
		}
		for _, want := range wants {
			if !strings.Contains(string(out), want) {
				t.Errorf("setup does not say %q:\n%s", want, out)
			}
		}
	}
	first, second, third := newData(t), newData(t), newData(t)
	configure(t, first, s3, "")
	command(t, first, "setup")
	configure(t, second, s3, "")
	refused(second, "its recipients list is signed with the key letterlock-server+", "not taken over", "--take-over")
	command(t, first, "setup") // it is still the first one's

	// Letters in the folder are not moved, and a bucket without them is not taken.
	p := start(t, third, "", "--sample")
	p.eventually("three letters are in the folder", func() bool { return p.status().Letters[register.Notified] == 3 })
	p.stop()
	s3.Bucket = "another"
	configure(t, third, s3, "")
	out, err := letterlockCmd(t, third, "setup").CombinedOutput()
	if exitCode(err) != exitFailed || !strings.Contains(string(out), "letters lie in "+filepath.Join(third, "bucket")) {
		t.Errorf("setup ended with %v and said:\n%s", err, out)
	}
	refused(third, "3 living letters are not in it", "From the folder to an S3 server")

	command(t, second, "setup", "--repair", "--take-over", "--yes")
	command(t, second, "setup")
	refused(first, "signed with the key letterlock-server+")
}

// A letter that is dropped while the storage is down is taken when it is back, once.
func TestTheStorageIsDownForAWhile(t *testing.T) {
	binary := deposittest.Start(t) // skips without the real part; this one only lends its folder's format
	s3 := binary.Config()
	address := realpart.Address(t)
	s3.Endpoint = "http://" + address
	data := newData(t)
	_, mail := startPostbox(t)
	configure(t, data, s3, mail)
	p := start(t, data, "", "--sample")
	p.eventually("both roles have said that the storage is away", func() bool {
		return strings.Contains(p.out.String(), "The store cannot be reached") && strings.Contains(p.out.String(), "looking whether it is the right bucket")
	})
	forward(t, address, strings.TrimPrefix(binary.URL, "http://"))
	p.eventually("they are announced, once it is back", func() bool {
		return p.status().Letters[register.Notified] == 3 && len(claimed(filepath.Join(data, "scanner"))) == 0
	})
	p.stop()
	if n := count(entries(t, data), "letter-admitted"); n != 3 {
		t.Errorf("%d letters of 3 scans", n)
	}
}

// forward makes a server that was away appear at an address.
func forward(t *testing.T, at, to string) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go passOn(l, to)
}

// passOn connects whoever comes to that server.
func passOn(door net.Listener, to string) {
	for {
		c, err := door.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = c.Close() }()
			s, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer func() { _ = s.Close() }()
			go func() { _, _ = io.Copy(s, c) }()
			_, _ = io.Copy(c, s)
		}()
	}
}

// Set-up, server and scanner as docker-compose.yml starts them.
func TestServerAndScannerApart(t *testing.T) {
	o := newComposed(t)
	server, scanner := o.serve(), o.scan("")
	scanner.eventually("the scanner has made its folders", func() bool { return exists(filepath.Join(o.scans, "respect-phoneline")) })
	if err := os.WriteFile(filepath.Join(o.scans, "respect-phoneline", "a.tif"), specimen.New(1, 2).G4TIFF(), 0o600); err != nil {
		t.Fatal(err)
	}
	server.eventually("the letter is announced", func() bool { return server.status().Letters[register.Notified] == 1 })
	scanner.eventually("the scanner has its receipt", func() bool {
		slips, _ := filepath.Glob(filepath.Join(o.scans, "respect-phoneline", "taken", "*.txt"))
		return len(slips) == 1
	})
	scanner.eventually("people read what they call their helpline", func() bool {
		text, _ := os.ReadFile(filepath.Join(o.scans, "respect-phoneline", "STATUS.txt"))
		return strings.Contains(string(text), "in the folder of Respect Phoneline just now")
	})
	out, err := o.scanner("status").CombinedOutput()
	if err != nil || !regexp.MustCompile("refused +0").Match(out) {
		t.Errorf("scanner status: %v\n%s", err, out)
	}
	if out, err := o.scanner("check").CombinedOutput(); err != nil || !strings.Contains(string(out), "The store lets this scanner put letters") {
		t.Errorf("scanner check: %v\n%s", err, out)
	}
	// With another site's rights at the storage it may not put what it says of letters.
	key, config := filepath.Join(o.edge, "storage.key"), filepath.Join(o.edge, "scanner.toml")
	must(t, archive.MakeEdgeUser(t.Context(), o.s3, "elsewhere", "letterlock-elsewhere", strings.TrimSpace(read(t, key))))
	own := read(t, config)
	must(t, os.WriteFile(config, []byte(strings.Replace(own, `"letterlock-office"`, `"letterlock-elsewhere"`, 1)), 0o600))
	if out, err := o.scanner("check").CombinedOutput(); exitCode(err) != exitWrong || !regexp.MustCompile(`LOOK +put +The store does not let this scanner put anything below incoming/office\.`).Match(out) {
		t.Errorf("scanner check, with another's rights: %v\n%s", err, out)
	}
	must(t, os.WriteFile(config, []byte(own), 0o600))
	scanner.stop()
	server.stop()
	if exists(filepath.Join(o.data, "state", "letterlock.db")) {
		t.Error("the register is not in the database's server")
	}
	o.isKept(t)
}

// isKept backs up and escrows what docker-compose.yml started, loses database and data
// folder, and restores them, all by the words of ADMIN.md.
func (o *apart) isKept(t *testing.T) {
	t.Helper()
	_, section, _ := strings.Cut(read(t, "ADMIN.md"), "\n## With docker compose\n")
	section, _, _ = strings.Cut(section, "\n## ")
	keeping, restoring, ok := strings.Cut(section, "\n**Restoring.**")
	keeping, newer, also := strings.Cut(keeping, "\n**A newer version with another PostgreSQL**")
	if !ok || !also {
		t.Fatal("ADMIN.md does not say how the composition is restored")
	}
	sticks := map[string]string{}
	for _, at := range []string{"/stick", "/ann", "/bob", "/cat"} {
		sticks[at] = t.TempDir()
	}
	put := regexp.MustCompile(`(?m)^docker compose cp policy\.md letterlock:(\S+)$`).FindStringSubmatch(keeping)
	if put == nil {
		t.Fatal("ADMIN.md does not say where the policy goes")
	}
	must(t, os.WriteFile(o.here(put[1]), []byte("# Who reads what\n\nOnly those who must.\n"), 0o644))
	before := command(t, o.data, "letters", "--json")
	for _, m := range inComposition.FindAllString(keeping, -1) {
		repairs := strings.Contains(m, "--repair")
		if repairs {
			must(t, s3Client(t, o.s3).SetBucketLifecycle(t.Context(), o.s3.Bucket, lifecycle.NewConfiguration()))
			if out, err := letterlockCmd(t, o.data, o.setup(nil)...).CombinedOutput(); err == nil || !strings.Contains(string(out), "setup --repair") {
				t.Errorf("with other deletion rules set-up ended with %v and said:\n%s", err, out)
			}
			m += " --yes"
		}
		switch said, status := o.composed(m, sticks); {
		case repairs && !strings.Contains(said, "the rules were written again"):
			t.Errorf("%s: %d\n%s", m, status, said)
		case strings.HasSuffix(m, "letterlock check"):
			if left := toSeeTo(said); !slices.Equal(left, []string{"mail", "people"}) {
				t.Errorf("check says that somebody has to see to %v:\n%s", left, said)
			}
		case strings.Contains(m, "--test-mail"): // the server's own rights are enough to get there
			if status != exitWrong || !strings.Contains(said, "Mail: no mail server is set") {
				t.Errorf("%s: %d\n%s", m, status, said)
			}
		case status != exitDone:
			t.Fatalf("%s: %d\n%s", m, status, said)
		}
		nextSecond()
	}

	losesDatabase := func() {
		o.database.Do(t, "DROP DATABASE letterlock WITH (FORCE)")
		o.database.Do(t, "CREATE DATABASE letterlock")
	}
	must(t, os.Rename(o.data, o.data+".lost"))
	must(t, os.Mkdir(o.data, 0o700))
	losesDatabase()
	lines := regexp.MustCompile(`(?m)^docker compose .*$`).FindAllString(restoring, -1)
	fromNewest := func(line string) string {
		return regexp.MustCompile(`/backups/\S+`).ReplaceAllString(line, "/backups/"+filepath.Base(newestBackup(t, o.here("/backups"))))
	}
	env := map[string]string{"LETTERLOCK_SITE": "office-2"}
	must(t, os.Rename(o.edge, o.edge+".lost"))
	says := []string{"the keyring holds no key", "is in the keyring again", "Done, and on the register", "office-2 is enrolled", "Written: ",
		"letterlock-office, was removed"}
	for _, line := range lines {
		var said string
		switch {
		case inComposition.MatchString(line):
			line = fromNewest(line)
			if strings.HasSuffix(line, "restore") {
				line += " --yes"
			}
			said, _ = o.composed(line, sticks)
		case strings.HasSuffix(line, " setup"), strings.HasSuffix(line, " up -d"): // which begins with set-up
			out, _ := letterlockCmd(t, o.data, o.setup(env)...).CombinedOutput()
			said = string(out)
		default:
			continue
		}
		if len(says) == 0 || !strings.Contains(said, says[0]) {
			t.Fatalf("%s\nsaid, and it should have said %q first:\n%s", line, says, said)
		}
		if strings.HasPrefix(says[0], "Written") && strings.Contains(said, "backup-key.pub") {
			t.Errorf("the key of backups is in the backup, which says:\n%s", said)
		}
		says = says[1:]
	}
	if len(says) > 0 {
		t.Errorf("nothing said %q", says)
	}
	if !strings.Contains(read(t, filepath.Join(o.edge, "scanner.toml")), "\nduplex = \"yes\"\n") {
		t.Error("the scanner does not scan as compose.toml says")
	}
	// Another PostgreSQL begins with an empty volume, beside the data folder that is there,
	// and with a backup of what was recorded last.
	another := inComposition.FindAllString(newer, -1)
	if len(another) != 3 {
		t.Fatalf("with another PostgreSQL ADMIN.md has these typed: %q", another)
	}
	nextSecond()
	if said, status := o.composed(another[0], sticks); status != exitDone || !strings.Contains(said, "Written: ") {
		t.Errorf("%s: %d\n%s", another[0], status, said)
	}
	losesDatabase()
	another = another[1:]
	another[0] = regexp.MustCompile(`restored-\d+`).ReplaceAllString(fromNewest(another[0]), "restored-20261129") + " --yes"
	for i, says := range []string{"Done, and on the register", "Written: "} {
		nextSecond()
		if said, status := o.composed(another[i], sticks); status != exitDone || !strings.Contains(said, says) {
			t.Errorf("%s: %d\n%s", another[i], status, said)
		}
	}
	if after := command(t, o.data, "letters", "--json"); after != before {
		t.Errorf("the letters were\n%s\nand are\n%s", before, after)
	}
}
