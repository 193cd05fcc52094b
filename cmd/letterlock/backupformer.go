package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"letterlock/pipeline/backup"
	"letterlock/scanner/words"
)

// Once [backup] folder names another folder, nobody removes what lies in the one before:
// it may be another Letterlock's by now, so that this one says so and does not either.

// noteBackupFolder puts the folder of the backups last among those into which backups went,
// before any goes there, and returns the folders of before.
func (in *installation) noteBackupFolder(ctx context.Context) (former []string, err error) {
	was, err := in.register.BackupFolders(ctx, in.serverName())
	if err != nil {
		return nil, err
	}
	now := in.backups()
	former = slices.DeleteFunc(slices.Clone(was), func(folder string) bool { return folder == now })
	if len(was) > 0 && was[len(was)-1] == now {
		return former, nil
	}
	return former, in.register.NoteBackupFolders(ctx, in.serverName(), append(slices.Clone(former), now))
}

// sayFormerFolders names the folders of before, and forgets those in which no backup is to be
// seen. That of a disk that is not mounted is as good as empty: so each is named once at least.
func (in *installation) sayFormerFolders(w *world, former []string) error {
	left := []string{}
	for _, folder := range former {
		if all, err := backup.List(folder); err == nil && len(all) > 0 {
			left = append(left, folder)
		}
		fmt.Fprintf(w.out, "In %s, into which backups went before, nothing is removed any more: remove those that lie there by hand, within %s.\n", folder, words.Lasted(time.Duration(in.cfg.Backup.Keep)))
	}
	if len(left) == len(former) {
		return nil
	}
	return in.register.NoteBackupFolders(w.ctx, in.serverName(), append(left, in.backups()))
}

// oldestFormer is pipeline.Backups.Former.
func (in *installation) oldestFormer(folders []string) (former string, oldest time.Time) {
	for _, folder := range folders {
		if folder == in.backups() {
			continue
		}
		if all, err := backup.List(folder); err == nil && len(all) > 0 && (former == "" || all[0].Made.Before(oldest)) {
			former, oldest = folder, all[0].Made
		}
	}
	return former, oldest
}
