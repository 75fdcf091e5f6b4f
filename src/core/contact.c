/* contact.c - the connection to the broker: what goes still without it, and what is made up for
 * after it came back. And the other things that are about this process alone: its role, its clock.
 */
#include <stdio.h>

#include "core/core_internal.h"

#define FIRST_CONTACT_MS (10 * SECOND_MS) /* a start without a broker is a fault only after this   \
                                           */

void contact_tell(struct core *c)
{
    struct effect *e = emit(c, OUT_LINK_STATE);

    if (!e)
        return;
    e->u.link.connected = c->contact.up;
    e->u.link.outage = c->pulse.out;
}

static void unreachable(struct core *c, bool on)
{
    const struct text subject = TEXT(c->host_subject);
    struct standing *a = on ? alarm_get(c, ALARM_BROKER_UNREACHABLE, subject, NULL)
                            : alarm_find_of(c, ALARM_BROKER_UNREACHABLE, subject);
    const struct words no_reason =
        words_of(alarm_kind_raised(ALARM_BROKER_UNREACHABLE), TEXT_EMPTY, TEXT_EMPTY);

    if (!a)
        return;
    /* The reason itself, no sentence around it: as an argument it would stay English, and be cut. */
    alarm_condition(c, a, on, c->contact.why.id ? &c->contact.why : &no_reason);
    if (on)
        suppress_by_link(c);
}

void contact_up(struct core *c, const struct words *why)
{
    if (c->contact.up)
        return;
    const int64_t stopped = c->contact.air_stopped + c->contact.air_offset;
    const int64_t away = c->contact.ever_up ? c->now.mono_ms - stopped : 0;

    c->contact.air_offset = c->now.mono_ms - c->contact.air_stopped;
    c->contact.up = c->contact.ever_up = true;
    pulse_restart(c, &c->pulse, NULL, away);
    c->contact.since_at = c->now.wall_ms;
    c->contact.why = *why;
    c->contact.epoch++;
    c->contact.dup_epoch++;
    c->contact.snapshot_done = false;
    c->contact.fetch_next = 0;
    heap_remove(&c->mono, &c->contact.never_up);
    c->counts.generation++;
    contact_tell(c);
    emit_history(c, &(struct history_note){.kind = EVENT_LINK_UP, .summary = why});
    unreachable(c, false);
    recovery_begin(c);
    outbox_pump(c);
    rollouts_go_on(c);
}

void contact_down(struct core *c, const struct words *why)
{
    const bool was_up = c->contact.up;

    c->contact.why = *why;
    c->counts.generation++;
    if (!was_up)
        return; /* another try failed */
    c->contact.air_stopped = air_now(c, c->now.mono_ms);
    c->contact.up = false;
    c->contact.since_at = c->now.wall_ms;
    c->contact.dup_epoch++;
    c->contact.snapshot_done = false;
    c->console_count = 0; /* who is still there says so again */
    outbox_link_down(c);
    sharing_link_down(c);
    failure_forget_clearing(c);
    contact_tell(c);
    emit_history(c, &(struct history_note){.kind = EVENT_LINK_DOWN, .summary = why});
    unreachable(c, true);
}

void contact_never_up_due(struct core *c, struct timer *t)
{
    heap_remove(&c->mono, t);
    if (!c->contact.ever_up)
        unreachable(c, true);
}

/* ---- retained messages ---- */

/* A broker with default limits cuts a snapshot without a word: what a known client may have
 * retained is asked for by its exact topics, some at a time. True: nothing is left to ask for. */
static bool fetch_missing(struct core *c)
{
    uint32_t asked = 0;

    for (; c->contact.fetch_next < c->counts.clients && asked < FETCHES_PER_STEP;
         c->contact.fetch_next++) {
        struct device *d = fleet_device(c, c->contact.fetch_next);
        if (d->group_epoch == c->contact.epoch && d->failed_epoch == c->contact.epoch)
            continue;
        struct effect *e = emit(c, OUT_FETCH);
        if (!e)
            return false;
        e->u.fetch.client = &d->row;
        e->u.fetch.failed = d->failed_epoch != c->contact.epoch;
        e->u.fetch.group = d->group_epoch != c->contact.epoch;
        asked++;
    }
    return asked == 0;
}

/* What was not re-sent is gone, but only once everything has been asked for and nothing was cut. */
void contact_snapshot_done(struct core *c, bool complete)
{
    if (!c->contact.up || c->contact.snapshot_done)
        return;
    if (!fetch_missing(c))
        return;
    c->contact.snapshot_done = true;
    if (complete) {
        failure_conclude(c);
        groups_conclude(c);
        notices_conclude(c);
    }
    outbox_pump(c);
}

/* ---- this process ---- */

void contact_role(struct core *c, bool recorder)
{
    static const struct words words[] = {{.id = N_("this console is no longer the recorder")},
                                         {.id = N_("this console is the recorder")}};

    if (c->recorder == recorder)
        return;
    c->recorder = recorder;
    c->contact.dup_epoch++;
    c->counts.generation++;
    emit_history(c, &(struct history_note){.kind = EVENT_RECORDER, .summary = &words[recorder]});
    contact_tell(c);
    if (recorder) {
        commands_sweep(c);
        recovery_begin(c);
    }
}

void contact_clock_jump(struct core *c, int64_t jump_ms)
{
    struct text64 by = {{0}};
    char span[ISO_SIZE];

    duration_format(jump_ms < 0 ? -jump_ms : jump_ms, span);
    snprintf(by.clean, sizeof(by.clean), "%c%s", jump_ms < 0 ? '-' : '+', span);
    const struct words summary =
        words_of(N_("the clock of this computer jumped by {1}"), TEXT(by), TEXT_EMPTY);
    emit_history(c, &(struct history_note){.kind = EVENT_CLOCK_JUMP, .summary = &summary});
}

#define LONG_SLEEP_MS (30 * SECOND_MS) /* shorter ones no connection notices */

void contact_slept(struct core *c, int64_t ms)
{
    char span[ISO_SIZE];

    if (c->contact.up)
        c->contact.air_offset += ms;
    if (ms < LONG_SLEEP_MS)
        return;
    if (c->contact.up)
        pulse_restart(c, &c->pulse, NULL, ms);
    duration_format(ms, span);
    const struct words summary =
        words_of(N_("this console did not run for {1}: it concludes nothing from that time"),
                 TEXT_OURS(span), TEXT_EMPTY);
    emit_history(c, &(struct history_note){.kind = EVENT_CLOCK_JUMP, .summary = &summary});
}

bool core_link_is_up(const struct core *c)
{
    return c->contact.up;
}

bool core_snapshot_settled(const struct core *c)
{
    return c->contact.snapshot_done;
}

int64_t core_link_since_at(const struct core *c)
{
    return c->contact.since_at;
}

const struct words *core_link_why(const struct core *c)
{
    return &c->contact.why;
}

void contact_start(struct core *c)
{
    c->contact.never_up.kind = TIMER_LINK;
    c->contact.since_at = c->now.wall_ms;
    if (!c->contact.up)
        heap_set(&c->mono, &c->contact.never_up, c->now.mono_ms + FIRST_CONTACT_MS);
}
