package manage

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
)

func TestAPasswordMatchesItsOwnHashAlone(t *testing.T) {
	p := newPasswords()
	hash, err := p.hash(t.Context(), "right")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, "right") {
		t.Errorf("the hash is %s", hash)
	}
	again, err := p.hash(t.Context(), "right")
	if err != nil || again == hash {
		t.Errorf("hashed again it is %s: %v", again, err)
	}
	for _, test := range []struct {
		hash, password string
		want           bool
	}{{hash, "right", true}, {again, "right", true}, {hash, "Right", false}, {hash, "", false}, {"", "right", false}, {"", "", false}, {p.dummy, "", false}} {
		if got, err := p.matches(t.Context(), test.hash, test.password); got != test.want || err != nil {
			t.Errorf("%q matches %q: %v, %v", test.password, test.hash, got, err)
		}
	}
}

func TestWithoutAHashThereIsAHashToCompute(t *testing.T) {
	m := &Manager{passwords: newPasswords()}
	count := m.CountHashes()
	if _, err := m.passwords.matches(t.Context(), "", "anything"); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 1 {
		t.Errorf("%d hashes were computed", n)
	}
}

func TestAHashOfAnotherFormIsAnError(t *testing.T) {
	p := newPasswords()
	for _, hash := range []string{
		"x", "$2a$10$abcdefghijklmnopqrstuv", strings.Replace(p.dummy, "t=2", "t=1", 1), p.dummy + "A", p.dummy[:len(p.dummy)-1], strings.Replace(p.dummy, "A", "!", 1), p.dummy[:len(p.dummy)-1] + "!",
	} {
		if right, err := p.matches(t.Context(), hash, "anything"); right || err == nil {
			t.Errorf("%q: %v, %v", hash, right, err)
		}
	}
}

func TestOnlySoManyHashesAreComputedAtOnce(t *testing.T) {
	p := newPasswords()
	if cap(p.slots) != runtime.GOMAXPROCS(0) {
		t.Errorf("there are %d slots", cap(p.slots))
	}
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.hash(ctx, "anything"); !errors.Is(err, context.Canceled) {
		t.Errorf("hash: %v", err)
	}
	if right, err := p.matches(ctx, "", "anything"); right || !errors.Is(err, context.Canceled) {
		t.Errorf("matches: %v, %v", right, err)
	}
}
