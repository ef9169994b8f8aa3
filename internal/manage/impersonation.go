package manage

import "keyportal/internal/portal"

// canLetImpersonate answers whether the actor may make a key like this, widen it, enable
// it or map it to another user: one that can impersonate, only who may Allow
// Impersonation. Whoever may only manage keys would widen it else.
func canLetImpersonate(actor portal.Actor, key portal.Key) error {
	if !key.CanImpersonate {
		return nil
	}
	err := portal.Can(actor, portal.AllowImpersonation, 0)
	switch {
	case portal.CodeOf(err) != portal.CodeForbidden, actor.Staff != portal.NotStaff:
		return err
	case key.ID == 0:
		return portal.Denied("Only support can let an API key impersonate other users. Ask support for such a key, or generate one that can't.")
	}
	return portal.Denied("This API key can impersonate other users: only support can enable or renew it, give it more API sets, or map it to another user. Ask support.")
}

// canHaveImpersonatorsSecret answers whether the actor may get to see the secret of a key
// that can impersonate: its own user, and who could have made it so. An OAuth client is
// trusted to those who look after it, whatever it can.
func canHaveImpersonatorsSecret(actor portal.Actor, key portal.Key) error {
	own := actor.UserID == key.UserID && actor.UserID != 0
	if own || key.Kind == portal.OAuthKey || canLetImpersonate(actor, key) == nil {
		return nil
	}
	return portal.Denied("This API key can impersonate other users, so its secret is for " + key.UserName + " alone. Send them a new one instead, on a one-time page.")
}
