/* outage.c - the whole fleet or a group is out: its alarm, and how it ends. */
#include <stdio.h>

#include "core/core_internal.h"

struct pulse *outage_pulse(struct core *c, struct group *g)
{
    return g ? &g->pulse : &c->pulse;
}

static struct standing *alarm_of(struct core *c, const struct group *g, bool make)
{
    const enum alarm_kind kind = g ? ALARM_GROUP_OUTAGE : ALARM_BROKER_OUTAGE;
    const struct text subject = g ? TEXT(g->id) : TEXT_OURS("fleet");

    if (!make)
        return alarm_find_of(c, kind, subject);
    struct standing *a = alarm_get(c, kind, subject, NULL);
    if (a && g)
        TEXT_COPY(&a->row.group, TEXT(g->id));
    return a;
}

/* A fleet that is still silent once our own link is back: what the link explained, it no longer
 * does. */
static void show_again(struct core *c, struct standing *a)
{
    if (a->row.state == ALARM_SUPPRESSED && c->contact.up)
        suppress_release(c, a);
}

void outage_begin(struct core *c, struct group *g)
{
    struct pulse *p = outage_pulse(c, g);
    struct standing *a = alarm_of(c, g, true);
    char number[16];

    if (!a)
        return;
    snprintf(number, sizeof number, "%u", p->online);
    const struct words why = words_of(alarm_kind_raised(a->row.kind),
                                      g ? TEXT(g->id) : TEXT_OURS(number), TEXT_OURS(number));
    const bool began = !p->out;
    p->out = true;
    if (began)
        p->began = pulse_hush_from(c, p);
    alarm_condition(c, a, true, &why);
    show_again(c, a);
    if (!began)
        return;
    suppress_singles(c, g);
    if (!g)
        contact_tell(c);
}

/* The first that speaks ends it. The others have the time that any silence takes to follow. */
void outage_end(struct core *c, struct group *g)
{
    struct pulse *p = outage_pulse(c, g);
    struct standing *a = alarm_of(c, g, false);
    const int64_t now = air_now(c, c->now.mono_ms);
    const int64_t away = a ? c->now.wall_ms - a->row.raised_at : 0;

    p->out = false;
    p->resumed = now;
    pulse_restart(c, p, g, away > SECOND_MS ? away : SECOND_MS);
    if (a)
        alarm_condition(c, a, false, NULL);
    suppress_release_in(c, c->config.fleet.heartbeat_timeout);
    if (!g)
        contact_tell(c);
}

bool outage_concerns(const struct core *c, const struct device *d)
{
    return c->pulse.out || (d->group && d->group->pulse.out);
}

/* What stood when this process began stands until somebody speaks. */
static void restore(struct core *c, const struct alarm *row)
{
    struct group *g;

    if (!row->active)
        return;
    if (row->kind == ALARM_BROKER_OUTAGE)
        c->pulse.out = true;
    else if (row->kind == ALARM_GROUP_OUTAGE && (g = group_find(c, TEXT(row->subject))))
        g->pulse.out = true;
}

void outage_start(struct core *c)
{
    bool any = false;

    for (uint32_t i = 0; i < c->alarms.count; i++) {
        restore(c, &c->alarm_list[i]->row);
        any |= c->alarm_list[i]->row.state == ALARM_SUPPRESSED;
    }
    if (any)
        suppress_release_in(c, c->config.fleet.heartbeat_timeout);
}

bool core_is_out(const struct core *c)
{
    return c->pulse.out;
}

bool core_outage(const struct core *c, struct text group, struct outage_figures *out)
{
    const struct group *g = text_is_empty(group) ? NULL : group_find(c, group);
    const struct pulse *p = g ? &g->pulse : &c->pulse;

    if (!g && !text_is_empty(group))
        return false;
    *out = (struct outage_figures){.of = g ? g->members : c->counts.clients,
                                   .silent = c->counts.clients - c->counts.by_state[CLIENT_UNKNOWN],
                                   .since_at = p->heard_at};
    if (g)
        out->silent = 0;
    for (const struct device *d = NULL; g && (d = group_member(c, g, d));)
        out->silent += fleet_was_heard(d);
    return true;
}
