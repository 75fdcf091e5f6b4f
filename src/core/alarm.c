/* alarm.c - the life of an alarm after ISA-18.2 / IEC 62682: one table of states and events, and
 * what a change brings along. */
#include <assert.h>
#include <string.h>

#include "core/core_internal.h"

/* Which state an unshelved or released alarm has depends on what happened meanwhile. */
#define RESUME ALARM_STATES

/* A shelved one stays out of sight for its time, whatever its condition does meanwhile. */
const enum alarm_state alarm_next[ALARM_STATES][ALARM_EVENTS] = {
    [ALARM_NORMAL] =
        {
            [HAPPENS_RAISE] = ALARM_UNACKNOWLEDGED,
            [HAPPENS_RETURN] = ALARM_NORMAL,
            [HAPPENS_CLEAR] = ALARM_NORMAL,
            [HAPPENS_ACK] = ALARM_NORMAL,
            [HAPPENS_EXPIRE] = ALARM_NORMAL,
            [HAPPENS_SHELVE] = ALARM_NORMAL,
            [HAPPENS_UNSHELVE] = ALARM_NORMAL,
            [HAPPENS_SUPPRESS] = ALARM_NORMAL,
            [HAPPENS_RELEASE] = ALARM_NORMAL,
        },
    [ALARM_UNACKNOWLEDGED] =
        {
            [HAPPENS_RAISE] = ALARM_UNACKNOWLEDGED,
            [HAPPENS_RETURN] = ALARM_RETURNED,
            [HAPPENS_CLEAR] = ALARM_NORMAL,
            [HAPPENS_ACK] = ALARM_ACKNOWLEDGED,
            [HAPPENS_EXPIRE] = ALARM_UNACKNOWLEDGED,
            [HAPPENS_SHELVE] = ALARM_SHELVED,
            [HAPPENS_UNSHELVE] = ALARM_UNACKNOWLEDGED,
            [HAPPENS_SUPPRESS] = ALARM_SUPPRESSED,
            [HAPPENS_RELEASE] = ALARM_UNACKNOWLEDGED,
        },
    [ALARM_ACKNOWLEDGED] =
        {
            [HAPPENS_RAISE] = ALARM_UNACKNOWLEDGED,
            [HAPPENS_RETURN] = ALARM_NORMAL,
            [HAPPENS_CLEAR] = ALARM_NORMAL,
            [HAPPENS_ACK] = ALARM_ACKNOWLEDGED,
            [HAPPENS_EXPIRE] = ALARM_UNACKNOWLEDGED,
            [HAPPENS_SHELVE] = ALARM_SHELVED,
            [HAPPENS_UNSHELVE] = ALARM_ACKNOWLEDGED,
            [HAPPENS_SUPPRESS] = ALARM_SUPPRESSED,
            [HAPPENS_RELEASE] = ALARM_ACKNOWLEDGED,
        },
    [ALARM_RETURNED] =
        {
            [HAPPENS_RAISE] = ALARM_UNACKNOWLEDGED,
            [HAPPENS_RETURN] = ALARM_RETURNED,
            [HAPPENS_CLEAR] = ALARM_NORMAL,
            [HAPPENS_ACK] = ALARM_NORMAL,
            [HAPPENS_EXPIRE] = ALARM_RETURNED,
            [HAPPENS_SHELVE] = ALARM_SHELVED,
            [HAPPENS_UNSHELVE] = ALARM_RETURNED,
            [HAPPENS_SUPPRESS] = ALARM_RETURNED,
            [HAPPENS_RELEASE] = ALARM_RETURNED,
        },
    [ALARM_SHELVED] =
        {
            [HAPPENS_RAISE] = ALARM_SHELVED,
            [HAPPENS_RETURN] = ALARM_SHELVED,
            [HAPPENS_CLEAR] = ALARM_NORMAL,
            [HAPPENS_ACK] = ALARM_SHELVED,
            [HAPPENS_EXPIRE] = ALARM_SHELVED,
            [HAPPENS_SHELVE] = ALARM_SHELVED,
            [HAPPENS_UNSHELVE] = RESUME,
            [HAPPENS_SUPPRESS] = ALARM_SHELVED,
            [HAPPENS_RELEASE] = ALARM_SHELVED,
        },
    [ALARM_SUPPRESSED] =
        {
            [HAPPENS_RAISE] = ALARM_SUPPRESSED,
            [HAPPENS_RETURN] = ALARM_NORMAL,
            [HAPPENS_CLEAR] = ALARM_NORMAL,
            [HAPPENS_ACK] = ALARM_SUPPRESSED,
            [HAPPENS_EXPIRE] = ALARM_SUPPRESSED,
            [HAPPENS_SHELVE] = ALARM_SHELVED,
            [HAPPENS_UNSHELVE] = ALARM_SUPPRESSED,
            [HAPPENS_SUPPRESS] = ALARM_SUPPRESSED,
            [HAPPENS_RELEASE] = RESUME,
        },
};

/* What a kind says of itself, and how it ends. */
static const struct kind_row {
    const char *raised; /* {1} what it happened to, for people; {2} a detail */
    bool ends_by_ack;   /* nothing that could return: acknowledged is over */
    bool ends_shelved;  /* so is what was acknowledged and cleared, on a shelf too */
    bool local;         /* about this console alone: never shared */
} kinds[] = {
    [ALARM_SERVICE_FAILED] = {.raised = N_("{1} gave up"), .ends_shelved = true},
    [ALARM_PROCESS_CRASHED] = {.raised = N_("{1} crashed")},
    [ALARM_CLIENT_SILENT] = {.raised = N_("no sign of life from {1}")},
    [ALARM_CLIENT_FLAPPING] = {.raised = N_("{1} reconnects again and again")},
    [ALARM_COMMAND_FAILED] = {.raised = N_("a command to {1} failed: {2}"), .ends_by_ack = true},
    [ALARM_DEVICE_NOT_BACK] = {.raised = N_("{1} did not come back after {2}, sent by {3}"), .ends_by_ack = true},
    [ALARM_GROUP_OUTAGE] = {.raised = N_("all {2} clients of group {1} have gone silent")},
    [ALARM_BROKER_OUTAGE] = {.raised = N_("all {1} clients have gone silent")},
    [ALARM_BROKER_UNREACHABLE] = {.raised = N_("no connection to the broker"), .local = true},
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == ALARM_KINDS, "a row per kind of alarm");

const char *alarm_kind_raised(enum alarm_kind kind)
{
    return kinds[kind].raised;
}

bool alarm_kind_is_local(enum alarm_kind kind)
{
    return kinds[kind].local;
}

bool alarm_id_is_local(const char *id)
{
    for (int kind = 0; kind < ALARM_KINDS; kind++) {
        const char *word = alarm_kinds[kind].word;
        const size_t n = strlen(word);
        if (kinds[kind].local && strncmp(id, word, n) == 0 && id[n] == '-')
            return true;
    }
    return false;
}

bool alarm_kind_ends_by_ack(enum alarm_kind kind)
{
    return kinds[kind].ends_by_ack;
}

bool alarm_stands(enum alarm_state s)
{
    return s != ALARM_NORMAL && s != ALARM_SUPPRESSED;
}

static int local_minute(const struct core *c)
{
    const int64_t day = INT64_C(24) * HOUR_MS;
    const int64_t ms = (c->now.wall_ms + c->zone_s * SECOND_MS) % day;

    return (int)((ms < 0 ? ms + day : ms) / (60 * SECOND_MS));
}

/* ---- counts and effects ---- */

/* Takes part in the counts as if it had this state: +1, or no longer: -1. */
static void count_totals(struct core *c, enum alarm_state s, int by)
{
    if (alarm_stands(s))
        c->counts.alarms_standing += (uint32_t)by;
    if (s == ALARM_UNACKNOWLEDGED || s == ALARM_RETURNED)
        c->counts.alarms_unacknowledged += (uint32_t)by;
}

void alarm_set_state(struct core *c, struct standing *a, enum alarm_state from, enum alarm_state to)
{
    count_totals(c, from, -1);
    count_totals(c, to, +1);
    fleet_count_alarm(c, &a->row.client, alarm_stands(to) - alarm_stands(from));
    a->row.state = to;
}

void alarm_touch(struct core *c, struct standing *a)
{
    c->counts.alarm_generation++;
    c->counts.generation++;
    if (a->put_step == c->step)
        return;
    struct effect *e = emit(c, OUT_ALARM);
    if (e) {
        e->u.alarm = &a->row;
        e->durable = true;
        a->put_step = c->step;
    }
}

/* One that chatters was told of: more often would only teach not to listen. */
static void notify(struct core *c, const struct standing *a, int32_t escalation)
{
    if ((escalation == 0 && flood_chatters(c, a)) ||
        quiet_hours_hold(&c->config.notify.quiet_hours, a->row.priority, local_minute(c)))
        return;
    struct effect *e = emit(c, OUT_NOTIFY);
    if (!e)
        return;
    e->u.notify.alarm = &a->row;
    e->u.notify.escalation = escalation;
}

static const enum event_kind event_kinds_of[ALARM_EVENTS] = {
    [HAPPENS_RAISE] = EVENT_ALARM_RAISED,
    [HAPPENS_RETURN] = EVENT_ALARM_RETURNED,
    [HAPPENS_CLEAR] = EVENT_ALARM_CLEARED,
    [HAPPENS_ACK] = EVENT_ALARM_ACKNOWLEDGED,
    [HAPPENS_EXPIRE] = EVENT_ALARM_RAISED,
    [HAPPENS_SHELVE] = EVENT_ALARM_SHELVED,
    [HAPPENS_UNSHELVE] = EVENT_ALARM_UNSHELVED,
    [HAPPENS_SUPPRESS] = EVENT_IMAGE,
    [HAPPENS_RELEASE] = EVENT_ALARM_RAISED,
};

/* What nobody saw, its beginning suppressed, ends without a line as well. */
static enum event_kind event_kind_of(const struct standing *a, enum alarm_event event)
{
    if (event == HAPPENS_RELEASE && a->row.state != ALARM_UNACKNOWLEDGED)
        return EVENT_IMAGE;
    if (event != HAPPENS_RETURN || a->row.state != ALARM_NORMAL)
        return event_kinds_of[event];
    return a->row.suppressed_by[0] ? EVENT_IMAGE : EVENT_ALARM_CLEARED;
}

static void tell(struct core *c, struct standing *a, enum alarm_event event,
                 struct alarm_cause cause)
{
    emit_history(c,
                 &(struct history_note){.kind = event_kind_of(a, event),
                                        .alarm = a,
                                        .by = cause.by,
                                        .summary = cause.words ? cause.words : &a->row.summary});
    if (a->row.state != ALARM_UNACKNOWLEDGED)
        return;
    if (event == HAPPENS_RELEASE)
        flood_note_raise(c, a); /* new to whoever looks */
    if (event == HAPPENS_RAISE || event == HAPPENS_EXPIRE || event == HAPPENS_RELEASE)
        notify(c, a, 0);
}

/* ---- events ---- */

static enum alarm_state resume(const struct alarm *a)
{
    const bool acknowledged = a->acknowledged_at != TIME_NONE;

    if (a->active)
        return acknowledged ? ALARM_ACKNOWLEDGED : ALARM_UNACKNOWLEDGED;
    return acknowledged ? ALARM_NORMAL : ALARM_RETURNED;
}

static enum alarm_state after(const struct alarm *a, enum alarm_event event)
{
    if (event == HAPPENS_ACK && kinds[a->kind].ends_by_ack && a->state != ALARM_SHELVED)
        return ALARM_NORMAL;
    const enum alarm_state next = alarm_next[a->state][event];
    if (next == ALARM_SHELVED && kinds[a->kind].ends_shelved && event != HAPPENS_SHELVE &&
        resume(a) == ALARM_NORMAL)
        return ALARM_NORMAL; /* a shelf is for what comes back by itself */
    return next == RESUME ? resume(a) : next;
}

/* Fields that say when and by whom are the caller's; the state and what hangs on it are set here.
 */
void alarm_happen(struct core *c, struct standing *a, enum alarm_event event,
                  struct alarm_cause cause)
{
    alarm_set_state(c, a, a->row.state, after(&a->row, event));
    if (a->row.state == ALARM_NORMAL && a->row.cleared_at == TIME_NONE)
        a->row.cleared_at = c->now.wall_ms;
    if (a->row.state == ALARM_NORMAL && kinds[a->row.kind].ends_by_ack)
        a->row.active = false;
    if (a->row.state != ALARM_SHELVED)
        a->row.shelved_until = TIME_NONE;
    alarm_touch(c, a);
    tell(c, a, event, cause);
    if (a->row.state != ALARM_SUPPRESSED)
        a->row.suppressed_by[0] = '\0';
    alarm_schedule(c, a);
}

/* ---- conditions ---- */

/* As the rules say at this time of day; it stays that while the occurrence stands. */
static enum priority priority_of(const struct core *c, const struct alarm *row)
{
    const struct text group = row->kind == ALARM_GROUP_OUTAGE ? TEXT(row->subject) : TEXT(row->group);
    const enum priority decided =
        priority_rules_decide(&c->config.alarms.priority[row->kind], group, local_minute(c));

    return decided == PRIORITY_DEFAULT ? alarm_kind_priority(row->kind) : decided;
}

/* Other consoles name the occurrence by when it began; service_failed by the payload's own words.
 */
static void set_mark(struct standing *a)
{
    char iso[ISO_SIZE];

    if (a->row.kind == ALARM_SERVICE_FAILED)
        return;
    time_iso(a->row.raised_at, iso);
    TEXT_COPY(&a->row.mark, TEXT_OURS(iso));
}

static void begin(struct core *c, struct standing *a, const struct words *why)
{
    struct alarm *row = &a->row;

    sharing_begin(c, a);
    a->kept = false;
    row->active = true;
    row->raised_at = c->now.wall_ms;
    row->cleared_at = TIME_NONE;
    row->acknowledged_at = TIME_NONE;
    row->acknowledged_by.clean[0] = '\0';
    row->note.clean[0] = '\0';
    row->occurrences++;
    row->priority = priority_of(c, row);
    row->summary = *why;
    set_mark(a);
    a->escalation = 0;
    a->escalate_due = INT64_MAX;
    if (!suppress_at_birth(c, a))
        alarm_happen(c, a, HAPPENS_RAISE, NO_CAUSE);
    if (a->row.state == ALARM_UNACKNOWLEDGED)
        flood_note_raise(c, a);
    sharing_try_held(c, a);
}

static void end(struct core *c, struct standing *a)
{
    a->row.active = false;
    a->row.cleared_at = c->now.wall_ms;
    alarm_happen(c, a, HAPPENS_RETURN, NO_CAUSE);
}

static void take_effect(struct core *c, struct standing *a, bool on, const struct words *why)
{
    a->pending_due = INT64_MAX;
    if (on)
        begin(c, a, why);
    else
        end(c, a);
}

void alarm_condition(struct core *c, struct standing *a, bool on, const struct words *why)
{
    const struct config *k = &c->config;
    const int64_t delay = on ? k->alarms.on_delay[a->row.kind] : k->alarms.off_delay[a->row.kind];

    if (on == a->row.active) {
        a->pending_due = INT64_MAX; /* it changed its mind within the delay */
    } else if (delay == 0) {
        take_effect(c, a, on, why);
    } else if (a->pending_due == INT64_MAX) {
        a->pending_on = on;
        a->pending_words = why ? *why : (struct words){0};
        a->pending_due = c->now.mono_ms + delay;
    }
    alarm_schedule(c, a);
}

void alarm_reoccur(struct core *c, struct standing *a, const struct words *why)
{
    a->pending_due = INT64_MAX;
    begin(c, a, why);
}

void alarm_device_condition(struct core *c, const struct device *d, enum alarm_kind kind, bool on)
{
    struct standing *a = alarm_of_device(c, d, kind, on);
    struct text64 name;

    if (!a)
        return;
    const bool is_process = kind == ALARM_PROCESS_CRASHED && !text_is_empty(TEXT(d->row.process));
    const struct words why =
        words_of(kinds[kind].raised,
                 is_process ? TEXT(d->row.process) : client_name(&d->row, &name), TEXT_EMPTY);
    alarm_condition(c, a, on, &why);
}

/* Said once in each occurrence. */
void alarm_device_contested(struct core *c, const struct device *d)
{
    static const char *const id =
        N_("{1} reconnects twice a minute: probably two processes use its account");
    struct standing *a = alarm_of_device(c, d, ALARM_CLIENT_FLAPPING, false);
    struct text64 name;

    if (!a || !a->row.active || a->row.summary.id == id)
        return;
    a->row.summary = words_of(id, client_name(&d->row, &name), TEXT_EMPTY);
    alarm_touch(c, a);
    emit_history(c, &(struct history_note){.kind = EVENT_RECONNECT,
                                           .alarm = a,
                                           .summary = &a->row.summary});
}

/* ---- time ---- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t expiry(const struct core *c, const struct standing *a)
{
    const int64_t after_ms = c->config.alarms.ack_expires;

    if (a->row.state != ALARM_ACKNOWLEDGED || after_ms == 0)
        return INT64_MAX;
    return a->expire_due == INT64_MAX ? c->now.mono_ms + after_ms : a->expire_due;
}

/* Nobody acknowledged in time: told again, each time as long after the last one. */
static int64_t escalating(const struct core *c, const struct standing *a)
{
    const int64_t after_ms = c->config.notify.escalate_after;

    if (a->row.state != ALARM_UNACKNOWLEDGED || after_ms == 0)
        return INT64_MAX;
    return a->escalate_due == INT64_MAX ? c->now.mono_ms + after_ms : a->escalate_due;
}

static int64_t forgetting(const struct core *c, const struct standing *a)
{
    if (a->row.state != ALARM_NORMAL || a->pending_due != INT64_MAX || a->kept)
        return INT64_MAX;
    return a->forget_due == INT64_MAX ? c->now.mono_ms + HOUR_MS : a->forget_due;
}

/* Deadlines run on the boot clock; a wall time is converted once, when it is learned. */
static int64_t unshelving(const struct core *c, const struct standing *a)
{
    if (a->row.state != ALARM_SHELVED || a->row.shelved_until == TIME_NONE)
        return INT64_MAX;
    if (a->shelve_due != INT64_MAX)
        return a->shelve_due;
    const int64_t left = a->row.shelved_until - c->now.wall_ms;
    return c->now.mono_ms + (left > 0 ? left : 0);
}

void alarm_schedule(struct core *c, struct standing *a)
{
    if (!c->started)
        return;
    a->shelve_due = unshelving(c, a);
    a->expire_due = expiry(c, a);
    a->forget_due = forgetting(c, a);
    a->escalate_due = escalating(c, a);
    const int64_t due =
        least(least(a->repair_due, a->escalate_due), least(least(a->pending_due, a->shelve_due),
                                   least(a->expire_due, a->forget_due)));
    if (due == INT64_MAX)
        heap_remove(&c->mono, &a->timer);
    else
        heap_set(&c->mono, &a->timer, due);
}

static void expire(struct core *c, struct standing *a)
{
    const struct words why =
        words_of(ACKNOWLEDGEMENT_EXPIRED, TEXT(a->row.acknowledged_by), TEXT_EMPTY);

    sharing_expired(a);
    a->row.acknowledged_at = TIME_NONE;
    a->row.acknowledged_by.clean[0] = '\0';
    alarm_happen(c, a, HAPPENS_EXPIRE, (struct alarm_cause){.by = {""}, .words = &why});
}

static void forget(struct core *c, struct standing *a)
{
    if (!c->recorder && a->shared) {
        a->forget_due =
            c->now.mono_ms + HOUR_MS; /* the recorder does it, and that may be us later */
        alarm_schedule(c, a);
        return;
    }
    if (a->shared)
        sharing_forget(c, a);
    if (kinds[a->row.kind].ends_by_ack || c->alarms.count > ALARMS_KEPT) {
        alarm_remove(c, a);
        return;
    }
    a->kept = true; /* the next occurrence counts on */
    alarm_schedule(c, a);
}

void alarm_due(struct core *c, struct timer *t)
{
    struct standing *a = CONTAINER(t, struct standing, timer);
    const int64_t now = c->now.mono_ms;

    if (a->pending_due <= now) {
        const struct words why = a->pending_words;
        take_effect(c, a, a->pending_on, &why);
    } else if (a->shelve_due <= now) {
        a->shelve_due = INT64_MAX;
        alarm_happen(c, a, HAPPENS_UNSHELVE, NO_CAUSE);
    } else if (a->expire_due <= now) {
        expire(c, a);
    } else if (a->escalate_due <= now) {
        a->escalate_due = INT64_MAX;
        notify(c, a, ++a->escalation);
        alarm_schedule(c, a);
    } else if (a->repair_due <= now) {
        sharing_repair(c, a);
        alarm_schedule(c, a);
    } else if (a->forget_due <= now) {
        forget(c, a);
    } else {
        alarm_schedule(c, a);
    }
}
