package main

import (
	"context"

	"letterlock/cmd/configfile"
	"letterlock/pipeline"
	"letterlock/pipeline/register"
)

// The folder of the backups is there too while their disk is not mounted: empty, on the
// disk that is lost together with what a backup is for. Which disk it is cannot be told
// across a restart of the machine, but whether it is one of its own can.

const (
	ownDisk    = "own"
	sharedDisk = "shared" // with the data folder, or with this machine's system
)

// backupDisk says which of these the folder of the backups is on; "" where the disks do
// not tell one from another.
func (in *installation) backupDisk() (string, error) {
	own, known, err := pipeline.OwnDisk(in.backups(), in.dir.path, in.dir.in("state"), "/")
	switch {
	case err != nil || !known:
		return "", err
	case own:
		return ownDisk, nil
	}
	return sharedDisk, nil
}

// metaBackupDisk is where the register keeps on which disk this server's last backup went.
func (in *installation) metaBackupDisk() string { return register.MetaBackupDisk + in.serverName() }

// refuseUnmounted keeps a backup from a disk of the machine's own after others went to
// another disk, unless that is meant. It returns the disk that it goes to.
func (in *installation) refuseUnmounted(ctx context.Context, meant bool) (on string, err error) {
	if on, err = in.backupDisk(); err != nil {
		return "", err
	}
	before, err := in.register.Meta(ctx, in.metaBackupDisk())
	if err == nil && before == ownDisk && on == sharedDisk && !meant {
		err = configfile.Wrong("the last backup went to a disk of its own, and the folder for backups, %s, is now on one of this machine's: is its disk mounted? Nothing was made. If it is meant to be there: letterlock backup --same-disk", in.backups())
	}
	return on, err
}
