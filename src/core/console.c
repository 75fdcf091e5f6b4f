/* console.c - the other consoles: what they acknowledge, and who they are. No clock decides between
 * two of them: for one occurrence the first in the broker's order wins. */
#include <string.h>

#include "core/core_internal.h"

#define HELD_MS          (60 * SECOND_MS) /* an acknowledgement may come before its alarm */
#define OCCURRENCE_SLACK (60 * SECOND_MS)

/* ---- one that comes before its alarm is held ---- */

struct held {
    struct held *next;
    int64_t due;
    struct msg msg;
};

static void held_drop(struct core *c, struct held **at)
{
    struct held *gone = *at;

    *at = gone->next;
    if (!gone->next)
        c->held_end = at;
    c->held_count--;
    core_bury(c, gone);
}

static void held_schedule(struct core *c)
{
    if (c->held)
        heap_set(&c->mono, &c->held_timer, c->held->due);
    else
        heap_remove(&c->mono, &c->held_timer);
}

static void hold(struct core *c, const struct msg *m)
{
    struct held *h = core_alloc(c, sizeof(*h));

    if (!h)
        return;
    if (c->held_count == HELD_MAX)
        held_drop(c, &c->held);
    h->due = c->now.mono_ms + HELD_MS;
    h->msg = *m;
    *c->held_end = h;
    c->held_end = &h->next;
    c->held_count++;
    held_schedule(c);
}

void console_held_due(struct core *c, struct timer *t)
{
    (void)t;
    while (c->held && c->held->due <= c->now.mono_ms)
        held_drop(c, &c->held);
    held_schedule(c);
}

/* ---- is it for the occurrence that stands here? ---- */

static bool is_for(const struct core *c, const struct standing *a, const struct msg *m, bool stood)
{
    const char *mark = m->u.console_ack.raised_at.clean;
    int64_t raised_at;

    if (a->row.state == ALARM_NORMAL || a->row.raised_at == TIME_NONE)
        return false;
    if (text_equal(TEXT(a->row.mark), TEXT(m->u.console_ack.raised_at)))
        return true;
    if (a->row.kind == ALARM_SERVICE_FAILED)
        return false;
    if (stood)
        return true;
    if (!time_parse_iso(mark, strlen(mark), &raised_at))
        return false;
    const int64_t slack = c->config.fleet.heartbeat_timeout + OCCURRENCE_SLACK;
    /* Unsigned: a hostile year may be far away. */
    const uint64_t apart = raised_at > a->row.raised_at
                               ? (uint64_t)raised_at - (uint64_t)a->row.raised_at
                               : (uint64_t)a->row.raised_at - (uint64_t)raised_at;
    return apart <= (uint64_t)slack;
}

/* ---- applying ---- */

static void adopt(struct standing *a, const struct msg *m)
{
    a->row.acknowledged_by = m->u.console_ack.acknowledged_by;
    a->row.acknowledged_at = m->u.console_ack.acknowledged_at;
    a->ack_ours = false;
    a->ack_settled = true;
}

/* A stored copy outlives what it says: an acknowledgement that expired here must not come back with
 * the next connection. */
static bool has_expired(const struct core *c, const struct msg *m)
{
    const int64_t expires = c->config.alarms.ack_expires;

    return m->snapshot && expires > 0 &&
           c->now.wall_ms - expires >= m->u.console_ack.acknowledged_at;
}

/* False: this message lost against an acknowledgement that came before it; nothing in it counts. */
static bool apply_acknowledged(struct core *c, struct standing *a, const struct msg *m)
{
    const struct alarm *row = &a->row;

    if (!m->u.console_ack.acknowledged_by.clean[0] || m->u.console_ack.acknowledged_at == TIME_NONE)
        return true;
    if (row->acknowledged_at == TIME_NONE && has_expired(c, m))
        return true;
    if (row->acknowledged_at == TIME_NONE) {
        adopt(a, m);
        alarm_happen(c, a, HAPPENS_ACK, (struct alarm_cause){.by = TEXT(row->acknowledged_by)});
        return true;
    }
    if (row->acknowledged_at == m->u.console_ack.acknowledged_at &&
        text_equal(TEXT(row->acknowledged_by), TEXT(m->u.console_ack.acknowledged_by))) {
        a->ack_settled = true;
        return true;
    }
    if (a->ack_settled || !a->ack_ours)
        return false;
    /* Ours is still under way and will overwrite the winner's on the broker: put the winner's back.
     */
    adopt(a, m);
    alarm_touch(c, a);
    outbox_share(c, a, "acknowledge", TEXT(row->acknowledged_by));
    return true;
}

static void apply_shelved(struct core *c, struct standing *a, const struct msg *m)
{
    const int64_t until = m->u.console_ack.shelved_until;
    const struct alarm_cause cause = {.by = TEXT(m->u.console_ack.by)};

    if (until != TIME_NONE && until > c->now.wall_ms && until != a->row.shelved_until) {
        a->row.shelved_until = until;
        a->shelve_due = INT64_MAX;
        alarm_happen(c, a, HAPPENS_SHELVE, cause);
    } else if (until == TIME_NONE && a->row.state == ALARM_SHELVED &&
               strcmp(m->u.console_ack.action.clean, "unshelve") == 0) {
        alarm_happen(c, a, HAPPENS_UNSHELVE, cause);
    }
}

static void apply_note(struct core *c, struct standing *a, const struct msg *m)
{
    if (!m->u.console_ack.note.clean[0] ||
        text_equal(TEXT(a->row.note), TEXT(m->u.console_ack.note)))
        return;
    a->row.note = m->u.console_ack.note;
    alarm_touch(c, a);
    const struct words text = words_of_note(TEXT(a->row.note));
    emit_history(
        c, &(struct history_note){
               .kind = EVENT_NOTE, .alarm = a, .by = TEXT(m->u.console_ack.by), .summary = &text});
}

static void apply(struct core *c, struct standing *a, const struct msg *m)
{
    a->shared = true;
    if (!apply_acknowledged(c, a, m))
        return;
    if (a->row.state != ALARM_NORMAL)
        apply_shelved(c, a, m);
    apply_note(c, a, m);
}

/* The second connection brings each message again, and a lagging one brings it late. */
static bool heard_before(struct core *c, const struct msg *m)
{
    const uint64_t hash = hash_bytes(&m->u.console_ack, sizeof(m->u.console_ack));

    for (uint32_t i = 0; i < RECENT_ACKS; i++)
        if (c->recent_acks[i] == hash)
            return true;
    c->recent_acks[c->recent_next++ % RECENT_ACKS] = hash;
    return false;
}

void console_ack_apply(struct core *c, const struct msg *m)
{
    struct standing *a = alarm_find(c, m->u.console_ack.alarm_id);

    /* A stored copy is what the broker holds now, so it is looked at each time. */
    if (!m->snapshot && heard_before(c, m))
        return;
    if (a && is_for(c, a, m, !m->snapshot))
        apply(c, a, m);
    else if (!a || !a->row.active)
        hold(c, m);
    else if (a->row.kind == ALARM_SERVICE_FAILED)
        hold(c, m); /* perhaps for the payload that comes next */
}

void console_ack_try_held(struct core *c, struct standing *a)
{
    for (struct held **at = &c->held; *at;) {
        struct held *h = *at;
        if (strcmp(h->msg.u.console_ack.alarm_id, a->row.id) != 0 ||
            !is_for(c, a, &h->msg, false)) {
            at = &h->next;
            continue;
        }
        held_drop(c, at);
        apply(c, a, &h->msg);
    }
    held_schedule(c);
}

/* ---- presence ---- */

static uint32_t console_find(const struct core *c, const struct msg *m)
{
    uint32_t i = 0;

    while (i < c->console_count && !text_equal(TEXT(c->consoles[i].key), TEXT(m->u.presence.key)))
        i++;
    return i;
}

void console_presence(struct core *c, const struct msg *m)
{
    const uint32_t i = console_find(c, m);

    if (i == CONSOLES_KEPT)
        return;
    if (i == c->console_count || c->consoles[i].recovery != m->u.presence.recovery ||
        !text_equal(TEXT(c->consoles[i].role), TEXT(m->u.presence.role)))
        c->presence_mono = c->now.mono_ms;
    if (i == c->console_count)
        c->console_count++;
    c->consoles[i] = (struct console_seen){
        .key = m->u.presence.key,
        .host = m->u.presence.host,
        .operator_name = m->u.presence.operator_name,
        .role = m->u.presence.role,
        .recovery = m->u.presence.recovery,
        .since_at = m->u.presence.since_at,
    };
    c->counts.generation++;
}

void console_presence_gone(struct core *c, const struct msg *m)
{
    const uint32_t i = console_find(c, m);

    if (i == c->console_count)
        return;
    c->consoles[i] = c->consoles[--c->console_count];
    c->presence_mono = c->now.mono_ms;
    c->counts.generation++;
}

const struct console_seen *core_console(const struct core *c, uint32_t k)
{
    return k < c->console_count ? &c->consoles[k] : NULL;
}

void console_fini(struct core *c)
{
    for (struct held *h = c->held, *next; h; h = next) {
        next = h->next;
        core_free_now(h);
    }
}
