package web

// Route is a line of the table of routes, for tests.
type Route struct{ Method, Path string }

// Routes lists the table of routes.
func Routes() []Route {
	var all []Route
	for _, r := range routes {
		all = append(all, Route{r.method, r.path})
	}
	return all
}

// DeviceOf says in words which browser sent a User-Agent.
var DeviceOf = deviceOf
