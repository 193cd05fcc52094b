package folder

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"letterlock/scanner/realpart"
	"letterlock/scanner/texts"
)

// trap is one kind of thing, laid by a test into the folder of an office.
type trap struct {
	name string
	lay  func(o *office)
}

// traps has at least one trap for every rule, by its index. What the rule
// promises is checked by TestRules.
func traps(i int) []trap {
	is := func(what string) bool { return strings.Contains(rules[i].What, what) }
	file := func(names ...string) (list []trap) {
		for _, name := range names {
			list = append(list, trap{name, func(o *office) { o.drop(line+"/"+name, whole) }})
		}
		return list
	}
	within := func(names ...string) (list []trap) {
		for _, name := range names {
			list = append(list, trap{name, func(o *office) { o.drop(line+"/"+name+"/scan.pdf", whole) }})
		}
		return append(list, file(names...)...)
	}
	switch {
	case is("whole scan with a hidden name"):
		return file(".pdf", ".hidden.pdf", ".scan.pdf.Xy12", "anna/.pdf")
	case is("hidden"):
		return []trap{
			{"files", func(o *office) {
				o.drop(line+"/.DS_Store", "Bud1")
				o.drop(line+"/._scan.pdf", "Mac OS X")
				o.drop(line+"/.hidden.pdf", "SCAN of a let")
				o.drop(line+"/.nfs00000001", whole)
			}},
			{"folders", func(o *office) {
				for _, name := range []string{".recycle", ".Trash-1000", ".snapshot"} {
					o.drop(line+"/"+name+"/scan.pdf", whole)
				}
			}},
		}
	case is("Office"):
		return file("~$letter.docx")
	case is("Windows and macOS"):
		return file("Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "Desktop.ini", "Icon\r")
	case is("recycle bins"):
		return within("$RECYCLE.BIN", "#recycle", "@Recycle", "trashbox", "Network Trash Folder")
	case is("snapshots"):
		return within("#snapshot", "@Recently-Snapshot", "~snapshot")
	case is("file servers"):
		return within("@eaDir", "@tmp", "System Volume Information", "Temporary Items", "lost+found")
	case is("temporary names"):
		return file("upload.TMP", "scan.pdf.part", "scan.partial", "scan.pdf.filepart", "scan.crdownload")
	case is("a link"):
		return []trap{
			{"to a file", func(o *office) { o.link(o.outside(), line+"/scan.pdf") }},
			{"to a file inside", func(o *office) { o.drop("accounts/x.pdf", whole); o.link("../accounts/x.pdf", line+"/scan.pdf") }},
			{"to a folder", func(o *office) { o.link(filepath.Dir(o.outside()), line+"/folder") }},
			{"to nothing", func(o *office) { o.link("nothing", line+"/scan.pdf") }},
			{"to itself", func(o *office) { o.link(".", line+"/scans") }},
		}
	case is("a pipe"):
		return []trap{
			{"pipe", func(o *office) { o.must(syscall.Mkfifo(o.at(line+"/scan.pdf"), 0o644)) }},
			{"socket", func(o *office) {
				listener, err := net.Listen("unix", o.at(line+"/scan.pdf"))
				o.must(err)
				o.Cleanup(func() { listener.Close() })
			}},
			{"device", func(o *office) {
				err := unix.Mknod(o.at(line+"/scan.pdf"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 3)))
				realpart.Need(o, err == nil, "devices: run as root")
			}},
		}
	case is("`STATUS.txt`"):
		given := func(name string) trap {
			return trap{name, func(o *office) {
				o.drop(line+"/"+name, whole)
				o.drop(line+"/"+name+NoteExt, texts.English().Text(texts.Say("note.begins")))
			}}
		}
		return append(file("taken/K7QM-4T2X.txt", "STATUS.txt"), given("refused/old.pdf"), given("duplicates/old.pdf"), given("other helpline/old.pdf"), given("stacks/old.pdf"))
	case is("`scan again/`"):
		return file("scan again/K7QM-4T2X/scan.pdf", "scan again/K7QM-4T2X/anna/scan.pdf", "scan again/scan.pdf")
	case is("among the slips"):
		return file("taken/scan.pdf", "taken/anna/scan.pdf", "refused/scan.pdf", "duplicates/anna/scan.pdf", "stacks/scan.pdf", "refused/repair/too/deep.pdf", "other helpline/take it here too/anna/scan.pdf")
	case is("any other folder"):
		return append(file("x.pdf/scan.pdf", "a/b/c/d/e/f/g/h/scan.pdf", "Refused/scan.pdf"),
			trap{"empty", func(o *office) {
				o.drop(line+"/scan.pdf", whole)
				o.must(os.MkdirAll(o.at(line+"/empty/folder"), 0o755))
			}})
	case is("inside another's"):
		return []trap{
			{"by its name", func(o *office) { o.drop(line+"/mens-advice-line/scan.pdf", whole) }},
			{"in other letters, and deeper", func(o *office) { o.drop(line+"/anna/Mens-Advice-Line/scan.pdf", whole) }},
			{"by what is in it", func(o *office) { o.drop(line+"/anna/refused/scan.pdf", whole) }},
			{"under another name", func(o *office) {
				o.drop("old/STATUS.txt", "Men's Advice Line")
				o.drop("old/scan.pdf", whole)
			}},
			{"a copy", func(o *office) {
				o.drop(line+"/Men (old)/STATUS.txt", "Men's Advice Line")
				o.drop(line+"/Men (old)/scan.pdf", whole)
				o.drop(line+"/Men (old)/refused/scan.pdf", whole)
			}},
		}
	case is("more than 8 deep"):
		return []trap{
			{"9 deep", func(o *office) { o.drop(line+"/a/b/c/d/e/f/g/h/i/scan.pdf", whole) }},
			{"not to be read", func(o *office) {
				o.nobody()
				o.drop(line+"/anna/scan.pdf", whole)
				o.must(os.Chmod(o.at(line+"/anna"), 0))
			}},
		}
	case is("a folder beside"):
		return []trap{{"accounts", func(o *office) { o.drop("accounts/book.pdf", whole) }}}
	case is("a file beside"):
		return []trap{{"stray", func(o *office) { o.drop("stray.pdf", whole) }}}
	case is("open for writing"):
		return []trap{{"open", func(o *office) {
			realpart.Need(o, leasesWork(o), "file leases: Linux with a local file system for temporary files")
			o.drop(line+"/scan.pdf", whole)
			writer, err := os.OpenFile(o.at(line+"/scan.pdf"), os.O_WRONLY|os.O_APPEND, 0)
			o.must(err)
			o.Cleanup(func() { writer.Close() })
		}}}
	case is("not whole"):
		return []trap{
			{"cut off", func(o *office) { o.drop(line+"/scan.pdf", "SCAN of a let") }},
			{"empty", func(o *office) { o.drop(line+"/scan.pdf", "") }},
		}
	case is("hard link"):
		return []trap{{"linked", func(o *office) { o.must(os.Link(o.outside(), o.at(line+"/scan.pdf"))) }}}
	case is("right to read"):
		return []trap{{"unreadable", func(o *office) {
			o.nobody()
			o.drop(line+"/scan.pdf", whole)
			o.must(os.Chmod(o.at(line+"/scan.pdf"), 0))
		}}}
	case is("right to take it away"):
		return []trap{
			{"folder not writable", func(o *office) {
				o.nobody()
				o.drop(line+"/anna/scan.pdf", whole)
				o.must(os.Chmod(o.at(line+"/anna"), 0o555))
			}},
			{"sticky folder of others", func(o *office) {
				realpart.Need(o, os.Geteuid() == 0, "files of several owners: run as root")
				o.drop(line+"/anna/scan.pdf", whole)
				o.must(os.Chmod(o.at(line+"/anna"), 0o777|os.ModeSticky))
				o.nobody()
			}},
			{"immutable", func(o *office) {
				o.drop(line+"/scan.pdf", whole)
				file, err := os.Open(o.at(line + "/scan.pdf"))
				o.must(err)
				defer file.Close()
				err = unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, unix.STATX_ATTR_IMMUTABLE)
				realpart.Need(o, err == nil, "immutable files: run as root on ext4, xfs, btrfs or tmpfs")
				o.Cleanup(func() {
					if file, err := os.Open(o.at(line + "/scan.pdf")); err == nil {
						_ = unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, 0)
						file.Close()
					}
				})
			}},
			{"mounted by itself", func(o *office) {
				o.mount(line, "")
				o.drop(line+"/scan.pdf", whole)
			}},
			{"read-only share", func(o *office) {
				o.Folder.Close()
				o.mount("", "")
				o.reopen()
				o.drop(line+"/scan.pdf", whole)
				// What is open for writing would keep a local file system from
				// becoming read-only; a share asks nobody.
				o.lock.Close()
				var err error
				o.lock, err = os.Open(o.at(lockFile))
				o.must(err)
				o.must(unix.Mount("", o.dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
			}},
		}
	case is("255 bytes"):
		return file(strings.Repeat("x", 251)+".pdf", strings.Repeat("\xff", 255), "two\nlines.pdf", "not utf-8 \xff.pdf",
			"e\u0301.pdf", "\u00e9.pdf", "scan.pdf", "SCAN.PDF", " leading.pdf", "trailing.pdf ", "-rf", "--", "*", "a;rm -rf b.pdf", "tmp", "con.pdf")
	case is("same name again"):
		return []trap{{"again", func(o *office) {
			o.take(line+"/scan.pdf", whole+" of before END")
			o.drop(line+"/scan.pdf", whole)
		}}}
	case is("helpline's folder that is removed"):
		return []trap{{"removed", func(o *office) {
			o.must(os.RemoveAll(o.at(line)))
			o.look()
			o.must(os.WriteFile(o.at(line+"/scan.pdf"), []byte(whole), 0o644)) // the folder is there again
		}}}
	case is("mounted anew"):
		anew := func(harm func(o *office)) func(o *office) {
			return func(o *office) {
				harm(o)
				if _, err := o.Look(o.Context()); !errors.Is(err, ErrGone) {
					o.Fatalf("got %v", err)
				}
				o.Folder.Close()
				o.reopen()
				o.drop(line+"/scan.pdf", whole)
			}
		}
		return []trap{
			{"removed", anew(func(o *office) { o.must(os.RemoveAll(o.dir)) })},
			{"replaced", anew(func(o *office) { o.must(errors.Join(os.Rename(o.dir, o.dir+".old"), os.Mkdir(o.dir, 0o755))) })},
			{"mounted", anew(func(o *office) { o.mount("", "") })},
			{"unmounted", anew(func(o *office) {
				o.Folder.Close()
				unmount := o.mount("", "")
				o.reopen()
				unmount()
			})},
		}
	}
	return nil
}

// TestRules lays every trap and looks at the folder for longer than anything is
// waited for. Nothing may be lost, whatever comes of it.
func TestRules(t *testing.T) {
	for i, rule := range rules {
		list := traps(i)
		if len(list) == 0 {
			t.Errorf("no trap is laid for %q", rule.What)
		}
		for _, trap := range list {
			t.Run(rule.What+"/"+trap.name, func(t *testing.T) {
				o := open(t)
				trap.lay(o)
				o.keeps(rule)
			})
		}
	}
}

// keeps checks that the rule is kept for what lies in the folder.
func (o *office) keeps(rule Rule) {
	o.Helper()
	before := o.tree("")
	taken, said := 0, false
	for n := range 33 {
		v, err := o.lookInTime()
		if err != nil {
			o.Fatal(err)
		}
		o.now = o.now.Add(time.Second)
		said = said || v.Trouble != nil
		if len(v.Settled) > 0 && n < 30 && rule.Outcome != Taken && rule.Outcome != LookedInto && rule.Outcome != Refused && taken == 0 {
			if stuck(rule) {
				continue // until it is claimed nobody knows
			}
			o.Fatalf("taken after %d s: %+v", n, v)
		}
		for _, s := range v.Settled {
			n, err := o.takes(s)
			taken, said = taken+n, said || err != nil
		}
	}
	switch {
	case rule.Outcome == LeftAlone:
		if d := cmp.Diff(before, o.tree("")); d != "" || taken > 0 {
			o.Errorf("not left alone: %s", d)
		}
	case rule.Outcome == Waits && !strings.Contains(rule.Says, "refused after"):
		if taken > 0 {
			o.Error("it does not wait")
		}
	case taken != 1:
		o.Errorf("%d scans were taken", taken)
	}
	if must := strings.Contains(rule.Says, "said") && !strings.Contains(rule.Says, "opened anew"); said != must {
		o.Errorf("said: %t", said)
	}
}

func stuck(rule Rule) bool { return strings.Contains(rule.What, "right to take it away") }

// takes claims a scan and gives it back. It counts the scans that have left the
// folder, and returns what is wrong with the whole folder.
func (o *office) takes(s Scan) (int, error) {
	c, err := o.Claim(s)
	switch {
	case errors.Is(err, ErrUnsettled):
		return 0, nil
	case errors.Is(err, syscall.EROFS):
		return 0, err
	}
	o.must(err)
	o.must(o.GiveBack(&c, RefusedDir, Note{}))
	return 1, nil
}

// lookInTime fails the test if a look waits for anything.
func (o *office) lookInTime() (v View, err error) {
	ctx, cancel := context.WithCancel(o.Context())
	defer cancel()
	late := time.AfterFunc(patience, func() { panic("a look waits for ever") })
	defer late.Stop()
	return o.Look(ctx)
}

func (o *office) at(name string) string { return filepath.Join(o.dir, name) }

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) outside() string {
	o.Helper()
	name := filepath.Join(filepath.Dir(o.dir), "outside.pdf")
	o.must(os.WriteFile(name, []byte(whole), 0o644))
	return name
}

func (o *office) link(to, name string) {
	o.Helper()
	o.must(os.Symlink(to, o.at(name)))
}

// mount mounts an empty file system at a part of the folder until the end of the
// test, or until what it returns is called.
func (o *office) mount(part, options string) func() {
	o.Helper()
	err := unix.Mount("none", o.at(part), "tmpfs", 0, options)
	realpart.Need(o, err == nil, "the right to mount: run as root")
	done := false
	unmount := func() {
		if !done {
			done = true
			o.must(unix.Unmount(o.at(part), unix.MNT_DETACH))
		}
	}
	o.Cleanup(unmount)
	return unmount
}

// nobody makes this test's thread one that has no special rights to files, and
// the folder its own.
func (o *office) nobody() {
	o.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	err := filepath.WalkDir(o.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || strings.Contains(name, "/anna") {
			return err
		}
		return os.Lchown(name, nobody, nobody)
	})
	o.must(err)
	o.must(os.Chmod(filepath.Dir(o.dir), 0o711))
	o.must(os.Chmod(filepath.Dir(filepath.Dir(o.dir)), 0o711))
	runtime.LockOSThread()
	o.must(syscall.Setfsuid(nobody))
	o.Cleanup(func() {
		syscall.Setfsuid(0)
		runtime.UnlockOSThread()
	})
}
