package child

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// gap is something that a child should be denied and is not.
type gap string

const (
	openFiles gap = "files"
	openCalls gap = "calls"
	openUse   gap = "use"
)

// gaps lists every gap in the order in which people are told.
var gaps = []struct {
	gap
	says string
}{
	{openFiles, "A child that reads scans can open other files of this account: this system does not grant Landlock, which Linux has since 5.13 where it is switched on at boot."},
	{openCalls, "A child that reads scans can use the network and start other programs: this system does not grant a seccomp filter, which Linux has on amd64 and arm64."},
	{openUse, "A child that reads scans has no limit on memory, processor time and the size of files: those hold on Linux only."},
}

// preamble begins the line in which a child reports its gaps on standard error.
const preamble = "letterlock child confined but for: "

// report tells the parent what is missing. The child must not read a scan
// before, or its report could be the scan's.
func report(missing []gap) error {
	words := make([]string, len(missing))
	for i, g := range missing {
		words[i] = string(g)
	}
	if _, err := fmt.Fprintln(os.Stderr, preamble+strings.Join(words, " ")); err != nil {
		return fmt.Errorf("reporting to the parent: %w", err)
	}
	return nil
}

// heard is what the children of this process have reported so far.
var heard struct {
	sync.Mutex
	any     bool
	missing map[gap]bool
}

// hear takes a child's report and drops whatever else it says on standard
// error: that could quote the scan.
func hear(ear *os.File) {
	defer ear.Close()
	const longest = 256
	first, err := bufio.NewReaderSize(ear, longest).ReadSlice('\n')
	if words, ok := strings.CutPrefix(string(first), preamble); ok && err == nil {
		learn(strings.Fields(words))
	}
	_, _ = io.Copy(io.Discard, ear) // it ends with the child
}

// learn remembers the gaps that it knows by those words, and logs each once.
func learn(words []string) {
	heard.Lock()
	defer heard.Unlock()
	heard.any = true
	for _, g := range gaps {
		for _, word := range words {
			if word != string(g.gap) || heard.missing[g.gap] {
				continue
			}
			if heard.missing == nil {
				heard.missing = map[gap]bool{}
			}
			heard.missing[g.gap] = true
			slog.Warn("a child is not fully confined", "says", g.says)
		}
	}
}

// Confinement says in a plain sentence each what the children of this process
// are not denied although they should be; none means that all holds. It is
// what they found out by trying. Before the first child has reported, it is
// what the system offers. Each sentence is logged once when it becomes known.
func Confinement() []string {
	heard.Lock()
	defer heard.Unlock()
	missing := heard.missing
	if !heard.any {
		missing = foreseen()
	}
	var says []string
	for _, g := range gaps {
		if missing[g.gap] {
			says = append(says, g.says)
		}
	}
	return says
}
