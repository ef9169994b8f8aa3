package store_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// change makes a change with one revision.
func change(t *testing.T, s *store.Store, fn func(*store.Change) error) error {
	return s.Change(t.Context(), portal.Program("test"), func(c *store.Change) error {
		return errors.Join(fn(c), c.Record(t.Context(), portal.Revision{Noun: portal.NounInstallation, Action: "tested"}))
	})
}

func update(t *testing.T, s *store.Store, fn func(*store.Update) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, what string, err error, code portal.Code) {
	t.Helper()
	if err == nil || portal.CodeOf(err) != code {
		t.Errorf("%s: the error is %v (%s), want one of code %s", what, err, portal.CodeOf(err), code)
	}
}

func wantEqual[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// wantFilled fails for a field that is zero: a column that nobody reads or
// writes would not be noticed.
func wantFilled(t *testing.T, value any, except ...string) {
	t.Helper()
	v := reflect.ValueOf(value)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && !slices.Contains(except, name) {
			t.Errorf("%T.%s is zero", value, name)
		}
	}
}

// life is what is done with a thing of one noun, from its first line to a stale
// form.
type life[T any] struct {
	made     T        // with every field that can be given
	given    []string // fields that the store gives, beside ID, Version and instants
	unset    []string // fields that stay zero
	change   func(*T) // changes all that can change
	insert   func(context.Context, *store.Change, T) (T, error)
	read     func(context.Context, int64) (T, error)
	update   func(context.Context, *store.Change, T) error
	instants []string // fields that hold the instant of the insertion
}

func (l life[T]) live(t *testing.T, s *store.Store) {
	t.Helper()
	inserted := storetest.Insert(t, s, func(c *store.Change) (T, error) { return l.insert(t.Context(), c, l.made) })
	wantFilled(t, inserted, l.unset...)
	wantEqual(t, "inserted", inserted, l.expected(t, inserted, s.Now()))
	id := field(&inserted, "ID").Int()
	wantEqual(t, "read back", must[T](t)(l.read(t.Context(), id)), inserted)
	_, err := l.read(t.Context(), id+1000)
	wantCode(t, "reading what is not there", err, portal.CodeNotFound)
	if l.update != nil {
		l.liveOn(t, s, inserted)
	}
}

// expected is what was to be made, with what the store gives.
func (l life[T]) expected(t *testing.T, inserted T, now time.Time) T {
	t.Helper()
	want := l.made
	for _, name := range append([]string{"ID"}, l.given...) {
		field(&want, name).Set(field(&inserted, name))
	}
	instants := l.instants
	if instants == nil {
		instants = []string{"CreatedAt", "UpdatedAt"}
	}
	for _, name := range instants {
		field(&want, name).Set(reflect.ValueOf(now))
	}
	if version := field(&want, "Version"); version.IsValid() {
		version.SetInt(1)
	}
	return want
}

func (l life[T]) liveOn(t *testing.T, s *store.Store, before T) {
	t.Helper()
	after := before
	l.change(&after)
	now := storetest.Of(s).Clock.Advance(time.Hour)
	storetest.Change(t, s, func(c *store.Change) error { return l.update(t.Context(), c, after) })
	field(&after, "Version").SetInt(field(&before, "Version").Int() + 1)
	if updated := field(&after, "UpdatedAt"); updated.IsValid() {
		updated.Set(reflect.ValueOf(now))
	}
	id := field(&after, "ID").Int()
	wantEqual(t, "updated", must[T](t)(l.read(t.Context(), id)), after)

	stale := func(c *store.Change) error { return l.update(t.Context(), c, before) }
	wantCode(t, "updating a stale version", change(t, s, stale), portal.CodeConflict)
	wantEqual(t, "after a stale update", must[T](t)(l.read(t.Context(), id)), after)
	field(&before, "ID").SetInt(id + 1000)
	wantCode(t, "updating what is not there", change(t, s, stale), portal.CodeConflict)
}

func field[T any](value *T, name string) reflect.Value {
	return reflect.ValueOf(value).Elem().FieldByName(name)
}

// inParallel runs fn so many times at once and gives all answers.
func inParallel(times int, fn func() error) []error {
	errs := make([]error, times)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { errs[i] = fn() })
	}
	group.Wait()
	return errs
}
