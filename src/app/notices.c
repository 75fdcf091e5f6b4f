/* notices.c - what waits to be told, the most urgent first, at a rate that a pager bears. */
#include "app/notices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/session.h"
#include "base/i18n.h"
#include "base/log.h"
#include "cli/listing.h"

extern char **environ;

#define MINUTE_MS 60000

/* ---- for the screen ---- */

static void tell_screen(struct session *s, const struct alarm *a, int32_t escalation)
{
    struct notices *n = &s->notices;
    const struct client *c = uid_is_zero(&a->client) ? NULL : core_find_client(s->core, &a->client);
    struct text64 scratch = {{0}};
    struct text96 words = {{0}};
    char sentence[320];

    n->bell = true;
    WORDS_RENDER(&a->summary, i18n_translate, &words);
    if (escalation) {
        struct words said = {.id = N_("nobody has acknowledged it: {1}")};
        TEXT_COPY(&said.arg[0], TEXT(words));
        session_say(s, &said);
    }
    if (n->told_count++ && a->priority <= n->told_priority)
        return;
    n->told_priority = a->priority;
    snprintf(sentence, sizeof sentence, "infoscreen: %s%s %s: %s",
             escalation ? _("STILL UNACKNOWLEDGED: ") : "", _(alarm_kinds[a->kind].label),
             c ? client_name(c, &scratch).clean : a->subject.clean, words.clean);
    TEXT_SET(&n->told, sentence, strlen(sentence));
}

/* ---- what waits for the command ---- */

static void forget(struct notices *n, uint32_t i)
{
    memmove(&n->waiting[i], &n->waiting[i + 1], (--n->count - i) * sizeof n->waiting[0]);
}

static uint32_t find(const struct notices *n, const char *alarm_id)
{
    uint32_t i = 0;

    while (i < n->count && strcmp(n->waiting[i].alarm_id, alarm_id) != 0)
        i++;
    return i;
}

/* The most or the least urgent one; of equals the oldest or the newest. */
static uint32_t extreme(const struct notices *n, bool most)
{
    uint32_t at = 0;

    for (uint32_t i = 1; i < n->count; i++)
        if (most ? n->waiting[i].priority > n->waiting[at].priority
                 : n->waiting[i].priority <= n->waiting[at].priority)
            at = i;
    return at;
}

static void put(struct notices *n, const struct alarm *a, int32_t escalation)
{
    uint32_t i = find(n, a->id);

    if (i == n->count && n->count == NOTICES_WAITING) {
        i = extreme(n, false);
        if (n->waiting[i].priority >= a->priority)
            return; /* told with its escalation */
        forget(n, i);
        i = n->count;
    }
    if (i == n->count)
        n->count++;
    n->waiting[i] =
        (struct notice){.mark = a->mark, .priority = a->priority, .escalation = escalation};
    memcpy(n->waiting[i].alarm_id, a->id, sizeof a->id);
}

void notices_take(struct session *s, const struct alarm *a, int32_t escalation)
{
    const struct cli_globals *g = s->globals;

    tell_screen(s, a, escalation);
    if (s->recorder && g->config.notify.command[0] && !g->demo)
        put(&s->notices, a, escalation);
}

/* ---- what the command is given ---- */

/* A copy of the core's row, so that the command line's own table prints it. */
static bool as_json(const struct core *core, const struct alarm *a, char **out, size_t *len)
{
    const struct client *c = core_find_client(core, &a->client);
    struct client copy = c ? *c : (struct client){.state = CLIENT_UNKNOWN};
    uint32_t by_id[1] = {0};
    const struct dataset d = {.clients = &copy, .client_count = c ? 1 : 0, .by_id = by_id};
    const struct view v = {.data = &d, .now = core_now(core), .json = true};
    FILE *f = open_memstream(out, len);
    struct json_out j = {.out = f};

    if (!f)
        return false;
    listing_row_json(&alarms_listing, &v, a, &j);
    fputc('\n', f);
    return fclose(f) == 0;
}

struct environment {
    char **list;
    size_t count;
    bool ok;
};

static void add(struct environment *e, const char *name, const char *value)
{
    char *entry = NULL;

    if (!e->ok || asprintf(&entry, "%s=%s", name, value) < 0) {
        e->ok = false;
        return;
    }
    e->list[e->count++] = entry;
}

static void add_number(struct environment *e, const char *name, int64_t value)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%lld", (long long)value);
    add(e, name, digits);
}

#define OURS 16 /* variables of ours, at most */

/* All of ours but the broker's password, which is none of its business. */
static bool environment_begin(struct environment *e)
{
    size_t n = 0;

    while (environ[n])
        n++;
    e->list = calloc(n + OURS + 1, sizeof *e->list);
    e->ok = e->list != NULL;
    for (size_t i = 0; e->ok && i < n; i++) {
        if (strncmp(environ[i], "MQTT_PASSWORD=", 14) == 0)
            continue;
        e->list[e->count] = strdup(environ[i]);
        e->ok = e->list[e->count++] != NULL;
    }
    return e->ok;
}

static void environment_end(struct environment *e)
{
    for (size_t i = 0; e->list && i < e->count; i++)
        free(e->list[i]);
    free(e->list);
}

static void describe(const struct session *s, const struct alarm *a, int32_t escalation,
                     struct environment *e)
{
    const struct client *c = core_find_client(s->core, &a->client);
    struct text160 words = {{0}};
    char raised[ISO_SIZE];

    WORDS_RENDER(&a->summary, i18n_translate, &words);
    time_iso(a->raised_at, raised);
    add(e, "INFOSCREEN_ALARM_ID", a->id);
    add(e, "INFOSCREEN_ALARM_KIND", alarm_kinds[a->kind].word);
    add(e, "INFOSCREEN_ALARM_PRIORITY", priorities[a->priority].word);
    add(e, "INFOSCREEN_ALARM_STATE", alarm_states[a->state].word);
    add(e, "INFOSCREEN_ALARM_SUMMARY", words.clean);
    add(e, "INFOSCREEN_ALARM_CLIENT", c ? c->spelling : "");
    add(e, "INFOSCREEN_ALARM_NAME", c ? c->hostname.clean : "");
    add(e, "INFOSCREEN_ALARM_GROUP", c ? c->group.clean : a->group.clean);
    add(e, "INFOSCREEN_ALARM_RAISED_AT", raised);
    add_number(e, "INFOSCREEN_ALARM_OCCURRENCES", a->occurrences);
    add(e, "INFOSCREEN_ALARM_GUIDANCE", s->globals->config.guidance[a->kind]);
    add_number(e, "INFOSCREEN_ESCALATION", escalation);
    add_number(e, "INFOSCREEN_WAITING", s->notices.count);
}

/* ---- running it ---- */

static void failed(struct session *s, const struct text160 *why)
{
    struct words words = {.id = N_("notify.command: {1}")};

    TEXT_COPY(&words.arg[0], TEXT(*why));
    session_say(s, &words);
    log_warn(_("notify.command: %s"), why->clean);
}

static void start(struct session *s, struct program *p, const struct alarm *a, int32_t escalation)
{
    struct environment e = {0};
    struct text160 why = {{0}};
    char *json = NULL;
    size_t len = 0;

    if (!environment_begin(&e) || !as_json(s->core, a, &json, &len))
        goto out;
    describe(s, a, escalation, &e);
    if (!e.ok)
        goto out;
    p->deadline_mono = clock_mono_ms() + s->globals->config.notify.timeout;
    if (!program_start(p, s->globals->config.notify.command, e.list, json, len, &why))
        failed(s, &why);
out:
    free(json);
    environment_end(&e);
}

static void refill(struct session *s)
{
    struct notices *n = &s->notices;
    const double most = (double)s->globals->config.notify.max_per_minute;
    const int64_t now = clock_mono_ms();

    n->allowed += (double)(now - n->allowed_mono) * most / MINUTE_MS;
    if (n->allowed_mono == 0 || n->allowed > most)
        n->allowed = most;
    n->allowed_mono = now;
}

/* What was acknowledged, or has come again, before its turn is not told. */
static const struct alarm *still_open(const struct core *core, const struct notice *what)
{
    const struct alarm *a = core_find_alarm(core, what->alarm_id);

    return a && (a->state == ALARM_UNACKNOWLEDGED || a->state == ALARM_RETURNED) &&
                   text_equal(TEXT(a->mark), TEXT(what->mark))
               ? a
               : NULL;
}

static void start_next(struct session *s, struct program *p)
{
    struct notices *n = &s->notices;

    while (n->count && n->allowed >= 1.0 && !p->pid) {
        const uint32_t i = extreme(n, true);
        const struct notice what = n->waiting[i];
        const struct alarm *a = still_open(s->core, &what);
        forget(n, i);
        if (!a)
            continue;
        n->allowed -= 1.0;
        start(s, p, a, what.escalation);
    }
}

void notices_turn(struct session *s)
{
    struct notices *n = &s->notices;
    struct text160 why = {{0}};

    if (n->count)
        refill(s);
    for (int i = 0; i < NOTICES_AT_ONCE; i++) {
        struct program *p = &n->running[i];
        if (p->pid && program_has_ended(p, clock_mono_ms(), &why) && why.clean[0])
            failed(s, &why);
        if (!p->pid)
            start_next(s, p);
    }
}
