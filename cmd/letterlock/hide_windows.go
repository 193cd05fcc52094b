package main

import "golang.org/x/sys/windows"

// hide has the terminal show nothing of what is typed from now on.
func hide(terminal int) error {
	var mode uint32
	if err := windows.GetConsoleMode(windows.Handle(terminal), &mode); err != nil {
		return err
	}
	return windows.SetConsoleMode(windows.Handle(terminal), mode&^windows.ENABLE_ECHO_INPUT)
}
