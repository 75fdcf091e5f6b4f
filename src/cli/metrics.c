/* metrics.c - how bad is the alarm load (ISA-18.2, OPC UA AlarmMetrics): rate, flood, stale,
 * chatter. */
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "cli/dataset.h"

#define MINUTE_MS INT64_C(60000)
#define RATE_MS   (10 * MINUTE_MS)
#define DAY_MS    (24 * 60 * MINUTE_MS)
#define FLOOD_OVER                                                                                 \
    10                /* alarms in ten minutes that one operator can no longer follow (ISA-18.2)   \
                       */
#define CHATTER     3 /* times within a minute (ISA-18.2) */
#define SOURCES     10
#define EVENTS_MOST 200000

struct source_count {
    struct uid client;
    int64_t count;
};

struct metrics {
    int64_t rate, standing, unacknowledged, stale, longest_s;
    const char **chattering; /* alarm ids, borrowed from the events */
    size_t chattering_count;
    struct source_count *sources;
    size_t source_count;
};

static void count_alarms(struct metrics *m, const struct dataset *d, int64_t now)
{
    m->longest_s = NUMBER_NONE;
    for (size_t i = 0; i < d->alarm_count; i++) {
        const struct alarm *a = &d->alarms[i];
        if (a->state == ALARM_NORMAL || a->state == ALARM_SUPPRESSED)
            continue;
        m->standing++;
        m->stale += now - a->raised_at > DAY_MS;
        if (a->state != ALARM_UNACKNOWLEDGED && a->state != ALARM_RETURNED)
            continue;
        m->unacknowledged++;
        const int64_t open_s = (now - a->raised_at) / 1000;
        if (open_s > m->longest_s)
            m->longest_s = open_s;
    }
}

static int by_alarm_then_time(const void *a, const void *b)
{
    const struct event_row *x = a, *y = b;
    const int ids = strcmp(x->event.alarm_id, y->event.alarm_id);

    return ids ? ids : (x->event.at > y->event.at) - (x->event.at < y->event.at);
}

/* CHATTER raises of one alarm within a minute; the events are sorted by alarm and time. */
static void find_chatter(struct metrics *m, const struct dataset *d)
{
    for (size_t i = 0; i + CHATTER - 1 < d->event_count; i++) {
        const struct history_event *first = &d->events[i].event,
                                   *last = &d->events[i + CHATTER - 1].event;
        const char *known = m->chattering_count ? m->chattering[m->chattering_count - 1] : "";
        if (first->alarm_id[0] && !strcmp(first->alarm_id, last->alarm_id) &&
            last->at - first->at <= MINUTE_MS && strcmp(known, first->alarm_id) != 0)
            m->chattering[m->chattering_count++] = first->alarm_id;
    }
}

static int by_client(const void *a, const void *b)
{
    const struct source_count *x = a, *y = b;
    return memcmp(x->client.b, y->client.b, sizeof x->client.b);
}

static int by_count(const void *a, const void *b)
{
    const struct source_count *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : by_client(a, b);
}

static void find_sources(struct metrics *m, const struct dataset *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->event_count; i++)
        if (!uid_is_zero(&d->events[i].event.client))
            m->sources[n++] = (struct source_count){d->events[i].event.client, 1};
    qsort(m->sources, n, sizeof *m->sources, by_client);
    for (size_t i = 0; i < n; i++) {
        struct source_count *last = m->source_count ? &m->sources[m->source_count - 1] : NULL;
        if (last && uid_equal(&last->client, &m->sources[i].client))
            last->count++;
        else
            m->sources[m->source_count++] = m->sources[i];
    }
    qsort(m->sources, m->source_count, sizeof *m->sources, by_count);
    if (m->source_count > SOURCES)
        m->source_count = SOURCES;
}

static bool measure(struct metrics *m, struct dataset *d, struct err *e)
{
    const int64_t now = clock_wall_ms();
    const struct history_query q = {.since_at = now - DAY_MS,
                                    .until_at = TIME_NONE,
                                    .kind = EVENT_ALARM_RAISED,
                                    .limit = EVENTS_MOST};

    if (!dataset_history(d, &q, e))
        return false;
    m->chattering = calloc(d->event_count + 1, sizeof *m->chattering);
    m->sources = calloc(d->event_count + 1, sizeof *m->sources);
    if (!m->chattering || !m->sources)
        return err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    count_alarms(m, d, now);
    for (size_t i = 0; i < d->event_count; i++)
        m->rate += now - d->events[i].event.at <= RATE_MS;
    if (d->event_count)
        qsort(d->events, d->event_count, sizeof *d->events, by_alarm_then_time);
    find_chatter(m, d);
    find_sources(m, d);
    return true;
}

static void metrics_json(const struct metrics *m, const struct dataset *d)
{
    struct json_out j = {.out = stdout};
    char uuid[UID_TEXT];
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {
        {"standing", m->standing},
        {"unacknowledged", m->unacknowledged},
        {"stale", m->stale},
        {"longest_unacknowledged_s", m->longest_s},
    };

    json_begin(&j, '{');
    json_key(&j, "as_of");
    json_time(&j, d->as_of);
    json_key(&j, "rate_10min");
    json_number(&j, m->rate);
    json_key(&j, "flood");
    json_bool(&j, m->rate > FLOOD_OVER);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        json_key(&j, numbers[i].key);
        json_number(&j, numbers[i].value);
    }
    json_key(&j, "chattering");
    json_begin(&j, '[');
    for (size_t i = 0; i < m->chattering_count; i++)
        json_text(&j, TEXT_OURS(m->chattering[i]));
    json_end(&j, ']');
    json_key(&j, "top_sources");
    json_begin(&j, '[');
    for (size_t i = 0; i < m->source_count; i++) {
        dataset_spelling(d, &m->sources[i].client, uuid);
        json_begin(&j, '{');
        json_key(&j, "client_uuid");
        json_text(&j, TEXT_OURS(uuid));
        json_key(&j, "count");
        json_number(&j, m->sources[i].count);
        json_end(&j, '}');
    }
    json_end(&j, ']');
    json_end(&j, '}');
    fputc('\n', stdout);
}

static void metrics_words(const struct metrics *m, const struct dataset *d)
{
    char uuid[UID_TEXT], longest[ISO_SIZE] = "-";

    if (m->longest_s != NUMBER_NONE)
        age_format(m->longest_s * 1000, longest);
    printf(_("alarms in 10 minutes    %lld%s\n"), (long long)m->rate,
           m->rate > FLOOD_OVER ? _("  (a flood)") : "");
    printf(_("standing                %lld\n"), (long long)m->standing);
    printf(_("unacknowledged          %lld\n"), (long long)m->unacknowledged);
    printf(_("older than a day        %lld\n"), (long long)m->stale);
    printf(_("longest unacknowledged  %s\n"), longest);
    for (size_t i = 0; i < m->chattering_count; i++)
        printf(_("chattering              %s\n"), m->chattering[i]);
    for (size_t i = 0; i < m->source_count; i++) {
        dataset_spelling(d, &m->sources[i].client, uuid);
        printf(_("source                  %s  %lld\n"), uuid, (long long)m->sources[i].count);
    }
}

static void metrics_csv(const struct metrics *m)
{
    printf("rate_10min,flood,standing,unacknowledged,stale,longest_unacknowledged_s\r\n%lld,%s,%"
           "lld,%lld,%lld,",
           (long long)m->rate, m->rate > FLOOD_OVER ? "true" : "false", (long long)m->standing,
           (long long)m->unacknowledged, (long long)m->stale);
    if (m->longest_s != NUMBER_NONE)
        printf("%lld", (long long)m->longest_s);
    printf("\r\n");
}

int print_metrics(const struct call *call, struct dataset *d, struct err *e)
{
    struct metrics m = {0};
    int code = EXIT_FAILED;

    if (measure(&m, d, e)) {
        if (call->globals.output == OUTPUT_JSON)
            metrics_json(&m, d);
        else if (call->globals.output == OUTPUT_CSV)
            metrics_csv(&m);
        else
            metrics_words(&m, d);
        code = output_finish(stdout, e);
    }
    free(m.chattering);
    free(m.sources);
    return code;
}
