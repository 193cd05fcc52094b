//go:build unix

package disktest

import "syscall"

func (i info) Sys() any { return &syscall.Stat_t{Ino: i.inode, Nlink: 1} }
