/* watch.c - a device that was told to restart is watched until it is back; one that was told to
 * switch off is expected to fall silent. */
#include <string.h>

#include "core/core_internal.h"

#define PAUSE_MS (10 * SECOND_MS) /* shorter ones are no sign of a restart */

static bool restarts(const struct command *row)
{
    return row->action == ACTION_REBOOT_HOST || row->action == ACTION_RESTART_APP;
}

/* ---- the alarm ---- */

static struct standing *alarm_of(struct core *c, const struct tracked *t, bool make)
{
    char subject[UID_TEXT];

    uid_format(&t->row.id, subject);
    return make ? alarm_get(c, ALARM_DEVICE_NOT_BACK, TEXT_OURS(subject), &t->row.client)
                : alarm_find_of(c, ALARM_DEVICE_NOT_BACK, TEXT_OURS(subject));
}

static void raise_not_back(struct core *c, const struct tracked *t)
{
    const struct device *d = fleet_find(c, &t->row.client);
    struct standing *a = alarm_of(c, t, true);
    struct text64 name = {{0}};

    if (!a)
        return;
    if (d)
        TEXT_COPY(&a->row.group, TEXT(d->row.group));
    struct words why = words_of(alarm_kind_raised(ALARM_DEVICE_NOT_BACK),
                                d ? client_name(&d->row, &name) : TEXT_EMPTY,
                                command_action(&t->row));
    TEXT_COPY(&why.arg[2], TEXT(t->row.requested_by));
    alarm_condition(c, a, true, &why);
}

/* ---- the watch: on the clock that stands still without a broker ---- */

static void begin(struct core *c, struct tracked *t, int64_t left)
{
    struct device *d = fleet_find(c, &t->row.client);

    if (t->watched || !d)
        return;
    t->watched = true;
    d->watches++;
    heap_set(&c->air, &t->back, air_now(c, c->now.mono_ms) + (left > 0 ? left : 0));
}

void watch_end(struct core *c, struct tracked *t)
{
    struct device *d = t->watched ? fleet_find(c, &t->row.client) : NULL;

    heap_remove(&c->air, &t->back);
    t->watched = false;
    if (d)
        d->watches--;
}

void watch_due(struct core *c, struct timer *timer)
{
    struct tracked *t = CONTAINER(timer, struct tracked, back);

    heap_remove(&c->air, timer); /* watched on: the alarm ends when the device is heard */
    raise_not_back(c, t);
}

void watch_status(struct core *c, struct tracked *t, enum command_status status)
{
    struct device *d = fleet_find(c, &t->row.client);

    if (status == COMMAND_FAILED) {
        watch_end(c, t);
        if (d)
            silence_review(c, d);
    } else if (status == COMMAND_EXECUTION_STARTED && restarts(&t->row)) {
        begin(c, t, c->config.commands.back_within);
    } else if (t->row.action == ACTION_SHUTDOWN_HOST && d &&
               (status == COMMAND_EXECUTION_STARTED || status == COMMAND_COMPLETED)) {
        d->going_off = true;
    }
}

/* ---- heard ---- */

static int64_t last_heard(const struct device *d)
{
    return d->row.last_heartbeat_at > d->row.last_health_at ? d->row.last_heartbeat_at
                                                            : d->row.last_health_at;
}

/* A device that stopped talking for clearly longer than it does between two reports. */
static bool was_away(const struct core *c, const struct device *d, bool reconnected)
{
    const int64_t pause = d->heard_mono != INT64_MIN ? c->now.mono_ms - d->heard_mono
                          : fleet_was_heard(d)      ? c->now.wall_ms - last_heard(d)
                                                    : PAUSE_MS;

    return reconnected || d->row.silent ||
           (pause >= PAUSE_MS && pause >= 2 * (int64_t)d->rhythm.mean_ms);
}

/* Before the device's clocks are set anew. */
void watch_heard(struct core *c, struct device *d, bool reconnected)
{
    const bool away = was_away(c, d, reconnected);

    if (away)
        d->going_off = false;
    for (struct tracked *t = NULL; d->watches && (t = command_of_client(c, &d->row.id, t));) {
        struct standing *a = t->watched && !t->back.place ? alarm_of(c, t, false) : NULL;
        if (!t->watched || !(away || a || t->row.status == COMMAND_COMPLETED))
            continue;
        watch_end(c, t);
        if (a)
            alarm_condition(c, a, false, NULL);
    }
}

/* ---- restored ---- */

void watch_restore(struct core *c, struct tracked *t)
{
    struct device *d = fleet_find(c, &t->row.client);
    const int64_t began = t->row.execution_started_at;
    const struct standing *a = d ? alarm_of(c, t, false) : NULL;

    if (!d || began == TIME_NONE || t->row.status == COMMAND_FAILED)
        return;
    if (a && a->row.active) {
        begin(c, t, 0);
        heap_remove(&c->air, &t->back);
    } else if (restarts(&t->row) && last_heard(d) <= began &&
               c->now.wall_ms - began < c->config.commands.back_within) {
        begin(c, t, began + c->config.commands.back_within - c->now.wall_ms);
    } else if (t->row.action == ACTION_SHUTDOWN_HOST && last_heard(d) <= began) {
        d->going_off = true;
    }
}

/* ---- what was last known of one that never answered ---- */

void watch_explain_expiry(struct core *c, struct tracked *t)
{
    static const struct {
        const char *code, *message;
    } rows[] = {
        {"not_sent", "it was never sent, there was no broker"},
        {"not_connected", "the device was not connected"},
        {"no_answer", "the device is connected but did not answer"},
        {"gone", "the device accepted it and was not heard of again"},
    };
    struct command *row = &t->row;
    const struct device *d = fleet_find(c, &row->client);
    const bool silent = !d || d->row.silent || !fleet_was_heard(d);
    int k = 2;

    if (row->status == COMMAND_QUEUED)
        k = 0;
    else if (row->status >= COMMAND_ACCEPTED)
        k = 3;
    else if (row->not_connected || silent)
        k = 1;
    TEXT_COPY(&row->error_code, TEXT_OURS(rows[k].code));
    TEXT_COPY(&row->error_message, TEXT_OURS(rows[k].message));
}
