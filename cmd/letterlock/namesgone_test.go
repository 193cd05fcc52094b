package main

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"letterlock/cmd/dnstest"
	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/specimen"
)

// The names by which a program knows its servers.
const storagesName, databasesName, mailsName = "s3.example.com", "db.example.com", "mail.example.com"

// nameless is a program from under which its servers' names are taken.
type nameless struct {
	*program
	dns     *dnstest.Server
	trusts  string // of its environment
	post    *postbox
	letters int
	read    int // how much of the log is accounted for
}

// wrapped puts TLS before a server, which whoever has environ trusts.
func wrapped(t *testing.T, to string) (port, environ string) {
	t.Helper()
	issuer := httptest.NewTLSServer(http.NotFoundHandler())
	defer issuer.Close()
	file := filepath.Join(t.TempDir(), "trusted.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw}), 0o600))
	door, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: issuer.TLS.Certificates, MinVersion: tls.VersionTLS12})
	must(t, err)
	t.Cleanup(func() { _ = door.Close() })
	go passOn(door, to)
	_, port, err = net.SplitHostPort(door.Addr().String())
	must(t, err)
	return port, "SSL_CERT_FILE=" + file
}

// named is the address with that name in the place of its host's.
func named(t *testing.T, address, name string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	u.Host = net.JoinHostPort(name, u.Port())
	return u.String()
}

// begins starts the program.
func (n *nameless) begins() {
	n.t.Helper()
	n.program = &program{t: n.t, data: n.data, out: &safeBuffer{}, cmd: letterlockCmd(n.t, n.data, "up", "--listen", "localhost:0")}
	n.cmd.Env = append(n.cmd.Env, n.dns.Env(), n.trusts)
	n.read = 0
	n.begin()
}

// drops leaves one more letter in the scanner folder.
func (n *nameless) drops() {
	n.t.Helper()
	n.letters++
	must(n.t, os.WriteFile(filepath.Join(n.data, "scanner", "respect-phoneline", fmt.Sprintf("%d.tif", n.letters)), specimen.New(uint64(n.letters), 1).G4TIFF(), 0o600))
}

// says waits until the log says it.
func (n *nameless) says(what string) {
	n.t.Helper()
	n.eventually("the log says "+what, func() bool { return strings.Contains(n.out.String()[n.read:], what) })
}

// Of each fault the log says one sentence of its own; of a letter that waits for a mail
// it says so at every try.
const (
	storageAway  = "the storage cannot be reached"
	storeAway    = "The store cannot be reached" // as a scanner says it
	databaseAway = "the database cannot be reached"
	letterWaits  = "a letter waits and is tried again"
)

// hasSaid fails the test where the log has said anything else than these since it was
// accounted for, or one of them more than once.
func (n *nameless) hasSaid(fault string, said ...string) {
	n.t.Helper()
	log := n.out.String()[n.read:]
	n.read += len(log)
	times := map[string]int{}
	for _, line := range regexp.MustCompile(`(?m)^.*level=(?:WARN|ERROR).*$`).FindAllString(log, -1) {
		i := slices.IndexFunc(said, func(one string) bool { return strings.Contains(line, one) })
		if i < 0 {
			n.t.Errorf("%s: the log says too %s", fault, line)
			continue
		}
		times[said[i]]++
	}
	for _, one := range said {
		if times[one] == 0 || times[one] > 1 && one != letterWaits {
			n.t.Errorf("%s: the log says %d times %q:\n%s", fault, times[one], one, log)
		}
	}
	if strings.Contains(log, "ada@") {
		n.t.Error("the log names an address")
	}
}

// isBack waits until every letter is announced, by mail too.
func (n *nameless) isBack(fault string, said ...string) {
	n.t.Helper()
	n.eventually("every letter is announced after: "+fault, func() bool {
		s := n.status()
		return s.Letters[register.Notified] == n.letters && s.MailWaiting == 0 && len(claimed(filepath.Join(n.data, "scanner"))) == 0
	})
	if told := n.post.told(n.t, "ada@example.org"); len(told) != n.letters {
		n.t.Errorf("%s: of %d letters %d were told of", fault, n.letters, len(told))
	}
	n.hasSaid(fault, said...)
}

// checkSays has 'check' say what the matter is.
func (n *nameless) checkSays(what string) {
	n.t.Helper()
	out, err := looks(n.data, "check")
	if text := out + fmt.Sprint(err); !regexp.MustCompile("(?m)" + what).MatchString(text) {
		n.t.Errorf("check does not say %q:\n%s", what, text)
	}
}

// The names of the storage, the mail server and the database are known to nobody any
// more, one after the other and then all at once, under a server and a scanner at work:
// there is no such host, the name server fails, or does not answer. Each time a sentence
// says what is out of reach, nothing is lost, and it goes on by itself once the name is
// back.
func TestTheNamesOfItsServersAreGone(t *testing.T) {
	store, database := deposittest.Start(t), postgrestest.Start(t)
	post, mail := startPostbox(t)
	n := &nameless{program: &program{t: t, data: newData(t)}, dns: dnstest.Start(t), post: post}
	port, trusts := wrapped(t, strings.TrimPrefix(mail, "smtp://"))
	n.trusts = trusts
	s3 := store.Config()
	s3.Endpoint = named(t, s3.Endpoint, storagesName)
	configure(t, n.data, s3, "smtps://"+net.JoinHostPort(mailsName, port))
	config := filepath.Join(n.data, "letterlock.toml")
	address := named(t, "postgres://letterlock@"+database.Guarded(t, "letterlock", "the database secret")+"/letterlock", databasesName)
	must(t, os.WriteFile(filepath.Join(n.data, "database.password"), []byte("the database secret\n"), 0o600))
	text := strings.Replace(read(t, config), "[storage]\n", fmt.Sprintf("[database]\nurl = %q\npassword_file = \"database.password\"\nwithout_tls = true\n[storage]\nwithout_tls = true\n", address), 1)
	must(t, os.WriteFile(config, []byte(text), 0o600))
	n.begins()
	n.isSetUp()
	_, err := looks(n.data, "user", "add", "--name", "Ada", "--role", "team-leader", "--helpline", "respect-phoneline", "--email", "ada@example.org")
	must(t, err)
	n.drops()
	n.isBack("the start")

	// Connections that are open know no names: they end first. Those to the database before
	// the others, as without it nothing is asked of the storage: of what cannot be reached
	// the server says the database.
	cut := func() {
		database.Do(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'letterlock'`)
		store.Stop()
		store.Resume(t)
	}
	n.dns.Treats(dnstest.Unknown, storagesName)
	store.Stop()
	store.Resume(t)
	n.drops()
	n.says(storageAway)
	n.says(storeAway)
	n.checkSays(`LOOK +storage +.*cannot be reached`)
	n.dns.Treats(dnstest.Known, storagesName)
	n.says("the storage answers again")
	n.isBack("the storage's name", storageAway, storeAway)

	n.dns.Treats(dnstest.Failing, mailsName)
	n.drops()
	n.eventually("the mail waits", func() bool { return n.status().MailWaiting == 1 })
	n.says(letterWaits)
	n.checkSays(`LOOK +mail +.*`)
	n.dns.Treats(dnstest.Known, mailsName)
	n.isBack("the mail server's name", letterWaits)

	n.dns.Treats(dnstest.Unknown, databasesName)
	database.Do(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'letterlock'`)
	n.drops()
	n.says(databaseAway)
	n.checkSays(databaseAway)
	n.dns.Treats(dnstest.Known, databasesName)
	n.says("everything can be recorded again")
	n.isBack("the database's name", databaseAway)

	all := []string{databasesName, storagesName, mailsName}
	n.dns.Treats(dnstest.Silent, all...)
	cut()
	n.drops()
	n.says(databaseAway)
	n.says(storeAway)
	n.checkSays(databaseAway) // which takes as long as its resolver waits, and nothing more is said meanwhile
	n.hasSaid("nothing answers for any name", databaseAway, storeAway)
	must(t, n.cmd.Process.Kill())
	n.wait()
	n.begins()
	n.says(databaseAway)
	n.dns.Treats(dnstest.Known, all...)
	n.isSetUp()
	n.isBack("a start at which nothing answers for any name", databaseAway)
	n.stop()
	onceEach(t, n.data, n.letters)
}
