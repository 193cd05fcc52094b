//go:build unix

package configfile

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// mounted is where a container finds its secrets, each with the mode that its host gave it:
// in there no other account is.
const mounted = "/run/secrets/"

// shuts are the commands that shut others out of a file, or out of a folder's files.
func shuts(top, path string) []string {
	path, err := filepath.EvalSymlinks(path) // a link's own mode says nothing
	if err != nil || strings.HasPrefix(path, mounted) {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil
	case !info.IsDir():
		return shutsFile(top, path, info)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && len(shutsFile(top, filepath.Join(path, e.Name()), info)) > 0 {
			return []string{"chmod -R go= " + quoted(path)}
		}
	}
	return nil
}

func shutsFile(top, path string, info fs.FileInfo) []string {
	of, is := info.Sys().(*syscall.Stat_t)
	if !is {
		return nil
	}
	// By its group a file may be given to the very account that runs the program, as the
	// key of a certificate that root renews.
	given := of.Uid != uint32(os.Geteuid())
	switch {
	case info.Mode()&0o004 != 0 && entered(top, path, nil):
	case info.Mode()&0o040 != 0 && !given && !ownGroup(of) && entered(top, path, of):
	default:
		return nil
	}
	switch {
	case !given:
	case info.Mode()&0o040 != 0 && inGroup(of.Gid):
		return []string{"chmod o= " + quoted(path)}
	default: // without the others' right the program could not read it any more
		return []string{"chgrp " + strconv.Itoa(os.Getegid()) + " " + quoted(path), "chmod g=r,o= " + quoted(path)}
	}
	return []string{"chmod go= " + quoted(path)}
}

// entered reports whether every folder above the file, below top, lets others in; or the
// file's group where that is given.
func entered(top, path string, group *syscall.Stat_t) bool {
	for dir := filepath.Dir(path); dir != top && len(dir) > len(top); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return false
		}
		of, is := info.Sys().(*syscall.Stat_t)
		if info.Mode()&0o001 == 0 && (group == nil || !is || of.Gid != group.Gid || info.Mode()&0o010 == 0) {
			return false
		}
	}
	return true
}

// inGroup reports whether the program's account is of that group.
func inGroup(group uint32) bool {
	groups, _ := os.Getgroups()
	return uint32(os.Getegid()) == group || slices.Contains(groups, int(group))
}

// ownGroup reports whether the file's group is its owner's alone, as useradd makes one of
// the same name.
func ownGroup(of *syscall.Stat_t) bool {
	owner, err1 := user.LookupId(strconv.FormatUint(uint64(of.Uid), 10))
	group, err2 := user.LookupGroupId(strconv.FormatUint(uint64(of.Gid), 10))
	if err1 != nil || err2 != nil { // as in a container
		return uint64(of.Uid) == uint64(of.Gid)
	}
	return owner.Username == group.Name
}
