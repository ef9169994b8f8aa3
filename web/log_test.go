package web_test

import (
	"strings"
	"sync"
)

// lockedBuilder is a log that several goroutines write.
type lockedBuilder struct {
	mu      sync.Mutex
	builder strings.Builder
}

// Write adds to the log.
func (l *lockedBuilder) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.builder.Write(line)
}

// String gives all that was logged.
func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.builder.String()
}
