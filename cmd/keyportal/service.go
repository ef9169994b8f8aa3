package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"keyportal/internal/config"
	"keyportal/internal/keyset"
	"keyportal/internal/mail"
	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/verify"
	"keyportal/web"
	"keyportal/web/gateway"
)

// How long a connection may take, and how much a request's headers may have.
const (
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	gatewayTimeout = 10 * time.Second // for a request to the check, with its small body
	writeTimeout   = time.Minute
	idleTimeout    = 2 * time.Minute
	drainTimeout   = 10 * time.Second // for the requests that are under way when the program ends
	portalHeaders  = 1 << 20          // bytes: a form that is kept while somebody logs in travels in the address
	gatewayHeaders = 128 << 10        // the 64 kB that gateways may pass on, and what they add
)

// service is the portal and the check on open listeners.
type service struct {
	log             *slog.Logger
	store           *store.Store
	manager         *manage.Manager
	checker         *verify.Checker
	portal, gateway *listener
	publicURL       *url.URL // where people reach the portal
	drainDelay      time.Duration
	draining        atomic.Bool // the program was told to end
}

// listen opens the listeners and puts the program together behind them. Nothing
// is answered before run. Whoever calls it closes the service, and the store
// after it.
func listen(c config.Config, opened *store.Store, keys *keyset.Keyset, log *slog.Logger) (*service, error) {
	s := &service{log: log, store: opened, drainDelay: c.DrainDelay}
	if err := s.open(c, opened, keys); err != nil {
		s.close()
		return nil, err
	}
	log.Info("Key Portal starts.", "config", c)
	return s, nil
}

func (s *service) open(c config.Config, opened *store.Store, keys *keyset.Keyset) (err error) {
	if s.portal, err = newListener("--addr", c.Addr, s.log); err != nil {
		return err
	}
	if s.gateway, err = newListener("--gateway-addr", c.GatewayAddr, s.log); err != nil {
		return err
	}
	pages, checks := s.portal.server, s.gateway.server
	pages.ReadHeaderTimeout, pages.ReadTimeout, pages.WriteTimeout, pages.MaxHeaderBytes = headerTimeout, readTimeout, writeTimeout, portalHeaders
	// Each other timeout would have each check set a timer more. Its answers are so small
	// that writing them waits for nobody.
	checks.ReadTimeout, checks.MaxHeaderBytes = gatewayTimeout, gatewayHeaders
	s.publicURL = c.URL(s.portal.Addr())
	options := manage.Options{
		Store: opened, Sealer: keys, BaseURL: s.publicURL, Brand: c.Brand, SessionIdle: c.SessionIdle, SessionLifetime: c.SessionLifetime,
	}
	if c.SMTPURL != "" {
		if options.Mailer, err = mail.New(c.SMTPURL.Reveal(), c.MailFrom); err != nil {
			return err
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.manager = manage.New(options)
	registry.MustRegister(opened.Collectors()...)
	s.checker = verify.New(opened, verify.Options{
		Registry: registry, Logger: s.log, MostKeys: c.CacheKeys, Offline: c.OfflineGrace, Brand: c.Brand, TokenLifetime: c.TokenLifetime,
	})
	s.portal.server.Handler = s.closing(web.New(web.Options{
		Manager: s.manager, Checker: s.checker, BaseURL: s.publicURL, TrustedProxies: c.TrustedProxies, Log: s.log,
	}))
	s.gateway.server.Handler = s.closing(gateway.New(gateway.Options{
		Checker: s.checker, TrustedProxies: c.TrustedProxies, Metrics: registry, Ready: s.ready, Logger: s.log,
	}))
	return nil
}

// closing ends connections with the answer that they wait for once the program was told
// to end, so that none is closed in whose next request is on its way.
func (s *service) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// ready tells in its error why requests should go to another replica. While the database
// can't be asked, keys that are remembered are still checked for a while.
func (s *service) ready(ctx context.Context) error {
	if s.draining.Load() {
		return errors.New("the program ends")
	}
	if err := s.store.Ready(ctx); err != nil && portal.CodeOf(err) != portal.CodeUnavailable {
		return err
	}
	return s.checker.Ready(ctx)
}

// announce tells where the program listens, and where people reach it when that
// is elsewhere.
func (s *service) announce(w io.Writer) {
	fmt.Fprintf(w, "Portal:   %s\nGateway:  %s\n", s.portal.url(), s.gateway.url())
	if *s.publicURL != *s.portal.url() {
		fmt.Fprintf(w, "Public:   %s\n", s.publicURL)
	}
}

// run answers requests until the context ends, then lets those under way come
// to their end and writes down which keys were used.
func (s *service) run(ctx context.Context) error {
	counting, stopCounting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCounting()
	counted := make(chan error, 1)
	go func() { counted <- s.checker.Run(counting) }()

	group, ctx := errgroup.WithContext(ctx)
	drained := s.drained(ctx)
	group.Go(func() error { return s.portal.serve(drained) })
	group.Go(func() error { return s.gateway.serve(drained) })
	go keepHeadroom(drained)
	group.Go(func() error {
		s.manager.Sweep(ctx, func(err error) { s.log.Warn("Old sessions and links could not be removed.", "error", err) })
		return nil
	})
	err := group.Wait()
	stopCounting()
	return errors.Join(err, <-counted)
}

// drained gives a context that ends a while after another one: until then load balancers
// notice that the program ends, and go elsewhere.
func (s *service) drained(ctx context.Context) context.Context {
	drained, end := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		s.log.Info("Key Portal was told to end.", "ends_in", s.drainDelay)
		s.draining.Store(true)
		time.AfterFunc(s.drainDelay, end)
	})
	return drained
}

// close gives the addresses back.
func (s *service) close() {
	for _, l := range []*listener{s.portal, s.gateway} {
		if l != nil {
			l.Close()
		}
	}
}

// listener is an open address with the server that answers there.
type listener struct {
	net.Listener
	server *http.Server
	log    *slog.Logger
}

func newListener(flag, address string, log *slog.Logger) (*listener, error) {
	opened, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: end the program that listens there, or choose another address with %s", err, flag)
	}
	return &listener{opened, &http.Server{IdleTimeout: idleTimeout, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}, log}, nil
}

// url gives the address as one that a browser on this machine can open.
func (l *listener) url() *url.URL { return config.Config{}.URL(l.Addr()) }

// serve answers requests until the context ends and those under way are
// answered.
func (l *listener) serve(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- l.server.Serve(l.Listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := l.server.Shutdown(draining); err != nil {
		l.log.Warn("Some requests took too long to end and were cut off.", "address", l.Addr().String())
		return l.server.Close()
	}
	return nil
}
