// Keyportal is a self-hosted portal in which the customers of an API get and
// manage their API keys, and the check by which gateways accept or refuse them.
//
// run.go reads the command line; a file per command or noun does what it says.
// installation.go opens the database and the keyset, service.go listens,
// sample.go holds what the demo shows.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // where the machine has no time zones, as in the image
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], environment{os.Stdin, os.Stdout, os.Stderr}))
}
