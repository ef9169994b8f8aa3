package manage_test

import (
	"net/netip"
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// boundTo is a rate limit.
var boundTo = portal.RateLimit{Requests: 100, Period: portal.PerMinute, Burst: 20}

// bound gives a new key networks and a rate limit.
func bound(in *manage.NewKey) {
	in.AllowedNetworks, in.RateLimit = []string{"192.0.2.9/24", "2001:db8::7", "192.0.2.0/24"}, boundTo
}

func fromNetworks(networks ...string) func(*manage.KeyEdit) {
	return func(in *manage.KeyEdit) { in.AllowedNetworks = networks }
}

func limitTo(limit portal.RateLimit) func(*manage.KeyEdit) {
	return func(in *manage.KeyEdit) { in.RateLimit = limit }
}

func TestAKeyIsBoundToNetworksAndARateLimitFromItsFirstCheckOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := must(w.m.CreateKey(w.as(w.User), w.newKey(bound)))(t)
		wantEqual(t, "bounds", []any{made.AllowedNetworks, made.RateLimit}, []any{[]string{"192.0.2.0/24", "2001:db8::7/128"}, boundTo})
		from := func(address string) verify.Decision {
			return w.check(verify.Request{APISet: w.Billing.Slug, Credential: made.Secret.Reveal(), ClientIP: netip.MustParseAddr(address)})
		}
		for address, want := range map[string]verify.Code{"192.0.2.200": portal.CheckValid, "2001:db8::7": portal.CheckValid, "198.51.100.7": portal.CheckIPNotAllowed, "2001:db8::8": portal.CheckIPNotAllowed} {
			wantEqual(t, "used from "+address, from(address).Code, want)
		}
		wantEqual(t, "the rate limit that the check is told", from("192.0.2.200").Subject.RateLimit, boundTo)

		lines := w.lines(func() {
			mustDo(t, w.edited(w.Admin, made.ID, func(in *manage.KeyEdit) {
				in.AllowedNetworks, in.RateLimit = []string{"198.51.100.7"}, portal.RateLimit{}
			}))
		})
		wantEqual(t, "history", told(lines[0]), "key edited ERP: Allowed networks 192.0.2.0/24, 2001:db8::7/128→198.51.100.7/32; Rate limit 100 per minute, 20 at once→")
		wantEqual(t, "used from 198.51.100.7 after the edit", from("198.51.100.7").Code, portal.CheckValid)
		mustDo(t, w.edited(w.User, made.ID, fromNetworks()))
		wantEqual(t, "used from 192.0.2.200 without networks", from("192.0.2.200").Code, portal.CheckValid)
	})
}

func TestNetworksAndRateLimitsThatCannotBeTakenAreSaidAtTheirFields(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		request := w.request(w.requester(), w.application())
		for what, test := range map[string]struct {
			networks    []string
			limit       portal.RateLimit
			field, says string
		}{
			"no network":            {[]string{"10.0.0.0/8", "the office"}, portal.RateLimit{}, "network", "“the office” is no network"},
			"a zone":                {[]string{"fe80::1%eth0"}, portal.RateLimit{}, "network", "“fe80::1%eth0” is no network"},
			"too many networks":     {strings.Fields(strings.Repeat("10.0.0.0/8 ", 60) + manyNetworks(51)), portal.RateLimit{}, "network", "50 networks at the most"},
			"a negative rate limit": {nil, portal.RateLimit{Requests: -1, Period: portal.PerMinute}, "rate_limit", "from 1 to 1000000"},
			"no period":             {nil, portal.RateLimit{Requests: 1}, "rate_limit", "for how long"},
			"a burst by itself":     {nil, portal.RateLimit{Burst: 5}, "rate_limit", "needs a rate limit"},
		} {
			before := w.dump()
			form := func(in *manage.NewKey) { in.AllowedNetworks, in.RateLimit = test.networks, test.limit }
			approval := manage.Approval{ID: request.ID, Version: request.Version, Name: "Approved", AllowedNetworks: test.networks, RateLimit: test.limit}
			for how, err := range map[string]error{
				"made":     second(w.m.CreateKey(w.as(w.User), w.newKey(form))),
				"checked":  w.m.CheckNewKey(w.as(w.User), w.newKey(form)),
				"edited":   w.edited(w.User, w.Key.ID, func(in *manage.KeyEdit) { in.AllowedNetworks, in.RateLimit = test.networks, test.limit }),
				"approved": second(w.m.ApproveRequest(w.as(w.SuperAdmin), approval)),
			} {
				wantFields(t, what+", "+how, err, test.field)
				wantSays(t, what+", "+how, err, test.says)
			}
			w.wantSame(what, before)
		}
	})
}

// manyNetworks writes so many networks.
func manyNetworks(number int) string {
	address, networks := netip.MustParseAddr("192.0.2.0"), ""
	for range number {
		networks, address = networks+address.String()+" ", address.Next()
	}
	return networks
}

func TestARateLimitIsMadeStricterByItsUserAndLooserByWhoManagesAPIKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.holder([]portal.Authority{portal.ManageAPIKeys}, w.Billing)
		made := must(w.m.CreateKey(w.as(w.User), w.newKey()))(t)
		mustDo(t, w.edited(w.User, made.ID, limitTo(boundTo))) // it had none
		stricter := portal.RateLimit{Requests: 50, Period: portal.PerMinute, Burst: 20}
		mustDo(t, w.edited(w.User, made.ID, limitTo(stricter)))
		mustDo(t, w.edited(w.User, made.ID, renameTo("Renamed")))
		before := w.key(made.ID)
		for what, looser := range map[string]portal.RateLimit{
			"removed": {}, "as it was": boundTo, "more at once": {Requests: 50, Period: portal.PerMinute}, "more often": {Requests: 1, Period: portal.PerSecond, Burst: 20},
		} {
			err := w.edited(w.User, made.ID, limitTo(looser))
			wantFields(t, what, err, "rate_limit")
			wantSays(t, what, err, "needs the authority “Manage API Keys”")
			wantEqual(t, what+": the key", w.key(made.ID), before)
		}
		for _, by := range []portal.User{manager, w.Admin, storetest.Support(t, w.s), w.SuperAdmin} {
			mustDo(t, w.edited(by, made.ID, limitTo(boundTo)))
			mustDo(t, w.edited(by, made.ID, limitTo(portal.RateLimit{})))
			mustDo(t, w.edited(by, made.ID, limitTo(stricter)))
		}

		keeper := w.holder([]portal.Authority{portal.ViewClientSecret}, w.Billing)
		in := w.clientOf(w.Admin)
		in.RateLimit = boundTo
		client := must(w.m.CreateKey(w.as(w.Admin), in))(t)
		wantFields(t, "of an OAuth client, by a keeper", w.edited(keeper, client.ID, limitTo(portal.RateLimit{})), "rate_limit")
		mustDo(t, w.edited(w.Admin, client.ID, limitTo(portal.RateLimit{})))
	})
}

func TestWhoMayNotMapAKeyToItsUserBindsItTighterAtMost(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		gateway, no := w.holder([]portal.Authority{portal.ManageUserAPIKey, portal.VerifyKeys}, w.Billing), portal.CodeForbidden
		made := must(w.m.CreateKey(w.as(gateway), w.newKey(bound, func(in *manage.NewKey) { in.UserID = gateway.ID })))(t)
		w.wantRefused("from anywhere", w.Admin, made.ID, fromNetworks(), no)
		w.wantRefused("from another network", w.Admin, made.ID, fromNetworks("192.0.2.0/24", "198.51.100.7"), no)
		w.wantRefused("more often", w.Admin, made.ID, limitTo(portal.RateLimit{}), no)
		mustDo(t, w.edited(w.Admin, made.ID, func(in *manage.KeyEdit) { in.AllowedNetworks, in.RateLimit.Burst = []string{"192.0.2.7"}, 10 }))
		mustDo(t, w.edited(gateway, made.ID, fromNetworks()))
		mustDo(t, w.edited(w.Admin, made.ID, fromNetworks("10.0.0.0/8")))
		mustDo(t, w.edited(w.SuperAdmin, made.ID, func(in *manage.KeyEdit) { in.AllowedNetworks, in.RateLimit = nil, portal.RateLimit{} }))
	})
}

func TestAKeyLoosensNoKeyBeyondItsOwnBounds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, value := w.keyFrom(w.Admin, func(k *portal.Key) { k.AllowedNetworks, k.RateLimit = []string{"192.0.2.0/24"}, boundTo })
		ctx := w.through(value)
		narrow := portal.RateLimit{Requests: 1, Period: portal.PerMinute}
		within, _ := w.keyFrom(w.User, func(k *portal.Key) { k.AllowedNetworks, k.RateLimit = []string{"192.0.2.7/32"}, narrow })
		beyond, _ := w.keyFrom(w.User)
		edit := func(id int64, change func(*manage.KeyEdit)) error {
			in := w.keyOf(id)
			change(&in)
			return w.m.UpdateKey(ctx, in)
		}
		for _, test := range []struct {
			what   string
			id     int64
			change func(*manage.KeyEdit)
			want   portal.Code
		}{
			{"from anywhere", within.ID, fromNetworks(), portal.CodeForbidden},
			{"from elsewhere", within.ID, fromNetworks("192.0.2.7", "198.51.100.7"), portal.CodeForbidden},
			{"without a limit", within.ID, limitTo(portal.RateLimit{}), portal.CodeForbidden},
			{"more often", within.ID, limitTo(portal.RateLimit{Requests: 2, Period: portal.PerSecond, Burst: 20}), portal.CodeForbidden},
			{"one beyond, with an expiry", beyond.ID, expireAt(w.clock.Now().AddDate(0, 0, 1)), allowed},
			{"one beyond, renewed", beyond.ID, expireAt(w.clock.Now().AddDate(0, 0, 2)), portal.CodeForbidden},
			{"one beyond, bound", beyond.ID, func(in *manage.KeyEdit) { in.AllowedNetworks, in.RateLimit = []string{"10.0.0.0/8"}, narrow }, allowed},
			{"as far as it goes itself", within.ID, func(in *manage.KeyEdit) { in.AllowedNetworks, in.RateLimit = []string{"192.0.2.0/24"}, boundTo }, allowed},
		} {
			before := w.key(test.id)
			wantCode(t, test.what, edit(test.id, test.change), test.want)
			if test.want != allowed {
				wantEqual(t, test.what+": the key", w.key(test.id), before)
			}
		}
	})
}

func TestTheBoundsOfADataLoaderKeyStayAsTheyAre(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := must(w.m.CreateKey(w.as(w.User), w.newPair(bound, func(in *manage.NewKey) { in.DataLoader = true })))(t)
		for what, edit := range map[string]func(*manage.KeyEdit){
			"fewer networks": fromNetworks("192.0.2.7"), "no networks": fromNetworks(), "a stricter rate limit": limitTo(portal.RateLimit{Requests: 1, Period: portal.PerHour}), "no rate limit": limitTo(portal.RateLimit{}),
		} {
			w.wantRefused(what, w.SuperAdmin, made.ID, edit, portal.CodeConflict)
		}
		mustDo(t, w.edited(w.User, made.ID, expireAt(w.clock.Now().AddDate(0, 0, 30))))
		wantEqual(t, "bounds", w.key(made.ID).RateLimit, boundTo)
	})
}
