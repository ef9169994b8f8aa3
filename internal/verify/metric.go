package verify

import (
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
}

func newMetrics(registry prometheus.Registerer) metrics {
	make := promauto.With(registry)
	return metrics{
		decisions: byCode(make.NewCounterVec(prometheus.CounterOpts{
			Name: "keyportal_check_decisions_total",
			Help: "Checks of keys by their outcome; UNDECIDED where the database could not be asked.",
		}, []string{"code"})),
		callers: byCode(make.NewCounterVec(prometheus.CounterOpts{
			Name: "keyportal_check_callers_total",
			Help: "Checks of those who ask for a verification, by their outcome.",
		}, []string{"code"})),
		tokens: byCode(make.NewCounterVec(prometheus.CounterOpts{
			Name: "keyportal_token_requests_total",
			Help: "Requests of OAuth clients for access tokens by their outcome; UNDECIDED where the database could not be asked or written.",
		}, []string{"code"})),
		duration: make.NewHistogram(prometheus.HistogramOpts{
			Name:    "keyportal_check_duration_seconds",
			Help:    "How long checks of keys took.",
			Buckets: prometheus.ExponentialBuckets(10e-6, 2.5, 14),
		}),
		usesLost: make.NewCounter(prometheus.CounterOpts{
			Name: "keyportal_uses_lost_total",
			Help: "Uses of keys that were not counted because too many were waiting to be written down.",
		}),
		flushFailures: make.NewCounter(prometheus.CounterOpts{
			Name: "keyportal_use_flush_failures_total",
			Help: "Attempts to write down the uses of keys that failed; they are tried again.",
		}),
	}
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
