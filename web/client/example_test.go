package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"keyportal/web/client"
)

// keyPortal stands in for Key Portal's listener for gateways, which has one key.
func keyPortal() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(question), `"kp_ada"`) {
			io.WriteString(w, `{"valid": false, "code": "NOT_FOUND", "message": "This API key is not known."}`)
			return
		}
		io.WriteString(w, `{"valid": true, "code": "VALID", "key": {"id": 1}, "user": {"id": 2, "username": "Ada.Lovelace"}, "organization": {"id": 3}}`)
	}))
}

func ExampleClient_Middleware() {
	keyPortal := keyPortal()
	defer keyPortal.Close()

	portal, err := client.New(client.Options{URL: keyPortal.URL, Credential: "kp_gateway"})
	if err != nil {
		fmt.Println(err)
		return
	}
	billing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, ok := client.From(r.Context())
		if !ok { // the middleware is missing
			http.Error(w, "nobody asked who comes", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "the invoices of %s", caller.User.Username)
	})
	mux := http.NewServeMux()
	mux.Handle("/billing/", portal.Middleware(client.Place{APISet: "billing"})(billing))

	for _, key := range []string{"kp_ada", "kp_unknown"} {
		r := httptest.NewRequest("GET", "/billing/invoices", nil)
		r.Header.Set("X-Api-Key", key)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("X-Deny-Reason"), w.Body)
	}
	// Output:
	// 200  the invoices of Ada.Lovelace
	// 401 NOT_FOUND {"code":"NOT_FOUND","message":"This API key is not known."}
}

func ExampleClient_Verify() {
	keyPortal := keyPortal()
	defer keyPortal.Close()

	portal, err := client.New(client.Options{URL: keyPortal.URL, Credential: "kp_gateway"})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := portal.Verify(context.Background(), client.Request{Key: "kp_ada", APISet: "billing"})
	switch {
	case err != nil:
		fmt.Println("not decided, so refused:", err)
	case !answer.Valid:
		fmt.Println("refused:", answer.Code, answer.Message)
	default:
		fmt.Println("accepted:", answer.User.Username)
	}
	// Output: accepted: Ada.Lovelace
}
