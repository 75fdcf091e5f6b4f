/* core.c - core_step: which rule an event concerns. The rules are in the files beside. */
#include "core/core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

/* ---- life ---- */

struct core *core_new(const struct config *config, const char *hostname)
{
    struct core *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->config = *config;
    c->outbox_end = &c->outbox;
    c->ended_end = &c->ended;
    c->held_end = &c->held;
    c->contact.since_at = TIME_NONE;
    c->held_timer.kind = TIMER_HELD;
    c->recovery_timer.kind = TIMER_RECOVERY;
    c->release.kind = TIMER_RELEASE;
    pulse_init(&c->pulse, TIMER_PULSE);
    c->raised.timer.kind = TIMER_FLOOD;
    c->logs = calloc(LOGS_KEPT, sizeof(*c->logs));
    c->history = calloc(HISTORY_KEPT, sizeof(*c->history));
    c->rejects = calloc(REJECTS_KEPT, sizeof(*c->rejects));
    TEXT_SET(&c->host_subject, "host:", 5);
    const size_t room = sizeof(c->host_subject.clean) - 5;
    text_clean(c->host_subject.clean + 5, room, hostname, strlen(hostname));
    if (!c->logs || !c->history || !c->rejects || !heap_promise(&c->mono) ||
        !heap_promise(&c->mono) || !heap_promise(&c->mono) || !heap_promise(&c->mono) || !heap_promise(&c->air) || !heap_promise(&c->air)) {
        core_free(c);
        return NULL;
    }
    return c;
}

void core_free(struct core *c)
{
    if (!c)
        return;
    core_unbury(c);
    fleet_fini(c);
    alarms_fini(c);
    commands_fini(c);
    rollouts_fini(c);
    outbox_fini(c);
    sharing_fini(c);
    flood_fini(c);
    groups_fini(c);
    notices_fini(c);
    rings_fini(c);
    free(c->mono.list);
    free(c->air.list);
    free(c);
}

void core_reconfigure(struct core *c, const struct config *config)
{
    c->config = *config;
    silence_rearm(c);
}

void core_seed_tokens(struct core *c, uint32_t seed)
{
    c->token_seed = seed;
}

void core_set_zone(struct core *c, int32_t seconds)
{
    c->zone_s = seconds;
}

/* ---- messages ---- */

static void on_beat(struct core *c, const struct core_event *ev)
{
    struct device *d;

    if (ev->u.msg->snapshot ||
        !(d = fleet_find_or_add(c, &ev->u.msg->client, ev->u.msg->spelling)))
        return;
    beat_apply(c, d, ev->u.msg);
    recovery_note(c, d, ev->u.msg->device_at);
}

static void on_log(struct core *c, const struct core_event *ev)
{
    struct device *d = fleet_find_or_add(c, &ev->u.msg->client, ev->u.msg->spelling);

    if (d && !ev->u.msg->snapshot)
        fleet_first_seen(c, d);
    ring_log(c, ev->u.msg);
}

static void on_failed(struct core *c, const struct core_event *ev)
{
    c->durable = true;
    struct device *d = fleet_find_or_add(c, &ev->u.msg->client, ev->u.msg->spelling);
    if (!d)
        return;
    if (!ev->u.msg->snapshot)
        fleet_first_seen(c, d);
    failure_raise(c, d, ev->u.msg, ev->journal);
    recovery_note(c, d, TIME_NONE);
}

static void on_cleared(struct core *c, const struct core_event *ev)
{
    struct device *d = fleet_find(c, &ev->u.msg->client);

    c->durable = true;
    if (!d)
        return;
    failure_cleared(c, d, ev->journal);
    recovery_note(c, d, TIME_NONE);
}

static void on_ack(struct core *c, const struct core_event *ev)
{
    c->durable = true;
    command_ack(c, ev->u.msg);
}

static void on_command(struct core *c, const struct core_event *ev)
{
    command_seen(c, ev->u.msg);
}

static void on_group(struct core *c, const struct core_event *ev)
{
    group_apply(c, ev->u.msg);
}

static void on_group_event(struct core *c, const struct core_event *ev)
{
    notice_event(c, ev->u.msg);
}

static void on_intent(struct core *c, const struct core_event *ev)
{
    notice_intent(c, ev->u.msg);
    group_intent(c, ev->u.msg);
}

static void on_console_ack(struct core *c, const struct core_event *ev)
{
    c->durable = true;
    sharing_apply(c, ev->u.msg, ev->journal);
}

static void on_console_ack_forgotten(struct core *c, const struct core_event *ev)
{
    sharing_forgotten(c, ev->u.msg);
}

static void on_presence(struct core *c, const struct core_event *ev)
{
    console_presence(c, ev->u.msg);
}

static void on_presence_gone(struct core *c, const struct core_event *ev)
{
    console_presence_gone(c, ev->u.msg);
}

static void on_sys(struct core *c, const struct core_event *ev)
{
    ring_sys(c, ev->u.msg);
}

static void nothing(struct core *c, const struct core_event *ev)
{
    (void)c, (void)ev;
}

typedef void (*event_fn)(struct core *c, const struct core_event *ev);

static const event_fn message_rules[] = {
    [MSG_HEARTBEAT] = on_beat,
    [MSG_HEALTH] = on_beat,
    [MSG_LOG] = on_log,
    [MSG_SERVICE_FAILED] = on_failed,
    [MSG_SERVICE_CLEARED] = on_cleared,
    [MSG_ACK] = on_ack,
    [MSG_COMMAND_SEEN] = on_command,
    [MSG_GROUP] = on_group,
    [MSG_EVENT] = on_group_event,
    [MSG_INTENT] = on_intent,
    [MSG_CONSOLE_ACK] = on_console_ack,
    [MSG_CONSOLE_ACK_FORGOTTEN] = on_console_ack_forgotten,
    [MSG_PRESENCE] = on_presence,
    [MSG_PRESENCE_GONE] = on_presence_gone,
    [MSG_SYS] = on_sys,
    [MSG_CANARY] = nothing,
};
static_assert(sizeof(message_rules) / sizeof(message_rules[0]) == MSG_KINDS, "a rule per message");

/* ---- time ---- */

static void (*const timer_rules[])(struct core *, struct timer *) = {
    [TIMER_SILENCE] = silence_due,
    [TIMER_ALARM] = alarm_due,
    [TIMER_RECOVERED] = failure_recovered_due,
    [TIMER_FLAP] = reconnect_flap_due,
    [TIMER_COMMAND] = command_due,
    [TIMER_BACK] = watch_due,
    [TIMER_RECOVERY] = recovery_due,
    [TIMER_ROLLOUT] = rollout_due,
    [TIMER_HELD] = sharing_held_due,
    [TIMER_FLOOD] = flood_due,
    [TIMER_LINK] = contact_never_up_due,
    [TIMER_PULSE] = pulse_due,
    [TIMER_GROUP] = pulse_group_due,
    [TIMER_INTENT] = group_intent_due,
    [TIMER_REVIEW] = group_review_due,
    [TIMER_RELEASE] = suppress_review_due,
};
static_assert(sizeof(timer_rules) / sizeof(timer_rules[0]) == TIMER_KINDS, "a rule per timer");

static struct timer *due_in(const struct heap *h, int64_t now)
{
    struct timer *t = heap_first(h);
    return t && t->due <= now ? t : NULL;
}

static void on_tick(struct core *c, const struct core_event *ev)
{
    const int64_t air = air_now(c, ev->now.mono_ms);

    for (unsigned n = 0; n < TIMERS_PER_TICK; n++) {
        struct timer *t = due_in(&c->mono, ev->now.mono_ms);
        if (!t && c->contact.up)
            t = due_in(&c->air, air);
        if (!t)
            return;
        timer_rules[t->kind](c, t);
    }
}

int64_t core_next_due(const struct core *c)
{
    const struct timer *mono = heap_first(&c->mono);
    const struct timer *air = c->contact.up ? heap_first(&c->air) : NULL;
    int64_t due = mono ? mono->due : INT64_MAX;

    if (air && air->due + c->contact.air_offset < due)
        due = air->due + c->contact.air_offset;
    return due;
}

/* ---- events ---- */

static void on_message(struct core *c, const struct core_event *ev)
{
    c->counts.messages++;
    message_rules[ev->u.msg->kind](c, ev);
}

static void on_reject(struct core *c, const struct core_event *ev)
{
    c->counts.messages++;
    ring_reject(c, ev->u.reject.reason, TEXT(ev->u.reject.topic), TEXT(ev->u.reject.detail),
                ev->u.reject.bytes);
}

static void on_link_up(struct core *c, const struct core_event *ev)
{
    contact_up(c, &ev->u.down.why);
}

static void on_link_down(struct core *c, const struct core_event *ev)
{
    contact_down(c, &ev->u.down.why);
}

static void on_snapshot_done(struct core *c, const struct core_event *ev)
{
    contact_snapshot_done(c, ev->u.snapshot.complete);
}

static void on_operator(struct core *c, const struct core_event *ev)
{
    operator_act(c, ev->u.op);
}

static void on_stored(struct core *c, const struct core_event *ev)
{
    outbox_stored(c, ev->u.done.token);
}

static void on_published(struct core *c, const struct core_event *ev)
{
    outbox_published(c, ev->u.done.token, ev->u.done.reason);
}

static void on_clock_jump(struct core *c, const struct core_event *ev)
{
    contact_clock_jump(c, ev->u.jump_ms);
}

static void on_role(struct core *c, const struct core_event *ev)
{
    contact_role(c, ev->u.recorder);
}

static void on_adopted(struct core *c, const struct core_event *ev)
{
    if (ev->u.adopted.said && !sharing_adopted(c, ev->u.adopted.said))
        outbox_drop_adopted(c, ev->u.adopted.row);
    else
        command_adopt(c, ev->u.adopted.command, ev->u.adopted.row);
}

static void on_withdrawn(struct core *c, const struct core_event *ev)
{
    command_withdraw(c, &ev->u.withdrawn);
}

static const event_fn event_rules[] = {
    [IN_MESSAGE] = on_message,     [IN_REJECT] = on_reject,
    [IN_TICK] = on_tick,           [IN_LINK_UP] = on_link_up,
    [IN_LINK_DOWN] = on_link_down, [IN_SNAPSHOT_DONE] = on_snapshot_done,
    [IN_OPERATOR] = on_operator,   [IN_STORED] = on_stored,
    [IN_PUBLISHED] = on_published, [IN_CLOCK_JUMP] = on_clock_jump,
    [IN_ROLE] = on_role,           [IN_ADOPTED] = on_adopted,
    [IN_WITHDRAWN] = on_withdrawn, [IN_ROLLOUT] = rollout_learn,
};
static_assert(sizeof(event_rules) / sizeof(event_rules[0]) == IN_ROLLOUT + 1, "a rule per event");

#define ASLEEP_MS (2 * SECOND_MS)

/* For how long this process has not run although something was due: stopped, or its computer
 * suspended. */
static int64_t asleep(const struct core *c, int64_t now)
{
    const int64_t pause = now - c->now.mono_ms;

    if (!c->started || pause <= ASLEEP_MS)
        return 0;
    const int64_t late = now - core_next_due(c);
    return late < pause ? late : pause;
}

void core_step(struct core *c, const struct core_event *ev, struct effects *out)
{
    const int64_t slept = asleep(c, ev->now.mono_ms);

    core_unbury(c);
    c->out = out;
    c->now = ev->now;
    c->step++;
    c->durable = false;
    if (!c->started) {
        c->started = true;
        contact_start(c);
        outage_start(c);
        alarms_arm_restored(c);
        flood_arm_restored(c);
        commands_arm_restored(c);
    }
    if (slept > ASLEEP_MS)
        contact_slept(c, slept);
    event_rules[ev->kind](c, ev);
    c->out = NULL;
}

const struct core_counts *core_counts(const struct core *c)
{
    return &c->counts;
}

struct now core_now(const struct core *c)
{
    return c->now;
}
