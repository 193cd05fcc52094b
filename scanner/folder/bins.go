package folder

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bin is a place in which what is deleted from the scanner folder may live on:
// a recycle bin, or snapshots.
type Bin struct {
	Path string // of it, or of what may have it; for administrators' eyes only
	What string // "the recycle bin of Samba"
	// Holds is how many files lie in a recycle bin, or how many snapshots there
	// are: at most 10,000, and -1 if that cannot be seen.
	Holds int
	// Wrong says that something is kept, or will be. Otherwise it only may be.
	Wrong bool

	kind *binKind
}

// Says is a sentence on what is there and what to switch off.
func (b Bin) Says() string {
	holds := ""
	switch unit := b.kind.unit; {
	case unit == "":
	case b.Holds < 0:
		holds = ", which cannot be looked into"
	case b.Holds == 0:
		holds = ", which is empty now"
	case b.Holds == 1:
		holds = ", with 1 " + unit
	case b.Holds >= countedInBin:
		holds = fmt.Sprintf(", with %d %ss and more", b.Holds, unit)
	default:
		holds = fmt.Sprintf(", with %d %ss", b.Holds, unit)
	}
	return fmt.Sprintf("What is deleted %s in %s (%s%s). %s", b.kind.how, b.What, b.Path, holds, b.kind.off)
}

const countedInBin = 10_000

// binKind is a kind of bin that is known by the name of its folder.
type binKind struct {
	name string // of a folder; may have a * at its end
	what string
	how  string // what it does to deleted files
	unit string // of what it holds
	on   bool   // that the folder is there is enough to know that it is in use
	off  string // what to switch off, for the person who looks after the server
}

const (
	keptBin    = "through the share is kept"
	keptHere   = "by hand on a desktop is kept"
	keptCloud  = "or changed is kept"
	keptShadow = "lives on"
	maybe      = "may live on"
)

// bins are the kinds that show in a folder, in one of those above it, or in the
// root of the share.
var bins = []binKind{
	sambaBin,
	{"#recycle", "the recycle bin of Synology", keptBin, "file", true,
		`In DSM open Control Panel, Shared Folder, choose the folder, Edit, take the tick from "Enable Recycle Bin", and empty it with Action, "Empty Recycle Bin" before.`},
	{"@Recycle", "the recycle bin of QNAP", keptBin, "file", true,
		`In QTS open Control Panel, Privilege, Shared Folders, Edit Properties of the folder, take the tick from "Enable Network Recycle Bin", and delete what is in the folder @Recycle.`},
	{"trashbox", "the recycle bin of Buffalo", keptBin, "file", true,
		`In the settings of the shared folder switch "Recycle Bin" off, and delete what is in the folder trashbox.`},
	{"Network Trash Folder", "the trash of an AFP share", keptBin, "file", false,
		"Share the folder by SMB instead of AFP, and delete what is in the folder."},
	{"$RECYCLE.BIN", "the recycle bin of Windows", keptHere, "file", false,
		`Right-click the Recycle Bin of the machine with the disk, Properties, choose the drive, "Don't move files to the Recycle Bin", and empty it.`},
	{".Trash-*", "the trash of a Linux desktop", keptHere, "file", false,
		"Empty the trash, and delete scans with Shift and Delete, or not at all by hand."},
	{".Trash", "the trash of a Linux desktop", keptHere, "file", false,
		"Empty the trash, and delete scans with Shift and Delete, or not at all by hand."},
	{".Trashes", "the trash of macOS", keptHere, "file", false,
		`Empty the trash, and delete scans with "Delete Immediately", or not at all by hand.`},
	{".dropbox.cache", "the cache of Dropbox", keptCloud, "file", true,
		"Move the scanner folder out of Dropbox: it also keeps every file for weeks on its own servers."},
	{".stversions", "the old versions of Syncthing", keptCloud, "file", true,
		`In Syncthing set the folder's "File Versioning" to "No File Versioning", and delete the folder .stversions; better, do not synchronise the scanner folder at all.`},
	{".owncloudsync.log", "a synchronised folder (ownCloud, Nextcloud)", keptCloud, "", true,
		"Move the scanner folder out of it: the server keeps deleted files and old versions."},
	{"#snapshot", "the snapshots of Synology", keptShadow, "snapshot", false,
		"In Snapshot Replication, Snapshots, take the shared folder out of every schedule, and delete the snapshots that there are."},
	{"@Recently-Snapshot", "the snapshots of QNAP", keptShadow, "snapshot", false,
		"In Storage & Snapshots open the Snapshot Manager of the volume, switch the schedule off or move the scanner folder to a volume of its own, and delete the snapshots that there are."},
	{"~snapshot", "the snapshots of NetApp", keptShadow, "snapshot", false,
		"Ask for a volume of its own for the scanner folder, with the snapshot policy \"none\" and without the snapshots that there are."},
	{".snapshot", "the snapshots of the file server", keptShadow, "snapshot", false,
		"Ask for a volume of its own for the scanner folder, with the snapshot policy \"none\" and without the snapshots that there are."},
	{".snapshots", "the snapshots of snapper", keptShadow, "snapshot", false,
		`Put the scanner folder on a subvolume of its own without a snapper configuration, and delete the snapshots that there are ("snapper list", "snapper delete").`},
	{".zfs/snapshot", "the snapshots of ZFS", keptShadow, "snapshot", false,
		`Give the scanner folder a dataset of its own without a snapshot task, and delete the snapshots that there are ("zfs list -t snapshot", "zfs destroy").`},
	{".snap", "the snapshots of Ceph", keptShadow, "snapshot", false,
		`Take the folder out of every schedule ("ceph fs snap-schedule"), and delete the snapshots that there are.`},
	{"timeshift", "the snapshots of Timeshift", keptShadow, "file", false,
		"In Timeshift leave the scanner folder out (Settings, Filters), and delete the snapshots that there are."},
	{"timeshift-btrfs/snapshots", "the snapshots of Timeshift", keptShadow, "snapshot", false,
		"Put the scanner folder on a subvolume that Timeshift does not cover, and delete the snapshots that there are."},
}

var sambaBin = binKind{".recycle", "the recycle bin of Samba", keptBin, "file", true,
	`In smb.conf take "recycle" out of the "vfs objects" of the share, run "smbcontrol all reload-config", and delete the folder. ` +
		`(TrueNAS: Shares, SMB, Edit, Advanced Options, "Export Recycle Bin". OpenMediaVault: SMB/CIFS, Shares, Edit, "Enable recycle bin".)`}

// Bins finds the recycle bins and snapshots that may keep what is deleted from
// the scanner folder dir. It looks into the folder, those in it, and those above
// it up to where their file system is mounted, and asks Samba, if this machine
// has it. It does not see what another machine hides that only serves the share.
func Bins(dir string) ([]Bin, error) {
	real, err := filepath.Abs(dir)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for recycle bins: %w", err)
	}
	return binsOf(real, sambaShares()), nil
}

// binsOf are the bins of a folder, given without links, beside those shares.
func binsOf(real string, shares []share) []Bin {
	found := sambaBins(real, shares)
	for _, at := range places(real) {
		for i := range bins {
			found = append(found, bins[i].at(at)...)
		}
	}
	found = append(found, fileSystem(real)...)
	// A bin that was found in two ways is said once, with the first.
	seen := map[string]bool{}
	return slices.DeleteFunc(found, func(b Bin) bool {
		twice := seen[b.Path]
		seen[b.Path] = true
		return twice
	})
}

// places are the folders in which a bin may be: dir, the folders in it, and those
// above it as far as they are of one file system.
func places(dir string) []string {
	list := []string{dir}
	entries, _ := os.ReadDir(dir) // those that cannot be read have nothing to show
	for _, e := range entries {
		if e.IsDir() {
			list = append(list, filepath.Join(dir, e.Name()))
		}
	}
	for at := dir; filepath.Dir(at) != at && sameFileSystem(at, filepath.Dir(at)); {
		at = filepath.Dir(at)
		list = append(list, at)
	}
	return list
}

// at finds the bins of a kind in a folder.
func (k *binKind) at(dir string) (found []Bin) {
	names := []string{filepath.Join(dir, k.name)}
	if strings.HasSuffix(k.name, "*") {
		names, _ = filepath.Glob(filepath.Join(escape(dir), k.name)) // the pattern is ours
	}
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil {
			found = append(found, k.found(name))
		}
	}
	return found
}

// escape is a path for use in a pattern.
func escape(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// found is a bin of the kind.
func (k *binKind) found(path string) Bin {
	b := Bin{Path: path, What: k.what, kind: k}
	switch k.unit {
	case "file":
		b.Holds = filesBelow(path)
	case "snapshot":
		list, err := os.ReadDir(path)
		b.Holds = len(list)
		if err != nil {
			b.Holds = -1
		}
	}
	b.Wrong = k.on || b.Holds != 0
	return b
}

// filesBelow counts the files in a folder and below it. What describes a file
// that was deleted is not another: desktops keep a note of its old place.
func filesBelow(dir string) int {
	n := 0
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "info" && strings.Contains(name, ".Trash"):
			return fs.SkipDir
		case e.Type().IsRegular() && !strings.EqualFold(e.Name(), "desktop.ini") && e.Name() != ".DS_Store":
			n++
		}
		if n >= countedInBin {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil && (n == 0 || !errors.Is(err, fs.ErrPermission)) {
		return -1
	}
	return n
}

// share is a share of this machine's Samba, as far as it matters here.
type share struct {
	path       string
	recycles   bool
	repository string // of what is deleted
	shadows    bool   // it shows snapshots as previous versions
}

// sambaBins are the bins that Samba keeps for shares which hold dir, or lie in it.
func sambaBins(dir string, shares []share) (found []Bin) {
	for _, s := range shares {
		path, err := filepath.EvalSymlinks(s.path)
		if err != nil || !within(dir, path) && !within(path, dir) {
			continue
		}
		if s.recycles {
			// A bin for each user or machine lies below the first of these
			// letters; nothing may be deleted yet.
			repository, _, _ := strings.Cut(cmp.Or(s.repository, ".recycle"), "%")
			b := sambaBin.found(filepath.Join(path, repository))
			b.Holds = max(b.Holds, 0)
			found = append(found, b)
		}
		if s.shadows {
			found = append(found, Bin{Path: path, What: "the previous versions of a Samba share", Holds: -1, Wrong: true, kind: &sambaShadow})
		}
	}
	return found
}

var sambaShadow = binKind{how: keptShadow,
	off: `In smb.conf the share has "shadow_copy2" or the like in its "vfs objects": leave the scanner folder out of the snapshots that it shows, and delete those that there are.`}

// within reports whether path is dir or lies in it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
