package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyportal/internal/config"
	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/verify"
)

type keyCreateCommand struct {
	config.Data
	config.Credentials

	User        string   `required:"" placeholder:"USERNAME" help:"Mapped user, whose rights the key carries."`
	Name        string   `required:"" help:"Name of the key."`
	Org         string   `placeholder:"NAME" help:"Organization of the key, by its name or number. By default the user's first."`
	Kind        string   `default:"token" help:"Kind of the key: token; pair, an Access Key and a Security Key; or oauth, of which there is one for a license."`
	License     string   `placeholder:"NUMBER" help:"License that the key is bound to, by its number. An oauth key needs one."`
	Application string   `placeholder:"NAME" help:"Application that the key is for, by its name. It needs a license; a pair is for the application whose name it has."`
	APISets     []string `name:"api-set" placeholder:"SLUG" help:"API set that the key is granted. Can be repeated."`
	Expires     date     `placeholder:"2027-01-31" help:"Last day (UTC) on which the key works. By default it works for good."`
	Description string   `help:"What the key is for."`

	AllowNetworks []string  `name:"allow-network" placeholder:"10.0.0.0/8" help:"Address or network from which the key may be used. Can be repeated. By default from anywhere."`
	RateLimit     rateLimit `placeholder:"100/minute,20" help:"How many requests are accepted in a second, minute, hour or day and, after a comma, how many of them may come at once. By default there is no limit."`

	CanImpersonate bool `help:"Let whoever has the key act as any user of its organization, other than staff. It can't be changed later."`
}

// Validate refuses the kinds that can't be made with this command.
func (c keyCreateCommand) Validate() error {
	switch {
	case !slices.Contains([]portal.Kind{portal.TokenKey, portal.PairKey, portal.OAuthKey}, portal.Kind(c.Kind)):
		return fmt.Errorf("--kind %s: name %s, %s or %s", c.Kind, portal.TokenKey, portal.PairKey, portal.OAuthKey)
	case c.License == "" && c.Kind == string(portal.OAuthKey):
		return fmt.Errorf("--kind %s: name the license with --license", c.Kind)
	case c.License == "" && c.Application != "":
		return fmt.Errorf("--application %s: name the license with --license", c.Application)
	}
	return nil
}

// Run generates a key and prints its secret alone; of a pair the Access Key, and of an
// OAuth client the Client ID, on the line before. That a key reaches nothing yet is told on stderr.
func (c keyCreateCommand) Run(ctx context.Context, env environment) error {
	manager, err := openInstallation(ctx, c.Data)
	if err != nil {
		return err
	}
	defer manager.Store.Close()
	manager.Brand = c.Brand
	user, err := manager.Store.UserByUsername(ctx, c.User)
	if err != nil {
		return fmt.Errorf("--user %s: %w", c.User, err)
	}
	in := manage.NewKey{
		Kind: portal.Kind(c.Kind), UserID: user.ID, Name: c.Name, Description: c.Description, APISets: c.APISets, ExpiresAt: c.Expires.Time,
		CanImpersonate: c.CanImpersonate, AllowedNetworks: c.AllowNetworks, RateLimit: c.RateLimit.RateLimit,
	}
	if in.OrganizationID, err = c.organization(ctx, manager, user); err != nil {
		return err
	}
	if err := c.bind(ctx, manager, &in); err != nil {
		return err
	}
	made, err := manager.CreateKey(ctx, in)
	if err != nil {
		return err
	}
	text := made.Secret.Reveal()
	if made.PublicID != "" {
		text = made.PublicID + "\n" + text
	}
	if _, err := fmt.Fprintln(env.stdout, text); err != nil {
		return fmt.Errorf("the key was generated but could not be printed: run keyportal key revoke %d: %w", made.ID, err)
	}
	grants, err := manager.Store.Grants(ctx, made.UserID)
	if err != nil {
		return err
	}
	asks := portal.Actor{UserID: made.UserID, Grants: grants}.Holds(portal.VerifyKeys, made.OrganizationID)
	if len(made.APISets) == 0 && !asks {
		fmt.Fprintf(env.stderr, "keyportal: the key reaches no API set yet: "+
			"add some in the portal, or revoke the key (keyportal key revoke %d) and name them with --api-set\n", made.ID)
	}
	return nil
}

// bind finds the license and the application that were named.
func (c keyCreateCommand) bind(ctx context.Context, manager *manage.Manager, in *manage.NewKey) error {
	if c.License == "" {
		return nil
	}
	license, err := manager.Store.LicenseByNumber(ctx, c.License)
	if err != nil {
		return fmt.Errorf("--license %s: %w", c.License, err)
	}
	in.LicenseID = license.ID
	if c.Application == "" {
		return nil
	}
	applications, err := manager.Applications(ctx, license.OrganizationID)
	if err != nil {
		return err
	}
	for _, application := range applications {
		if portal.Fold(application.Name) == portal.Fold(c.Application) {
			in.ApplicationID = application.ID
			return nil
		}
	}
	return fmt.Errorf("--application %s: there is no such application: name one of the catalogue or of the license's organization", c.Application)
}

// organization finds the organization that was named, or the license's, or the
// user's first.
func (c keyCreateCommand) organization(ctx context.Context, manager *manage.Manager, user portal.User) (int64, error) {
	if c.Org != "" {
		return findOrganization(ctx, manager, c.Org)
	}
	if license, err := manager.Store.LicenseByNumber(ctx, c.License); err == nil {
		return license.OrganizationID, nil
	}
	first, err := manager.Store.FirstOrganization(ctx, user.ID)
	if portal.CodeOf(err) == portal.CodeNotFound {
		return 0, fmt.Errorf("%s is in no organization: make the user a member of one first", user.Username)
	}
	return first, err
}

func findOrganization(ctx context.Context, manager *manage.Manager, wanted string) (int64, error) {
	found, err := manager.Store.OrganizationByName(ctx, wanted)
	if id, notNumber := strconv.ParseInt(wanted, 10, 64); portal.CodeOf(err) == portal.CodeNotFound && notNumber == nil {
		found, err = manager.Organization(ctx, id)
	}
	if err != nil {
		return 0, fmt.Errorf("--org %s: %w", wanted, err)
	}
	return found.ID, nil
}

// date is a day, held as its last second in UTC, as on the pages.
type date struct{ time.Time }

// UnmarshalText reads a day such as 2027-01-31.
func (d *date) UnmarshalText(text []byte) error {
	day, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf("%q must be a day such as 2027-01-31", text)
	}
	d.Time = day.AddDate(0, 0, 1).Add(-time.Second)
	return nil
}

// rateLimit is a rate limit such as 100/minute,20.
type rateLimit struct{ portal.RateLimit }

// UnmarshalText reads a rate limit.
func (l *rateLimit) UnmarshalText(text []byte) (err error) {
	l.RateLimit, err = portal.ParseRateLimit(string(text))
	return err
}

type keyVerifyCommand struct {
	config.Data

	APISet   string `name:"api-set" placeholder:"SLUG" help:"API set that the key must reach. By default none."`
	License  string `placeholder:"NUMBER" help:"License that the key must be of, by its number. By default any or none, as with the next two."`
	Domain   string `placeholder:"NAME" help:"The same by the license's domain."`
	Instance string `placeholder:"NAME" help:"The same by one of the license's instances."`

	From netip.Addr `placeholder:"192.0.2.7" help:"Address from which the key is used. A key that is bound to networks needs one."`
}

// Run decides as the check would and prints the outcome. It does not count as a
// use of the key.
func (c keyVerifyCommand) Run(ctx context.Context, env environment) error {
	request, err := readCredential(env.stdin)
	if err != nil {
		return err
	}
	manager, err := openInstallation(ctx, c.Data)
	if err != nil {
		return err
	}
	defer manager.Store.Close()
	if err := c.checkAPISet(ctx, manager); err != nil {
		return err
	}
	request.APISet, request.AllowUnmatched = c.APISet, c.APISet == ""
	request.License, request.Domain, request.Instance = c.License, c.Domain, c.Instance
	request.ClientIP = c.From
	decision, err := verify.New(manager.Store, verify.Options{}).Check(ctx, request)
	if err != nil {
		return err
	}
	printDecision(env.stdout, decision)
	if !decision.Valid() {
		return errors.New(decision.Message)
	}
	return nil
}

// checkAPISet finds that there is no API set as the one that was named.
func (c keyVerifyCommand) checkAPISet(ctx context.Context, manager *manage.Manager) error {
	sets, err := manager.APISets(ctx)
	if err != nil || c.APISet == "" || slices.ContainsFunc(sets, func(set portal.APISet) bool { return set.Slug == c.APISet }) {
		return err
	}
	return fmt.Errorf("--api-set %s: there is no such API set", c.APISet)
}

// readCredential reads a key from a line, and behind an Access Key the Security Key from
// the next, as key create prints them.
func readCredential(from io.Reader) (request verify.Request, err error) {
	lines := linesOf(from)
	request.Credential, err = readCredentialLine(lines)
	if err != nil {
		return request, fmt.Errorf("no key: give it on standard input: %w", err)
	}
	if prefix, _ := secret.Parse(request.Credential); prefix != secret.AccessKey {
		return request, nil
	}
	request.AccessKey, request.Credential = request.Credential, ""
	if request.SecurityKey, err = readCredentialLine(lines); err != nil {
		return request, fmt.Errorf("no Security Key: give it on standard input, on the line after the Access Key: %w", err)
	}
	return request, nil
}

// readCredentialLine reads a credential that stands alone on a line, or behind its label
// as in a file that was downloaded. In a key that was imported a colon may be its own.
func readCredentialLine(lines *bufio.Reader) (string, error) {
	line, err := readLine(lines)
	if labeled := strings.TrimSpace(line[strings.LastIndex(line, ":")+1:]); verify.IsCredential(labeled) {
		return labeled, err
	}
	return strings.TrimSpace(line), err
}

func printDecision(w io.Writer, decision verify.Decision) {
	fmt.Fprintln(w, decision.Code)
	subject := decision.Subject
	if subject.KeyID == 0 {
		return
	}
	fmt.Fprintf(w, "key           %d %s\n", subject.KeyID, subject.KeyName)
	fmt.Fprintf(w, "user          %d %s\n", subject.UserID, subject.Username)
	fmt.Fprintf(w, "organization  %d %s\n", subject.OrganizationID, subject.OrganizationName)
	fmt.Fprintf(w, "API sets      %s\n", cmp.Or(strings.Join(subject.APISets, ", "), "none"))
	if end := decision.ExpiresAt(); !end.IsZero() {
		fmt.Fprintf(w, "expires       %s\n", end.UTC().Format("2006-01-02 15:04 MST"))
	}
}

type keyRevokeCommand struct {
	config.Data

	ID int64 `arg:"" help:"Number of the key."`
}

// Run revokes a key.
func (c keyRevokeCommand) Run(ctx context.Context, env environment) error {
	manager, err := openInstallation(ctx, c.Data)
	if err != nil {
		return err
	}
	defer manager.Store.Close()
	key, err := manager.Key(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := manager.RevokeKey(ctx, c.ID, key.Name); err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "The API key %d “%s” of %s (%s) is revoked.\n", key.ID, key.Name, key.Username, key.OrganizationName)
	return nil
}
