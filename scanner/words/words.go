// Package words says numbers and time spans as people do. It is a leaf.
package words

import (
	"fmt"
	"time"
)

// Count is a number of things: "none", "1 file", "2 files".
func Count(n int, what string) string {
	if n == 0 {
		return "none"
	}
	return Number(n, what)
}

// Number is Count inside a sentence: "0 files", "1 file", "2 files".
func Number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Are is Number with its verb: "1 file is", "2 files are".
func Are(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return Number(n, what) + " are"
}

// Lasted says how long something has lasted, rounded down and no finer than
// people care for: "less than a minute", "5 minutes", "3 hours", "12 days".
func Lasted(d time.Duration) string {
	n, unit := Span(d)
	if n == 0 {
		return "less than a minute"
	}
	return Number(n, unit)
}

// Span is what Lasted says, for who says it in another language: n of a unit, which
// is "minute", "hour" or "day". Of less than a minute n is 0.
func Span(d time.Duration) (n int, unit string) {
	switch {
	case d < time.Minute:
		return 0, "minute"
	case d < time.Hour:
		return int(d.Minutes()), "minute"
	case d < 48*time.Hour:
		return int(d.Hours()), "hour"
	}
	return int(d.Hours() / 24), "day"
}

// Size is a number of bytes, rounded down and no finer than people care for:
// "850 kB", "12 MB", "1.4 GB", "52 GB".
func Size(bytes uint64) string {
	switch {
	case bytes < 1e6:
		return fmt.Sprintf("%d kB", bytes/1e3)
	case bytes < 1e9:
		return fmt.Sprintf("%d MB", bytes/1e6)
	case bytes < 1e10:
		return fmt.Sprintf("%d.%d GB", bytes/1e9, bytes/1e8%10)
	}
	return fmt.Sprintf("%d GB", bytes/1e9)
}
