package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/deposit/deposittest"
)

// inProcess runs a command in this process, without a person at the keyboard.
func inProcess(data string, args ...string) (said, complained string, status int) {
	var out, errout bytes.Buffer
	status = run(append([]string{"--data", data}, args...), &out, &errout)
	return out.String(), errout.String(), status
}

// contents are every file of the folder with its bytes, but what a register notes of each
// process that has used it.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.Contains(path, "letterlock.db") || strings.Contains(path, string(os.PathSeparator)+"cache"+string(os.PathSeparator)) {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", path, sha256.Sum256(text))
		return err
	}))
	return b.String()
}

// From an empty folder to a working server by flags alone, on a real storage, database
// and mail server: the server is a user of its own at the storage, nothing is filled in by hand, no secret stands in the configuration,
// and what was said once may be said again, and changes nothing.
func TestSetUpByFlagsAlone(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	database := "postgres://letterlock@" + postgrestest.Start(t).Guarded(t, "letterlock", "the database secret") + "/letterlock"
	_, post := startPostbox(t)
	data, secrets := newData(t), t.TempDir()
	for name, text := range map[string]string{"storage": s3.AccessKey + "\n" + s3.SecretKey + "\n", "database": "the database secret\n"} {
		must(t, os.WriteFile(filepath.Join(secrets, name), []byte(text), 0o600))
	}
	args := []string{"setup", "--origin", "https://letters.example.org", "--storage", s3.Endpoint, "--bucket", s3.Bucket, "--server-user", "server",
		"--storage-admin", filepath.Join(secrets, "storage"), "--database", database, "--database-password-file", filepath.Join(secrets, "database"),
		"--mail-server", post, "--mail-from", "letters@example.org", "--helpline", "women=Women's \"Line\"", "--helpline", "men=Men's Line", "--admin-name", "Ada Example", "--admin-address", "ada@example.org"}
	command(t, data, "setup", "--settings") // in which nobody fills in anything
	before := contents(t, data)
	if said := command(t, data, append(slices.Clone(args), "--dry-run")...); !strings.Contains(said, "letterlock.toml is there, and would be filled in") || !strings.Contains(said, "Bucket: it would be made") || !strings.Contains(said, "it would say [portal] origin = \"https://letters.example.org\"") || !strings.Contains(said, "Storage user: server would be made") || !strings.Contains(said, "First administrator: where there is none yet, would be made") || contents(t, data) != before {
		t.Errorf("a dry run made something, or said:\n%s", said)
	}
	said := regexp.MustCompile(`First sign-in     https://letters.example.org/enrol\?person=1 with the code (\S+), within 24 hours \(administrator\)\n`)
	if out := command(t, data, args...); !said.MatchString(out) {
		t.Errorf("set-up said:\n%s", out)
	}
	config := filepath.Join(data, "letterlock.toml")
	text := read(t, config)
	for _, secret := range []string{s3.SecretKey, "the database secret"} {
		if strings.Contains(text, secret) {
			t.Error("a secret stands in the configuration")
		}
	}
	if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the configuration: %v, %v", info, err)
	}
	cfg, err := readConfig(config)
	must(t, err)
	if own, err := cfg.s3(config); err != nil || own.AccessKey != "server" || own.SecretKey == s3.SecretKey {
		t.Errorf("the server is %s at the storage, %v", own.AccessKey, err)
	}
	if want := []Helpline{{"women", "Women's \"Line\""}, {"men", "Men's Line"}}; !slices.Equal(cfg.Helplines, want) || cfg.Storage.Region != "us-east-1" {
		t.Errorf("the configuration says %+v", cfg)
	}
	made := contents(t, data)
	if out := command(t, data, args...); !strings.Contains(out, "person=1 with the code that was said before") {
		t.Errorf("set up again, it said:\n%s", out)
	}
	command(t, data, "setup")
	if contents(t, data) != made {
		t.Error("set up again, something was changed")
	}
	// Who means another server says so in the file.
	refused(t, data, "says something else of [storage] bucket than --bucket does", "setup", "--bucket", "others")
	refused(t, data, "staff number 1, by another name or address", "setup", "--admin-name", "Bo Example")
	refused(t, data, "its [[helpline]] blocks", "setup", "--helpline", "women=Women")
	if contents(t, data) != made {
		t.Error("refused, and something was changed")
	}
	p := &program{t: t, data: data, out: &safeBuffer{}, cmd: letterlockCmd(t, data, "serve", "--listen", "localhost:0")}
	p.begin()
	p.eventually("the server is ready", func() bool {
		return strings.Contains(p.out.String(), "First sign-in     https://letters.example.org/enrol?person=1 ")
	})
	out, _ := letterlockCmd(t, data, "check").Output()
	if left := toSeeTo(string(out)); !slices.Equal(left, []string{"backup", "escrow", "people", "policy"}) {
		t.Errorf("check says that somebody has to see to %v:\n%s", left, out)
	}
	p.stop()

	// Who they are is the portal's once they can sign in; the script goes on all the same.
	in := beside(t, data)
	must(t, in.register.AddAnotherPasskey(t.Context(), 1, []byte("one"), "{}"))
	must(t, in.register.ChangePerson(t.Context(), register.Person{Number: 1, Name: "Ada Married", Email: "married@example.org", Role: register.Administrator}, 1))
	in.close()
	if out := command(t, data, args...); !strings.Contains(out, "somebody can sign in as one already; nobody is made or changed") || !strings.Contains(out, "Keys: the recipients list is in the bucket.") || !strings.Contains(out, "First sign-in     done") {
		t.Errorf("set up again once the administrator has another name, it said:\n%s", out)
	}

	// The storage is lost together with its users: its administrator makes both anew.
	other := deposittest.Start(t).Config()
	must(t, os.WriteFile(config, []byte(strings.Replace(text, s3.Endpoint, other.Endpoint, 1)), 0o600))
	must(t, os.WriteFile(filepath.Join(secrets, "storage"), []byte(other.AccessKey+"\n"+other.SecretKey+"\n"), 0o600))
	own := read(t, filepath.Join(data, "storage.key"))
	lost := []string{"setup", "--repair", "--take-over", "--yes"}
	if out, err := letterlockCmd(t, data, lost...).CombinedOutput(); err == nil {
		t.Errorf("without its administrator the storage was made ready:\n%s", out)
	}
	if out := command(t, data, append(lost, "--server-user", "server", "--storage-admin", filepath.Join(secrets, "storage"))...); !strings.Contains(out, "Bucket: ready") || read(t, filepath.Join(data, "storage.key")) != own {
		t.Errorf("with it, it said:\n%s", out)
	}
}

// A value that cannot be meant is one sentence, and nothing is made.
func TestSetUpRefusesWhatCannotBeMeant(t *testing.T) {
	secrets := t.TempDir()
	secret, empty := filepath.Join(secrets, "secret"), filepath.Join(secrets, "empty")
	must(t, os.WriteFile(secret, []byte("secret\n"), 0o600))
	must(t, os.WriteFile(empty, nil, 0o600))
	storage := func(endpoint, file string) []string {
		return []string{"--storage", endpoint, "--bucket", "letters", "--access-key", "me", "--secret-file", file}
	}
	for says, args := range map[string][]string{
		"origin is https:// and a host name":                              {"--origin", "letters.example.org"},
		"belong together: --bucket is missing":                            {"--storage", "https://s3.example.org"},
		"belong together: --storage is missing":                           {"--region", "eu-west-2"},
		"endpoint is not a URL":                                           storage("s3.example.org", secret),
		"endpoint is http:// on another machine":                          storage("http://s3.example.org", secret),
		"secret key cannot be read":                                       storage("https://s3.example.org", filepath.Join(secrets, "nowhere")),
		"secret key is empty":                                             storage("https://s3.example.org", empty),
		"is not one of the form postgres://":                              {"--database", "mysql://db/letters"},
		"a file that holds it is named by url_file":                       {"--database", "/etc/letterlock/database"},
		"[database] url holds a password":                                 {"--database", "postgres://me:hidden@localhost/letters"},
		"its address does not say sslmode=verify-full":                    {"--database", "postgres://me@db.example.org/letters"},
		"--database-password-file is for --database":                      {"--database-password-file", secret},
		"--database-without-tls is for":                                   {"--database-without-tls"},
		"not a URL as in smtps://":                                        {"--mail-server", "mail.example.org"},
		"the password belongs into a file of its own":                     {"--mail-server", "smtps://me:hidden@mail.example.org"},
		"a user needs a password":                                         {"--mail-server", "smtps://me@mail.example.org"},
		"--mail-password-file is for --mail-server":                       {"--mail-password-file", secret},
		"[mail] from is no address":                                       {"--mail-from", "letters"},
		"--admin-address is a plain address":                              {"--admin-name", "Ada", "--admin-address", "Ada <ada@example.org>"},
		"--admin-name is how colleagues":                                  {"--admin-name", " "},
		"--helpline is a name and a title":                                {"--helpline", "women"},
		"a helpline needs a name of lower-case letters":                   {"--helpline", "Women's Line=Women's Line"},
		"the helpline men is there twice":                                 {"--helpline", "men=Men", "--helpline", "men=Others"},
		"go by the configuration that is there: leave out what a new one": {"--move-database", "sqlite", "--bucket", "letters"},
	} {
		data := filepath.Join(t.TempDir(), "data")
		said, complained, status := inProcess(data, append([]string{"setup"}, args...)...)
		if status != exitUse || !strings.Contains(complained, says) || strings.Count(complained, "\n") != 1 || said != "" || strings.Contains(complained, "hidden") {
			t.Errorf("%v ended with %d and said: %s%s", args, status, said, complained)
		}
		if exists(data) {
			t.Errorf("%v left something behind", args)
		}
	}
}

// What 'up' writes for itself is what set-up may fill in, until something goes by it: then
// no flag puts another address, or other helplines, in the place of those that are used.
func TestSetUpLeavesAnInstallationAtWorkAlone(t *testing.T) {
	data := newData(t)
	command(t, data, "setup")
	before := contents(t, data)
	for _, flags := range [][]string{{"--origin", "https://letters.example.org"}, {"--helpline", "women=Women's Line"}} {
		if out, err := letterlockCmd(t, data, append([]string{"setup"}, flags...)...).CombinedOutput(); err == nil || !strings.Contains(string(out), "letterlock.toml") {
			t.Errorf("%v: %v\n%s", flags, err, out)
		}
	}
	if contents(t, data) != before {
		t.Error("something was changed")
	}
}
