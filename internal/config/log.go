package config

import (
	"io"
	"log/slog"
)

// Log says what the program reports about itself.
type Log struct {
	LogLevel  string `env:"KEYPORTAL_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: ${enum}."`
	LogFormat string `env:"KEYPORTAL_LOG_FORMAT" enum:"text,json" default:"text" help:"Format of the log: ${enum}."`
}

// Logger returns a logger that writes to w. It logs text from level info where
// nothing else is set.
func (l Log) Logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.level()}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func (l Log) level() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.LogLevel)); err != nil {
		return slog.LevelInfo
	}
	return level
}
