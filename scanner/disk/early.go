package disk

import (
	"io"
	"os"
)

// earlyStep is after how many bytes the system is asked again to bring a file to
// the disk.
const earlyStep = 4 << 20

// Early writes a new file from its beginning, and has the system bring what is
// written to the disk while the rest is still made: the sync at the end of a long
// file then has little left to do. Only that sync says that the file is safe, and
// it tells of everything that failed before.
func Early(file File) io.Writer {
	own, ok := file.(*os.File)
	if !ok {
		return file
	}
	return &early{file: own}
}

type early struct {
	file           *os.File
	written, begun int64 // bytes, and how many of them the system was asked for
}

func (e *early) Write(p []byte) (int, error) {
	n, err := e.file.Write(p)
	e.written += int64(n)
	if due := e.written - e.begun; due >= earlyStep {
		beginSync(e.file, e.begun, due)
		e.begun = e.written
	}
	return n, err
}
