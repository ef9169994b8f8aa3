# The tests need PostgreSQL, PgBouncer, nginx, Caddy, HAProxy, curl and Chromium beside Go. Where one
# is missing, make installs it from Debian, for which it needs root.

STATICCHECK_VERSION = v0.7.0
OAPI_CODEGEN_VERSION = v2.8.2
STATICCHECK = .tools/staticcheck-$(STATICCHECK_VERSION)

.DEFAULT_GOAL = help
.PHONY: help run build test race bench generate lint postgres

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Run the portal with a sample installation
	go run ./cmd/keyportal demo

build: ## Build the program, one static binary, as ./keyportal
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o keyportal ./cmd/keyportal

test: ## Run all tests, on SQLite and PostgreSQL, in Chromium, with curl and behind gateways
	@.ci/install git postgres nginx caddy haproxy pgbouncer curl chromium
	.ci/postgres go test -vet=off -timeout=25m ./...

# The tests leave vet out: lint has it. A person in a browser does one thing after another: those tests (//go:build !race) show
# the detector nothing that the others don't. Nor do the long ones that do one thing after
# another through tables and models. Nor does the inside of SQLite, which is C turned into
# Go, or of argon2: watched, they take most of the time.
IN_TURN = EachRouteAnswers|TheAPIAnswersWhateverIsSent|EachChangeOfAThing|ACreationThatIsSentAgain|EachOperationIsRefused|HEADIsAnswered|ADocumentThatIsTooLarge|NoPageChangesAnything|AnOperationIsDone|WhateverIsDone|WhoeverActsOnRequests|AChangeAndItsLines|EachChangeCounts|ASearchForFewKeys|AShortRunMeasures
UNWATCHED = -skip='^Test($(IN_TURN))' \
	-gcflags='modernc.org/...=-race=false' -gcflags='golang.org/x/crypto/argon2=-race=false'

race: ## Run the tests with the race detector, but for those that do one thing after another
	@.ci/install gcc git postgres nginx caddy haproxy pgbouncer curl
	CGO_ENABLED=1 .ci/postgres go test -race -vet=off $(UNWATCHED) -timeout=25m ./...

bench: ## Measure the budgets against the bare parts, and print them in a table
	.ci/postgres --durable go run ./internal/bench $(BENCH)

generate: ## Generate the Go code of the pages, the document of the API and the tests' client
	go tool templ generate
	go test ./web/api -run Document -update
	go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@$(OAPI_CODEGEN_VERSION) --config web/api/apitest/client.yaml web/api/openapi.json

lint: $(STATICCHECK) ## Check form, generated code, dependencies and common mistakes
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "run gofmt -w $$unformatted"; exit 1; }
	go mod tidy -diff
	go tool templ fmt -fail templates
	go tool templ generate -check
	go vet ./...
	$(STATICCHECK) ./...

$(STATICCHECK):
	GOBIN=$(CURDIR)/.tools go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@mv .tools/staticcheck $@

postgres: ## Start a throw-away PostgreSQL server and print its URL, until Control-C
	@.ci/postgres
