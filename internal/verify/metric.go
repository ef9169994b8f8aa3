package verify

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"keyportal/internal/portal"
)

// undecided stands for the code where there is none: the store could not be
// asked.
const undecided = "UNDECIDED"

// metrics is what Prometheus is told. No label has anything of a request.
type metrics struct {
	decisions     map[Code]prometheus.Counter
	callers       map[Code]prometheus.Counter
	tokens        map[Code]prometheus.Counter
	duration      prometheus.Histogram
	usesLost      prometheus.Counter
	flushFailures prometheus.Counter
	flushed       prometheus.Gauge

	caches         map[string]*cacheMetrics
	followLag      prometheus.Histogram
	followFailures prometheus.Counter
	listenFailures prometheus.Counter
}

// cacheMetrics are those of what is remembered of one kind.
type cacheMetrics struct {
	hits, unknown, loads, stale, failures prometheus.Counter
	duration                              prometheus.Observer
}

func (m *cacheMetrics) loaded(took time.Duration, err error) {
	m.loads.Inc()
	m.duration.Observe(took.Seconds())
	if _, absent := errors.AsType[unknownSince](err); err != nil && !absent {
		m.failures.Inc()
	}
}

// remembered has the kinds of what is remembered.
var remembered = []string{"keys", "instances", "routes", "imported"}

func newCacheMetrics(factory promauto.Factory) map[string]*cacheMetrics {
	lookUps := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "keyportal_cache_lookups_total",
		Help: "What was asked of the memory, by its kind and outcome: hit, unknown (a credential that is known not to be there), load (read from the database), stale (forgotten, as it had changed), failed (the database could not be read).",
	}, []string{"cache", "outcome"})
	duration := factory.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "keyportal_cache_load_duration_seconds",
		Help:    "How long reading from the database took.",
		Buckets: prometheus.ExponentialBuckets(50e-6, 2.5, 12),
	}, []string{"cache"})
	all := map[string]*cacheMetrics{}
	for _, name := range remembered {
		all[name] = &cacheMetrics{
			hits: lookUps.WithLabelValues(name, "hit"), unknown: lookUps.WithLabelValues(name, "unknown"), loads: lookUps.WithLabelValues(name, "load"),
			stale: lookUps.WithLabelValues(name, "stale"), failures: lookUps.WithLabelValues(name, "failed"), duration: duration.WithLabelValues(name),
		}
	}
	return all
}

func newMetrics(registry prometheus.Registerer) metrics {
	factory := promauto.With(registry)
	m := metrics{
		decisions: byCode(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "keyportal_check_decisions_total",
			Help: "Checks of keys by their outcome; UNDECIDED where the database could not be asked.",
		}, []string{"code"})),
		callers: byCode(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "keyportal_check_callers_total",
			Help: "Checks of those who ask for a verification, by their outcome.",
		}, []string{"code"})),
		tokens: byCode(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "keyportal_token_requests_total",
			Help: "Requests of OAuth clients for access tokens by their outcome; UNDECIDED where the database could not be asked or written.",
		}, []string{"code"})),
		duration: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "keyportal_check_duration_seconds",
			Help:    "How long checks of keys took.",
			Buckets: prometheus.ExponentialBuckets(10e-6, 2.5, 14),
		}),
		usesLost: factory.NewCounter(prometheus.CounterOpts{
			Name: "keyportal_uses_lost_total",
			Help: "Uses of keys that were not counted because too many were waiting to be written down.",
		}),
		flushFailures: factory.NewCounter(prometheus.CounterOpts{
			Name: "keyportal_use_flush_failures_total",
			Help: "Attempts to write down the uses of keys that failed; they are tried again.",
		}),
		flushed: factory.NewGauge(prometheus.GaugeOpts{
			Name: "keyportal_use_flushed_timestamp_seconds",
			Help: "When the uses of keys were last written down, in seconds since 1970.",
		}),
		caches: newCacheMetrics(factory),
		followLag: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "keyportal_invalidation_lag_seconds",
			Help:    "How long after a change, made by this process or another one, the memory was known to be complete up to it.",
			Buckets: prometheus.ExponentialBuckets(500e-6, 2.5, 12),
		}),
		followFailures: factory.NewCounter(prometheus.CounterOpts{
			Name: "keyportal_follow_failures_total",
			Help: "Attempts to ask the database what changed that failed; they are repeated.",
		}),
		listenFailures: factory.NewCounter(prometheus.CounterOpts{
			Name: "keyportal_listen_failures_total",
			Help: "Losses of the connection on which replicas announce changes; it is dialed again.",
		}),
	}
	m.flushed.SetToCurrentTime() // there was nothing to write before
	return m
}

// byCode makes all counters at once, so that each is there from the start.
func byCode(counters *prometheus.CounterVec) map[Code]prometheus.Counter {
	all := map[Code]prometheus.Counter{undecided: counters.WithLabelValues(undecided)}
	for _, code := range portal.CheckCodes {
		all[code] = counters.WithLabelValues(string(code))
	}
	return all
}

func (m metrics) checked(code Code, err error, took time.Duration) {
	m.decisions[codeOr(code, err)].Inc()
	m.duration.Observe(took.Seconds())
}

func (m metrics) calledBy(code Code, err error) { m.callers[codeOr(code, err)].Inc() }

func (m metrics) tokenAsked(code Code, err error) { m.tokens[codeOr(code, err)].Inc() }

func codeOr(code Code, err error) Code {
	if err != nil {
		return undecided
	}
	return code
}
