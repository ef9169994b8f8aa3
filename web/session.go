package web

import (
	"net/http"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// sessionStore keeps gorilla sessions in the portal's database. A session's ID
// is the random token in the browser's cookie; the database has its hash.
type sessionStore struct {
	manager *manage.Manager
	name    string
	secure  bool
}

// visit is what a request has of its session.
type visit struct {
	session portal.Session
	user    portal.User
	actor   portal.Actor
}

const (
	visitValue  = "visit"  // a *visit, once somebody is signed in
	reasonValue = "reason" // why a session that the browser sent does not count, for people
)

// Get gives the request's session, read once.
func (s *sessionStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session of the request's cookie. One that does not count any
// more is a new session.
func (s *sessionStore) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	session.IsNew = true
	session.Options = &sessions.Options{Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
	cookie, err := r.Cookie(name)
	if err != nil {
		return session, nil
	}
	found, user, actor, err := s.manager.Session(r.Context(), cookie.Value)
	if portal.CodeOf(err) == portal.CodeUnauthenticated {
		session.Values[reasonValue] = messageOf(err)
		return session, nil
	}
	if err != nil {
		return session, err
	}
	session.ID, session.IsNew = cookie.Value, false
	session.Values[visitValue] = &visit{found, user, actor}
	return session, nil
}

// Save sends the browser a new session's cookie, or takes the cookie back when
// the session's MaxAge is negative.
func (s *sessionStore) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if session.Options.MaxAge < 0 {
		if err := s.manager.SignOut(r.Context(), session.ID); err != nil {
			return err
		}
		http.SetCookie(w, sessions.NewCookie(session.Name(), "", session.Options))
		return nil
	}
	http.SetCookie(w, sessions.NewCookie(session.Name(), session.ID, session.Options))
	return nil
}

// startSession gives the browser the cookie of a new session.
func (s *Server) startSession(c echo.Context, token string) error {
	session, err := s.sessions.Get(c.Request(), s.cookieName())
	if err != nil {
		return err
	}
	session.ID = token
	return session.Save(c.Request(), c.Response())
}

// endSession ends the browser's session.
func (s *Server) endSession(c echo.Context) error {
	session, err := s.sessions.Get(c.Request(), s.cookieName())
	if err != nil {
		return err
	}
	session.Options.MaxAge = -1
	return session.Save(c.Request(), c.Response())
}

// visitOf gives who is signed in; nil when nobody is, then with the reason why a
// session that was sent does not count.
func (s *Server) visitOf(c echo.Context) (*visit, string, error) {
	session, err := s.sessions.Get(c.Request(), s.cookieName())
	if err != nil {
		return nil, "", err
	}
	here, _ := session.Values[visitValue].(*visit)
	reason, _ := session.Values[reasonValue].(string)
	return here, reason, nil
}

// flash leaves a message for the next page. It must not hold a secret.
func (s *Server) flash(c echo.Context, message string) error {
	here, _, err := s.visitOf(c)
	if err != nil || here == nil {
		return err
	}
	return s.manage.PutFlash(c.Request().Context(), here.session, message)
}

// takeFlash takes the message that the page before left. One that can't be
// removed is shown once more: pages can be read while the database can't be
// written.
func (s *Server) takeFlash(c echo.Context, here *visit) string {
	message := here.session.Flash
	if message == "" {
		return ""
	}
	if err := s.manage.TakeFlash(c.Request().Context(), here.session); err != nil {
		s.Log.Warn("A message could not be removed from its session.", "error", err)
	}
	here.session.Flash = ""
	return message
}
