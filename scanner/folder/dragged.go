package folder

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"letterlock/scanner/disk"
)

// A helpline's folder that somebody has dragged into another's, or renamed: its scans
// are not that one's letters, and nobody can say for certain whose they are. It is not
// looked into, and that is said.

// isHome reports whether a folder with that in it was a helpline's own: Letterlock has
// made something there.
func isHome(list []fs.DirEntry) bool {
	return slices.ContainsFunc(list, func(e fs.DirEntry) bool {
		return e.Name() == StatusFile && e.Type().IsRegular() || e.IsDir() && slices.Contains(ours, e.Name())
	})
}

// isHelplines reports whether a folder is named as that of a helpline other than own.
func isHelplines(helplines []string, name, own string) bool {
	return slices.ContainsFunc(helplines, func(h string) bool { return h != own && strings.EqualFold(h, name) })
}

// wasHelplines reports whether a folder beside the helplines' was one of them under
// another name. Theirs all have a STATUS.txt.
func wasHelplines(d disk.Disk, helplines []string, name string) bool {
	if slices.Contains(ours, name) || isHelplines(helplines, name, "") {
		return false
	}
	info, err := d.Lstat(path.Join(name, StatusFile))
	return err == nil && info.Mode().IsRegular()
}

const draggedNext = "move what is in it into that helpline's own folder, each thing to where it was"

func (r *round) dragged(as Scan) {
	r.trouble(advise(as, "nobody looks into another helpline's folder, or a copy of one, that lies", draggedNext).Error())
}

func (r *round) renamed(as Scan, name string) {
	if wasHelplines(r.disk, r.cfg.Helplines, name) {
		r.trouble(advise(as, "nobody looks into a helpline's folder that was renamed and lies", draggedNext).Error())
	}
}
