/* silence.c - who has not been heard for too long. Judged on a clock that runs while we have a
 * broker
 * ("air"): the time without one never counts against a client. */
#include "core/core_internal.h"

int64_t air_now(const struct core *c, int64_t mono)
{
    return c->contact.up ? mono - c->contact.air_offset : c->contact.air_stopped;
}

static int64_t timeout(const struct core *c)
{
    return c->config.fleet.heartbeat_timeout;
}

/* A timer that is set stays where it is and is looked at again when it is due: a heartbeat costs no
 * work in the heap. */
void silence_heard(struct core *c, struct device *d)
{
    d->heard_mono = c->now.mono_ms;
    d->heard_air = air_now(c, c->now.mono_ms);
    if (!d->silence.place)
        heap_set(&c->air, &d->silence, d->heard_air + timeout(c));
}

/* Restored: the clock starts with the first connection, which is where "air" begins. Who was silent
 * stays so until heard; who was never heard cannot fall silent. */
void silence_restore(struct core *c, struct device *d)
{
    d->heard_air = air_now(c, c->now.mono_ms);
    if (fleet_was_heard(d) && !d->row.silent)
        heap_set(&c->air, &d->silence, d->heard_air + timeout(c));
    else
        heap_remove(&c->air, &d->silence);
}

void silence_due(struct core *c, struct timer *t)
{
    struct device *d = CONTAINER(t, struct device, silence);
    const int64_t due = d->heard_air + timeout(c);

    heap_remove(&c->air, t);
    if (d->row.silent)
        return;
    if (due > air_now(c, c->now.mono_ms)) {
        heap_set(&c->air, t, due);
        return;
    }
    pulse_consider(c, d);
    d->row.silent = true;
    fleet_update_state(c, d);
    fleet_touch(c, d);
    fleet_image(c, d);
    silence_review(c, d);
}

void silence_review(struct core *c, const struct device *d)
{
    if (d->row.silent && quiet_reason(c, d) == QUIET_NONE)
        alarm_device_condition(c, d, ALARM_CLIENT_SILENT, true);
}

/* After another time-out was configured: timers set by the old one may be late. */
void silence_rearm(struct core *c)
{
    for (uint32_t i = 0; i < c->counts.clients; i++) {
        struct device *d = fleet_device(c, i);
        if (d->silence.place)
            heap_set(&c->air, &d->silence, d->heard_air + timeout(c));
    }
}

int64_t core_client_quiet_ms(const struct core *c, const struct client *cl, struct now now)
{
    const struct device *d = fleet_find(c, &cl->id);

    if (d && d->heard_mono != INT64_MIN)
        return now.mono_ms - d->heard_mono;
    const int64_t last =
        cl->last_heartbeat_at > cl->last_health_at ? cl->last_heartbeat_at : cl->last_health_at;
    if (last == TIME_NONE)
        return TIME_NONE;
    return now.wall_ms > last ? now.wall_ms - last : 0;
}
