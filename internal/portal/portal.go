// Package portal is the vocabulary of Key Portal: its nouns, its errors, who is
// acting, and the one answer to "may they?".
//
// A file per noun: organization.go, level.go, user.go, membership.go, role.go,
// apiset.go, application.go, license.go (with instances), key.go (with its
// secrets), network.go, ratelimit.go, token.go, use.go, expiry.go, request.go, session.go,
// link.go, revision.go, docs.go (what Swagger Docs shows of the REST API).
// Beside them: authority.go (what can be allowed), actor.go (who is acting),
// policy.go (may they?), check.go (what the check answers), error.go (the closed
// set of error codes), text.go (which texts are accepted) and page.go (lists).
//
// It imports the standard library only, so that every other package can speak
// this language.
package portal
