package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/minio/minio-go/v7"

	"letterlock/pipeline/portal/portaltest"
	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// fleetRounds is how often every process of a fleet is killed.
var fleetRounds = flag.Int("fleet-rounds", 2, "how often each of the seven processes is killed in the test of a fleet; four letters come in a round")

// fleet is three servers and four scanners, each a process of its own, on one
// PostgreSQL, one MinIO, one keyring and one mail server; and one address at which
// people find the portal, whichever server answers.
type fleet struct {
	t       *testing.T
	s3      deposit.S3Config
	post    *postbox
	door    *oneDoor
	dirs    []string // the servers' data folders; the first one's is used for commands
	sites   []*apart
	machine []*unit // servers first
}

// unit is one process of the fleet, which is killed and started again.
type unit struct {
	*program
	command func() *exec.Cmd
}

func (u *unit) again() {
	u.t.Helper()
	before := u.out
	if before == nil {
		before = &safeBuffer{}
	}
	u.program = &program{t: u.t, data: u.data, out: before, cmd: u.command()}
	u.begin()
}

func (u *unit) kill() {
	_ = u.cmd.Process.Kill() // it may have ended by itself, which its output says
	_ = u.cmd.Wait()
}

func newFleet(t *testing.T, servers int, sites ...string) *fleet {
	t.Helper()
	store := deposittest.Start(t)
	f := &fleet{t: t, s3: store.Config()}
	var mailed string
	f.post, mailed = startPostbox(t)
	f.door = openDoor(t, servers)
	database, binary := postgrestest.Start(t).Database(t), buildScanner(t)
	for i := range servers {
		data := newData(t)
		configure(t, data, f.s3, mailed)
		config := filepath.Join(data, "letterlock.toml")
		text := fmt.Sprintf("%s[portal]\norigin = %q\n[database]\nurl = %q\n", read(t, config), f.door.origin, database)
		if i > 0 {
			text = fmt.Sprintf("keyring_folder = %q\n%s", filepath.Join(f.dirs[0], "keyring"), text)
		}
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if i > 0 { // as ADMIN.md has it
			f.copiesKeys(data)
		}
		f.dirs = append(f.dirs, data)
		if i == 0 {
			command(t, data, "setup")
		}
		address := f.door.servers[i]
		f.machine = append(f.machine, &unit{program: &program{t: t, data: data}, command: func() *exec.Cmd {
			return letterlockCmd(t, data, "serve", "--listen", address)
		}})
	}
	for _, site := range sites {
		f.equips(site, binary)
	}
	return f
}

// copiesKeys gives a server the keys that all of them sign and hash with.
func (f *fleet) copiesKeys(data string) {
	f.t.Helper()
	keys, err := filepath.Glob(filepath.Join(f.dirs[0], "state", "*.key"))
	if err != nil || len(keys) != 3 {
		f.t.Fatalf("the first server has %d keys, %v", len(keys), err)
	}
	for _, key := range keys {
		if err := os.WriteFile(filepath.Join(data, "state", filepath.Base(key)), []byte(read(f.t, key)), 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
}

// equips makes a scanner of a site.
func (f *fleet) equips(site, binary string) {
	f.t.Helper()
	root := f.t.TempDir()
	o := &apart{t: f.t, s3: f.s3, data: f.dirs[0], edge: filepath.Join(root, "edge"), scans: filepath.Join(root, "scans"), binary: binary}
	command(f.t, o.data, "setup", "--edge", site, "--edge-folder", o.edge, "--scans", o.scans)
	cache, err := compiled()
	if err == nil {
		err = os.CopyFS(filepath.Join(o.edge, "state", "cache"), os.DirFS(cache))
	}
	if err == nil {
		err = os.MkdirAll(filepath.Join(o.scans, "respect-phoneline"), 0o700)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.sites = append(f.sites, o)
	f.machine = append(f.machine, &unit{program: &program{t: f.t, data: o.data}, command: func() *exec.Cmd { return o.scanner("run") }})
}

// oneDoor is the web server in front of the portals: each connection goes to the
// next server that answers, and each request has a connection of its own.
type oneDoor struct {
	origin  string
	servers []string // their addresses

	mu   sync.Mutex
	next int
	took []int // how many connections each server has answered
}

func openDoor(t *testing.T, servers int) *oneDoor {
	t.Helper()
	d := &oneDoor{took: make([]int, servers)}
	for range servers {
		d.servers = append(d.servers, realpart.Address(t))
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: d.dial}
	front := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", "the-portal"
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(front.Close)
	d.origin = strings.Replace(front.URL, "127.0.0.1", "localhost", 1)
	return d
}

func (d *oneDoor) dial(ctx context.Context, network, _ string) (c net.Conn, err error) {
	var dialer net.Dialer
	d.mu.Lock()
	defer d.mu.Unlock()
	for range d.servers {
		d.next = (d.next + 1) % len(d.servers)
		if c, err = dialer.DialContext(ctx, network, d.servers[d.next]); err == nil {
			d.took[d.next]++
			return c, nil
		}
	}
	return nil, err
}

// last is the server that has taken the last connection.
func (d *oneDoor) last() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next
}

// sheets are a scan's pages as its TIFF has them; nobody else's look like them.
type sheets [][]byte

// drops puts a scan into a site's folder, of one or two pages.
func (f *fleet) drops(site *apart, seed int) sheets {
	f.t.Helper()
	scan := specimen.New(uint64(seed), 1+seed%2).G4TIFF()
	if err := os.WriteFile(filepath.Join(site.scans, "respect-phoneline", fmt.Sprintf("scan %d.tif", seed)), scan, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return tiffStrips(f.t, scan)
}

// ada is the address of the fleet's one team leader.
const ada = "ada@example.org"

// Three servers and four scanners, of which one is killed every few seconds, and once
// every server while a mail is on its way: every scan becomes one letter, with its own
// pages, and its team leader is told of it.
// A team leader signs in, reads, and keeps the copy of an answer, while no two
// requests go to the same server and the one that took the upload dies. Meanwhile the keys
// are changed with which all servers sign: no letter is lost or comes twice, no program is
// started anew, and the register verifies from its first entry to its last.
func TestAFleetOfWhichOneDiesEveryFewSeconds(t *testing.T) {
	f := newFleet(t, 3, "north", "south", "east", "west")
	var leader added
	if err := json.Unmarshal([]byte(command(t, f.dirs[0], "user", "add", "--name", "Ada", "--role", "team-leader",
		"--helpline", "respect-phoneline", "--email", ada, "--json")), &leader); err != nil {
		t.Fatal(err)
	}
	f.post.holdsBack(ada)
	for _, u := range f.machine {
		u.again()
	}
	var all []sheets
	for round := range *fleetRounds {
		for i, site := range f.sites {
			all = append(all, f.drops(site, 10*round+i))
		}
		if round == 0 {
			f.diesWhileItTells()
		}
		for i := range f.machine {
			time.Sleep(2 * time.Second) // not for anything: a crash comes when it comes
			u := f.machine[(3*i+round)%len(f.machine)]
			u.kill()
			u.again()
		}
	}
	first := f.machine[0]
	first.eventually("every letter is announced, and every scan gone", func() bool {
		now := first.status()
		return now.Letters[register.Notified] == len(all) && now.MailWaiting == 0 && len(traces(t, f.s3, letter.IncomingPrefix)) == 0 &&
			!slices.ContainsFunc(f.sites, func(o *apart) bool { return len(claimed(o.scans)) > 0 })
	})
	onceEach(t, f.dirs[0], len(all))
	letters := lettersOf(t, f.dirs[0])
	f.hold(letters, all)
	f.told(letters)
	all = append(all, f.eachDrops(100)...)
	before := f.changesKeys()
	f.readAndAnswered(letters, leader)
	f.keysAreChanged(before)
	all = append(all, f.eachDrops(200)...)
	first.eventually("what came while the keys changed, and after, is announced, and every scan gone", func() bool {
		return first.status().MailWaiting == 0 && !slices.ContainsFunc(f.sites, func(o *apart) bool { return len(claimed(o.scans)) > 0 }) &&
			count(entries(t, f.dirs[0]), "letter-notified") == len(all)
	})
	for _, u := range f.machine {
		u.stop()
	}
	kinds := entries(t, f.dirs[0]) // verified with the first public key, from the first entry to the last
	for kind, n := range map[string]int{"letter-admitted": len(all), "letter-receipted": len(all), "letter-notified": len(all), "signing-key-changed": 1, "server-key-named": 1, "server-key-changed": 1} {
		if got := count(kinds, kind); got != n {
			t.Errorf("%d entries %s, want %d", got, kind, n)
		}
	}
}

// eachDrops puts a scan into each site's folder.
func (f *fleet) eachDrops(seed int) (all []sheets) {
	for i, site := range f.sites {
		all = append(all, f.drops(site, seed+i))
	}
	return all
}

// fleetKeys are the keys that all servers share and that are changed, with the command
// for each.
var fleetKeys = []struct {
	key     changing
	command []string
}{{ofRegister, []string{"register", "rotate-key"}}, {ofServer, []string{"key", "rotate-signing"}}}

// changesKeys changes the register's key, and names the one that is to sign what scanners
// are told, as ADMIN's page on several servers has it, while letters are on their way. The
// last server is forgotten at first, and says so. It returns the keys of before.
func (f *fleet) changesKeys() (before map[string]string) {
	f.t.Helper()
	before = map[string]string{}
	for _, k := range fleetKeys {
		before[k.key.file] = read(f.t, filepath.Join(f.dirs[0], "state", k.key.file))
		if out, err := letterlockCmd(f.t, f.dirs[0], k.command...).CombinedOutput(); exitCode(err) != exitUse || !strings.Contains(string(out), "--prepare") {
			f.t.Errorf("%s is changed although other servers do not have the new one: %v\n%s", k.key.file, err, out)
		}
		command(f.t, f.dirs[0], append(slices.Clone(k.command), "--prepare")...)
		made := read(f.t, filepath.Join(f.dirs[0], "state", k.key.next()))
		gives := func(data string) {
			must(f.t, os.WriteFile(filepath.Join(data, "state", k.key.next()), []byte(made), 0o600))
		}
		last := len(f.dirs) - 1
		for _, data := range f.dirs[1:last] {
			gives(data)
		}
		if k.key == ofServer { // it would be missed only once that has taken over
			gives(f.dirs[last])
		}
		command(f.t, f.dirs[0], k.command...)
		if k.key == ofRegister {
			out, err := letterlockCmd(f.t, f.dirs[last], "check").Output()
			if exitCode(err) != exitWrong || !slices.Contains(toSeeTo(string(out)), "register") || !strings.Contains(string(out), "another key than this server") {
				f.t.Errorf("a server that was forgotten says: %v\n%s", err, out)
			}
			gives(f.dirs[last])
		}
	}
	return before
}

// keysAreChanged waits until every server has put the new keys in their places by itself,
// and wiped the old ones.
func (f *fleet) keysAreChanged(before map[string]string) {
	f.t.Helper()
	f.machine[0].eventually("the new keys are in their places, at every server", func() bool {
		for _, data := range f.dirs {
			for _, k := range fleetKeys {
				now, err := os.ReadFile(filepath.Join(data, "state", k.key.file))
				if err != nil || string(now) == before[k.key.file] || string(now) != read(f.t, filepath.Join(f.dirs[0], "state", k.key.file)) ||
					exists(filepath.Join(data, "state", k.key.next())) || exists(filepath.Join(data, "state", k.key.old())) {
					return false
				}
			}
		}
		return true
	})
}

// hold fails the test unless the letters are the scans, each once.
func (f *fleet) hold(letters []letterLine, all []sheets) {
	f.t.Helper()
	if len(letters) != len(all) || len(traces(f.t, f.s3, "letters/")) != len(all) {
		f.t.Errorf("%d scans became %d letters, and %d versions are in the bucket", len(all), len(letters), len(traces(f.t, f.s3, "letters/")))
	}
	client, came := s3Client(f.t, f.s3), map[int]bool{}
	for _, l := range letters {
		sealed, err := client.GetObject(f.t.Context(), f.s3.Bucket, l.Object, minio.GetObjectOptions{VersionID: l.Version})
		if err != nil {
			f.t.Fatal(err)
		}
		pages := faxPictures(opened(f.t, f.dirs[0], l, sealed))
		_ = sealed.Close()
		which := slices.IndexFunc(all, func(own sheets) bool { return slices.EqualFunc(own, pages, samePicture) })
		if which < 0 || came[which] {
			f.t.Errorf("a letter of %d pages came twice, or holds what is not one scan", len(pages))
		}
		came[which] = true
	}
	slips := 0
	for _, o := range f.sites {
		found, _ := filepath.Glob(filepath.Join(o.scans, "respect-phoneline", "taken", "*.txt"))
		slips += len(found)
		if left, _ := filepath.Glob(filepath.Join(o.scans, "respect-phoneline", "refused", "*")); len(left) > 0 {
			f.t.Errorf("refused: %v", left)
		}
	}
	if slips != len(all) {
		f.t.Errorf("%d slips of %d letters", slips, len(all))
	}
}

// told fails the test unless the team leader was told of every letter, and of nothing
// else, under one Message-ID, and of some more than once.
func (f *fleet) told(letters []letterLine) {
	f.t.Helper()
	again, told := 0, f.post.told(f.t, ada)
	for _, l := range letters {
		ids := told[l.ID]
		if again += len(ids) - 1; len(slices.Compact(slices.Clone(ids))) != 1 {
			f.t.Errorf("a letter was told of under the ids %v", ids)
		}
		delete(told, l.ID)
	}
	if len(told) > 0 {
		f.t.Errorf("%d letters were told of that are none", len(told))
	}
	if again == 0 {
		f.t.Error("no mail was sent again: nothing was seen of its Message-ID")
	}
}

// diesWhileItTells kills every server between the sending of a mail and the note of it:
// the mail server has it, and has not said so.
func (f *fleet) diesWhileItTells() {
	f.t.Helper()
	f.machine[0].eventually("a mail is taken without a word", func() bool { return f.post.held() > 0 })
	for _, u := range f.machine[:len(f.dirs)] {
		u.kill()
	}
	f.post.answers()
	for _, u := range f.machine[:len(f.dirs)] {
		u.again()
	}
}

// readAndAnswered has the team leader read every letter, and keep the copy of an
// answer to the first.
func (f *fleet) readAndAnswered(letters []letterLine, leader added) {
	b := portaltest.New(f.t, f.door.origin)
	b.Enrol(leader.Enrol, leader.Code, nil)
	b.SignOut()
	link := "/l/" + string(letters[0].ID)
	b.Open(link)
	b.Press("[data-passkey]")
	b.Wants("Please read the policy first")
	b.Do(chromedp.Click(chromedp.ID("read")))
	b.Press("main form .button")
	b.WantsPath(link)
	for _, l := range letters {
		b.Open("/l/" + string(l.ID))
		b.Wants("Letter " + l.Reference)
		b.LoadImages()
	}
	b.Open(link)
	b.LoadImages()
	b.Press(`form[action$="/readable"] button`)
	b.Wants("It is recorded that you found this letter readable.")
	copied := filepath.Join(f.t.TempDir(), "copy.pdf")
	if err := os.WriteFile(copied, specimen.New(99, 1).ColourPDF(), 0o600); err != nil {
		f.t.Fatal(err)
	}
	b.Open(link + "/response")
	b.Do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{copied}))
	b.Press("main form .button")
	b.Wants("Look at the copy before it is kept")
	died := f.door.last()
	f.machine[died].kill()
	b.LoadImages()
	b.Do(chromedp.Click(chromedp.CSS(`[name=check][value="given-in-letter"]`)))
	b.Press(`form[action*="/keep"] .button`)
	b.Wants("This is the kept copy of an answer")
	for _, said := range b.Complaints() {
		f.t.Errorf("the browser complains: %s", said)
	}
	for i, n := range f.door.took {
		if n < len(letters) {
			f.t.Errorf("server %d has answered %d times only: %v", i, n, f.door.took)
		}
	}
	f.machine[died].again()
	f.machine[died].eventually("it is back, and nobody is missed", func() bool {
		c, err := net.Dial("tcp", f.door.servers[died])
		if err != nil {
			return false
		}
		_ = c.Close()
		out, _ := letterlockCmd(f.t, f.dirs[0], "check", "--json").Output()
		return regexp.MustCompile(`"name": ?"servers",\s*"ok": ?true`).Match(out)
	})
}
