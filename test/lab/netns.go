// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// netnsDir is where `ip netns` keeps its namespaces.
const netnsDir = "/run/netns"

func netnsFile(name string) string { return filepath.Join(netnsDir, name) }

// InNetNS runs do in a network namespace: lab-client or client, lab-node1 or node1.
// do runs on a thread of its own that is in the namespace; goroutines that do starts
// are not. Sockets stay in the namespace in which they were made, also after do has
// returned.
func (l *Lab) InNetNS(name string, do func() error) error {
	return inNetNS(namespaceOf(name), do)
}

func inNetNS(name string, do func() error) error {
	target, err := netns.GetFromPath(netnsFile(name))
	if err != nil {
		return fmt.Errorf("network namespace %s: %w", name, err)
	}
	defer func() { _ = target.Close() }()
	return onOwnThread(func() error {
		if err := netns.Set(target); err != nil {
			return fmt.Errorf("network namespace %s: %w", name, err)
		}
		return do()
	})
}

// onOwnThread runs do on a thread whose network namespace do may change.
func onOwnThread(do func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		back, err := netns.Get()
		if err != nil {
			runtime.UnlockOSThread()
			result <- err
			return
		}
		defer func() { _ = back.Close() }()
		returned := false
		defer func() {
			if err := netns.Set(back); err == nil {
				runtime.UnlockOSThread()
			} // Otherwise the thread ends with this goroutine: nobody else gets it.
			if !returned { // do has called runtime.Goexit, as a failing test does
				result <- errors.New("the function in the network namespace did not return")
			}
		}()
		err = do()
		returned = true
		result <- err
	}()
	return <-result
}

// Dialer dials from inside a network namespace. Its method DialContext fits
// http.Transport, grpc and the like. Hosts must be IP addresses: there is no DNS.
type Dialer struct {
	namespace string
	net.Dialer
}

// Dialer returns a dialer for a namespace: lab-client or client, lab-node1 or node1.
func (l *Lab) Dialer(name string) *Dialer {
	// Without a fallback, a dial stays on the goroutine that it was called on.
	return &Dialer{namespace: namespaceOf(name), Dialer: net.Dialer{FallbackDelay: -1}}
}

// DialContext connects as net.Dialer does, from inside the namespace.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := inNetNS(d.namespace, func() (err error) {
		conn, err = d.Dialer.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Dial connects as net.Dialer does, from inside the namespace.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// HTTPClient returns a client whose requests leave from a namespace. Each request has
// a connection of its own, so that it meets the network as it is now. timeout limits
// a whole request; zero means no limit.
func (l *Lab) HTTPClient(name string, timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DialContext:       l.Dialer(name).DialContext,
			DisableKeepAlives: true,
		},
	}
}

// ensureNetNS makes a named network namespace if it is not there.
func ensureNetNS(name string) error {
	if _, err := openNetNS(name); err == nil {
		return nil
	}
	if err := removeNetNS(name); err != nil { // the rest of an interrupted attempt
		return err
	}
	if err := os.MkdirAll(netnsDir, 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(netnsFile(name), os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare: %w", err)
		}
		if err := unix.Mount("/proc/thread-self/ns/net", netnsFile(name), "none", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", netnsFile(name), err)
		}
		return nil
	})
}

// openNetNS returns the identity of a named network namespace.
func openNetNS(name string) (nsID, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(netnsFile(name), &st); err != nil {
		return nsID{}, &fs.PathError{Op: "statfs", Path: netnsFile(name), Err: err}
	}
	if st.Type != unix.NSFS_MAGIC {
		return nsID{}, fmt.Errorf("%s is not a namespace", netnsFile(name))
	}
	return namespaceID(netnsFile(name))
}

// removeNetNS removes a named network namespace; one that is not there is no error.
func removeNetNS(name string) error {
	file := netnsFile(name)
	for { // It may be mounted more than once.
		err := unix.Unmount(file, unix.MNT_DETACH)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			break
		}
		if err != nil {
			return fmt.Errorf("umount %s: %w", file, err)
		}
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// labNetNS are the names of all network namespaces that are a lab's.
func labNetNS() ([]string, error) {
	entries, err := os.ReadDir(netnsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "lab-") {
			names = append(names, e.Name())
		}
	}
	return names, err
}
