/* sharing.c - acknowledgements, shelves and notes shared between consoles. Nothing compares two
 * clocks; the broker's order decides, and each console folds the messages in that order:
 *
 * - For one occurrence the first acknowledgement stays; the last shelf and the last note stay.
 * - Whoever learns that another's message came before its own says the folded state once more,
 * since its own, without what the other one said, is what the broker keeps.
 * - Who has not seen every message about an occurrence (it was connected later, or was cut off)
 *   follows: what the broker keeps now is right. That may be the loser's until somebody repeats the
 *   winner's; whoever acknowledges it now comes after what is known here, and has lost.
 * - Where what the broker keeps stays wrong (the one that should have spoken died), the recorders
 *   that know better say it again, a few seconds later and a few times at most. */
#include <stdio.h>
#include <string.h>

#include "core/core_internal.h"

#define HELD_MS          (60 * SECOND_MS) /* an acknowledgement may come before its alarm */
#define OCCURRENCE_SLACK (60 * SECOND_MS)
#define REPAIR_MS        (5 * SECOND_MS) /* the one that was overtaken speaks first */
#define REPAIRS          3               /* of one occurrence; then the broker is right */

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

void sharing_held_due(struct core *c, struct timer *t)
{
    (void)t;
    while (c->held && c->held->due <= c->now.mono_ms)
        held_drop(c, &c->held);
    held_schedule(c);
}

static uint64_t hash_of(struct text t)
{
    return hash_bytes(t.clean, strlen(t.clean));
}

/* ---- is it for the occurrence that stands here? ---- */

/* Each console names an occurrence by its own clock. No two of these are compared: a name that was
 * heard for an occurrence that is over is not for the one that stands, however near in time. */
#define MARKS (sizeof(((struct standing *)NULL)->marks) / sizeof(uint64_t))

static bool names_a_past_one(const struct standing *a, uint64_t mark)
{
    for (size_t i = a->mark_count; i < MARKS; i++)
        if (a->marks[i] == mark)
            return true;
    return false;
}

static void note_mark(struct standing *a, uint64_t mark)
{
    for (size_t i = 0; i < a->mark_count; i++)
        if (a->marks[i] == mark)
            return;
    memmove(a->marks + 1, a->marks, (MARKS - 1) * sizeof(a->marks[0]));
    a->marks[0] = mark;
    if (a->mark_count < MARKS)
        a->mark_count++;
}

static bool is_for(const struct core *c, const struct standing *a, const struct msg *m, bool stood)
{
    const char *mark = m->u.console_ack.raised_at.clean;
    int64_t raised_at;

    if (a->row.state == ALARM_NORMAL || a->row.raised_at == TIME_NONE)
        return false;
    if (text_equal(TEXT(a->row.mark), TEXT(m->u.console_ack.raised_at)))
        return true;
    if (a->row.kind == ALARM_SERVICE_FAILED ||
        names_a_past_one(a, hash_of(TEXT(m->u.console_ack.raised_at))))
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

/* A device without a clock may name two failures alike: what is known to be over is not the next.
 */
static bool is_for_a_past_one(const struct standing *a, const struct msg *m)
{
    return a->row.state == ALARM_NORMAL &&
           text_equal(TEXT(a->row.mark), TEXT(m->u.console_ack.raised_at));
}

/* ---- what our operator did, until we see it in the broker's order ---- */

void sharing_put(struct standing *a, const char *action, struct text by, int64_t at)
{
    const uint8_t room = sizeof(a->own) / sizeof(a->own[0]);

    if (a->own_count == room)
        memmove(a->own, a->own + 1, --a->own_count * sizeof(a->own[0]));
    struct own_share *own = &a->own[a->own_count++];
    *own = (struct own_share){.at = at, .by_hash = hash_of(by)};
    TEXT_COPY(&own->action, TEXT_OURS(action));
}

static bool is_own(const struct standing *a, const struct msg *m, uint8_t *which)
{
    uint8_t i = 0;

    while (i < a->own_count && (a->own[i].at != m->u.console_ack.at ||
                                a->own[i].by_hash != hash_of(TEXT(m->u.console_ack.by)) ||
                                !text_equal(TEXT(a->own[i].action), TEXT(m->u.console_ack.action))))
        i++;
    *which = i;
    return i < a->own_count;
}

static void own_seen(struct standing *a, uint8_t which)
{
    a->own_count = (uint8_t)(a->own_count - which - 1);
    memmove(a->own, a->own + which + 1, a->own_count * sizeof(a->own[0]));
}

/* "shelve" stands for "unshelve" too. */
static bool is_under_way(const struct standing *a, const char *action)
{
    for (uint8_t i = 0; i < a->own_count; i++)
        if (strstr(a->own[i].action.clean, action))
            return true;
    return false;
}

/* Ours may still be overtaken; what has overtaken it came first. */
static bool is_acknowledged_by_own(const struct standing *a)
{
    const uint64_t by = hash_of(TEXT(a->row.acknowledged_by));

    for (uint8_t i = 0; i < a->own_count; i++) {
        const struct own_share *own = &a->own[i];
        if (strcmp(own->action.clean, "acknowledge") == 0 &&
            (own->at == TIME_NONE || (own->at == a->row.acknowledged_at && own->by_hash == by)))
            return true;
    }
    return false;
}

/* ---- folding a message into what we know ---- */

static bool is_dead(const struct standing *a, const struct msg *m)
{
    return a->dead_at == m->u.console_ack.acknowledged_at &&
           text_equal(TEXT(a->dead_by), TEXT(m->u.console_ack.acknowledged_by));
}

/* A stored copy outlives what it says: an acknowledgement that expired here must not come back with
 * the next connection. */
static bool has_expired(const struct core *c, const struct msg *m)
{
    const int64_t expires = c->config.alarms.ack_expires;

    return m->snapshot && expires > 0 &&
           c->now.wall_ms - expires >= m->u.console_ack.acknowledged_at;
}

static bool says_acknowledged(const struct msg *m)
{
    return m->u.console_ack.acknowledged_by.clean[0] &&
           m->u.console_ack.acknowledged_at != TIME_NONE;
}

/* As an operator does it now; a console that repeats the state of an occurrence does it later. */
static bool acknowledges_now(const struct msg *m)
{
    return strcmp(m->u.console_ack.action.clean, "acknowledge") == 0 &&
           m->u.console_ack.at == m->u.console_ack.acknowledged_at &&
           text_equal(TEXT(m->u.console_ack.by), TEXT(m->u.console_ack.acknowledged_by));
}

/* After whatever is known here; a stored copy only where it surely is of the same occurrence: that
 * may have ended and come again while we were away. */
static bool comes_later(const struct standing *a, const struct msg *m)
{
    return acknowledges_now(m) &&
           (!m->snapshot || text_equal(TEXT(a->row.mark), TEXT(m->u.console_ack.raised_at)));
}

static bool says_another_acknowledged(const struct standing *a, const struct msg *m)
{
    return says_acknowledged(m) && a->row.acknowledged_at != TIME_NONE &&
           (a->row.acknowledged_at != m->u.console_ack.acknowledged_at ||
            !text_equal(TEXT(a->row.acknowledged_by), TEXT(m->u.console_ack.acknowledged_by)));
}

static void take_acknowledged(struct core *c, struct standing *a, const struct msg *m, bool first)
{
    const bool had = a->row.acknowledged_at != TIME_NONE;

    if (!says_acknowledged(m) || is_dead(a, m) || (had ? !first : has_expired(c, m)))
        return;
    if (had && !says_another_acknowledged(a, m))
        return;
    a->row.acknowledged_by = m->u.console_ack.acknowledged_by;
    a->row.acknowledged_at = m->u.console_ack.acknowledged_at;
    if (had)
        alarm_touch(c, a);
    else
        alarm_happen(c, a, HAPPENS_ACK, (struct alarm_cause){.by = TEXT(a->row.acknowledged_by)});
}

static void take_shelved(struct core *c, struct standing *a, const struct msg *m, bool whole)
{
    const int64_t until = m->u.console_ack.shelved_until;
    const char *action = m->u.console_ack.action.clean;
    const struct alarm_cause cause = {.by = TEXT(m->u.console_ack.by)};

    if (a->row.state == ALARM_NORMAL || is_under_way(a, "shelve"))
        return; /* ours comes after what is said now: the last one stays */
    if (until != TIME_NONE && until > c->now.wall_ms && until != a->row.shelved_until &&
        (whole || strcmp(action, "shelve") == 0)) {
        a->row.shelved_until = until;
        a->shelve_due = INT64_MAX;
        alarm_happen(c, a, HAPPENS_SHELVE, cause);
    } else if (until == TIME_NONE && a->row.state == ALARM_SHELVED &&
               (whole || strcmp(action, "unshelve") == 0)) {
        alarm_happen(c, a, HAPPENS_UNSHELVE, cause);
    }
}

static void take_note(struct core *c, struct standing *a, const struct msg *m)
{
    if (!m->u.console_ack.note.clean[0] || (a->own_count && a->row.note.clean[0]) ||
        text_equal(TEXT(a->row.note), TEXT(m->u.console_ack.note)))
        return;
    a->row.note = m->u.console_ack.note;
    alarm_touch(c, a);
    const struct words text = words_of_note(TEXT(a->row.note));
    emit_history(
        c, &(struct history_note){
               .kind = EVENT_NOTE, .alarm = a, .by = TEXT(m->u.console_ack.by), .summary = &text});
}

/* ---- what the broker keeps against what we know ---- */

static bool says_the_same(const struct alarm *row, const struct msg *m)
{
    return row->acknowledged_at == m->u.console_ack.acknowledged_at &&
           row->shelved_until == m->u.console_ack.shelved_until &&
           text_equal(TEXT(row->acknowledged_by), TEXT(m->u.console_ack.acknowledged_by)) &&
           text_equal(TEXT(row->note), TEXT(m->u.console_ack.note));
}

/* Not all at once: who is to speak first is not agreed, only likely. */
static void repair_later(struct core *c, struct standing *a)
{
    const uint64_t spread = hash_bytes(&c->presence_key, sizeof(c->presence_key)) ^ a->link.hash;

    if (!c->recorder || a->repair_due != INT64_MAX || alarm_kind_is_local(a->row.kind))
        return;
    a->repair_due = c->now.mono_ms + REPAIR_MS + (int64_t)(spread % (uint64_t)REPAIR_MS);
    alarm_schedule(c, a);
}

static void compare(struct core *c, struct standing *a, const struct msg *m)
{
    const bool lost = (a->row.acknowledged_at != TIME_NONE && !says_acknowledged(m)) ||
                      (says_another_acknowledged(a, m) && comes_later(a, m)) ||
                      (a->row.note.clean[0] && !m->u.console_ack.note.clean[0]);

    if (says_the_same(&a->row, m)) {
        a->repair_due = INT64_MAX;
        alarm_schedule(c, a);
    } else if (a->repairs == REPAIRS && !a->follows) {
        a->follows = true; /* somebody is as sure as we are */
        take_acknowledged(c, a, m, true);
        take_shelved(c, a, m, true);
        take_note(c, a, m);
    } else if ((!a->follows || lost) && a->repairs < REPAIRS) {
        repair_later(c, a);
    }
}

static const char *state_action(const struct alarm *row)
{
    return row->state == ALARM_SHELVED         ? "shelve"
           : row->acknowledged_at != TIME_NONE ? "acknowledge"
                                               : "note";
}

void sharing_repair(struct core *c, struct standing *a)
{
    a->repair_due = INT64_MAX;
    if (!c->recorder || a->row.state == ALARM_NORMAL)
        return;
    a->repairs++;
    outbox_share(c, a, state_action(&a->row), TEXT(a->row.acknowledged_by));
}

/* While we were away somebody else was heard: of ours, not handed over yet, only what adds to that
 * is still to be said. An acknowledgement that lost must not arrive when all is over. */
static void say_what_is_left(struct core *c, struct standing *a, const struct msg *m)
{
    const char *action = state_action(&a->row);

    outbox_drop_shares(c, a->row.id);
    a->own_count = 0;
    if (!says_the_same(&a->row, m) && outbox_share(c, a, action, TEXT(m->u.console_ack.by)))
        sharing_put(a, action, TEXT(m->u.console_ack.by), c->now.wall_ms);
}

static bool is_changed(const struct alarm *before, const struct alarm *row)
{
    return before->acknowledged_at != row->acknowledged_at ||
           before->shelved_until != row->shelved_until ||
           !text_equal(TEXT(before->acknowledged_by), TEXT(row->acknowledged_by)) ||
           !text_equal(TEXT(before->note), TEXT(row->note));
}

static void apply(struct core *c, struct standing *a, const struct msg *m, bool live)
{
    const struct alarm before = a->row;
    uint8_t which;

    a->shared = true;
    note_mark(a, hash_of(TEXT(m->u.console_ack.raised_at)));
    if (is_own(a, m, &which)) {
        if (!live)
            return; /* it goes out once more */
        own_seen(a, which);
        if (a->own_count)
            return;
    }
    const bool overtaken = a->own_count > 0, whole = !overtaken && (a->follows || !live);
    take_acknowledged(c, a, m,
                      (overtaken && !live) || is_acknowledged_by_own(a) ||
                          ((a->follows || !live) && !comes_later(a, m)));
    take_shelved(c, a, m, whole || (overtaken && !live));
    take_note(c, a, m);
    if (a->row.state == ALARM_NORMAL)
        return;
    if (overtaken && !live)
        say_what_is_left(c, a, m);
    else if (overtaken && is_changed(&before, &a->row))
        outbox_share(c, a, state_action(&a->row), TEXT(m->u.console_ack.by));
    else if (!overtaken)
        compare(c, a, m);
}

/* The second connection brings each message again, and a lagging one brings it late. The lowest bit
 * says which one brought it first. */
static bool heard_before(struct core *c, const struct msg *m, bool journal)
{
    const uint64_t hash = hash_bytes(&m->u.console_ack, sizeof(m->u.console_ack)) & ~UINT64_C(1);

    for (uint32_t i = 0; i < RECENT_ACKS; i++) {
        if (c->recent_acks[i] == (hash | !journal)) {
            c->recent_acks[i] = 0;
            return true;
        }
    }
    c->recent_acks[c->recent_next++ % RECENT_ACKS] = hash | journal;
    return false;
}

void sharing_apply(struct core *c, const struct msg *m, bool journal)
{
    struct standing *a = alarm_find(c, m->u.console_ack.alarm_id);
    const bool live = !m->snapshot;

    if (a && alarm_kind_is_local(a->row.kind))
        return; /* about this console alone: whoever says that is wrong */
    /* A backlog of `journal` may be for an earlier occurrence; what is new, `live` brings too. */
    const bool ours = a && is_for(c, a, m, live && !journal);
    if (journal && a && !ours)
        return;
    /* A stored copy is what the broker holds now, so it is looked at each time. */
    if (live && heard_before(c, m, journal))
        return;
    if (a && a->row.state == ALARM_NORMAL && !a->shared) { /* to be forgotten, when it is old */
        a->shared = true;
        a->kept = false;
        alarm_schedule(c, a);
    }
    if (ours)
        apply(c, a, m, live);
    else if (!a ||
             ((!a->row.active || a->row.kind == ALARM_SERVICE_FAILED) && !is_for_a_past_one(a, m)))
        hold(c, m); /* perhaps for the occurrence that comes next */
}

/* One that is never shared is word for us alone. Another is under way from here on, as if our own
 * operator had done it; where its acknowledgement has lost, we say what it adds to the winner's. */
bool sharing_adopted(struct core *c, const struct msg *m)
{
    struct standing *a = alarm_find(c, m->u.console_ack.alarm_id);

    if (!a || !is_for(c, a, m, false))
        return true;
    const bool local = alarm_kind_is_local(a->row.kind);
    if (!local && !says_another_acknowledged(a, m)) {
        sharing_put(a, m->u.console_ack.action.clean, TEXT(m->u.console_ack.by),
                    m->u.console_ack.at);
        return true;
    }
    const struct alarm before = a->row;
    take_acknowledged(c, a, m, false);
    take_shelved(c, a, m, false);
    take_note(c, a, m);
    if (!local && is_changed(&before, &a->row))
        outbox_share(c, a, m->u.console_ack.action.clean, TEXT(m->u.console_ack.by));
    return local;
}

/* Somebody, late, forgot one that is over there: here it stands, with something to say. */
void sharing_forgotten(struct core *c, const struct msg *m)
{
    struct standing *a = alarm_find(c, m->u.console_ack.alarm_id);

    if (!a || m->snapshot)
        return;
    if (a->row.state == ALARM_NORMAL)
        a->shared = false;
    else if (a->repairs < REPAIRS && (a->row.acknowledged_at != TIME_NONE ||
                                      a->row.state == ALARM_SHELVED || a->row.note.clean[0]))
        repair_later(c, a);
}

/* ---- occurrences and connections ---- */

void sharing_forget(struct core *c, struct standing *a)
{
    char topic[64 + ALARM_ID];

    snprintf(topic, sizeof(topic), "infoscreen/console/ack/%s", a->row.id);
    outbox_put(c, &(struct outbox_put){.topic = topic, .alarm_id = a->row.id});
    a->shared = false;
}

/* Before its row is made anew. What was said of the one before must not be taken for this one by
 * somebody who starts now: it is emptied. */
void sharing_begin(struct core *c, struct standing *a)
{
    a->dead_by = a->row.acknowledged_by;
    a->dead_at = a->row.acknowledged_at;
    outbox_drop_shares(c, a->row.id);
    note_mark(a, hash_of(TEXT(a->row.mark)));
    a->mark_count = 0;
    a->own_count = a->repairs = 0;
    a->repair_due = INT64_MAX;
    a->follows = !c->contact.snapshot_done;
    if (a->shared && c->recorder)
        sharing_forget(c, a);
}

/* Its acknowledgement has expired: the same one, heard again, is none. */
void sharing_expired(struct standing *a)
{
    a->dead_by = a->row.acknowledged_by;
    a->dead_at = a->row.acknowledged_at;
}

/* A new occurrence: was it acknowledged before we heard of it? */
void sharing_try_held(struct core *c, struct standing *a)
{
    for (struct held **at = &c->held; *at;) {
        struct held *h = *at;
        if (strcmp(h->msg.u.console_ack.alarm_id, a->row.id) != 0 ||
            !is_for(c, a, &h->msg, false)) {
            at = &h->next;
            continue;
        }
        held_drop(c, at);
        apply(c, a, &h->msg, false);
    }
    held_schedule(c);
}

/* From now on messages are missed. What the broker took we shall not see come back; what it did not
 * take goes out again. */
void sharing_link_down(struct core *c)
{
    for (uint32_t i = 0; i < c->alarms.count; i++) {
        struct standing *a = c->alarm_list[i];
        a->follows = true;
        if (a->own_count && !outbox_has(c, a->row.id, false))
            a->own_count = 0;
    }
}

/* What an ended process left in the outbox is under way. */
void sharing_arm_restored(struct core *c, struct standing *a)
{
    a->follows = true;
    if (outbox_has(c, a->row.id, false))
        sharing_put(a, state_action(&a->row), TEXT_EMPTY, TIME_NONE);
}

/* The broker answered. A refused message never comes back to us; one of a process that ended cannot
 * be told when it does. */
void sharing_answered(struct core *c, const char *alarm_id, bool taken)
{
    struct standing *a = alarm_find(c, alarm_id);

    if (a && a->own_count && (!taken || a->own[0].at == TIME_NONE))
        own_seen(a, 0);
}

void sharing_fini(struct core *c)
{
    for (struct held *h = c->held, *next; h; h = next) {
        next = h->next;
        core_free_now(h);
    }
}
