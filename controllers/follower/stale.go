// SPDX-License-Identifier: Apache-2.0

package follower

// Stale reports whether the component runs another configuration than it is to, or
// has another one ready if it does not run any, as one that does not lead. It is not
// stale before there is anything to run.
func (f *Follower) Stale() bool {
	p, name := f.now(), ""
	if current := f.Current(); current != nil {
		name = current.Name
	}
	if p.running != "" {
		name = p.running
	}
	return p.order.run != "" && p.order.run != name
}
