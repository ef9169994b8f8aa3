package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyportal/web/client"
)

// desk answers questions without a network, so that time can be had as it is needed.
type desk struct {
	mu     sync.Mutex
	asked  int
	answer string        // what it says
	takes  time.Duration // how long that takes
	err    error         // why it says nothing
}

func (d *desk) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	d.asked++
	takes := d.takes
	d.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return nil, d.err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(d.answer)), Request: r}, nil
}

func (d *desk) client(t *testing.T, edit ...func(*client.Options)) *client.Client {
	return newClient(t, client.Options{URL: "http://127.0.0.1:8081", Credential: "own", HTTPClient: &http.Client{Transport: d}}, edit...)
}

// was checks how many questions were asked since it was called last.
func (d *desk) was(t *testing.T, want int, when string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asked != want {
		t.Errorf("%s: asked %d times, want %d", when, d.asked, want)
	}
	d.asked = 0
}

var question = client.Request{Key: "k", APISet: "billing"}

func TestAnAnswerIsBelievedForASecondFromWhenItWasAskedFor(t *testing.T) {
	for _, answer := range []string{accepted, refusal} {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{answer: answer, takes: 300 * time.Millisecond}
			c := d.client(t)
			for range 3 {
				answerTo(t, c, question)
			}
			d.was(t, 1, "at first")
			time.Sleep(699 * time.Millisecond)
			answerTo(t, c, question)
			d.was(t, 0, "before a second is over")
			time.Sleep(time.Millisecond)
			answerTo(t, c, question)
			d.was(t, 1, "a second after it was asked")
		})
	}
}

func TestHowLongAnAnswerIsBelievedCanBeChosen(t *testing.T) {
	for _, test := range []struct {
		cacheFor, refusalFor time.Duration
		accepted, refused    time.Duration
	}{
		{0, 0, time.Second, time.Second},
		{time.Minute, 0, time.Minute, time.Second},
		{time.Millisecond, 0, time.Millisecond, time.Millisecond},
		{0, time.Minute, time.Second, time.Minute},
		{-1, 0, 0, 0},
		{0, -1, time.Second, 0},
		{-1, time.Second, 0, time.Second},
	} {
		for answer, keep := range map[string]time.Duration{accepted: test.accepted, refusal: test.refused} {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{answer: answer}
				c := d.client(t, func(o *client.Options) { o.CacheFor, o.RefusalFor = test.cacheFor, test.refusalFor })
				answerTo(t, c, question)
				d.was(t, 1, fmt.Sprintf("%+v", test))
				if keep > 0 {
					time.Sleep(keep - 1)
					answerTo(t, c, question)
					d.was(t, 0, fmt.Sprintf("%+v: before %v", test, keep))
					time.Sleep(time.Nanosecond)
				}
				answerTo(t, c, question)
				d.was(t, 1, fmt.Sprintf("%+v: after %v", test, keep))
			})
		}
	}
}

func TestNoAnswerIsBelievedPastTheEndOfItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := time.Now().Add(400 * time.Millisecond)
		d := &desk{answer: strings.Replace(accepted, `"expires_at": null`, `"expires_at": "`+end.UTC().Format(time.RFC3339Nano)+`"`, 1)}
		c := d.client(t)
		answerTo(t, c, question)
		time.Sleep(400*time.Millisecond - 1)
		if got := answerTo(t, c, question); !got.Valid || !got.ExpiresAt.Equal(end) {
			t.Errorf("got %+v", got)
		}
		d.was(t, 1, "until the end")
		time.Sleep(time.Nanosecond)
		d.answer = refusal
		if got := answerTo(t, c, question); got.Valid {
			t.Error("the key passes after its end")
		}
		d.was(t, 1, "at the end")
	})
}

func TestAnErrorIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{answer: accepted, err: errors.New("no network")}
		c := d.client(t)
		if _, err := c.Verify(t.Context(), question); err == nil || !errors.Is(err, d.err) {
			t.Errorf("got %v", err)
		}
		d.err = nil
		answerTo(t, c, question)
		d.was(t, 2, "an error and an answer")
	})
}

func TestAnotherQuestionIsAnsweredByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{answer: accepted}
		c := d.client(t)
		address := netip.MustParseAddr("192.0.2.7")
		questions := []client.Request{
			{}, {Key: "k"}, {Key: "K"}, {AccessKey: "k"}, {SecretKey: "k"}, {AccessKey: "k", SecretKey: "k"}, {Key: "k", APISet: "a"}, {Key: "k", Method: "GET"}, {Key: "k", Path: "/a"},
			{Key: "k", Path: "/a/"}, {Key: "k", ClientIP: address}, {Key: "k", ClientIP: address.Next()}, {Key: "k", License: "a"}, {Key: "k", Domain: "a"}, {Key: "k", Instance: "a"},
			{Key: "k", ImpersonateUserID: 1}, {Key: "k", ImpersonateUserID: 2}, {Key: `k","api_set":"a`},
		}
		for range 2 {
			for _, question := range questions {
				answerTo(t, c, question)
			}
		}
		d.was(t, len(questions), "each twice")
	})
}

// Key Portal counts the uses of a key with a rate limit: each must reach it.
func TestEachUseOfAKeyWithARateLimitIsAskedAbout(t *testing.T) {
	limited := strings.Replace(accepted, `"rate_limit": null`, `"rate_limit": {"quota": 100, "window": 60, "remaining": 57, "reset": 12}`, 1)
	for _, answer := range []string{limited, strings.Replace(refusal, "REVOKED", "RATE_LIMITED", 1)} {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{answer: answer, takes: 10 * time.Millisecond}
			c := d.client(t)
			for range 3 {
				answerTo(t, c, question)
			}
			d.was(t, 3, "one after the other")
			together(t, 20, func() { answerTo(t, c, question) })
			d.was(t, 20, "at once")
			time.Sleep(time.Minute)
			together(t, 20, func() { answerTo(t, c, question) })
			d.was(t, 20, "at once, when nothing is known of the key")
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c := (&desk{answer: limited}).client(t)
		if got := answerTo(t, c, question).RateLimit; got == nil || *got != (client.RateLimit{Quota: 100, Window: 60, Remaining: 57, Reset: 12}) {
			t.Errorf("got %+v", got)
		}
	})
}

// together does something many times at once.
func together(t *testing.T, times int, do func()) {
	t.Helper()
	var group sync.WaitGroup
	for range times {
		group.Go(do)
	}
	group.Wait()
}

func TestWhoAsksTheSameAtOnceSharesOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{answer: accepted, takes: 100 * time.Millisecond}
		c := d.client(t)
		together(t, 50, func() {
			if !answerTo(t, c, question).Valid {
				t.Error("it does not pass")
			}
		})
		d.was(t, 1, "fifty at once")
		d.err = errors.New("no network")
		time.Sleep(time.Second)
		together(t, 50, func() {
			if answer, err := c.Verify(t.Context(), question); err == nil || answer.Valid {
				t.Errorf("got %+v", answer)
			}
		})
		d.was(t, 1, "fifty at once, without an answer")
	})
}

func TestWhoGoesAwayTakesNoAnswerFromTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{answer: accepted, takes: 100 * time.Millisecond}
		c := d.client(t)
		ctx, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := c.Verify(ctx, question); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		synctest.Wait()
		group.Go(func() { answerTo(t, c, question) })
		synctest.Wait()
		leave()
		group.Wait()
		d.was(t, 1, "the first one left")
	})
}

// Else a revocation could be noticed later than CacheFor allows, by as much as a slow
// answer takes.
func TestAQuestionThatWasAskedTooLongAgoIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{answer: accepted, takes: 1500 * time.Millisecond}
		c := d.client(t)
		var group sync.WaitGroup
		group.Go(func() { answerTo(t, c, question) })
		time.Sleep(999 * time.Millisecond)
		group.Go(func() { answerTo(t, c, question) })
		d.was(t, 1, "before a second is over")
		time.Sleep(time.Millisecond)
		group.Go(func() { answerTo(t, c, question) })
		d.was(t, 1, "after a second")
		group.Wait()
		if c.Kept() != 0 {
			t.Error("an answer is kept that was too old when it came")
		}
	})
}

func TestNoMoreAnswersAreKeptThanThereMayBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{answer: accepted}
		c := d.client(t, func(o *client.Options) { o.MaxCached = 3 })
		for i := range 100 {
			answerTo(t, c, client.Request{Key: fmt.Sprint("k", i)})
			if kept := c.Kept(); kept > 3 {
				t.Fatalf("%d answers are kept", kept)
			}
		}
		d.was(t, 100, "a hundred questions")
		answerTo(t, c, client.Request{Key: "k99"})
		d.was(t, 0, "the last one again")
	})
}
