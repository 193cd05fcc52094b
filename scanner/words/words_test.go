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
