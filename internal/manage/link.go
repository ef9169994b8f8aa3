package manage

import (
	"context"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

const linkLifetime = 24 * time.Hour

// newLink makes a one-time link, in place of the same user's unused ones, and
// gives its token.
func (m *Manager) newLink(ctx context.Context, u *store.Update, purpose portal.LinkPurpose, user int64) (secret.Value, error) {
	if err := u.DropLinksOf(ctx, purpose, user); err != nil {
		return secret.Value{}, err
	}
	token := secret.New("", secret.Link)
	hash := token.Hash()
	return token, u.InsertLink(ctx, portal.Link{
		Hash: hash[:], Purpose: purpose, UserID: user, CreatedBy: portal.ActorFrom(ctx).UserID, ExpiresAt: u.Now().Add(linkLifetime),
	})
}

var errLinkGone = &portal.Error{Code: portal.CodeNotFound, Message: "This link was used already, has expired, or was replaced by a newer one. Ask for a new one."}

// openLink finds a link that can still be used. The error is CodeNotFound with
// a message for whoever opened it.
func (m *Manager) openLink(ctx context.Context, q store.Queries, purpose portal.LinkPurpose, token string) (portal.Link, error) {
	if prefix, err := secret.Parse(token); err != nil || prefix != secret.Link {
		return portal.Link{}, errLinkGone
	}
	link, err := q.Link(ctx, secret.HashOf(token))
	if portal.CodeOf(err) == portal.CodeNotFound {
		return link, errLinkGone
	}
	if err != nil {
		return link, err
	}
	if link.Purpose != purpose || !link.UsedAt.IsZero() || !q.Now().Before(link.ExpiresAt) {
		return link, errLinkGone
	}
	return link, nil
}

// SentLink is a one-time password link that was made: mailed to its user, or,
// where no mail is set up, in clear for whoever hands it over.
type SentLink struct {
	User     portal.User
	MailedTo string       // empty when it was not mailed
	Link     secret.Value // its token; zero when it was mailed
	URL      string       // where the link leads, without the token when it was mailed
}

// SendPasswordLink gives a user a new one-time link to set a password; earlier
// ones stop working. For who may manage the user, in person. The revision says who did it.
func (m *Manager) SendPasswordLink(ctx context.Context, id int64) (SentLink, error) {
	var sent SentLink
	var token secret.Value
	if err := portal.InPerson(portal.ActorFrom(ctx)); err != nil {
		return sent, err
	}
	err := m.changeUser(ctx, id, func(c *store.Change, user portal.User) error {
		sent.User = user
		if !user.Enabled {
			return portal.Conflict("This user is disabled. Enable the user first, then send the link.")
		}
		var err error
		if token, err = m.newLink(ctx, &c.Update, portal.PasswordLink, id); err != nil {
			return err
		}
		return c.Record(ctx, userRevision(user, "sent a one-time password link", nil))
	})
	if err != nil {
		return sent, err
	}
	address := m.linkURL("password", token)
	if m.Mailer == nil {
		sent.Link, sent.URL = token, address
		return sent, nil
	}
	if err := m.Mailer.Send(ctx, sent.User.Email, "Set your Key Portal password", passwordMail(sent.User, address)); err != nil {
		return sent, portal.Unavailable("The e-mail could not be sent, so the link reached nobody. Check the mail settings, then send a new one.", err)
	}
	sent.MailedTo = sent.User.Email
	return sent, nil
}

func passwordMail(user portal.User, address string) string {
	return "Hello " + user.Name() + ",\n\n" +
		"with this link you can set the password of your Key Portal account. Your User ID is " + user.Username + ".\n\n" +
		address + "\n\n" +
		"The link works once and for 24 hours. If you did not expect it, ask your administrator.\n"
}

// PasswordLinkUser tells whose password a one-time link sets. The error is
// CodeNotFound when the link cannot be used.
func (m *Manager) PasswordLinkUser(ctx context.Context, token string) (portal.User, error) {
	link, err := m.openLink(ctx, m.Store.Queries, portal.PasswordLink, token)
	if err != nil {
		return portal.User{}, err
	}
	return m.Store.User(ctx, link.UserID)
}
