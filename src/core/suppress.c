/* suppress.c - one wide alarm instead of many: what it explains is kept out of sight, and comes
 * out, each by itself, for those that stay silent after it. */
#include <string.h>

#include "core/core_internal.h"

/* What the silence of a whole fleet or group explains. */
static bool is_single(enum alarm_kind kind)
{
    return kind == ALARM_CLIENT_SILENT || kind == ALARM_DEVICE_NOT_BACK;
}

/* While it lasts, and after it for as long as any silence takes to be called one. */
static bool explains(const struct core *c, const struct pulse *p, const struct device *d)
{
    if (p->out)
        return true;
    return p->resumed != INT64_MIN && d->heard_air < p->resumed &&
           air_now(c, c->now.mono_ms) < p->resumed + c->config.fleet.heartbeat_timeout;
}

/* The id of the alarm that explains this one; false: none does. */
static bool explanation(const struct core *c, const struct standing *a, char id[ALARM_ID])
{
    const struct device *d = is_single(a->row.kind) ? fleet_find(c, &a->row.client) : NULL;

    if (a->row.kind == ALARM_BROKER_OUTAGE && !c->contact.up)
        alarm_make_id(ALARM_BROKER_UNREACHABLE, TEXT(c->host_subject), id);
    else if (d && explains(c, &c->pulse, d))
        alarm_make_id(ALARM_BROKER_OUTAGE, TEXT_OURS("fleet"), id);
    else if (d && d->group && explains(c, &d->group->pulse, d))
        alarm_make_id(ALARM_GROUP_OUTAGE, TEXT(d->group->id), id);
    else
        return false;
    return true;
}

static bool suppress(struct core *c, struct standing *a)
{
    char id[ALARM_ID];

    if (!explanation(c, a, id))
        return false;
    memcpy(a->row.suppressed_by, id, sizeof id);
    alarm_happen(c, a, HAPPENS_SUPPRESS, NO_CAUSE);
    return true;
}

bool suppress_at_birth(struct core *c, struct standing *a)
{
    char id[ALARM_ID];

    if (a->row.state == ALARM_SHELVED || !explanation(c, a, id))
        return false;
    alarm_set_state(c, a, a->row.state, ALARM_UNACKNOWLEDGED); /* for no longer than this line */
    return suppress(c, a);
}

void suppress_singles(struct core *c, const struct group *g)
{
    for (uint32_t i = 0; i < c->alarms.count; i++) {
        struct standing *a = c->alarm_list[i];
        const struct device *d = is_single(a->row.kind) ? fleet_find(c, &a->row.client) : NULL;
        if (d && a->row.active && a->row.state == ALARM_UNACKNOWLEDGED && (!g || d->group == g) &&
            pulse_includes(c, g ? &g->pulse : &c->pulse, d))
            suppress(c, a);
    }
}

void suppress_by_link(struct core *c)
{
    struct standing *a = alarm_find_of(c, ALARM_BROKER_OUTAGE, TEXT_OURS("fleet"));

    if (a && a->row.active &&
        (a->row.state == ALARM_UNACKNOWLEDGED || a->row.state == ALARM_ACKNOWLEDGED))
        suppress(c, a);
}

/* ---- coming out ---- */

void suppress_release(struct core *c, struct standing *a)
{
    alarm_happen(c, a, HAPPENS_RELEASE, NO_CAUSE);
    if (a->row.state == ALARM_UNACKNOWLEDGED)
        flood_note_raise(c, a);
}

void suppress_release_in(struct core *c, int64_t ms)
{
    const int64_t due = air_now(c, c->now.mono_ms) + ms;

    if (!c->release.place || c->release.due > due)
        heap_set(&c->air, &c->release, due);
}

void suppress_review_due(struct core *c, struct timer *t)
{
    bool left = false;

    heap_remove(&c->air, t);
    for (uint32_t i = 0; i < c->alarms.count; i++) {
        struct standing *a = c->alarm_list[i];
        char id[ALARM_ID];
        if (a->row.state != ALARM_SUPPRESSED || !is_single(a->row.kind))
            continue;
        if (!explanation(c, a, id)) {
            suppress_release(c, a);
            continue;
        }
        left = true;
        if (strcmp(id, a->row.suppressed_by) != 0) {
            memcpy(a->row.suppressed_by, id, sizeof id);
            alarm_touch(c, a);
        }
    }
    if (left && !c->pulse.out) /* another outage ended later, or lasts */
        suppress_release_in(c, SECOND_MS);
}
