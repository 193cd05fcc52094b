package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/pipeline"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
)

// say translates an error for the person at the keyboard: one sentence, and
// for the storage's troubles what to do.
func say(err error) string {
	if newer, ok := errors.AsType[*register.TooNewError](err); ok {
		return fmt.Sprintf("this program (%s) is older than its data: a newer one (%s) has changed the tables (%d; this one knows them up to %d). Install that version or a later one. Nothing was changed",
			commandline.Version(), cmp.Or(newer.Program, "of a version that is not on record"), newer.Tables, newer.Known)
	}
	if older, ok := errors.AsType[*register.TooOldError](err); ok && older.Tables == 0 {
		return "there are no tables in the database yet: start the server, or run 'letterlock setup'. Nothing was changed"
	} else if ok {
		return fmt.Sprintf("this program (%s) is newer than its data: the tables are of an earlier one (%d; this one's are %d), and are brought up to date when the server is started with this version. Where there is no backup of before yet, make it with the version of before. Nothing was changed",
			commandline.Version(), older.Tables, older.Known)
	}
	if unfit, ok := errors.AsType[*register.UnfitError](err); ok {
		return sayDatabase(unfit.Says)
	}
	if errors.Is(err, errNoUser) {
		return err.Error()
	}
	for _, lost := range []error{register.ErrNoKey, pipeline.ErrNoServerKey, errNoCodeKey} {
		if errors.Is(err, lost) {
			return lost.Error()
		}
	}
	switch {
	case register.IsAway(err):
		return pipeline.SayAway(err) + " (" + cause(err) + ")"
	case register.Refuses(err):
		return "the database's server refuses: look at the user, the password and the database's name in [database]. Nothing was changed"
	case errors.Is(err, register.ErrClosed):
		return "this is refused: Letterlock was restored from a backup, and is closed until you have run: letterlock restore. Nothing was changed; 'letterlock check' says by what it was recognised"
	case errors.Is(err, archive.ErrLacks):
		return "this storage cannot hold letters, so it is not used: use another one; 'letterlock check storage' says all that is wrong with it (" + err.Error() + ")"
	case errors.Is(err, deposit.ErrUnavailable):
		return "the storage cannot be reached: is it running, and is its endpoint right? (" + err.Error() + ")"
	case deposit.IsSkewed(err):
		return "the storage refuses, since its clock and this machine's are too far apart: set the one that is wrong, and run this again (" + err.Error() + ")"
	case deposit.IsUnbelieved(err) && errors.Is(err, deposit.ErrRefused):
		return "the storage's certificate is not believed: is it of the name in the endpoint, has it not ended, and does this machine know who gave it? (" + err.Error() + ")"
	case errors.Is(err, deposit.ErrRefused):
		return "the storage refuses: look at the access key, the secret key and the bucket's name (" + err.Error() + ")"
	case register.IsFull(err):
		return "a disk is full: the data folder's, the bucket's or the database's, or the one that is written to. What could not be recorded was not done, and nothing is lost: make room ('letterlock check' says on which), and run this again"
	case errors.Is(err, os.ErrPermission):
		return "a file may not be read or written: " + configfile.Reason(err)
	}
	return err.Error()
}
