//go:build !race

package main

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func TestAnImportedKeyIsRotatedByItsUserAndBothWork(t *testing.T) {
	p := emptySQLite(t)
	if _, err := makeSample(t.Context(), p.data()); err != nil {
		t.Fatal(err)
	}
	succeed(t, keyHeader+"member,Warehouse,"+oldHash("an old key")+",billing,\n", p.flags("import", "keys", "-", "--apply")...)
	s := serve(t, p.flags("serve")...)
	wantCheck(t, s.gateway, "an old key", http.StatusOK)
	b := newTab(t, chromium(t), s.portal)
	b.logIn("member")
	b.open("/keys/" + keyID(t, p, "an old key"))
	b.sees("Warehouse", "imported …"+oldHash("an old key")[60:], "command line imported the API key")
	b.open(b.path() + "/rotate")
	b.pick(choice("The present secret goes on working"), "For 1 hour")
	b.fill(field("Type Warehouse to confirm"), "Warehouse")
	b.follow(button("Rotate API key"))
	made := b.key()
	wantCheck(t, s.gateway, made, http.StatusOK)
	wantCheck(t, s.gateway, "an old key", http.StatusOK)
	b.press(kb.Escape)
	b.open("/keys/" + keyID(t, p, made))
	b.sees("The old one works until", "imported …"+oldHash("an old key")[60:])
	b.shot("rotating")
}
