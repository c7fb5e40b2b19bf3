// SPDX-License-Identifier: Apache-2.0

// Command generate writes docs/configuration.md, the reference of all kinds,
// from their CustomResourceDefinitions in config/crd and the text around them in
// configuration.md.tmpl. Run it at the root of the repository:
//
//	go run ./docs/generate
package main

import (
	"fmt"
	"os"
)

func main() {
	doc, err := render("config/crd/bases")
	if err == nil {
		err = os.WriteFile("docs/configuration.md", doc, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
