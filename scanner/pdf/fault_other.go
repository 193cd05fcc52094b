//go:build !unix

package pdf

import "errors"

// errFileTooLarge is never met where the limit on file size cannot be set.
var errFileTooLarge = errors.New("file too large")
