//go:build unix

package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"letterlock/scanner/disk"
	"letterlock/scanner/disk/disktest"
	"letterlock/scanner/letter"
)

// story is a scanner folder to which people, printers and the edge do whatever
// they do, and which is then asked where each scan is.
type story struct {
	*rapid.T
	folder *Folder
	disk   disk.Disk
	now    time.Time

	scans  map[string]bool // by content: every scan that exists
	claims []Claim
	next   int

	open   func(Config) (*Folder, error)
	crash  func() // ends the process, or the machine
	breaks string // the step at which the process ends next
}

type ended struct{} // a process that ends at a step

func (s *story) start() {
	f, err := s.open(Config{
		Helplines: []string{line, "mens-advice-line"}, Settle: time.Second, Arriving: 10 * time.Second,
		Complete: complete, Now: func() time.Time { return s.now },
		Step: func(step string, _ letter.ID) {
			if step == s.breaks {
				panic(ended{})
			}
		},
	})
	if err != nil {
		s.Fatal(err)
	}
	s.folder, s.disk = f, f.Disk()
	if s.claims, err = f.Claims(); err != nil {
		s.Fatal(err)
	}
}

// act does something of the edge's that may end in a crash.
func (s *story) act(do func() error) {
	s.breaks = rapid.SampledFrom([]string{"", "", "", "claim", "refusing", "returned", "noted"}).Draw(s.T, "breaks")
	defer func() {
		s.breaks = ""
		if r := recover(); r == (ended{}) {
			s.crash()
			s.start()
		} else if r != nil {
			panic(r)
		}
	}()
	if err := do(); err != nil && !errors.Is(err, ErrUnsettled) {
		s.Fatal(err)
	}
}

var (
	dropFolders = []string{".", line, line + "/anna", "mens-advice-line", line + "/refused/repair", line + "/duplicates/another letter"}
	dropNames   = []string{"scan.pdf", "SCAN.pdf", "scan.pdf.txt", "repair", "upload.tmp", "refused"}
)

func (s *story) place() string {
	return path.Join(rapid.SampledFrom(dropFolders).Draw(s.T, "folder"), rapid.SampledFrom(dropNames).Draw(s.T, "name"))
}

// drop leaves a whole scan, or part of one, where nothing is.
func (s *story) drop() {
	name := s.place()
	if disk.Exists(s.disk, name) {
		s.Skip("there is something of that name")
	}
	s.next++
	content := fmt.Sprintf("SCAN %d%s", s.next, rapid.SampledFrom([]string{" END", " EN", ""}).Draw(s.T, "end"))
	s.put(name, content)
	s.scans[content] = true
}

func (s *story) put(name, content string) {
	// All but the edge is safe from power cuts here.
	err := disk.MakeDir(s.disk, path.Dir(name), 0o770)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) {
		s.Skip("a file is in the way")
	}
	if err == nil {
		err = disk.WriteBytes(s.disk, name, 0o660, []byte(content))
	}
	if err != nil {
		s.Fatal(err)
	}
}

// files is everything that people can see, by name, but for notes.
func (s *story) files(private bool) map[string]string {
	files := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		list, err := s.disk.List(dir)
		if err != nil {
			s.Fatal(err)
		}
		for _, e := range list {
			name := path.Join(dir, e.Name())
			switch {
			case e.IsDir():
				if private || name != PrivateDir {
					walk(name)
				}
			case e.Type().IsRegular():
				data, err := disk.ReadFile(s.disk, name)
				if err != nil {
					s.Fatal(err)
				}
				if bytes.HasPrefix(data, []byte("SCAN")) {
					files[name] = string(data)
				}
			}
		}
	}
	walk(".")
	return files
}

// some is one of the scans that people can see.
func (s *story) some() (name, content string) {
	files := s.files(false)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	if len(names) == 0 {
		s.Skip("nothing is there")
	}
	slices.Sort(names)
	name = rapid.SampledFrom(names).Draw(s.T, "scan")
	return name, files[name]
}

func (s *story) actions() map[string]func(*rapid.T) {
	as := func(do func()) func(*rapid.T) {
		return func(t *rapid.T) {
			s.T = t
			do()
		}
	}
	return map[string]func(*rapid.T){
		"drop": as(s.drop),
		"write on": as(func() {
			name, content := s.some()
			delete(s.scans, content)
			s.scans[content+" END"] = true
			s.put(name, content+" END")
		}),
		"rename": as(func() {
			from, _ := s.some()
			to := s.place()
			if disk.Exists(s.disk, to) || strings.HasPrefix(from, PrivateDir) {
				s.Skip("there is something of that name")
			}
			if err := s.disk.Rename(from, to); err != nil {
				s.Skip("its folder is not there")
			}
			if err := errors.Join(s.disk.SyncDir(path.Dir(from)), s.disk.SyncDir(path.Dir(to))); err != nil {
				s.Fatal(err)
			}
		}),
		"delete": as(func() {
			name, content := s.some()
			delete(s.scans, content)
			if err := errors.Join(s.disk.Remove(name), s.disk.SyncDir(path.Dir(name))); err != nil {
				s.Fatal(err)
			}
		}),
		"look and claim": as(func() {
			for range looksUntilStill {
				s.now = s.now.Add(time.Duration(rapid.SampledFrom([]int{1, 5, 11}).Draw(s.T, "seconds")) * time.Second)
				v, err := s.folder.Look(s.Context())
				if err != nil {
					s.Fatal(err)
				}
				for _, scan := range v.Settled {
					if rapid.Bool().Draw(s.T, "claimed") {
						s.act(func() error {
							c, err := s.folder.Claim(scan)
							if err == nil {
								s.claims = append(s.claims, c)
							}
							return err
						})
					}
				}
			}
		}),
		"give back": as(func() {
			if len(s.claims) == 0 {
				s.Skip("nothing is claimed")
			}
			c := s.claims[0]
			s.claims = s.claims[1:]
			dir := rapid.SampledFrom(returnDirs).Draw(s.T, "dir")
			s.act(func() error {
				if err := s.folder.Settled(c); err != nil {
					return err
				}
				err := s.folder.GiveBack(&c, dir, Note{What: "A reason."})
				if errors.Is(err, fs.ErrExist) {
					s.claims = append(s.claims, c) // somebody has dropped a file of the folder's name; it will be taken
					return nil
				}
				return err
			})
		}),
		"release": as(func() {
			if len(s.claims) == 0 {
				s.Skip("nothing is claimed")
			}
			c := s.claims[0]
			s.claims = s.claims[1:]
			if name, err := s.folder.scan(c); err == nil {
				data, err := disk.ReadFile(s.disk, path.Join(c.Path(scanDir), name))
				if err != nil {
					s.Fatal(err)
				}
				delete(s.scans, string(data))
			}
			if err := s.folder.Release(c); err != nil {
				s.Fatal(err)
			}
		}),
		"crash": as(func() { s.crash(); s.start() }),
		"": as(func() {
			there := map[string]int{}
			for _, content := range s.files(true) {
				there[content]++
			}
			for content := range s.scans {
				if there[content] != 1 {
					s.Fatalf("%q is in %d places of %v", content, there[content], s.files(true))
				}
			}
			if len(there) != len(s.scans) {
				s.Fatalf("there are %d scans of %d", len(there), len(s.scans))
			}
		}),
	}
}

func TestEveryScanIsInOnePlace(t *testing.T) {
	t.Run("on a real disk", func(t *testing.T) {
		dir, err := os.MkdirTemp("/dev/shm", "") // where syncs cost nothing, if there is such a thing
		if err != nil {
			dir = t.TempDir()
		}
		defer os.RemoveAll(dir)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			s := &story{T: rt, now: time.Now(), scans: map[string]bool{}}
			s.open = func(cfg Config) (*Folder, error) {
				cfg.Path = fmt.Sprintf("%s/%d", dir, n)
				return Open(cfg)
			}
			s.crash = func() {
				s.folder.owner.stop()
				s.folder.lock.Close() // all that the end of a process does
				s.folder.real.Close()
				if s.folder.watched != nil {
					s.folder.watched.Close()
				}
			}
			s.start()
			defer func() {
				s.folder.Close()
				os.RemoveAll(s.folder.cfg.Path)
			}()
			rt.Repeat(s.actions())
		})
	})
	t.Run("when the power fails", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			s := &story{T: rt, now: time.Now(), scans: map[string]bool{}}
			sim := disktest.New(func() time.Time { return s.now })
			s.open = func(cfg Config) (*Folder, error) {
				cfg.Disk = sim
				return Open(cfg)
			}
			s.crash = func() {
				sim.PowerCut(rand.New(rand.NewPCG(rapid.Uint64().Draw(s.T, "power cut"), 0)))
			}
			s.start()
			rt.Repeat(s.actions())
		})
	})
}
