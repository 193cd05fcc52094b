package folder

import (
	"path"
	"strings"
)

// junk lists the names, in lower case, that are never a scan and never hold
// one, whether they belong to a file or to a folder. Everything else is.
var junk = []struct{ pattern, from string }{
	{".*", "hidden files: .DS_Store, ._* of macOS, .recycle of Samba, .Trash-1000, .snapshot, our own"},
	{"~$*", "owner files of Office"},
	{"*.tmp", "an upload that is renamed when it is whole"},
	{"*.part", "an upload that is renamed when it is whole"},
	{"*.partial", "an upload that is renamed when it is whole"},
	{"*.crdownload", "a download by a browser"},
	{"thumbs.db", "Windows"},
	{"ehthumbs.db", "Windows"},
	{"desktop.ini", "Windows"},
	{"$recycle.bin", "Windows: the recycle bin"},
	{"system volume information", "Windows"},
	{"@eadir", "Synology: thumbnails"},
	{"#recycle", "Synology: the recycle bin"},
	{"#snapshot", "Synology: snapshots"},
	{"@recycle", "QNAP: the recycle bin"},
	{"@recently-snapshot", "QNAP: snapshots"},
	{"~snapshot", "NetApp: snapshots"},
	{"lost+found", "ext4: what a file system check found"},
}

// isJunk reports whether a file or folder of that name is to be left alone.
func isJunk(name string) bool {
	name = strings.ToLower(name)
	for _, j := range junk {
		if ok, _ := path.Match(j.pattern, name); ok {
			return true
		}
	}
	return false
}
