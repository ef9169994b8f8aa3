package verify_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

func TestDecisionsAreMeasured(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	registry := prometheus.NewRegistry()
	c := verify.New(s, verify.Options{Registry: registry})
	check(t, c, forBilling(f))
	check(t, c, forBilling(f))
	check(t, c, verify.Request{})
	if _, err := c.CheckCaller(t.Context(), forBilling(f)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Check(t.Context(), verify.Request{Credential: secret.New("", secret.Token).Reveal()}); err == nil {
		t.Fatal("looked up without a store")
	}
	for series, want := range map[string]float64{
		`keyportal_check_decisions_total code VALID`:              2,
		`keyportal_check_decisions_total code MISSING`:            1,
		`keyportal_check_decisions_total code REVOKED`:            0,
		`keyportal_check_decisions_total code UNDECIDED`:          1,
		`keyportal_check_callers_total code API_SET_NOT_GRANTED`:  1,
		`keyportal_check_callers_total code VALID`:                0,
		`keyportal_cache_lookups_total cache keys outcome load`:   2,
		`keyportal_cache_lookups_total cache keys outcome hit`:    2,
		`keyportal_cache_lookups_total cache keys outcome failed`: 1,
		`keyportal_cache_load_duration_seconds cache keys`:        2,
	} {
		if got := counters(t, registry)[series]; got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

func counters(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.Metric {
			name := family.GetName()
			for _, label := range metric.Label {
				name += " " + label.GetName() + " " + label.GetValue()
			}
			found[name] = metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return found
}
