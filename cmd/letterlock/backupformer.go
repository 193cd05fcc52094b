package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"letterlock/pipeline/backup"
	"letterlock/pipeline/register"
	"letterlock/scanner/words"
)

// Once [backup] folder names another folder, nobody removes what lies in the one before:
// it may be another Letterlock's by now, so that this one says so and does not either.

// noteBackupFolder puts the folder of the backups last among those into which backups went,
// before any goes there, and returns the folders of before. It looks at none of them: the
// disk of one may never answer.
func (in *installation) noteBackupFolder(ctx context.Context) (former []register.BackupFolder, err error) {
	was, err := in.register.BackupFolders(ctx, in.serverName())
	if err != nil {
		return nil, err
	}
	now := in.backups()
	for _, folder := range was {
		if folder.Path == now {
			continue
		}
		if folder.Left.IsZero() {
			folder.Left = in.clock.Now().UTC()
		}
		former = append(former, folder)
	}
	if len(was) > 0 && was[len(was)-1].Path == now {
		return former, nil
	}
	return former, in.noteFormer(ctx, former)
}

// noteFormer notes the folders of before, and the present one last.
func (in *installation) noteFormer(ctx context.Context, former []register.BackupFolder) error {
	return in.register.NoteBackupFolders(ctx, in.serverName(), append(former[:len(former):len(former)], register.BackupFolder{Path: in.backups()}))
}

// sayFormerFolders names the folders of before: each once at least, and then those in which
// backups are to be seen, or that cannot be looked at. That of a disk that is not mounted is
// as good as empty: so none is forgotten for that before what may lie there is too old by a
// day. A crash before the note of it names one once more.
func (in *installation) sayFormerFolders(w *world, former []register.BackupFolder) error {
	keep := time.Duration(in.cfg.Backup.Keep)
	var left []register.BackupFolder
	changed := false
	for _, folder := range former {
		looks, answers := in.lookAtFormerInTime(folder.Path)
		if looks.present {
			changed = true
			continue
		}
		empty := answers && len(looks.backups) == 0 && (looks.err == nil || errors.Is(looks.err, fs.ErrNotExist))
		if empty && in.clock.Now().Sub(folder.Left) >= keep+24*time.Hour {
			changed = true
			continue
		}
		if !empty || !folder.Named {
			fmt.Fprintf(w.out, "In %s, into which backups went before, nothing is removed any more: remove those that lie there by hand, within %s.\n", folder.Path, words.Lasted(keep))
			changed, folder.Named = changed || !folder.Named, true
		}
		left = append(left, folder)
	}
	if !changed {
		return nil
	}
	return in.noteFormer(w.ctx, left)
}

// formerLook is what there is in a folder of before.
type formerLook struct {
	present bool // it is the present one, by another path
	backups []backup.Kept
	err     error
}

func (in *installation) lookAtFormer(folder string) (looks formerLook) {
	if folder == in.backups() {
		return formerLook{present: true}
	}
	there, err := os.Stat(folder)
	if now, nowErr := os.Stat(in.backups()); err == nil && nowErr == nil && os.SameFile(there, now) {
		return formerLook{present: true}
	}
	looks.backups, looks.err = listFormer(folder)
	return looks
}

// formerWait is how long a folder of before is waited for: a share whose machine is gone
// may never answer, and is not to hold the lock of the backups, nor to be the last that a
// check has the time to wait for.
const formerWait = 5 * time.Second

var listFormer = backup.List // a test has it hang

// lookAtFormerInTime is lookAtFormer, and whether the folder has answered.
func (in *installation) lookAtFormerInTime(folder string) (looks formerLook, answers bool) {
	found := make(chan formerLook, 1)
	go func() { found <- in.lookAtFormer(folder) }()
	select {
	case looks = <-found:
		return looks, true
	case <-time.After(formerWait):
		return looks, false
	}
}

// oldestFormer is pipeline.Backups.Former.
func (in *installation) oldestFormer(folders []register.BackupFolder) (former string, oldest time.Time) {
	all := make([]formerLook, len(folders)) // one that never answers hides no other
	var looking sync.WaitGroup
	for i, folder := range folders {
		looking.Go(func() { all[i], _ = in.lookAtFormerInTime(folder.Path) })
	}
	looking.Wait()
	for i, folder := range folders {
		if found := all[i].backups; len(found) > 0 && (former == "" || found[0].Made.Before(oldest)) {
			former, oldest = folder.Path, found[0].Made
		}
	}
	return former, oldest
}
