package store

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Collectors give Prometheus what the connections to the database do: how many are open,
// in use and waited for.
func (s *Store) Collectors() []prometheus.Collector {
	if s.read == s.write {
		return []prometheus.Collector{collectors.NewDBStatsCollector(s.read, "all")}
	}
	return []prometheus.Collector{collectors.NewDBStatsCollector(s.read, "read"), collectors.NewDBStatsCollector(s.write, "write")}
}
