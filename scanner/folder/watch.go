package folder

import (
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// Hints delivers something when a look may be worth its while. It is only for
// speed: hints may be late, merged or missing, and none tells of what another
// host wrote to a mounted share.
func (f *Folder) Hints() <-chan struct{} { return f.hints }

// watch begins to turn the system's events into hints. Without them, and
// where the system grants no more of them, the folder works all the same.
func (f *Folder) watch() {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return
	}
	f.watched = w
	go func() {
		// An overflow or a folder that is gone arrives as an error, which is
		// as good a reason to look as an event. Both channels are closed by
		// Close.
		for {
			select {
			case _, ok := <-w.Events:
				if !ok {
					return
				}
			case _, ok := <-w.Errors:
				if !ok {
					return
				}
			}
			select {
			case f.hints <- struct{}{}:
			default: // one is waiting already
			}
		}
	}()
}

// listen asks for events of a folder. It is called for each at every look, so
// that a folder that was made or replaced meanwhile is listened to as well.
func (f *Folder) listen(dir string) {
	if f.watched != nil {
		_ = f.watched.Add(filepath.Join(f.cfg.Path, dir))
	}
}
