package page

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"io"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"letterlock/scanner/child"
)

// word is the hidden argument that makes this program the child.
const word = "render-child"

// RunChild reports whether args (os.Args) make this process the child of a
// Renderer. If so it does the child's work and never returns; it ends when its
// input does, which is when the parent is gone. A main function and a TestMain
// call it before anything else.
func RunChild(args []string) bool {
	var s settings
	mine, err := child.Settings(args, word, &s)
	if !mine {
		return false
	}
	const usage, failure = 2, 1
	// The cache is the only file it may write.
	const maxCacheFile = 256 << 20
	confine := child.Limits{AddressSpace: s.AddressSpace, FileSize: maxCacheFile}
	if err != nil || confine.Confine() != nil {
		os.Exit(usage)
	}
	if serve(os.Stdin, os.Stdout, s) != nil {
		os.Exit(failure)
	}
	os.Exit(0)
	return true
}

// serve answers questions until there are no more.
func serve(from io.Reader, to io.Writer, s settings) error {
	pool, err := newPool(s.CacheDir)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(to, 1<<16)
	reply := func(a answer) error {
		if err := a.write(out); err != nil {
			return err
		}
		return out.Flush()
	}
	if err := reply(answer{}); err != nil {
		return err
	}
	d := &desk{pool: pool}
	for {
		q, err := readRequest(from)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		a, err := d.answer(q)
		if err != nil {
			a = answer{status: answerFailed} // the reason could quote the letter
		}
		if err := reply(a); err != nil {
			return err
		}
	}
}

// newPool compiles PDFium, or takes it from the cache. Its sandbox has no file
// system, and at most 512 MiB of memory.
func newPool(cacheDir string) (pdfium.Pool, error) {
	const pages = 8192 // of 64 KiB
	runtime := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(pages).
		WithCloseOnContextDone(true)
	if cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
		if err != nil {
			return nil, err
		}
		runtime = runtime.WithCompilationCache(cache)
	}
	return webassembly.Init(webassembly.Config{
		Context: context.Background(),
		MinIdle: 1, MaxIdle: 1, MaxTotal: 2, // one at work, the next one waiting
		FSConfig:      wazero.NewFSConfig(),
		RuntimeConfig: runtime,
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
}

// desk is the document that the child has in front of it, if any.
type desk struct {
	pool     pdfium.Pool
	instance pdfium.Pdfium
	document references.FPDF_DOCUMENT
}

var errOrder = errors.New("asked out of order")

func (d *desk) answer(q request) (answer, error) {
	if q.kind != askOpen && q.kind != askClose && d.instance == nil {
		return answer{}, errOrder
	}
	switch q.kind {
	case askOpen:
		return d.open(q.body)
	case askClose:
		return answer{}, d.clear()
	case askPixels, askJPEG:
		return d.render(int(q.page), int(q.dpi), q.kind == askJPEG)
	}
	return answer{}, errOrder
}

// open reads a PDF in an instance of its own.
func (d *desk) open(data []byte) (answer, error) {
	if err := d.clear(); err != nil {
		return answer{}, err
	}
	const soon = time.Minute
	instance, err := d.pool.GetInstance(soon)
	if err != nil {
		return answer{}, err
	}
	d.instance = instance
	opened, err := instance.OpenDocument(&requests.OpenDocument{
		FileReader: bytes.NewReader(data), FileReaderSize: int64(len(data)),
	})
	if err != nil {
		return answer{}, err
	}
	d.document = opened.Document
	count, err := instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: d.document})
	if err != nil {
		return answer{}, err
	}
	return answer{number: uint32(count.PageCount)}, nil
}

// clear drops the instance, and with it all that it knew of the document. What
// the child no longer needs goes back to the system, which wipes it: a child
// may be idle for days and should not hold a letter meanwhile.
func (d *desk) clear() error {
	if d.instance == nil {
		return nil
	}
	instance := d.instance
	d.instance, d.document = nil, ""
	err := instance.Close()
	debug.FreeOSMemory()
	return err
}

// render draws page n, from 0, and encodes it if asked to.
func (d *desk) render(n, dpi int, encode bool) (answer, error) {
	size, err := d.instance.FPDF_GetPageSizeByIndex(&requests.FPDF_GetPageSizeByIndex{Document: d.document, Index: n})
	if err != nil {
		return answer{}, err
	}
	drawn, err := d.instance.RenderPageInDPI(&requests.RenderPageInDPI{
		Page: requests.Page{ByIndex: &requests.PageByIndex{Document: d.document, Index: n}},
		DPI:  fitting(size.Width, size.Height, dpi),
	})
	if err != nil {
		return answer{}, err
	}
	defer drawn.Cleanup()
	if !encode {
		return answer{}, nil
	}
	var picture bytes.Buffer
	const quality = 85
	err = jpeg.Encode(&picture, drawn.Result.RenderedImage, &jpeg.Options{Quality: quality})
	return answer{body: picture.Bytes()}, err
}

// fitting is dpi, or the highest resolution at which a page of that many points
// keeps to maxPixels, at least 1.
func fitting(width, height float64, dpi int) int {
	const perInch = 72
	if area := width * height / (perInch * perInch); area > 0 {
		dpi = min(dpi, int(math.Sqrt(maxPixels/area)))
	}
	return max(dpi, 1)
}
