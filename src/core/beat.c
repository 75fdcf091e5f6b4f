/* beat.c - heartbeats, health reports and group ids. */
#include <string.h>
#include <strings.h>

#include "core/core_internal.h"

/* ---- signs of life: a list through the clients, so that marking one costs nothing ---- */

static void mark_life(struct core *c, struct device *d)
{
    if (d->life_marked)
        return;
    d->life_marked = true;
    d->life_next = 0;
    if (c->life_last)
        fleet_device(c, c->life_last - 1)->life_next = device_number(d);
    else
        c->life_first = device_number(d);
    c->life_last = device_number(d);
}

uint32_t core_take_signs_of_life(struct core *c, uint32_t most,
                                 void (*fn)(void *user, const struct client *cl), void *user)
{
    uint32_t n = 0;

    while (c->life_first && n < most) {
        struct device *d = fleet_device(c, c->life_first - 1);
        c->life_first = d->life_next;
        if (!c->life_first)
            c->life_last = 0;
        d->life_marked = false;
        fn(user, &d->row);
        n++;
    }
    return n;
}

/* ---- fields: the last writer wins, heartbeat or health ---- */

static bool set_number(int64_t *to, bool have, int64_t value)
{
    if (!have || *to == value)
        return false;
    *to = value;
    return true;
}

static bool set_reachable(enum tristate *to, bool have, bool value)
{
    const enum tristate now = value ? TRI_YES : TRI_NO;

    if (!have || *to == now)
        return false;
    *to = now;
    return true;
}

static bool take_fields(struct client *row, const struct msg_heartbeat *b)
{
    bool changed = false;

    changed |= b->have_hostname && TEXT_COPY(&row->hostname, TEXT(b->hostname));
    changed |= b->have_ip && TEXT_COPY(&row->ip, TEXT(b->ip));
    changed |= b->have_version && TEXT_COPY(&row->version, TEXT(b->version));
    changed |= b->have_process && TEXT_COPY(&row->process, TEXT(b->process));
    changed |= b->have_status && TEXT_COPY(&row->process_status, TEXT(b->process_status));
    changed |= set_number(&row->pid, b->have_pid, b->pid);
    changed |= set_number(&row->current_event_id, b->have_event, b->current_event_id);
    changed |= set_number(&row->expected_event_id, b->have_expected, b->expected_event_id);
    changed |= set_number(&row->last_disconnect_at, b->have_disconnect, b->last_disconnect_at);
    changed |= set_reachable(&row->broker_reachable, b->have_reachable, b->broker_reachable);
    return changed;
}

static bool spelling_changed(struct client *row, const char *spelling)
{
    if (memcmp(row->spelling, spelling, sizeof(row->spelling)) == 0)
        return false;
    memcpy(row->spelling, spelling, sizeof(row->spelling));
    return true;
}

void beat_apply(struct core *c, struct device *d, const struct msg *m)
{
    const struct msg_heartbeat *b = &m->u.beat;
    const bool was_silent = d->row.silent, was_crashed = d->row.crashed;
    bool changed = d->row.first_seen_at == TIME_NONE;

    watch_heard(c, d, b->have_reconnects && d->row.reconnect_count != NUMBER_NONE &&
                          b->reconnect_count != d->row.reconnect_count);
    if (m->kind == MSG_HEARTBEAT)
        d->row.last_heartbeat_at = c->now.wall_ms;
    else
        d->row.last_health_at = c->now.wall_ms;
    mark_life(c, d);
    pulse_heard(c, d);
    silence_heard(c, d);
    changed |= spelling_changed(&d->row, m->spelling);
    changed |= take_fields(&d->row, b);
    if (b->have_reconnects)
        changed |= reconnect_note(c, d, b->reconnect_count);
    d->row.silent = false;
    if (b->have_status)
        d->row.crashed = strcasecmp(b->process_status.clean, "crashed") == 0;
    fleet_first_seen(c, d);
    fleet_update_state(c, d);
    if (changed || was_silent || was_crashed != d->row.crashed) {
        fleet_touch(c, d);
        fleet_image(c, d);
    }
    if (was_silent)
        alarm_device_condition(c, d, ALARM_CLIENT_SILENT, false);
    if (was_crashed != d->row.crashed)
        alarm_device_condition(c, d, ALARM_PROCESS_CRASHED, d->row.crashed);
    if (d->failure)
        failure_sign_of_recovery(c, d);
}

void group_apply(struct core *c, const struct msg *m)
{
    struct device *d = m->u.group.group.clean[0] ? fleet_find_or_add(c, &m->client, m->spelling)
                                                 : fleet_find(c, &m->client);
    struct text64 name;

    if (!d)
        return;
    d->group_epoch = c->contact.epoch;
    if (!TEXT_COPY(&d->row.group, TEXT(m->u.group.group)))
        return;
    group_join(c, d);
    fleet_touch(c, d);
    const char *id = d->row.group.clean[0] ? N_("{1} is in group {2}") : N_("{1} is in no group");
    const struct words summary = words_of(id, client_name(&d->row, &name), TEXT(d->row.group));
    emit_history(
        c, &(struct history_note){.kind = EVENT_GROUP_CHANGED, .device = d, .summary = &summary});
}
