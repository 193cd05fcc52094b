//go:build !linux

package child

import (
	"os"
	"runtime/debug"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return nil }

func kill(p *os.Process) { _ = p.Kill() } // an error means that it has just ended

// Confine asks the garbage collector to keep to the memory limit. Whatever else
// Limits promises holds on Linux only, and the parent is told so.
func (l Limits) Confine() error {
	if l.AddressSpace > 0 {
		debug.SetMemoryLimit(l.AddressSpace / 4 * 3)
	}
	return report([]gap{openFiles, openCalls, openUse})
}

func foreseen() map[gap]bool {
	return map[gap]bool{openFiles: true, openCalls: true, openUse: true}
}
