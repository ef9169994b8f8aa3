package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"
)

// measureStart measures how soon the program is ready.
func (b *bench) measureStart(ctx context.Context, p *prepared) error {
	turns, err := inTurns(b.rounds, func() (time.Duration, error) {
		began := time.Now()
		program, err := b.startProgram(ctx, p)
		if err != nil {
			return 0, err
		}
		return time.Since(began), program.stop()
	})
	if err != nil {
		return err
	}
	b.report(p, "start to ready", atMost(1), "s", each(turns[0], time.Duration.Seconds))
	return nil
}

// measureMemory measures what memory the program has once it was asked about all keys
// that are known. A larger store has no more of them.
func (b *bench) measureMemory(ctx context.Context, p *prepared) error {
	if p.size > mostKnown {
		return nil
	}
	var now, most []float64
	for range b.rounds {
		held, peak, err := b.memoryOf(ctx, p)
		if errors.Is(err, fs.ErrNotExist) {
			b.say("this system does not tell what memory a process has: it is not measured")
			return nil
		}
		if err != nil {
			return err
		}
		now, most = append(now, held), append(most, peak)
	}
	b.report(p, "memory (RSS) with all keys asked for", atMost(150), "MB", now)
	b.report(p, "memory (RSS), the most until then", goal{}, "MB", most)
	return nil
}

// memoryOf tells how many megabytes a program has that was asked about all keys, and
// had at the most.
func (b *bench) memoryOf(ctx context.Context, p *prepared) (now, most float64, err error) {
	program, err := b.startProgram(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	defer program.stop()
	err = askForAll(ctx, b.connections, &target{address: program.address, want: http.StatusOK, requests: authRequests(program.address, p.keys)})
	if err != nil {
		return 0, 0, err
	}
	file := fmt.Sprintf("/proc/%d/status", program.command.Process.Pid)
	if now, err = kilobytes(file, "VmRSS"); err == nil {
		most, err = kilobytes(file, "VmHWM")
	}
	return now * 1024 / 1e6, most * 1024 / 1e6, err
}
