//go:build unix

package pdf

import "syscall"

// errFileTooLarge is what a write beyond RLIMIT_FSIZE gets.
const errFileTooLarge = syscall.EFBIG
