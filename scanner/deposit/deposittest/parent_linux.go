package deposittest

import (
	"os/exec"
	"syscall"
)

// dieWithTheTest ties a server to the thread that starts it.
func dieWithTheTest(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
