package store

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"keyportal/internal/portal"
)

const maxSearch = 500 // characters of a search that are looked at; engines bound patterns

// wordsOf gives the words of a search, folded as the texts that are searched.
func wordsOf(search string) []string {
	search = strings.ReplaceAll(search, "\x00", "") // is in no text, and PostgreSQL refuses it
	if runes := []rune(search); len(runes) > maxSearch {
		search = string(runes[:maxSearch])
	}
	return strings.Fields(portal.Fold(search))
}

// search keeps the rows of whose folded texts one or the other has each word.
func (l *listing[T]) search(text string, columns ...string) {
	for _, word := range wordsOf(text) {
		l.searched = true
		l.filter("("+strings.Join(columns, ` LIKE ? ESCAPE '\' OR `)+` LIKE ? ESCAPE '\')`, "%"+likeEscaper.Replace(word)+"%")
	}
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// fewKeys are so many that putting them in order takes less time than going through the
// keys in order until a page of them is found.
const fewKeys = 2000

// searchKeys keeps the keys that are searched for. PostgreSQL knows by its statistics
// whether the index of trigrams leads to few keys; SQLite, which has none, is told.
func (q Queries) searchKeys(ctx context.Context, l *listing[int64], text string) error {
	l.search(text, "k.search", "k.user_search")
	if q.engine == enginePostgres {
		return nil
	}
	match, err := q.matchOfFew(ctx, trigramsOf(wordsOf(text)))
	if match != "" {
		l.from = "key_search CROSS JOIN " + l.from // which SQLite goes through in this order
		l.filter("key_search MATCH ? AND k.id = key_search.rowid", match)
	}
	return err
}

// matchOfFew gives what few keys match that have the trigrams, these among them; nothing
// when many do.
func (q Queries) matchOfFew(ctx context.Context, trigrams []string) (string, error) {
	rarest, err := q.rarest(ctx, trigrams)
	if err != nil || len(rarest) == 0 {
		return "", err
	}
	match := strings.Join(rarest, " AND ")
	matching, err := one(ctx, q, portal.NounKey, scalar[int], `/* count of keys of a search */ SELECT count(*) FROM
		(SELECT rowid FROM key_search WHERE key_search MATCH $1 LIMIT $2)`, match, fewKeys+1)
	if err != nil || matching > fewKeys {
		return "", err
	}
	return match, nil
}

const (
	mostTrigrams   = 64  // of a search that are looked at
	rarestTrigrams = 4   // that are looked for: a frequent one takes long, and excludes few
	sampledKeys    = 100 // by which it is told how rare a trigram is
)

// rarest gives the rarest of the trigrams: those that the fewest keys have, and of the
// others those whose first keys are the farthest apart.
func (q Queries) rarest(ctx context.Context, trigrams []string) ([]string, error) {
	trigrams = trigrams[:min(len(trigrams), mostTrigrams)]
	apart := map[string]int64{}
	for _, trigram := range trigrams {
		distance, err := one(ctx, q, portal.NounKey, scalar[int64], `/* rarity of a trigram */
			SELECT CASE WHEN count(*) < $2 THEN $3 / (count(*) + 1) ELSE max(rowid) / count(*) END FROM
			(SELECT rowid FROM key_search WHERE key_search MATCH $1 LIMIT $2)`, trigram, sampledKeys, int64(math.MaxInt64))
		if err != nil {
			return nil, err
		}
		apart[trigram] = distance
	}
	sorted := slices.SortedStableFunc(slices.Values(trigrams), func(a, b string) int { return cmp.Compare(apart[b], apart[a]) })
	return sorted[:min(len(sorted), rarestTrigrams)], nil
}

// trigramsOf gives the runs of three characters in words, as FTS5 is asked for them;
// none of a shorter word.
func trigramsOf(words []string) (trigrams []string) {
	for _, word := range words {
		runes := []rune(word)
		for i := range len(runes) - 2 {
			trigrams = append(trigrams, `"`+strings.ReplaceAll(string(runes[i:i+3]), `"`, `""`)+`"`)
		}
	}
	slices.Sort(trigrams)
	return slices.Compact(trigrams)
}
