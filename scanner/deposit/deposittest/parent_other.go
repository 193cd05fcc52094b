//go:build !linux

package deposittest

import "os/exec"

func dieWithTheTest(*exec.Cmd) {}
