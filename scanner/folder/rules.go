package folder

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"letterlock/scanner/disk"
)

// Outcome is what happens to something that lies in a helpline's folder.
type Outcome string

// The outcomes.
const (
	Taken      Outcome = "taken"
	LookedInto Outcome = "looked into"
	Waits      Outcome = "waits"
	Refused    Outcome = "refused"
	LeftAlone  Outcome = "left alone"
)

// Rule says what happens to one kind of thing.
type Rule struct {
	What string // in the words of the README
	// Names, in lower case, are how it is known: whole names, or with a * at
	// one end. Without them the rule is known by Type, or by Says alone.
	Names   []string
	Type    fs.FileMode
	Outcome Outcome
	Says    string
}

// rules are tried in this order. The first that knows a thing by its name or
// its type decides; what none knows is looked into if it is a folder and taken,
// once it has settled, if it is a file. The rules without names and type are
// kept by the code that reads further than that.
var rules = []Rule{
	{What: "hidden files and folders: of macOS, of Samba's recycle bin, Letterlock's own",
		Names: []string{".*"}, Outcome: LeftAlone},
	{What: "owner files of Office", Names: []string{"~$*"}, Outcome: LeftAlone},
	{What: "what Windows and macOS leave in folders", Names: desktopJunk, Outcome: LeftAlone},
	{What: "recycle bins", Names: []string{"$recycle.bin", "#recycle", "@recycle", "trashbox", "network trash folder"}, Outcome: LeftAlone,
		Says: "`scanner check` finds them and says what to switch off"},
	{What: "snapshots", Names: []string{"#snapshot", "@recently-snapshot", "~snapshot"}, Outcome: LeftAlone,
		Says: "`scanner check` finds them too"},
	{What: "what file systems and file servers keep for themselves",
		Names: []string{"@eadir", "@tmp", "system volume information", "temporary items", "lost+found"}, Outcome: LeftAlone},
	{What: "temporary names", Names: []string{"*.tmp", "*.part", "*.partial", "*.filepart", "*.crdownload"}, Outcome: Waits,
		Says: "to be renamed; said if it does not change for `arriving_limit`"},
	{What: "a link, to a file or a folder or nothing", Type: fs.ModeSymlink, Outcome: LeftAlone, Says: "never followed"},
	{What: "a pipe, a socket, a device", Type: fs.ModeNamedPipe | fs.ModeSocket | fs.ModeDevice | fs.ModeCharDevice | fs.ModeIrregular,
		Outcome: LeftAlone, Says: "never opened"},

	{What: "`refused/`, `duplicates/`, `other helpline/`, `stacks/`, `taken/`, `STATUS.txt` and `SLIPS.html` directly in a helpline's folder", Outcome: LeftAlone,
		Says: "but for the folders of answers: `refused/repair`, `duplicates/same letter`, `duplicates/another letter`, `other helpline/dropped here by mistake`, `other helpline/take it here too`, `stacks/split at the sheets`, `stacks/as told in Letterlock`."},
	{What: "a scan in the folder of a paper in `scan again/`", Outcome: Taken,
		Says: "as a new scan of that paper while one is asked for; refused when none is, and when it lies beside these folders"},
	{What: "a scan among the slips, one without a note in a folder of what was given back, one in a folder that somebody has made there", Outcome: LeftAlone,
		Says: "and said, also by `check`"},
	{What: "any other folder, also one named `x.pdf`", Outcome: LookedInto, Says: "and never removed, also when it is empty"},
	{What: "a whole scan with a hidden name, as a copier sends it whose field for the name is empty: `.pdf`", Outcome: LeftAlone, Says: "and said after `arriving_limit`, also by `check`"},
	{What: "a helpline's folder, or a copy of one, inside another's folder or under another name", Outcome: LeftAlone,
		Says: "and said, also by `check`: nobody else may see its letters. It is known by its name, its `STATUS.txt` and the folders that Letterlock makes"},
	{What: "a folder more than 8 deep, or one that cannot be read", Outcome: LeftAlone, Says: "and said"},
	{What: "a folder beside the helplines'", Outcome: LeftAlone, Says: "`check` says how many files lie in it"},
	{What: "a file beside the helplines' folders", Outcome: Refused, Says: "nobody can know whose it is"},
	{What: "a file that somebody has open for writing, or that still changes", Outcome: Waits, Says: "an open one is said after `arriving_limit`"},
	{What: "a file that is still and not whole, or empty", Outcome: Waits, Says: "refused after `arriving_limit`"},
	{What: "a file that has a second name elsewhere (hard link)", Outcome: Waits,
		Says: "said at once, refused after `arriving_limit`: deleting it here would not delete it there"},
	{What: "a file without the right to read it", Outcome: Waits, Says: "said at once, refused after `arriving_limit`"},
	{What: "a file without the right to take it away, a read-only share, a folder that is mounted by itself", Outcome: Waits,
		Says: "said; taken once that is mended"},
	{What: "names of up to 255 bytes, with spaces, line breaks or no UTF-8, like `-rf`; names that differ in case or in composition (é, e\u0301) only", Outcome: Taken,
		Says: "each as a scan of its own"},
	{What: "the same name again", Outcome: Taken, Says: "as another scan"},
	{What: "a helpline's folder that is removed", Outcome: LookedInto, Says: "after it was made anew"},
	{What: "a scanner folder that is removed, replaced or mounted anew", Outcome: LookedInto, Says: "after it was opened anew, which is said"},
}

// desktopJunk is what a desktop leaves in a folder that somebody has only looked into.
var desktopJunk = []string{"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"}

// isDesktopJunk reports whether a file is that, or one of the two kinds that macOS hides.
// Nothing else that is hidden: that may be a scan of a copier whose field for the name is
// empty.
func isDesktopJunk(d disk.Disk, name string) bool {
	const doubled = "\x00\x05\x16\x07" // begins a file ._NAME, with what macOS knows of NAME
	switch base := strings.ToLower(path.Base(name)); {
	case slices.Contains(desktopJunk, base), base == ".ds_store":
		info, err := d.Lstat(name)
		return err == nil && info.Mode().IsRegular()
	case strings.HasPrefix(base, "._"):
		file, err := OpenScan(d, name)
		if err != nil {
			return false
		}
		defer file.Close()
		begins := make([]byte, len(doubled))
		_, err = file.ReadAt(begins, 0)
		return err == nil && string(begins) == doubled
	}
	return false
}

// isOurFile reports whether a file of that name, directly in a helpline's folder
// or in the root, is one that Letterlock writes there for people.
func isOurFile(name string) bool { return name == StatusFile || name == SlipsFile }

// Rules are what happens to whatever may lie in a helpline's folder, for the
// README.
func Rules() []Rule { return append([]Rule(nil), rules...) }

// knows reports whether the rule decides on a thing of that name, in lower
// case, and type.
func (r *Rule) knows(name string, typ fs.FileMode) bool {
	for _, pattern := range r.Names {
		if begin, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(name, begin) {
			return true
		}
		if end, ok := strings.CutPrefix(pattern, "*"); ok && strings.HasSuffix(name, end) {
			return true
		}
		if name == pattern {
			return true
		}
	}
	return typ&r.Type != 0
}

// outcome is what the rules say of a thing by its name and type.
func outcome(name string, typ fs.FileMode) Outcome {
	name = strings.ToLower(name)
	for i := range rules {
		if rules[i].knows(name, typ) {
			return rules[i].Outcome
		}
	}
	if typ.IsDir() {
		return LookedInto
	}
	return Taken
}

// isJunk reports whether a file or folder of that name is left alone.
func isJunk(name string) bool { return outcome(name, 0) == LeftAlone }
