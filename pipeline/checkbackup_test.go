package pipeline

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
)

// A second server that does not have the disk for backups is set up as it may be: while
// it leads, the last backup that the other has made is what counts. Alone it must see them.
func TestASecondServerNeedNotSeeTheBackups(t *testing.T) {
	for name, made := range map[string]func() (oldest, newest time.Time, err error){
		"the folder cannot be read": func() (oldest, newest time.Time, err error) { return oldest, newest, errors.New("no such file") },
		"the folder is empty":       func() (oldest, newest time.Time, err error) { return oldest, newest, nil },
	} {
		t.Run(name, func(t *testing.T) {
			o, ctx := newOffice(t), t.Context()
			o.cfg.Backups = &Backups{Keep: 7 * 24 * time.Hour, Made: made}
			loud := func(when string, after time.Duration, want bool) {
				t.Helper()
				o.now = o.now.Add(after)
				o.must(o.PublishRecipients(ctx))
				if got := slices.Contains(o.alarms(), register.BackupLate); got != want {
					t.Errorf("%s: loud is %v", when, got)
				}
			}
			backup := func() { o.must(o.cfg.Register.KeepTime(ctx, register.MetaBackup, o.now)) }
			_, _, err := o.join(ctx)
			o.must(err)
			backup()
			loud("alone, and it sees none", 0, false)
			loud("for a day", 25*time.Hour, true)
			o.must(o.cfg.Register.Join(ctx, register.Running{Name: "second", Boot: "x"}))
			backup()
			loud("beside another, which has made one", time.Minute, false)
			loud("for a day", 25*time.Hour, false)
			if ok(o.Check(ctx), "backup") {
				t.Error("the check says nothing of it")
			}
			loud("the other makes none any more", 24*time.Hour, false)
			loud("for a day", 25*time.Hour, true)
			backup()
			loud("it makes them again", time.Minute, false)
			o.cfg.Backups.Lacks = func() string { return "backup-key.pub" }
			loud("it alone has their key", 25*time.Hour, false)
			if line := backupLine(o.Check(ctx)); line.OK || !strings.Contains(line.Says, "backup-key.pub") {
				t.Errorf("without the key of the backups the check says: %+v", line)
			}
			o.cfg.Backups.Lacks = nil
			all, err := o.cfg.Register.Running(ctx)
			o.must(err)
			i := slices.IndexFunc(all, func(one register.Running) bool { return one.Name == "second" })
			o.must(o.cfg.Register.Heard(ctx, all[i], o.now, 0))
			backup()
			loud("the other is dead, and this one is alone again", time.Minute, false)
			backup()
			loud("for a day", 25*time.Hour, true)
		})
	}
}

// A folder of before lies on a share that is gone, and whoever looks into it never comes back:
// of the backups of now the check says what it said before, and waits no second time.
func TestAFormerFolderThatHangsHidesNoBackup(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	hangs, looks := make(chan struct{}), make(chan struct{}, 10)
	t.Cleanup(func() { close(hangs) })
	o.cfg.Backups = &Backups{Keep: 7 * 24 * time.Hour,
		Made: func() (oldest, newest time.Time, err error) { return o.now, o.now, nil },
		Former: func([]register.BackupFolder) (folder string, oldest time.Time) {
			looks <- struct{}{}
			<-hangs
			return "", oldest
		}}
	o.diskWait = 50 * time.Millisecond
	o.must(o.cfg.Register.KeepTime(ctx, register.MetaBackup, o.now))
	for range 3 {
		if line := backupLine(o.Check(ctx)); !line.OK || !strings.HasPrefix(line.Says, "The last backup is of") {
			t.Errorf("the check says: %+v", line)
		}
	}
	if len(looks) != 1 {
		t.Errorf("it was looked at %d times", len(looks))
	}
}

func backupLine(lines []Line) Line {
	return lines[slices.IndexFunc(lines, func(l Line) bool { return l.Name == "backup" })]
}
