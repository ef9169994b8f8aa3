package config

import (
	"fmt"
	"regexp"
)

// Credentials says what new credentials look like.
type Credentials struct {
	Brand string `placeholder:"NAME" env:"KEYPORTAL_BRAND" help:"What new credentials begin with, such as acme for acme_kp_…: up to 16 lower-case letters and digits. By default nothing."`
}

var brandForm = regexp.MustCompile(`^[a-z0-9]{0,16}$`)

// Validate returns an error that says what to do when the brand can't stand in
// front of a credential's prefix.
func (c Credentials) Validate() error {
	if !brandForm.MatchString(c.Brand) {
		return fmt.Errorf("--brand %q must be up to 16 lower-case letters and digits, such as acme", c.Brand)
	}
	return nil
}
