package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/scanner/letter"
)

// The disk of the data folder becomes full while a backup copies the register, beside a
// server: one sentence says it, no copy is left, and status and check, the latter loudly,
// answer all the same. Once there is room the same command makes one.
func TestTheDataFoldersDiskIsFullInABackup(t *testing.T) {
	data, fill, makeRoom := fileOnSmallDisk(t)
	setUpBackups(t, data)
	p := start(t, data, "", "--sample")
	p.isSetUp()
	filler := filepath.Join(data, "state", "filler")
	fill()
	for _, room := range []int64{0, 128 << 10} { // for no entry, and for no copy
		info, err := os.Stat(filler)
		must(t, err)
		must(t, os.Truncate(filler, info.Size()-room))
		out, err := letterlockCmd(t, data, "backup").CombinedOutput()
		if exitCode(err) != exitFailed || !strings.Contains(string(out), "letterlock: a disk is full: ") || strings.Contains(string(out), "(13)") {
			t.Errorf("with room for %d bytes backup ended with %v and said:\n%s", room, err, out)
		}
		noneLeft(t, data)
		if out, err := letterlockCmd(t, data, "status").CombinedOutput(); err != nil || !strings.Contains(string(out), "letters notified") || !strings.Contains(string(out), "A disk is nearly full, and on a full one") {
			t.Errorf("status ended with %v and said:\n%s", err, out)
		}
		if out, err := letterlockCmd(t, data, "check").CombinedOutput(); exitCode(err) != exitWrong || !strings.Contains(string(out), "LOOK      disk         A disk is nearly full") {
			t.Errorf("check ended with %v and said:\n%s", err, out)
		}
	}
	makeRoom()
	command(t, data, "backup")
	p.stop()
}

// The bucket's disk is full on the day on which scanners are due a new list: the old one
// stays whole, the log and check say why, and once there is room the new one is there,
// without a restart.
func TestTheBucketsDiskIsFullWhenAListIsDue(t *testing.T) {
	data := newSample(t)
	bucket, aside := filepath.Join(data, "bucket"), filepath.Join(data, "aside")
	must(t, os.Rename(bucket, aside))
	must(t, os.Mkdir(bucket, 0o700))
	fill, makeRoom := smallDisk(t, bucket, 32)
	must(t, os.CopyFS(bucket, os.DirFS(aside)))
	must(t, os.RemoveAll(aside))
	list := filepath.Join(bucket, "keys", "recipients")
	before := read(t, list)
	fill()
	in := beside(t, data)
	tomorrow := letter.DateOf(in.clock.Now()).AddDays(1)
	in.close()
	p := start(t, data, "", "--sample", "--clock", tomorrow.String())
	p.eventually("the log says it", func() bool { return strings.Contains(p.out.String(), "is full: nothing can be recorded") })
	if read(t, list) != before {
		t.Error("another list is there")
	}
	if out, err := letterlockCmd(t, data, "status").CombinedOutput(); err != nil || !strings.Contains(string(out), "letters notified") {
		t.Errorf("status ended with %v and said:\n%s", err, out)
	}
	if out, err := letterlockCmd(t, data, "check").CombinedOutput(); exitCode(err) != exitWrong || !strings.Contains(string(out), "LOOK      disk         A disk is nearly full") {
		t.Errorf("check ended with %v and said:\n%s", err, out)
	}
	makeRoom()
	p.eventually("the new list is there", func() bool { return read(t, list) != before })
	p.stop()
	if said := p.out.String(); strings.Count(said, "is full: nothing can be recorded") != 1 {
		t.Errorf("the log says:\n%s", said)
	}
}
