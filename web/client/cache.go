package client

import (
	"crypto/sha256"
	"sync"
	"time"
)

// digest stands for a question, so that no credential is kept.
type digest [sha256.Size]byte

func digestOf(question []byte) digest { return sha256.Sum256(question) }

// flight is a question on its way, or one that was answered. What it brings may be read
// once done is closed.
type flight struct {
	asked  time.Time // the answer is as old as this, however long it took
	done   chan struct{}
	answer Answer
	err    error
}

// cache has the questions that are on their way, for others to wait for the same answer,
// and those whose answer is believed still.
type cache struct {
	accepted, refused time.Duration // for which such answers are believed
	most              int

	mu      sync.Mutex
	flights map[digest]*flight
}

func newCache(accepted, refused time.Duration, most int) *cache {
	return &cache{accepted: accepted, refused: refused, most: most, flights: map[digest]*flight{}}
}

// join gives the flight of a question. Whoever is the first has to ask, and to call
// finish.
func (c *cache) join(key digest) (f *flight, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if f = c.flights[key]; f != nil && c.believes(f, now) {
		return f, false
	}
	delete(c.flights, key)
	c.makeRoom()
	f = &flight{asked: now, done: make(chan struct{})}
	c.flights[key] = f
	return f, true
}

// finish gives an answer to all who wait for it, and keeps it where it is to be believed.
// One that is for one use alone is kept too, as a sign that the question must be asked
// each time.
func (c *cache) finish(key digest, f *flight, answer Answer, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.answer, f.err = answer, err
	close(f.done)
	if c.flights[key] == f && !c.believes(f, time.Now()) {
		delete(c.flights, key)
	}
}

// believes tells whether a flight's answer holds for who asks now. An error never does,
// nor an answer past the end of its key: by the clock on the wall, which may be set or go
// on while the machine sleeps.
func (c *cache) believes(f *flight, now time.Time) bool {
	age := now.Sub(f.asked)
	switch {
	case !f.isDone():
		return age < c.accepted
	case f.err != nil:
		return false
	case !f.answer.Valid:
		return age < c.refused
	}
	end := f.answer.ExpiresAt
	return age < c.accepted && (end.IsZero() || now.Before(end))
}

func (f *flight) isDone() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// makeRoom drops any one flight when there are as many as there may be. Who waits for it
// gets its answer all the same.
func (c *cache) makeRoom() {
	if len(c.flights) < c.most {
		return
	}
	for key := range c.flights {
		delete(c.flights, key)
		return
	}
}
