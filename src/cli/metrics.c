/* metrics.c - how bad is the alarm load, from the history: core/load.c says what counts. */
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "cli/dataset.h"
#include "core/load.h"

#define EVENTS_MOST 200000

static bool measure(struct alarm_load *l, struct dataset *d, struct err *e)
{
    const int64_t now = clock_wall_ms();
    const struct history_query q = {.since_at = now - LOAD_DAY_MS,
                                    .until_at = TIME_NONE,
                                    .kind = EVENT_ALARM_RAISED,
                                    .limit = EVENTS_MOST};
    struct raise *raises;

    if (!dataset_history(d, &q, e))
        return false;
    raises = calloc(d->event_count + 1, sizeof *raises);
    if (!raises)
        return err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    for (size_t i = 0; i < d->event_count; i++) {
        const struct history_event *ev = &d->events[i].event;
        raises[i] = (struct raise){.at = ev->at, .client = ev->client};
        memcpy(raises[i].alarm_id, ev->alarm_id, sizeof raises[i].alarm_id);
    }
    load_begin(l);
    for (size_t i = 0; i < d->alarm_count; i++)
        load_add_alarm(l, &d->alarms[i], now);
    load_add_raises(l, raises, d->event_count, now);
    free(raises);
    return true;
}

static int64_t longest_s(const struct alarm_load *l)
{
    return l->longest_ms == NUMBER_NONE ? NUMBER_NONE : l->longest_ms / 1000;
}

static void lists_json(struct json_out *j, const struct alarm_load *l, const struct dataset *d)
{
    char uuid[UID_TEXT];

    json_key(j, "chattering");
    json_begin(j, '[');
    for (uint32_t i = 0; i < l->chattering_count; i++)
        json_text(j, TEXT_OURS(l->chattering[i]));
    json_end(j, ']');
    json_key(j, "top_sources");
    json_begin(j, '[');
    for (uint32_t i = 0; i < l->source_count; i++) {
        dataset_spelling(d, &l->source[i].client, uuid);
        json_begin(j, '{');
        json_key(j, "client_uuid");
        json_text(j, TEXT_OURS(uuid));
        json_key(j, "count");
        json_number(j, l->source[i].count);
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void metrics_json(const struct alarm_load *l, const struct dataset *d)
{
    struct json_out j = {.out = stdout};
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {
        {"standing", l->standing},
        {"unacknowledged", l->unacknowledged},
        {"stale", l->stale},
        {"longest_unacknowledged_s", longest_s(l)},
    };

    json_begin(&j, '{');
    json_key(&j, "as_of");
    json_time(&j, d->as_of);
    json_key(&j, "rate_10min");
    json_number(&j, l->rate);
    json_key(&j, "flood");
    json_bool(&j, l->flood);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        json_key(&j, numbers[i].key);
        json_number(&j, numbers[i].value);
    }
    lists_json(&j, l, d);
    json_end(&j, '}');
    fputc('\n', stdout);
}

static void metrics_words(const struct alarm_load *l, const struct dataset *d)
{
    char uuid[UID_TEXT], longest[ISO_SIZE] = "-", flood[ISO_SIZE];

    if (l->longest_ms != NUMBER_NONE)
        age_format(l->longest_ms, longest);
    age_format(l->flood_ms, flood);
    printf(_("alarms in 10 minutes    %lld%s\n"), (long long)l->rate,
           l->flood ? _("  (a flood)") : "");
    printf(_("in flood, last 24 h     %s\n"), flood);
    printf(_("standing                %lld\n"), (long long)l->standing);
    printf(_("unacknowledged          %lld\n"), (long long)l->unacknowledged);
    printf(_("older than a day        %lld\n"), (long long)l->stale);
    printf(_("longest unacknowledged  %s\n"), longest);
    for (uint32_t i = 0; i < l->chattering_count; i++)
        printf(_("chattering              %s\n"), l->chattering[i]);
    for (uint32_t i = 0; i < l->source_count; i++) {
        dataset_spelling(d, &l->source[i].client, uuid);
        printf(_("source                  %s  %lld\n"), uuid, (long long)l->source[i].count);
    }
}

static void metrics_csv(const struct alarm_load *l)
{
    printf("rate_10min,flood,standing,unacknowledged,stale,longest_unacknowledged_s\r\n%lld,%s,%"
           "lld,%lld,%lld,",
           (long long)l->rate, l->flood ? "true" : "false", (long long)l->standing,
           (long long)l->unacknowledged, (long long)l->stale);
    if (l->longest_ms != NUMBER_NONE)
        printf("%lld", (long long)longest_s(l));
    printf("\r\n");
}

int print_metrics(const struct call *call, struct dataset *d, struct err *e)
{
    struct alarm_load load = {.longest_ms = NUMBER_NONE};

    if (!measure(&load, d, e))
        return EXIT_FAILED;
    if (call->globals.output == OUTPUT_JSON)
        metrics_json(&load, d);
    else if (call->globals.output == OUTPUT_CSV)
        metrics_csv(&load);
    else
        metrics_words(&load, d);
    return output_finish(stdout, e);
}
