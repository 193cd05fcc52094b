package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"letterlock/cmd/progress/terminaltest"
	"letterlock/scanner/deposit/deposittest"
)

// setUpAt starts set-up as a person at that terminal does, who may interrupt it.
func setUpAt(t *testing.T, terminal *terminaltest.Terminal, data string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := letterlockCmd(t, data, append([]string{"setup"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal.Program, terminal.Program, terminal.Program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

// A person at a terminal is asked for what a new server needs. What cannot be meant is
// said at once, what the storage or the database refuses once all is said, when all may be said anew, a
// secret that was there already included; none is ever shown, and whoever ends it leaves
// nothing behind. Once the answers are written nothing is asked again, but who the
// administrator is where that is not known yet; ended there, it says what is made.
func TestSetUpAsks(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	data := filepath.Join(t.TempDir(), "data")
	terminal := terminaltest.Open(t, 200)
	answers := func(question, answer string) {
		t.Helper()
		terminal.Asks(t, question)
		terminal.Types(t, answer+"\n")
	}
	hidden := func(question, secret string) {
		t.Helper()
		terminal.Asks(t, question)
		if !terminal.Hidden(t) {
			t.Errorf("whoever types as soon as %q stands there is shown what they type", question)
		}
		terminal.Types(t, secret+"\n")
		terminal.Hides(t, false)
	}
	set := setUpAt(t, terminal, data)
	answers("https://letters.example.org; none is this machine alone [none]: ", "letters.example.org")
	terminal.Asks(t, "Not taken: origin is https:// and a host name")
	answers("this machine alone [none]: ", "https://letters.example.org")
	answers("none is a folder on this machine [none]: ", "s3.example.org")
	answers("Not taken: opening bucket: the endpoint is not a URL", s3.Endpoint)
	answers("the bucket's name [letterlock]: ", s3.Bucket)
	answers("its region [us-east-1]: ", "")
	answers("the access key: ", s3.AccessKey)
	terminal.Asks(t, "the secret key (not shown): ")
	terminal.Types(t, "\x03") // Ctrl-C
	if err := set.Wait(); exitCode(err) != exitFailed {
		t.Errorf("interrupted, it ended with %v", err)
	}
	terminal.Asks(t, "interrupted. Nothing was changed")
	terminal.Hides(t, false)
	if exists(data) {
		t.Error("interrupted, it left something behind")
	}

	const nowhere = "postgres://me@127.0.0.1:1/letters"
	key, password := filepath.Join(data, "storage.key"), filepath.Join(data, "mail.password")
	must(t, os.Mkdir(data, 0o700))
	must(t, os.WriteFile(key, []byte("a wrong secret\n"), 0o600)) // as a set-up that was cut off leaves it
	set = setUpAt(t, terminal, data, "--origin", "https://letters.example.org")
	answers("none is a folder on this machine [none]: ", s3.Endpoint)
	answers("the bucket's name [letterlock]: ", s3.Bucket)
	answers("its region [us-east-1]: ", "eu-west-3")
	answers("the access key: ", s3.AccessKey)
	terminal.Asks(t, "the secret key is taken from "+key)
	answers("none is one beside the settings [none]: ", "keys")
	answers("Not taken: this is no whole path", filepath.Join(data, "keys"))
	answers("none is a file on this machine [none]: ", nowhere)
	hidden("the database's password (not shown; Enter where it needs none): ", "the database secret")
	answers("none is nobody being told of letters [none]: ", "smtps://me:hidden@mail.example.org")
	answers("Not taken: reading mail server: the password belongs into a file of its own", "smtps://me@mail.example.org")
	hidden("the password of the user there (not shown): ", "the mail secret")
	answers("the sender's address [letterlock@letters.example.org]: ", "")
	answers("[respect-phoneline=Respect Phoneline and mens-advice-line=Men's Advice Line]: ", "Women")
	answers("Not taken: --helpline is a name and a title", "women=Women's Line")
	answers("one more [no more]: ", "")
	answers("none leaves it to the first start [none]: ", "Ada Example")
	answers("their mail address [none]: ", "ada")
	answers("Not taken: this is no plain address", "ada@example.org")
	answers("send a test message there at the end, yes or no [yes]: ", "perhaps")
	answers("Not taken: this is neither yes nor no", "") // and later no mail server is named
	again := func(why, region, to, secret, typed, database, mail, admin string) {
		t.Helper()
		terminal.Asks(t, "That does not work yet: "+why)
		answers("none is a folder on this machine ["+s3.Endpoint+"]: ", "")
		if read(t, key) != "a wrong secret\n" || exists(password) || exists(filepath.Join(data, "database.password")) || exists(filepath.Join(data, "letterlock.toml")) {
			t.Error("nobody has agreed, and something was made or changed")
		}
		answers("the bucket's name ["+s3.Bucket+"]: ", "")
		answers("its region ["+region+"]: ", to)
		answers("the access key ["+s3.AccessKey+"]: ", "")
		hidden("the secret key (not shown; Enter "+secret+"): ", typed)
		answers("none is one beside the settings ["+filepath.Join(data, "keys")+"]: ", "")
		answers("none is a file on this machine ["+database+"]: ", "none")
		answers("none is nobody being told of letters ["+mail+"]: ", "none")
		answers("[women=Women's Line]: ", "")
		answers("none leaves it to the first start ["+admin+"]: ", "none")
	}
	there := "keeps what is in " + key + ", and what you type takes its place"
	again("the database cannot be reached", "eu-west-3", "", there, "", nowhere, "smtps://me@mail.example.org", "Ada Example")
	again("", "eu-west-3", "eu-west-2", there, "", "none", "none", "none")
	again("", "eu-west-2", "", there, "another wrong secret", "none", "none", "none")
	again("", "eu-west-2", "", "takes the one from before", s3.SecretKey, "none", "none", "none")
	terminal.Asks(t, "it would say [storage] region = \"eu-west-2\"")
	terminal.Asks(t, "it would say [storage] secret_key_file = \"storage.key\"")
	terminal.Asks(t, "Bucket: it would be made")
	answers("Is all this to be made? [y/N] ", "y")
	terminal.Asks(t, "Keys: the recipients list is in the bucket.")
	must(t, set.Wait())

	config := filepath.Join(data, "letterlock.toml")
	cfg, err := readConfig(config)
	must(t, err)
	if !slices.Equal(cfg.Helplines, []Helpline{{"women", "Women's Line"}}) || cfg.Portal.Origin != "https://letters.example.org" || cfg.Storage.SecretKeyFile != "storage.key" || cfg.Storage.Region != "eu-west-2" || cfg.KeyringFolder != "keys" || !exists(filepath.Join(data, "keys")) {
		t.Errorf("the configuration says %+v", cfg)
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 || read(t, key) != s3.SecretKey+"\n" {
		t.Errorf("the secret's file is %v, %v", info, err)
	}

	set = setUpAt(t, terminal, data)
	terminal.Asks(t, "none leaves it to the first start [none]: ")
	terminal.Types(t, "\x04") // Ctrl-D
	terminal.Asks(t, "interrupted. Bucket and keys are ready and stay so, and nobody was made an administrator. Run this again")
	if err := set.Wait(); exitCode(err) != exitFailed {
		t.Errorf("interrupted at the end, it ended with %v", err)
	}
	post, at := startPostbox(t)
	must(t, os.WriteFile(config, []byte(strings.Replace(read(t, config), "[mail]\n", fmt.Sprintf("[mail]\nsmtp = %q\n", at), 1)), 0o600))
	set = setUpAt(t, terminal, data)
	answers("none leaves it to the first start [none]: ", "Ada Example")
	answers("their mail address [none]: ", "ada@example.org")
	answers("send a test message there at the end, yes or no [yes]: ", "")
	terminal.Asks(t, "/enrol?person=1 with the code ")
	terminal.Asks(t, "Mail: the mail server has taken the test message.")
	must(t, set.Wait())
	set = setUpAt(t, terminal, data)
	must(t, set.Wait())
	seen := terminal.Sees(t, "Mail: the mail server answers.")
	if n := post.to("ada@example.org"); n != 1 {
		t.Errorf("%d test messages came", n)
	}
	if strings.Contains(seen, "another wrong secret") || strings.Contains(seen, "the mail secret") || strings.Contains(seen, "the database secret") || strings.Contains(seen, s3.SecretKey) {
		t.Errorf("a secret was shown:\n%s", seen)
	}
	if strings.Count(seen, "their mail address") != 3 {
		t.Errorf("set up again, it asked once more:\n%s", seen)
	}
}
