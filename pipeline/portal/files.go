package portal

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static/*
var static embed.FS

// files are the style sheet, the scripts and the icon. Each has its hash in
// its name, so that a browser may keep it for ever.
type files struct {
	hashed map[string]string // name to name with hash
	body   map[string][]byte // by name with hash
}

func loadFiles() (*files, error) {
	f := &files{hashed: map[string]string{}, body: map[string][]byte{}}
	names, err := fs.ReadDir(static, "static")
	if err != nil {
		return nil, err
	}
	for _, entry := range names {
		body, err := fs.ReadFile(static, "static/"+entry.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(entry.Name())
		hashed := strings.TrimSuffix(entry.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		f.hashed[entry.Name()], f.body[hashed] = hashed, body
	}
	return f, nil
}

// address is where the file is served.
func (f *files) address(name string) string { return "/static/" + f.hashed[name] }

// staticFile serves one file, to anybody.
func (p *Portal) staticFile(w http.ResponseWriter, r *http.Request) {
	body, ok := p.files.body[r.PathValue("name")]
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		p.answer(w, visitOf(r), wrongMethod)
	case !ok:
		p.answer(w, visitOf(r), errNowhere)
	default:
		w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(r.PathValue("name"))))
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		_, _ = w.Write(body)
	}
}
