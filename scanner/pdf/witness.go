package pdf

import (
	"bytes"
	"fmt"
)

// witness hears what pdfcpu tells its user, in which alone it says that it has
// replaced or skipped something. It keeps no word of it.
type witness struct{ lost bool }

// alarming are the phrases after which a page may have lost content.
var alarming = [][]byte{
	[]byte("with blank page"), []byte("skipped: obj #"), []byte("missing font"), []byte("malformed object"),
	[]byte("corrupt page content"), []byte("corrupt content stream"), []byte("invalid color space"),
	[]byte("invalid colorSpaceEntry"),
}

func (w *witness) hear(line string) {
	for _, phrase := range alarming {
		w.lost = w.lost || bytes.Contains([]byte(line), phrase)
	}
}

// Printf, Println, Fatalf and Fatalln make witness a logger of pdfcpu.
func (w *witness) Printf(format string, args ...any) { w.hear(fmt.Sprintf(format, args...)) }

// Println hears a line.
func (w *witness) Println(args ...any) { w.hear(fmt.Sprintln(args...)) }

// Fatalf ends the work on the scan.
func (w *witness) Fatalf(string, ...any) { panic("pdfcpu gave up") }

// Fatalln ends the work on the scan.
func (w *witness) Fatalln(...any) { panic("pdfcpu gave up") }
