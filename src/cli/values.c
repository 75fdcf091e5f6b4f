/* values.c - the values of options: what is allowed, and words for what is not. */
#include "cli/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "core/filter.h"

struct quoted quote(const char *foreign)
{
    struct quoted q = {{0}};
    text_clean(q.clean, sizeof q.clean, foreign, strlen(foreign));
    return q;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Levenshtein distance of short words; long ones are far from everything. */
static unsigned distance(const char *a, const char *b)
{
    enum { MOST = 40 };
    unsigned row[MOST + 1];
    const size_t n = strlen(a), m = strlen(b);

    if (n > MOST || m > MOST)
        return MOST;
    for (unsigned j = 0; j <= m; j++)
        row[j] = j;
    for (unsigned i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= m; j++) {
            const unsigned above = row[j];
            row[j] = smaller(smaller(row[j - 1], above) + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[m];
}

const char *nearest_word(const char *word, const char *const *names, unsigned n)
{
    const char *best = NULL;
    unsigned least = 4; /* further away than three letters is another word */

    for (unsigned i = 0; i < n; i++) {
        const unsigned d = distance(word, names[i]);
        if (d < least && d < strlen(names[i])) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

static bool is_word_of(const struct vocabulary *table, int n, const char *text)
{
    return vocabulary_find(table, n, text) >= 0;
}

static void list_words(const struct vocabulary *table, int n, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (int i = 0; i < n && used < size; i++)
        if (table[i].word)
            used +=
                (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", table[i].word);
}

static bool is_count(const char *text)
{
    char *end;

    errno = 0;
    const long long n = strtoll(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && n <= INT32_MAX;
}

static bool is_output(const char *text)
{
    return !strcmp(text, "table") || !strcmp(text, "json") || !strcmp(text, "csv") ||
           !strcmp(text, "md");
}

static bool is_setting(const char *text)
{
    const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
    return dot && equals && dot < equals && dot > text && equals > dot + 1;
}

static bool is_level(const char *text)
{
    return text[0] && !strpbrk(text, "/+#");
}

static bool is_filter(const char *text, struct err *e)
{
    struct filter *f = filter_new(text, e);
    const bool ok = f != NULL;

    filter_free(f);
    return ok;
}

/* What was expected instead, in words; "" = it is right. */
static void expectation(enum value_type type, const char *text, char *out, size_t size)
{
    int64_t ms;

    out[0] = '\0';
    switch (type) {
    case VALUE_COUNT:
        if (!is_count(text))
            snprintf(out, size, "%s", _("expected a number"));
        break;
    case VALUE_DURATION:
        if (!duration_parse(text, &ms))
            snprintf(out, size, "%s", _("expected a duration such as 90s, 15m or 2h"));
        break;
    case VALUE_WHEN:
        if (!time_parse_when(text, clock_wall_ms(), &ms))
            snprintf(out, size, "%s",
                     _("expected a time such as 2h, today or 2026-04-05T08:00:00Z"));
        break;
    case VALUE_STATE:
        if (!is_word_of(client_states, CLIENT_STATES, text))
            list_words(client_states, CLIENT_STATES, out, size);
        break;
    case VALUE_ALARM_KIND:
        if (!is_word_of(alarm_kinds, ALARM_KINDS, text))
            list_words(alarm_kinds, ALARM_KINDS, out, size);
        break;
    case VALUE_ALARM_SORT:
        if (!is_word_of(alarm_sorts, ALARM_SORTS, text))
            list_words(alarm_sorts, ALARM_SORTS, out, size);
        break;
    case VALUE_EVENT_KIND: /* the first kind is never listed */
        if (!is_word_of(event_kinds + 1, EVENT_KINDS - 1, text))
            list_words(event_kinds + 1, EVENT_KINDS - 1, out, size);
        break;
    case VALUE_LEVEL:
        if (!is_level(text))
            snprintf(out, size, "%s", _("expected a level such as error or info"));
        break;
    case VALUE_OUTPUT:
        if (!is_output(text))
            snprintf(out, size, "table, json, csv, md");
        break;
    case VALUE_SETTING:
        if (!is_setting(text))
            snprintf(out, size, "%s", _("expected section.key=value"));
        break;
    default:
        if (text[0] == '\0')
            snprintf(out, size, "%s", _("expected a value"));
        break;
    }
}

bool value_check(const struct cli_option *o, const char *text, struct err *e)
{
    char expected[400];

    if (o->type == VALUE_TEXT || o->type == VALUE_NONE)
        return true;
    if (o->type == VALUE_FILTER) {
        struct err why = {0};
        return is_filter(text, &why) || err_set(e, EXIT_USAGE, "--%s: %s", o->name, why.text);
    }
    expectation(o->type, text, expected, sizeof expected);
    if (expected[0] == '\0')
        return true;
    const bool list = strstr(expected, ", ") && strncmp(expected, _("expected"), 4) != 0;
    return err_set(e, EXIT_USAGE, list ? _("--%s: \"%s\": expected one of %s") : "--%s: \"%s\": %s",
                   o->name, quote(text).clean, expected);
}
