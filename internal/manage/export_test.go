package manage

import "context"

// HashPassword gives a password's hash as it is stored.
func (m *Manager) HashPassword(ctx context.Context, password string) (string, error) {
	return m.passwords.hash(ctx, password)
}

// CountHashes tells, when it is asked, how many password hashes were computed
// since. They must not be computed at once: a counter takes and gives the slots.
func (m *Manager) CountHashes() (count func() int) {
	slots, counted := make(chan struct{}), make(chan int)
	m.passwords.slots = slots
	go func() {
		for n := 0; ; {
			select {
			case <-slots:
				n++
				slots <- struct{}{}
			case counted <- n:
				return
			}
		}
	}()
	return func() int {
		defer func() { m.passwords = newPasswords() }()
		return <-counted
	}
}

// SweepOnce removes what Sweep removes, once.
func (m *Manager) SweepOnce(ctx context.Context) error { return m.sweep(ctx) }
