package sharetest

import (
	"os/exec"
	"syscall"
)

const stop, goOn = syscall.SIGSTOP, syscall.SIGCONT

// inGroup puts a server into a process group of its own, and ties its life to
// that of the thread that starts it.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(leader int) { _ = syscall.Kill(-leader, syscall.SIGKILL) }
