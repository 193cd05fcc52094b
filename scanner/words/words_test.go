package words

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for said, want := range map[string]string{
		Count(0, "file"):                       "none",
		Count(1, "file"):                       "1 file",
		Number(0, "file"):                      "0 files",
		Number(2, "file"):                      "2 files",
		Are(1, "letter"):                       "1 letter is",
		Are(3, "letter"):                       "3 letters are",
		Lasted(59 * time.Second):               "less than a minute",
		Lasted(119 * time.Second):              "1 minute",
		Lasted(61 * time.Minute):               "1 hour",
		Lasted(47 * time.Hour):                 "47 hours",
		Lasted(9459*time.Hour + 5*time.Minute): "394 days",
	} {
		if said != want {
			t.Errorf("%q, want %q", said, want)
		}
	}
}

func TestSizesAreRoundedDown(t *testing.T) {
	for bytes, want := range map[uint64]string{0: "0 kB", 999: "0 kB", 850_999: "850 kB", 999_999: "999 kB", 1e6: "1 MB", 999_999_999: "999 MB",
		1e9: "1.0 GB", 1_499_999_999: "1.4 GB", 9_999_999_999: "9.9 GB", 52_900_000_000: "52 GB"} {
		if got := Size(bytes); got != want {
			t.Errorf("%d: %s", bytes, got)
		}
	}
}
