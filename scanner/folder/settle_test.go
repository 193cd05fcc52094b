package folder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"letterlock/scanner/disk"
	"letterlock/scanner/realpart"
)

func TestSettling(t *testing.T) {
	t.Run("a scan that grows waits", func(t *testing.T) {
		o := open(t)
		for n := range 20 {
			o.drop(line+"/scan.pdf", whole+strings.Repeat("x", n)+"END")
			if v := o.look(); len(v.Settled) > 0 || v.arriving() != 1 || !v.Soon {
				t.Fatalf("after %d changes: %+v", n, v)
			}
		}
		o.look()
		if v := o.look(); len(v.Settled) != 1 {
			t.Errorf("it stopped growing and did not settle: %+v", v)
		}
	})
	t.Run("looks in quick succession count once", func(t *testing.T) {
		o := open(t)
		o.drop(line+"/scan.pdf", whole)
		for range 50 {
			if v := o.look(); len(v.Settled) > 0 {
				t.Fatal("settled within a second")
			}
			o.now = o.now.Add(-time.Second + 10*time.Millisecond)
		}
	})
	t.Run("a scan that was cut off waits, then settles", func(t *testing.T) {
		o := open(t)
		o.drop(line+"/scan.pdf", "SCAN of a let")
		for range 30 {
			if v := o.look(); len(v.Settled) > 0 || v.arriving() != 1 {
				t.Fatalf("not waited for: %+v", v)
			}
		}
		if v := o.look(); len(v.Settled) != 1 {
			t.Errorf("it is not given up: %+v", v)
		}
	})
	t.Run("what is no scan does not wait", func(t *testing.T) {
		o := open(t)
		o.drop(line+"/scan.pdf", "Dear all")
		if len(o.settle()) != 1 {
			t.Error("a text file is waited for")
		}
	})
	t.Run("an empty file waits to be filled", func(t *testing.T) {
		o := open(t)
		o.drop(line+"/scan.pdf", "")
		for range 10 {
			if v := o.look(); len(v.Settled) > 0 {
				t.Fatal("an empty file settled")
			}
		}
		o.drop(line+"/scan.pdf", whole)
		if len(o.settle()) != 1 {
			t.Error("it was filled and did not settle")
		}
	})
	t.Run("a clock that is put back starts the looks again", func(t *testing.T) {
		o := open(t)
		o.drop(line+"/scan.pdf", whole)
		o.look()
		o.look()
		o.now = o.now.Add(-time.Hour)
		if len(o.settle()) != 1 {
			t.Error("did not settle")
		}
	})
}

func TestAWriterThatPausesIsWaitedFor(t *testing.T) {
	o := open(t)
	o.drop(line+"/scan.pdf", whole)
	writer, err := os.OpenFile(filepath.Join(o.dir, line, "scan.pdf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	realpart.Need(t, leasesWork(t), "file leases: Linux with a local file system for temporary files")
	var last View
	for range 100 {
		if last = o.look(); len(last.Settled) > 0 {
			t.Fatal("taken from under its writer")
		}
	}
	if last.Trouble == nil || !strings.Contains(last.Trouble.Error(), "kept a scan open for long") || last.Arriving[0].Stuck != 1 {
		t.Errorf("nobody hears of it: %+v", last)
	}
	writer.Close()
	if v := o.look(); len(v.Settled) != 1 {
		t.Errorf("closed and still not settled: %+v", v)
	}
}

// upload is what a model of a scanner knows of the scan that it sends.
type upload struct {
	content string
	changed time.Time // the last change of the file
	writer  *os.File  // not nil while the scanner has it open
}

// TestSettleProperty lets scanners do to a folder whatever scanners do, in any
// order and at any pace, and checks at every look that what has settled is
// whole or was cut off long ago, has not changed for two seconds, is open
// nowhere, and holds exactly the bytes that were sent.
func TestSettleProperty(t *testing.T) {
	leases := leasesWork(t)
	rapid.Check(t, func(rt *rapid.T) {
		o := open(t)
		defer o.Folder.Close() // each holds one of the user's few watchers of file events
		files := map[string]*upload{}
		claimed := 0
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		full := func(n string) string { return filepath.Join(o.dir, line, n) }
		rt.Repeat(map[string]func(*rapid.T){
			"begin": func(rt *rapid.T) {
				n := name.Draw(rt, "name")
				if files[n] != nil {
					rt.Skip("there is one of that name")
				}
				w, err := os.Create(full(n))
				if err != nil {
					rt.Fatal(err)
				}
				files[n] = &upload{writer: w, changed: o.now}
			},
			"send": func(rt *rapid.T) {
				u := files[name.Draw(rt, "name")]
				if u == nil || u.writer == nil {
					rt.Skip("nothing is being sent")
				}
				part := rapid.SampledFrom([]string{"SCAN ", "page ", "END"}).Draw(rt, "part")
				fmt.Fprint(u.writer, part)
				u.content, u.changed = u.content+part, o.now
			},
			"pause or end": func(rt *rapid.T) {
				u := files[name.Draw(rt, "name")]
				if u == nil || u.writer == nil {
					rt.Skip("nothing is being sent")
				}
				u.writer.Close()
				u.writer = nil
			},
			"go on": func(rt *rapid.T) {
				n := name.Draw(rt, "name")
				if files[n] == nil || files[n].writer != nil {
					rt.Skip("nothing has paused")
				}
				w, err := os.OpenFile(full(n), os.O_WRONLY|os.O_APPEND, 0)
				if err != nil {
					rt.Fatal(err)
				}
				files[n].writer = w
			},
			"time": func(rt *rapid.T) {
				ms := rapid.SampledFrom([]int{1, 300, 999, 1000, 1001, 5000, 31000}).Draw(rt, "ms")
				o.now = o.now.Add(time.Duration(ms) * time.Millisecond)
			},
			"": func(rt *rapid.T) {
				v, err := o.Look(t.Context())
				held := false // for so long that people are told
				for _, u := range files {
					held = held || u.writer != nil && o.now.Sub(u.changed) >= o.cfg.Arriving
				}
				if err != nil || v.Trouble != nil && !held {
					rt.Fatal(err, v.Trouble)
				}
				if len(v.Settled)+v.arriving() != len(files) {
					rt.Fatalf("%d files, but %+v", len(files), v)
				}
				for _, s := range v.Settled {
					n := filepath.Base(s.path)
					u := files[n]
					quiet := o.now.Sub(u.changed)
					whole := strings.HasPrefix(u.content, "SCAN") && strings.HasSuffix(u.content, "END")
					scan := u.content == "" || strings.HasPrefix(u.content, "SCAN")
					switch {
					case quiet < 2*time.Second:
						rt.Fatalf("taken %v after a change", quiet)
					case leases && u.writer != nil:
						rt.Fatal("taken from under its writer")
					case scan && !whole && quiet < o.cfg.Arriving:
						rt.Fatalf("%q taken after %v", u.content, quiet)
					}
					if u.writer != nil {
						continue // without leases it would be a race that is not ours to win
					}
					c, err := o.Claim(s)
					if err != nil {
						rt.Fatal(err)
					}
					if err := o.Settled(c); err != nil {
						rt.Fatal(err)
					}
					if got := o.tree(c.Path(scanDir))[n]; got != u.content {
						rt.Fatalf("%q was sent and %q taken", u.content, got)
					}
					delete(files, n)
					claimed++
				}
			},
		})
		for _, u := range files {
			if u.writer != nil {
				u.writer.Close()
			}
		}
		if claims, err := o.Claims(); err != nil || len(claims) != claimed {
			rt.Fatalf("%d claims of %d: %v", len(claims), claimed, err)
		}
		o.Folder.Close()
	})
}

// leasesWork reports whether the system says who has a file open.
func leasesWork(t testing.TB) bool {
	w, err := os.Create(filepath.Join(t.TempDir(), "probe"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r, err := os.Open(w.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	is, _ := new(disk.Real).Writing(r)
	return is
}
