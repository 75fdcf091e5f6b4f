/* rules.c - priorities by group and time of day, quiet hours. */
#include "core/rules.h"

#include <string.h>

#define DAY_MINUTES 1440

/* A piece of the text; nothing is copied. */
struct piece {
    const char *at;
    size_t n;
};

static struct piece trimmed(const char *at, size_t n)
{
    while (n > 0 && (*at == ' ' || *at == '\t'))
        at++, n--;
    while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t'))
        n--;
    return (struct piece){at, n};
}

/* Takes what stands before the next separator off the text. */
static struct piece next(const char **text, char separator)
{
    const char *end = strchr(*text, separator);
    const size_t n = end ? (size_t)(end - *text) : strlen(*text);
    const struct piece p = trimmed(*text, n);

    *text += n + (end != NULL);
    return p;
}

static bool priority_of(struct piece p, enum priority *out)
{
    for (int i = PRIORITY_LOW; i < PRIORITIES; i++) {
        if (strlen(priorities[i].word) == p.n && memcmp(priorities[i].word, p.at, p.n) == 0) {
            *out = (enum priority)i;
            return true;
        }
    }
    return false;
}

static bool minute_of(const char *s, int16_t *out)
{
    for (int i = 0; i < 5; i++)
        if (i == 2 ? s[i] != ':' : s[i] < '0' || s[i] > '9')
            return false;
    const int hour = (s[0] - '0') * 10 + s[1] - '0', minute = (s[3] - '0') * 10 + s[4] - '0';
    *out = (int16_t)(hour * 60 + minute);
    return minute < 60 && *out <= DAY_MINUTES;
}

static bool span_of(struct piece p, struct day_span *out)
{
    return p.n == strlen("22:00-06:00") && p.at[5] == '-' && minute_of(p.at, &out->from) &&
           minute_of(p.at + 6, &out->to);
}

static bool ends_in_comma(const char *text)
{
    return *text && text[strlen(text) - 1] == ',';
}

static bool holds(struct day_span s, int minute)
{
    if (s.from == s.to)
        return true;
    return s.from < s.to ? minute >= s.from && minute < s.to : minute >= s.from || minute < s.to;
}

/* ---- priorities ---- */

static bool condition_of(struct piece p, struct priority_rule *r)
{
    static const char group[] = "group:";
    const size_t n = sizeof(group) - 1;

    if (p.n > n && memcmp(p.at, group, n) == 0) {
        r->has_group = true;
        TEXT_SET(&r->group, p.at + n, p.n - n);
        return true;
    }
    r->has_span = true;
    return span_of(p, &r->span);
}

static bool rule_of(struct piece p, struct priority_rule *r)
{
    const char *equals = memrchr(p.at, '=', p.n);

    if (!equals)
        return priority_of(p, &r->priority);
    const struct piece left = trimmed(p.at, (size_t)(equals - p.at));
    size_t n;
    for (size_t i = 0; i < left.n; i += n + 1) {
        const char *blank = memchr(left.at + i, ' ', left.n - i);
        n = blank ? (size_t)(blank - left.at) - i : left.n - i;
        if (n && !condition_of((struct piece){left.at + i, n}, r))
            return false;
    }
    return left.n > 0 &&
           priority_of(trimmed(equals + 1, p.n - (size_t)(equals + 1 - p.at)), &r->priority);
}

bool priority_rules_parse(const char *text, struct priority_rules *out)
{
    struct priority_rules made;

    memset(&made, 0, sizeof(made));
    if (strlen(text) >= sizeof(made.text) || ends_in_comma(text))
        return false;
    memcpy(made.text, text, strlen(text) + 1);
    while (*text) {
        if (made.count == RULES || !rule_of(next(&text, ','), &made.rule[made.count++]))
            return false;
    }
    *out = made;
    return true;
}

enum priority priority_rules_decide(const struct priority_rules *r, struct text group, int minute)
{
    enum priority plain = PRIORITY_DEFAULT;

    for (uint8_t i = 0; i < r->count; i++) {
        const struct priority_rule *rule = &r->rule[i];
        if (!rule->has_group && !rule->has_span)
            plain = rule->priority;
        else if ((!rule->has_group || text_equal(TEXT(rule->group), group)) &&
                 (!rule->has_span || holds(rule->span, minute)))
            return rule->priority;
    }
    return plain;
}

/* ---- quiet hours ---- */

bool quiet_hours_parse(const char *text, struct quiet_hours *out)
{
    struct quiet_hours made;

    memset(&made, 0, sizeof(made));
    if (strlen(text) >= sizeof(made.text) || ends_in_comma(text))
        return false;
    memcpy(made.text, text, strlen(text) + 1);
    while (*text) {
        struct piece p = next(&text, ',');
        const char *equals = memchr(p.at, '=', p.n);
        enum priority up_to = PRIORITY_HIGH;
        if (made.count == RULES)
            return false;
        if (equals && (!priority_of(trimmed(p.at, (size_t)(equals - p.at)), &up_to) ||
                       up_to == PRIORITY_CRITICAL))
            return false;
        if (equals)
            p = trimmed(equals + 1, p.n - (size_t)(equals + 1 - p.at));
        if (!span_of(p, &made.rule[made.count].span))
            return false;
        made.rule[made.count++].up_to = up_to;
    }
    *out = made;
    return true;
}

bool quiet_hours_hold(const struct quiet_hours *q, enum priority p, int minute)
{
    for (uint8_t i = 0; i < q->count; i++)
        if (p <= q->rule[i].up_to && holds(q->rule[i].span, minute))
            return true;
    return false;
}
