package page

import (
	"context"
	"io"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// newPool compiles PDFium, or takes it from the cache. Its sandbox has no file
// system, and of the address space no more than a third for each of two
// documents.
func newPool(s settings) (pdfium.Pool, error) {
	const wasmPage, mostPages, leastPages = 64 << 10, 8192, 512 // 512 MiB and 32 MiB
	pages := min(max(s.AddressSpace/3/wasmPage, leastPages), mostPages)
	// Whoever waits for a child kills it when it takes too long. To make PDFium
	// itself stop when a context ends costs a check in every loop, which makes
	// it up to six times as slow.
	const stoppable = false
	runtime := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(uint32(pages)).
		WithCloseOnContextDone(stoppable)
	if s.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(s.CacheDir)
		if err != nil {
			return nil, err
		}
		runtime = runtime.WithCompilationCache(cache)
	}
	return webassembly.Init(webassembly.Config{
		Context:       growing(context.Background()),
		MaxTotal:      maxBeside,
		FSConfig:      wazero.NewFSConfig(),
		RuntimeConfig: runtime,
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
}
