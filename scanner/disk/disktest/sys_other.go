//go:build !unix

package disktest

func (i info) Sys() any { return nil }
