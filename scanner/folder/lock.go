package folder

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"letterlock/scanner/disk"
)

// Holder is the process that works on a scanner folder.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"` // UTC
}

// HeldError says that another process works on the folder.
type HeldError struct{ Holder Holder }

func (e *HeldError) Error() string {
	h := e.Holder
	if h.PID == 0 {
		return "another scanner is at work on this scanner folder"
	}
	return fmt.Sprintf("another scanner is at work on this scanner folder: process %d on %s, since %s",
		h.PID, h.Host, h.Since.Format(time.RFC3339))
}

// takeLock makes sure that two edges never work on one folder. The system
// frees the lock when the process ends, however it ends; what the file says is
// only for people.
func takeLock(d *disk.Real, now time.Time) (*os.File, error) {
	opened, err := d.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, disk.Plain("opening the lock of the scanner folder", err)
	}
	file := opened.(*os.File)
	if err := lockNow(file); err != nil {
		defer file.Close()
		if held(err) {
			var h Holder
			_ = json.NewDecoder(file).Decode(&h) // half written just now: then nobody is named
			return nil, &HeldError{h}
		}
		return nil, disk.Plain("locking the scanner folder", err)
	}
	host, _ := os.Hostname()
	data, err := json.Marshal(Holder{os.Getpid(), host, now.UTC().Truncate(time.Second)})
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.WriteAt(data, 0)
	}
	if err != nil {
		file.Close()
		return nil, disk.Plain("writing the lock of the scanner folder", err)
	}
	return file, nil
}
