package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/specimen"
)

// A real mail server is given another password, refuses one person's address, hangs up without a word after it
// has taken a mail, and takes one so slowly that the process is killed before it says
// so. Whoever can be told is told meanwhile; 'check' says by number who is not; and in
// the end everybody is told of every letter, under one Message-ID however often.
func TestTheMailServerFails(t *testing.T) {
	post, at := startPostbox(t)
	data := newSample(t)
	config := filepath.Join(data, "letterlock.toml")
	password := filepath.Join(data, "mail.password")
	must(t, os.WriteFile(password, []byte("of last year\n"), 0o600))
	post.fails(func(p *postbox) { p.password = "of last year" })
	must(t, os.WriteFile(config, []byte(strings.Replace(read(t, config), "[mail]\n", fmt.Sprintf("[mail]\nsmtp = %q\npassword_file = \"mail.password\"\n", strings.Replace(at, "smtp://", "smtp://clerk@", 1)), 1)), 0o600))
	var bo added
	must(t, json.Unmarshal([]byte(command(t, data, "user", "add", "--name", "Bo", "--role", "team-leader",
		"--helpline", "respect-phoneline", "--email", "bo@example.org", "--json")), &bo))
	const first, other = "leader1@example.org", "leader2@example.org" // of Bo's helpline, and of the other one
	p := start(t, data, "", "--sample")
	p.isSetUp()
	letters := 3
	drops := func(helpline string) {
		letters++
		must(t, os.WriteFile(filepath.Join(data, "scanner", helpline, fmt.Sprintf("%d.tif", letters)), specimen.New(uint64(letters), 1).G4TIFF(), 0o600))
	}
	announced := func(after string) {
		t.Helper()
		p.eventually("everybody is told after "+after, func() bool {
			s := p.status()
			return s.Letters[register.Notified] == letters && s.MailWaiting == 0
		})
	}

	post.fails(func(p *postbox) { p.refuses = "bo@example.org" })
	drops("respect-phoneline")
	drops("mens-advice-line")
	p.eventually("the others are told", func() bool { return len(post.told(t, first)) == 1 && len(post.told(t, other)) == 1 })
	p.eventually("check says by number who is not", func() bool {
		out, err := letterlockCmd(t, data, "check").CombinedOutput()
		return exitCode(err) == exitWrong && strings.Contains(string(out), fmt.Sprintf("did not take the mail to staff number %d.", bo.Number)) &&
			!strings.Contains(string(out), "bo@")
	})
	if out, _ := looks(data, "status"); !strings.Contains(out, "Mail waits that the mail server has not taken") {
		t.Errorf("status says:\n%s", out)
	}
	post.fails(func(p *postbox) { p.refuses, p.drops = "", 2 })
	announced("an address was refused, and the connection dropped")
	if n := repeats(t, post, first, "bo@example.org", other); n == 0 {
		t.Error("no mail whose taking was not heard of came again")
	}

	// The account gets another password, and a while later the server's file has it.
	post.fails(func(p *postbox) { p.password = "of this year" })
	drops("mens-advice-line")
	p.eventually("the old password is refused", func() bool { return p.status().MailWaiting > 0 })
	must(t, os.WriteFile(password, []byte("of this year\n"), 0o600))
	announced("the password was changed under it")

	post.holdsBack(first)
	drops("respect-phoneline")
	p.eventually("a mail is taken without a word", func() bool { return post.held() > 0 })
	drops("mens-advice-line")
	p.eventually("another helpline's is announced meanwhile", func() bool { return len(post.told(t, other)) == 3 })
	before := repeats(t, post, first)
	must(t, p.cmd.Process.Kill())
	p.wait()
	if strings.Contains(p.out.String(), "example.org") {
		t.Errorf("the log names an address:\n%s", p.out)
	}
	post.answers()
	p = start(t, data, "", "--sample")
	announced("it was killed between the sending and the note of it")
	if n := repeats(t, post, first); n != before+1 {
		t.Errorf("the mail of which no note was made came %d times more", n-before)
	}
	p.stop()
	onceEach(t, data, letters)

	// Whoever sets mail up learns at once whether it goes, and setup itself is done whatever comes of it.
	trial := func(status int, says string, args ...string) {
		t.Helper()
		out, err := letterlockCmd(t, data, append([]string{"setup"}, args...)...).CombinedOutput()
		if exitCode(err) != status || !strings.Contains(string(out), says) || !strings.Contains(string(out), "Keys: the recipients list is in the bucket.") || strings.Contains(string(out), "it@") {
			t.Errorf("setup %v ended with %v and said:\n%s", args, err, out)
		}
	}
	trial(exitDone, "Mail: the mail server answers.")
	trial(exitDone, "Mail: the mail server has taken the test message.", "--test-mail", "it@example.org")
	if n := post.to("it@example.org"); n != 1 {
		t.Errorf("%d test messages came", n)
	}
	post.fails(func(p *postbox) { p.refuses = "it@example.org" })
	trial(exitWrong, "the server answered 550 5.1.1", "--test-mail", "it@example.org")
	post.close()
	trial(exitDone, "Mail: nothing goes out just now (connecting to mail server")
	if said := command(t, data, "setup"); strings.Contains(said, "Mail: ") { // as at each start of a composition
		t.Errorf("run again, setup says it again:\n%s", said)
	}
	trial(exitWrong, "Mail: nothing goes out just now (connecting to mail server", "--test-mail", "it@example.org")
	refused(t, data, "--test-mail is a plain address", "setup", "--test-mail", "It <it@example.org>")
	must(t, os.WriteFile(config, []byte(strings.Replace(read(t, config), "smtp = \"smtp:", "smtp = \"http:", 1)), 0o600))
	trial(exitDone, "Mail: it cannot be used as it is set")
}

// repeats counts the mails about letters that those people had before; none may be
// under another Message-ID than the first.
func repeats(t *testing.T, post *postbox, people ...string) (n int) {
	t.Helper()
	for _, person := range people {
		for _, ids := range post.told(t, person) {
			if n += len(ids) - 1; len(slices.Compact(ids)) != 1 {
				t.Errorf("one letter was told of under the ids %v", ids)
			}
		}
	}
	return n
}
