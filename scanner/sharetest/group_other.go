//go:build !linux

package sharetest

import (
	"os"
	"os/exec"
)

// The servers run on Linux only, see needRoot.

var stop, goOn = os.Interrupt, os.Interrupt

func inGroup(*exec.Cmd) {}
func killGroup(int)     {}
