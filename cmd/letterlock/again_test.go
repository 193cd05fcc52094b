package main

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// rescans is the story of a paper that is scanned again, at a sample in which three
// letters are announced. first is its first scan.
type rescans struct {
	t     *testing.T
	data  string
	first letterLine
}

// A letter that cannot be read is scanned again: its paper gets a folder, the new
// scan that is dropped there takes over, the old one is erased with its proof once
// the new one is readable, and one paper is destroyed. The process may be killed at
// any step from the new scan to the old one's end.
func TestKillAtEveryStepOfANewScan(t *testing.T) {
	for _, step := range []string{"claimed", "sealed", "admitted", "verified", "recorded", "expiring", "rows-deleted"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			s := rescans{t: t, data: newSample(t)}
			s.asks()
			ending := slices.Contains(expirySteps, step)
			inFirst := step
			if ending {
				inFirst = ""
			}
			p, id := s.drops(inFirst)
			if ending {
				p.stop()
				p = start(t, s.data, step, "--sample")
				p.isSetUp()
				s.reads(p, id)
				if !p.wait() {
					t.Fatalf("the step was never reached; it said:\n%s", p.out)
				}
				p = start(t, s.data, "", "--sample")
				p.isSetUp()
			} else {
				s.reads(p, id)
			}
			s.ends(p, id)
		})
	}
}

// asks has the team leader find a letter that cannot be read.
func (s *rescans) asks() {
	s.t.Helper()
	p := start(s.t, s.data, "", "--sample")
	p.isSetUp()
	s.first = p.letters()[0]
	leader := p.signsIn(leaderOf(s.first.Helpline))
	leader.opens(s.first.ID)
	leader.sends("/l/"+string(s.first.ID)+"/scan-again", url.Values{"reason": {"cut-off"}})
	p.eventually("its paper has a folder", func() bool { return exists(s.folder()) })
	p.stop()
}

func (s *rescans) folder() string {
	return filepath.Join(s.data, "scanner", s.first.Helpline, folder.AgainDir, s.first.Reference)
}

// drops puts the new scan into the paper's folder, and returns its letter once its
// leader is told of it. If step is not empty the process is killed there.
func (s *rescans) drops(step string) (*program, letter.ID) {
	s.t.Helper()
	paper := specimen.New(77, 1)
	paper.Canary = "CANARYWORD"
	must(s.t, os.WriteFile(filepath.Join(s.folder(), "Mrs_Canary_Jones.pdf"), paper.ColourPDF(), 0o600))
	p := start(s.t, s.data, step, "--sample")
	if step != "" {
		if !p.wait() {
			s.t.Fatalf("the step was never reached; it said:\n%s", p.out)
		}
		p = start(s.t, s.data, "", "--sample")
	}
	p.isSetUp()
	p.eventually("the new scan has taken over", func() bool {
		n := p.status().Letters
		return n[register.Replaced] == 1 && n[register.Notified] == 3 && len(claimed(filepath.Join(s.data, "scanner"))) == 0
	})
	for _, l := range p.letters() {
		if page := s.page(p, l); strings.Contains(page, "This is a new scan of") {
			if l.Received != s.first.Received || l.Deadline != s.first.Deadline || l.Paper != letter.PaperKept {
				s.t.Errorf("the new scan is %+v", l)
			}
			return p, l.ID
		}
	}
	s.t.Fatal("no letter says that it is the new scan")
	return nil, ""
}

// page is the letter's page as the manager sees it, without deciding anything.
func (s *rescans) page(p *program, l letterLine) string {
	s.t.Helper()
	if l.Helpline != s.first.Helpline || l.ID == s.first.ID {
		return ""
	}
	return p.signsIn(manager).opens(l.ID)
}

// reads has the leader look at every page of the new scan, and find it readable.
func (s *rescans) reads(p *program, id letter.ID) {
	s.t.Helper()
	s.readsAs(leaderOf(s.first.Helpline), p, id)
}

func (s *rescans) readsAs(who string, p *program, id letter.ID) {
	s.t.Helper()
	reader := p.signsIn(who)
	reader.reads(id)
	reader.sends("/l/"+string(id)+"/readable", url.Values{"same": {"yes"}})
}

// ends checks the old scan's end, and has the one paper destroyed.
func (s *rescans) ends(p *program, id letter.ID) {
	s.t.Helper()
	p.eventually("the old scan is gone, with proof", func() bool { return count(entries(s.t, s.data), "letter-deleted") == 1 })
	p.signsIn(operations).sends("/desk/"+string(id), url.Values{"sheets": {"1"}, "scanner": {"1"}, "method": {"own-shredder"},
		"level": {"P-5"}, "place": {"office"}, "witness": {"2"}})
	reference := id.Reference()
	p.eventually("no slip is left of either", func() bool {
		slips, _ := filepath.Glob(filepath.Join(s.data, "scanner", s.first.Helpline, "taken", "*.txt"))
		return !slices.ContainsFunc(slips, func(slip string) bool {
			return strings.Contains(slip, reference) || strings.Contains(slip, s.first.Reference)
		})
	})
	p.eventually("the folder of the paper is gone", func() bool { return !exists(filepath.Dir(s.folder())) })
	p.stop()
	if n, all := len(copies(s.data, s.first.ID)), len(copies(s.data, "*")); n != 0 || all != 3 {
		s.t.Errorf("%d objects are left of the old scan, %d of all", n, all)
	}
	kinds := entries(s.t, s.data)
	for _, k := range []string{"letter-scan-again", "new-scan-taken", "letter-replaced", "old-scan-ending", "letter-deleted", "paper-destroyed"} {
		if n := count(kinds, k); n != 1 {
			s.t.Errorf("%d entries %s", n, k)
		}
	}
	for _, word := range []string{"CANARYWORD", "Mrs_Canary"} {
		if found := searchTree(s.data, word); len(found) > 0 {
			s.t.Errorf("the new scan's plaintext is in %v", found)
		}
	}
}

// A letter that outlives its six months is scanned again eight months after it came:
// its scanner has forgotten it, and its week's key is dead. The server names it, the
// new scan takes over, killed on its way, and lives no longer than the old one. On a
// real S3 server the database is then put back to before it came.
func TestAPaperIsScannedAgainAfterItsMonths(t *testing.T) {
	for name, kept := range map[string]struct {
		keep    func(s *rescans, p *program)
		killed  string // where the new scan's process dies
		deleted int    // letters, once the new scan is readable: the sample's others end on their deadline
		class   letter.Class
		s3      bool
	}{
		"kept for five years": {keep: (*rescans).keepsForYears, killed: "sealed", deleted: 3, class: letter.FiveYears, s3: true},
		"on hold":             {keep: (*rescans).holds, killed: "verified", deleted: 2, class: letter.SixMonths},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rescans{t: t}
			if kept.s3 {
				s.data = newSampleOn(t, deposittest.Start(t).Config())
			} else {
				s.data = newSample(t)
			}
			p := start(t, s.data, "", "--sample")
			p.isSetUp()
			s.first = p.letters()[0]
			kept.keep(&s, p)
			p.eventually("it lies among the five-year letters alone", func() bool {
				return count(entries(t, s.data), "old-copy-removed") == 1
			})
			p.stop()

			p = start(t, s.data, "", "--sample", "--clock", s.first.Deadline.AddDays(60).String())
			p.isSetUp()
			p.eventually("the others, and their key, are gone", func() bool {
				return len(p.letters()) == 1 && !exists(filepath.Join(s.data, "keyring", string(s.first.Key)+".txt"))
			})
			s.first = p.letters()[0]
			leader := p.signsIn(leaderOf(s.first.Helpline))
			leader.opens(s.first.ID)
			if exists(s.folder()) {
				t.Fatal("nobody has asked, and its paper has a folder")
			}
			leader.sends("/l/"+string(s.first.ID)+"/scan-again", url.Values{"reason": {"cut-off"}})
			p.eventually("its paper has a folder", func() bool { return exists(s.folder()) })
			p.stop()

			state, before := filepath.Join(s.data, "state"), filepath.Join(t.TempDir(), "state")
			must(t, os.CopyFS(before, os.DirFS(state)))
			p, id := s.dropsLate(kept.killed)
			if kept.s3 {
				p.stop()
				must(t, errors.Join(os.RemoveAll(state), os.CopyFS(state, os.DirFS(before))))
				command(t, s.data, "restore", "--yes")
				p = start(t, s.data, "", "--sample")
				p.isSetUp()
				s.readsAs(manager, p, id) // who was named to read it was decided after the backup, for all that is known
			} else {
				s.reads(p, id)
			}
			p.eventually("the old scan has ended where nothing keeps it", func() bool {
				return count(entries(t, s.data), "letter-deleted") == kept.deleted
			})
			if l := p.letter(id); l.Class != kept.class || l.Deadline != s.first.Deadline || !strings.Contains(l.Object, string(letter.FiveYears)) {
				t.Errorf("the new scan is %+v", l)
			}
			p.eventually("its paper has no folder any more", func() bool { return !exists(s.folder()) })
			if name == "on hold" {
				p.releases("1")
				p.eventually("released, both end", func() bool { return len(p.letters()) == 0 && len(copies(s.data, "*")) == 0 })
			}
			p.stop()
			kinds := entries(t, s.data)
			for _, k := range []string{"letter-scan-again", "new-scan-taken", "letter-replaced"} {
				if n := count(kinds, k); n != 1 {
					t.Errorf("%d entries %s", n, k)
				}
			}
			for _, word := range []string{"CANARYWORD", "Mrs_Canary"} {
				if found := searchTree(s.data, word); len(found) > 0 {
					t.Errorf("the new scan's plaintext is in %v", found)
				}
			}
		})
	}
}

func (s *rescans) keepsForYears(p *program) {
	s.t.Helper()
	leader := p.signsIn(leaderOf(s.first.Helpline))
	leader.opens(s.first.ID)
	leader.sends("/l/"+string(s.first.ID)+"/safeguarding", url.Values{"reason": {"child-at-risk"}, "told": {"consented"},
		"review": {s.first.Deadline.AddDays(100).String()}, "named": {leaderNumber(s.first.Helpline)}})
}

func (s *rescans) holds(p *program) {
	s.t.Helper()
	p.signsIn(manager).opens(s.first.ID)
	p.signsIn(manager).sends("/holds/new", url.Values{"letter": {string(s.first.ID)}, "reason": {"court-order"}, "owner": {"5"},
		"review": {s.first.Deadline.AddDays(-100).String()}})
}

// dropsLate puts the new scan of a letter that is alone into its paper's folder, and
// returns its letter once its leader is told of it. The process is killed at the step.
func (s *rescans) dropsLate(step string) (*program, letter.ID) {
	s.t.Helper()
	paper := specimen.New(78, 1)
	paper.Canary = "CANARYWORD"
	must(s.t, os.WriteFile(filepath.Join(s.folder(), "Mrs_Canary_Jones.pdf"), paper.ColourPDF(), 0o600))
	p := start(s.t, s.data, step, "--sample")
	if !p.wait() {
		s.t.Fatalf("the step was never reached; it said:\n%s", p.out)
	}
	p = start(s.t, s.data, "", "--sample")
	p.isSetUp()
	p.eventually("the new scan has taken over, and lies where the old one does", func() bool {
		n := p.status().Letters
		return n[register.Replaced] == 1 && n[register.Notified] == 1 && len(claimed(filepath.Join(s.data, "scanner"))) == 0 &&
			count(entries(s.t, s.data), "old-copy-removed") == 2
	})
	for _, l := range p.letters() {
		if l.ID != s.first.ID {
			return p, l.ID
		}
	}
	s.t.Fatal("there is no new scan")
	return nil, ""
}
