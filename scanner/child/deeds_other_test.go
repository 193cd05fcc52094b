//go:build !linux

package child_test

type deedSettings struct{}

func deed(settings) {}
