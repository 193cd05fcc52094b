package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// metricsDoor listens for a monitoring system, where the configuration names
// an address; else it is nil.
func (in *installation) metricsDoor() (net.Listener, error) {
	at := in.cfg.Metrics.Listen
	if at == "" {
		return nil, nil
	}
	door, err := net.Listen("tcp", at)
	if err != nil {
		return nil, fmt.Errorf("the metrics cannot be given at %s: %s; choose another [metrics] listen", at, cause(err))
	}
	return door, nil
}

// serveMetrics answers the monitoring system until ctx ends.
func (r *roles) serveMetrics(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", r.server.Metrics())
	mux.Handle("GET /healthz", r.server.Healthz())
	mux.Handle("GET /readyz", r.server.Readyz())
	return r.monitor(ctx, mux)
}

// monitor answers at the metrics' door until ctx ends. It is another than the
// portal's: it needs no sign-in, and the portal's is open to the network.
func (r *roles) monitor(ctx context.Context, mux http.Handler) error {
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = web.Close() })
	defer stop()
	if err := web.Serve(r.metrics); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
