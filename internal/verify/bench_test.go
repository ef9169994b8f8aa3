package verify_test

import (
	"testing"

	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

func BenchmarkCheck(b *testing.B) {
	s := storetest.SQLite(b)
	f := storetest.NewFixture(b, s)
	c := verify.New(s, verify.Options{})
	valid := verify.Request{Credential: f.Secret.Reveal(), ClientIP: client, APISet: "billing"}
	routed := verify.Request{Credential: f.Secret.Reveal(), ClientIP: client, Method: "GET", URI: "/billing/7?page=2"}
	unknown := verify.Request{Credential: secret.New("", secret.Token).Reveal(), ClientIP: client, APISet: "billing"}
	junk := verify.Request{Credential: valid.Credential[1:], ClientIP: client, APISet: "billing"}
	for _, bench := range []struct {
		name    string
		request verify.Request
		want    verify.Code
	}{
		{"valid", valid, "VALID"},
		{"valid by route", routed, "VALID"},
		{"unknown", unknown, "NOT_FOUND"},
		{"malformed", junk, "MALFORMED"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := c.Check(b.Context(), bench.request); err != nil || got.Code != bench.want {
					b.Fatal(got.Code, err)
				}
			}
		})
	}
}
