package portal

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"letterlock/pipeline/register"
)

// fromWhere is the network address of whoever sent the request: of an IPv6 one
// the network, since a single machine has as many addresses as it likes. A web
// server that passes requests on, as one does that ends TLS, names whom it had
// them from, last in its header; nobody is believed but one on this machine and
// those of Config.TrustedProxies. believed is false for another that says so.
func (p *Portal) fromWhere(r *http.Request) (from string, believed bool) {
	addr, ok := addressOf(r.RemoteAddr)
	if !ok {
		return "unknown", true
	}
	named := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	goOn := addr.IsLoopback() || p.trusts(addr)
	believed = goOn || r.Header.Get("X-Forwarded-For") == ""
	for ; goOn && len(named) > 0; named = named[:len(named)-1] { // it may name another that is believed
		next, ok := addressOf(strings.TrimSpace(named[len(named)-1])) // some name its port too
		if !ok {
			break
		}
		addr = next
		goOn = p.trusts(addr)
	}
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil {
			return network.String(), believed
		}
	}
	return addr.String(), believed
}

// addressOf is the address of one end of a connection, without its port.
func addressOf(end string) (addr netip.Addr, ok bool) {
	host, _, err := net.SplitHostPort(end)
	if err != nil {
		host = end
	}
	addr, err = netip.ParseAddr(strings.Trim(host, "[]"))
	return addr.Unmap().WithZone(""), err == nil
}

func (p *Portal) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(p.cfg.TrustedProxies, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// ParseProxies reads addresses and networks of web servers that are believed, as in
// 10.0.0.7 or 10.0.0.0/28. What holds every address names nobody.
func ParseProxies(all []string) (out []netip.Prefix, err error) {
	for _, text := range all {
		network, err := netip.ParsePrefix(text)
		if addr, alone := netip.ParseAddr(text); alone == nil && addr.Zone() == "" {
			network, err = addr.Prefix(addr.BitLen())
		}
		if err != nil || network.Bits() == 0 || network.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is neither an address, as in 10.0.0.7, nor a network, as in 10.0.0.0/28", text)
		}
		out = append(out, network.Masked())
	}
	return out, nil
}

// proxyNoted is for how long it is known that another machine passes requests on, and
// proxyAgain after how long it is noted anew.
const (
	proxyNoted = 24 * time.Hour
	proxyAgain = time.Hour
)

// stranger notes that requests are passed on by a machine that is not believed, where
// 'letterlock check' finds it; which machine is kept nowhere.
type stranger struct {
	mu    sync.Mutex
	noted time.Time
}

var underProxy = register.Underway{Kind: "proxy", Token: "not believed"}

// noteProxy notes it, at most once in proxyAgain, where the machine is of one's own
// network: from anywhere else anybody may say what they like.
func (p *Portal) noteProxy(ctx context.Context, r *http.Request) {
	addr, ok := addressOf(r.RemoteAddr)
	if !ok || p.cfg.Register == nil || !addr.IsPrivate() && !addr.IsLinkLocalUnicast() || !p.stranger.isDue(p.cfg.Now()) {
		return
	}
	u := underProxy
	u.Ends = p.cfg.Now().Add(proxyNoted)
	if err := p.cfg.Register.KeepUnderway(ctx, u, register.Room{}); err != nil {
		p.cfg.Log.Warn("requests come by way of a machine that is not in [portal] trusted_proxy, and 'letterlock check' cannot be told", "error", err)
	}
}

func (s *stranger) isDue(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.noted).Abs() < proxyAgain {
		return false
	}
	s.noted = now
	return true
}

// ProxyNotBelieved reports whether requests were passed on, lately, by a machine of
// one's own network that is not believed: everybody behind it counts as one.
func ProxyNotBelieved(ctx context.Context, r *register.Register) (bool, error) {
	u := underProxy
	err := r.FindUnderway(ctx, &u)
	return err == nil, unlessNotFound(err)
}
