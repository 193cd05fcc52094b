package pipeline

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/disk"
)

// The check names what lies on a disk that is nearly full, and the monitoring system
// counts the same disks.
func TestTheCheckSaysWhenADiskIsNearlyFull(t *testing.T) {
	o := newOffice(t)
	o.cfg.Places = []Place{{"data", "/data"}, {"keyring", "/keys"}, {"bucket", "/data/bucket"}, {"backups", "/backups"}}
	disks := map[string]disk.Room{}
	o.cfg.Room = func(folder string) (disk.Room, error) {
		if room, ok := disks[folder]; ok {
			return room, nil
		}
		return disk.Room{}, fs.ErrNotExist // like the backups' disk while it is not mounted
	}
	large := func(free uint64) disk.Room { return disk.Room{Volume: "a", Free: free, Size: 100e9} }
	small := func(left uint64) disk.Room {
		return disk.Room{Volume: "b", Free: 3_900_000, Size: 4e6, Left: left, Files: 1000}
	}
	for name, c := range map[string]struct {
		large, small disk.Room
		bad          bool
		full, says   string
	}{
		"room":           {large(52e9), small(900), false, "0", "52 GB of 100 GB are free where these lie: the data folder and the letters. 3 MB of 4 MB are free where these lie: the keyring."},
		"no room":        {large(850e6), small(900), true, "1", "A disk is nearly full: only 850 MB of 100 GB are free where these lie: the data folder and the letters. When it is full nothing can be recorded"},
		"no more files":  {large(52e9), small(1), true, "1", "A disk is nearly full of small files: only 1 more can be made where these lie: the keyring."},
		"neither":        {large(0), small(49), true, "2", "only 0 kB of 100 GB are free"},
		"both on a disk": {large(52e9), large(52e9), false, "0", "52 GB of 100 GB are free where these lie: the data folder, the keyring and the letters."},
	} {
		disks["/data"], disks["/data/bucket"], disks["/keys"] = c.large, c.large, c.small
		bad, good, err := o.checkDisk(t.Context())
		said := bad
		if bad == nil {
			said = good
		}
		if err != nil || (bad != nil) != c.bad || !strings.Contains(texts.English().Text(said), c.says) {
			t.Errorf("%s: %q, %v", name, texts.English().Text(said), err)
		}
		if _, text := o.metricsPage(); !strings.Contains(text, "letterlock_disks_nearly_full "+c.full+"\n") {
			t.Errorf("%s: the metrics do not say that %s are nearly full:\n%s", name, c.full, text)
		}
	}
	clear(disks)
	if bad, good, err := o.checkDisk(t.Context()); err != nil || bad != nil || !strings.Contains(texts.English().Text(good), "cannot be asked") {
		t.Errorf("of no disk: %v, %v, %v", bad, good, err)
	}
	o.cfg.Room = func(string) (disk.Room, error) { return disk.Room{}, errors.New("input/output error") }
	if ok(o.Check(t.Context()), "disk") {
		t.Error("a disk that cannot be measured is well")
	}
}

// While a disk is nearly full, each administrator who has an address gets one mail a
// day, whichever servers look; one that no mail server takes is sent again, and
// once there is room nobody is owed one.
func TestAdministratorsAreTold(t *testing.T) {
	o := newOffice(t)
	o.person(register.Administrator, "ann@example.org")
	o.person(register.Administrator, "")
	o.person(register.Manager, "mo@example.org")
	o.cfg.Places = []Place{{"data", "/data"}}
	free := uint64(52e9)
	o.cfg.Room = func(string) (disk.Room, error) { return disk.Room{Volume: "a", Free: free, Size: 100e9}, nil }
	var w watch
	look := func(what string, want int) {
		t.Helper()
		w.measured = time.Time{} // as a quarter of an hour later
		_ = o.tellDisks(t.Context(), &w)
		for _, m := range o.post.taken {
			if m.To != "ann@example.org" || m.About != mail.AMachine || m.Disks != 1 || m.Link != "http://localhost:8080/check" {
				t.Errorf("%s: %+v", what, m)
			}
		}
		if waiting, err := o.cfg.Register.MailsWaiting(t.Context()); len(o.post.taken) != want || err != nil || waiting > 0 != o.post.down {
			t.Errorf("%s: %d mails, want %d; %d wait, %v", what, len(o.post.taken), want, waiting, err)
		}
		o.post.taken = nil
	}
	look("with room", 0)
	free, o.post.down = 850e6, true
	look("nearly full, and the mail server away", 0)
	o.post.down = false
	look("once it is back", 1)
	look("the same day", 0)
	o.Server = New(o.cfg)
	look("another server", 0)
	o.now = o.now.AddDate(0, 0, 1)
	look("the next day", 1)
	o.now, o.post.down = o.now.AddDate(0, 0, 1), true
	look("the day after, and the mail server away", 0)
	o.now, o.post.down, free = o.now.AddDate(0, 0, 1), false, 52e9
	look("with room again", 0)
}

// What a mail server has not taken before there is room again waits no longer, since
// nobody is owed it: but only on the word of the server whose disk it was, and not of
// another server, whose disks were never full.
func TestOfADiskThatHasRoomAgainNoMailWaits(t *testing.T) {
	o := newOffice(t)
	o.person(register.Administrator, "ann@example.org")
	o.cfg.Places = []Place{{"data", "/data"}}
	free := uint64(850e6)
	o.cfg.Room = func(string) (disk.Room, error) { return disk.Room{Volume: "a", Free: free, Size: 100e9}, nil }
	o.post.down = true
	one, other := o.Server, New(o.cfg)
	var ones, others watch
	look := func(what string, s *Server, w *watch, room uint64, want int) {
		t.Helper()
		free, w.measured = room, time.Time{}
		_ = s.tellDisks(t.Context(), w)
		if waiting, err := o.cfg.Register.MailsWaiting(t.Context()); err != nil || waiting != want {
			t.Errorf("%s: %d mails wait, want %d, %v", what, waiting, want, err)
		}
	}
	look("a disk is nearly full", one, &ones, 850e6, 1)
	look("another server's has room", other, &others, 52e9, 1)
	look("it has room again", one, &ones, 52e9, 0)
	look("it has room still", one, &ones, 52e9, 0)
	look("the other's is nearly full now", other, &others, 850e6, 1)
	look("the first one's has room", one, &ones, 52e9, 1)
	look("the other's has room too", other, &others, 52e9, 0)
}
