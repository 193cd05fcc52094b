package portal

import (
	"fmt"
	"net/http"

	"letterlock/pipeline/texts"
)

// Starting answers while there is no portal yet, because the register cannot be
// reached: that nothing is lost, and to try again, whatever is asked for. Of the
// configuration it goes by Language, SubdomainsWithoutTLS and Log.
func Starting(cfg Config) (http.Handler, error) { return meanwhile(cfg, databaseAway) }

// Moving answers, like Starting, while the register is moved into another database.
func Moving(cfg Config) (http.Handler, error) { return meanwhile(cfg, beingMoved) }

func meanwhile(cfg Config, why *problem) (http.Handler, error) {
	p := &Portal{cfg: cfg}
	var err error
	if p.files, err = loadFiles(); err != nil {
		return nil, fmt.Errorf("loading static files: %w", err)
	}
	if p.language, err = texts.New(cfg.files(), cfg.Language); err != nil {
		return nil, fmt.Errorf("reading what the portal says: %w", err)
	}
	if p.pages, err = parsePages(p.templateFuncs()); err != nil {
		return nil, fmt.Errorf("parsing pages: %w", err)
	}
	p.mux = http.NewServeMux()
	p.mux.HandleFunc("/static/{name}", p.staticFile)
	p.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { p.answer(w, visitOf(r), why) })
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w, v := p.arrives(rw, r)
		defer p.logVisit(w, v)
		p.mux.ServeHTTP(w, v.Request)
	}), nil
}
