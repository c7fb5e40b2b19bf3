// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress writes one line for each step: its number, what it does and how long it
// took. Notes below a step are for what takes minutes.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	total int
	step  int
	open  bool // the step's line still lacks its end
	now   func() time.Time
}

func newProgress(out io.Writer, total int) *progress {
	return &progress{out: out, total: total, now: time.Now}
}

// run executes one step. do may return a few words on what it found; they are shown
// after the time.
func (p *progress) run(what string, do func() (string, error)) error {
	p.mu.Lock()
	p.step++
	p.open = true
	p.printf("%-58s", fmt.Sprintf("[%d/%d] %s", p.step, p.total, what))
	p.mu.Unlock()

	start := p.now()
	words, err := do()
	took := p.now().Sub(start).Seconds()

	p.mu.Lock()
	defer p.mu.Unlock()
	indent := ""
	if !p.open {
		indent = fmt.Sprintf("%-58s", "      done")
	}
	p.open = false
	if err != nil {
		p.printf("%s%6.1fs  FAILED\n", indent, took)
		return fmt.Errorf("%s: %w", what, err)
	}
	if words != "" {
		words = "  " + words
	}
	p.printf("%s%6.1fs%s\n", indent, took, words)
	return nil
}

// note adds a line below the running step.
func (p *progress) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		p.printf("\n")
		p.open = false
	}
	p.printf("      "+format+"\n", args...)
}

// printf shows something. That nobody can read it is no reason to stop.
func (p *progress) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format, args...)
}
