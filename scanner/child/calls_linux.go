package child

import (
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// The system calls that a Go program needs, with and without cgo, to work on
// what is its own: its memory, its threads, its clocks and the descriptors that
// it was handed. Names that a processor does not have are left out.
var ownCalls = []string{
	// Memory. WebAssembly code is compiled here, so that it may be executable.
	"brk", "madvise", "membarrier", "mincore", "mmap", "mprotect", "mremap", "munmap",
	// Threads. clone is below.
	"arch_prctl", "exit", "exit_group", "futex", "get_robust_list", "getcpu", "gettid", "restart_syscall", "rseq",
	"sched_getaffinity", "sched_yield", "set_robust_list", "set_tid_address",
	// Signals, but for sending them.
	"rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack",
	// Time.
	"clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday", "nanosleep", "setitimer", "time",
	"timer_create", "timer_delete", "timer_gettime", "timer_settime", "times",
	// Descriptors.
	"close", "copy_file_range", "dup", "dup2", "dup3", "fadvise64", "fallocate", "fcntl", "fdatasync", "flock", "fstat",
	"fsync", "ftruncate", "lseek", "pread64", "preadv", "pwrite64", "pwritev", "read", "readv", "sendfile", "splice",
	"write", "writev",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "pipe", "pipe2", "poll", "ppoll", "pselect6", "select",
	// Sockets that it was handed: it cannot make, connect or address one.
	"getpeername", "getsockname", "getsockopt", "recvfrom", "recvmsg", "shutdown",
	// Itself and chance.
	"getegid", "geteuid", "getgid", "getpid", "getppid", "getrandom", "getrlimit", "getrusage", "getuid", "sysinfo", "uname",
}

// fileCalls open and change files by their names; Landlock says which.
var fileCalls = []string{
	"access", "chmod", "faccessat", "fchmod", "fchmodat", "fstatfs", "getcwd", "getdents64", "lstat", "mkdir", "mkdirat",
	"newfstatat", "open", "openat", "readlink", "readlinkat", "rename", "renameat", "renameat2", "rmdir", "stat", "statfs",
	"unlink", "unlinkat", "utimensat",
}

// unknownCalls are answered as by a kernel that does not have them: a C library
// and Go then take the older call, which can be filtered by its arguments.
var unknownCalls = []string{"clone3", "faccessat2", "fchmodat2", "openat2", "statx"}

// allowed is the filter: what is not named is refused with EPERM, and so is
// every call of another processor's kind (32 bits on a 64-bit one). It fails
// on a processor on which nobody has tried it.
func allowed(files bool) (seccomp.Policy, error) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return seccomp.Policy{}, fmt.Errorf("no filter of system calls for %s", runtime.GOARCH)
	}
	processor, err := arch.GetInfo("")
	if err != nil {
		return seccomp.Policy{}, err
	}
	foreign := func(name string) bool {
		_, known := processor.SyscallNames[name]
		return !known
	}
	names := slices.Clone(ownCalls)
	if files {
		names = append(names, fileCalls...)
	}
	return seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{
			{Action: seccomp.ActionAllow, Names: slices.DeleteFunc(names, foreign), NamesWithCondtions: onlyItself()},
			{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: slices.DeleteFunc(slices.Clone(unknownCalls), foreign)},
		},
	}, nil
}

// onlyItself allows calls with arguments that concern nobody but the process.
func onlyItself() []seccomp.NameWithConditions {
	when := func(name string, argument uint32, is seccomp.Operation, value uint64) seccomp.NameWithConditions {
		return seccomp.NameWithConditions{
			Name:       name,
			Conditions: seccomp.ArgumentConditions{{Argument: argument, Operation: is, Value: value}},
		}
	}
	self := uint64(os.Getpid())
	return []seccomp.NameWithConditions{
		when("clone", 0, seccomp.BitsSet, unix.CLONE_THREAD), // a thread, never a process
		when("tgkill", 0, seccomp.Equal, self),
		when("kill", 0, seccomp.Equal, self),
		when("prlimit64", 2, seccomp.Equal, 0), // to read a limit, not to lift one
		when("sendto", 4, seccomp.Equal, 0),    // on a connected socket
	}
}
