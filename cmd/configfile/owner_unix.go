//go:build unix

package configfile

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// NotAsRoot refuses to let root work with the files of another account, which may
// not read what root makes among them: a key, for one. The first path that is there
// says whose they are; program is what the person has called.
func NotAsRoot(program string, paths ...string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		of, is := info.Sys().(*syscall.Stat_t)
		if !is || of.Uid == 0 {
			return nil
		}
		id := strconv.FormatUint(uint64(of.Uid), 10)
		owner, err := user.LookupId(id)
		if err != nil { // as in a container
			return Wrong("%s is the account's with the number %s, which could not read what root makes there: run this as that account", path, id)
		}
		name := owner.Username
		return Wrong("%s is the account %s's, which could not read what root makes there: run this as that account, as in: runuser -u %s -- %s ...", path, name, name, program)
	}
	return nil
}
