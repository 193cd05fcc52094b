//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package main

import "golang.org/x/sys/unix"

// hide has the terminal show nothing of what is typed from now on.
func hide(terminal int) error {
	state, err := unix.IoctlGetTermios(terminal, unix.TIOCGETA)
	if err != nil {
		return err
	}
	state.Lflag &^= unix.ECHO
	return unix.IoctlSetTermios(terminal, unix.TIOCSETA, state)
}
