// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"metallb.io/metallb/test/lab"
)

func up() *cobra.Command {
	opts := lab.Options{Output: os.Stdout}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the lab, or repair what is broken in it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := lab.EnsureUp(cmd.Context(), opts)
			return err
		},
	}
	cmd.Flags().IntVar(&opts.Nodes, "nodes", 0, "number of nodes (default: as many as there are, or 3)")
	return cmd
}

func down() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Remove every trace of the lab but built binaries and logs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return lab.Down(cmd.Context(), lab.Options{Output: os.Stdout})
		},
	}
}

// onNode is a command that does one thing with one node.
func onNode(use, short string, do func(cmd *cobra.Command, l *lab.Lab, node string) error) *cobra.Command {
	var node string
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := open(cmd)
			if err != nil {
				return err
			}
			return do(cmd, l, nodeName(node))
		},
	}
	cmd.Flags().StringVar(&node, "node", "", "the node: 2 or node2")
	if err := cmd.MarkFlagRequired("node"); err != nil {
		panic(err) // The flag is defined one line above.
	}
	return cmd
}

// nodeName accepts a node's number for its name.
func nodeName(node string) string {
	if strings.HasPrefix(node, "node") {
		return node
	}
	return "node" + node
}

func kill() *cobra.Command {
	return onNode("kill", "Cut a node's power", func(cmd *cobra.Command, l *lab.Lab, node string) error {
		return l.Kill(cmd.Context(), node)
	})
}

func heal() *cobra.Command {
	return onNode("heal", "Give a node its power back, or repair it", func(cmd *cobra.Command, l *lab.Lab, node string) error {
		return l.Heal(cmd.Context(), node)
	})
}

func unplug() *cobra.Command {
	return onNode("unplug", "Take a node off the LAN and leave it running", func(_ *cobra.Command, l *lab.Lab, node string) error {
		return l.Unplug(node)
	})
}

func plug() *cobra.Command {
	return onNode("plug", "Put a node back on the LAN", func(_ *cobra.Command, l *lab.Lab, node string) error {
		return l.Plug(node)
	})
}

func image() *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Build ./cmd/metallb as an image and import it on all nodes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := open(cmd)
			if err != nil {
				return err
			}
			began := time.Now()
			built, err := l.ProvideImage(cmd.Context(), version)
			if err != nil {
				return err
			}
			const mega = 1e6
			fmt.Printf("%s  %.1f MB compressed, %.1f MB uncompressed, on all nodes after %.1fs\n",
				built.Reference, float64(built.Compressed)/mega, float64(built.Uncompressed)/mega, time.Since(began).Seconds())
			return nil
		},
	}
	cmd.Flags().StringVar(&version, "version", "dev", "what the binary tells as its version")
	return cmd
}

func status() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the lab's nodes and processes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := open(cmd)
			if err != nil {
				return err
			}
			found, err := l.Status(cmd.Context())
			if err != nil {
				return err
			}
			return printStatus(cmd.OutOrStdout(), l, found)
		},
	}
}

func printStatus(out io.Writer, l *lab.Lab, found lab.Status) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	line := func(cells ...any) { // An error shows when the writer is flushed.
		_, _ = fmt.Fprintln(w, cells...)
	}
	line("NODE\tSTATE\tIPV4\tIPV6\tMAC")
	for _, n := range l.Nodes() {
		line(fmt.Sprintf("%s\t%s\t%s\t%s\t%s", n.Name, found.Nodes[n.Name], n.IPv4, n.IPv6, n.MAC))
	}
	line("\nPROCESS\tPID\tLOG\t\t")
	for _, p := range found.Processes {
		pid := "gone"
		if p.PID != 0 {
			pid = fmt.Sprint(p.PID)
		}
		line(fmt.Sprintf("%s\t%s\t%s\t\t", p.Name, pid, p.Log))
	}
	return w.Flush()
}

func execute() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec NAMESPACE -- COMMAND [ARGUMENT...]",
		Short: "Run a command on a node, the client, a router or the LAN",
		Example: `  lab exec client -- curl http://172.30.0.200
  lab exec node1 -- nft list ruleset
  lab exec lan -- tcpdump -eni node2 arp`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := open(cmd)
			if err != nil {
				return err
			}
			argv := args[1:]
			if argv[0] == "--" {
				argv = argv[1:]
			}
			run, err := l.Command(cmd.Context(), args[0], argv...)
			if err != nil {
				return err
			}
			run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stdout, os.Stderr
			return run.Run()
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

func environment() *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: `Print what makes kubectl work on the lab: eval "$(lab env)"`,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := open(cmd)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(l.Environment())
			return err
		},
	}
}

// open opens the running lab for a command that reports to the terminal.
func open(cmd *cobra.Command) (*lab.Lab, error) {
	l, err := lab.Open(cmd.Context())
	if err != nil {
		return nil, err
	}
	l.SetOutput(cmd.OutOrStdout())
	return l, nil
}
