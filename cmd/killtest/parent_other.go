//go:build !linux

package killtest

func dieWithTheTest() {}
