/* rollout.c - one command to each of many clients: which of them may go now, when to stop, when it
 * is over. The whole rollout is stored before its first command; a member's command id is derived,
 * so whoever goes on with it releases nothing twice. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

#define MOVES_PER_TICK 100  /* then everything else has its turn */
#define QUEUED_MOST    200u /* their time runs from their release: no more than the wire takes */
#define ABANDONED_MS   (900 * SECOND_MS) /* nobody expects the rest any more */
#define NOT_RELEASED   COMMAND_STATUSES

struct rolling {
    struct rollout row;
    struct timer timer; /* when to look at it again */
    struct rollout_member *members;
    struct membership *memberships; /* one for each, in the table of all */
    uint32_t next;                  /* none before it waits for its release */
    bool mine;                      /* this process drives it */
};

struct membership {
    struct link link;
    struct rolling *of;
};

/* ---- counting ---- */

uint32_t rollout_in_flight(const struct rollout *r)
{
    return r->by_status[COMMAND_QUEUED] + r->by_status[COMMAND_PUBLISHED] +
           r->by_status[COMMAND_ACCEPTED] + r->by_status[COMMAND_EXECUTION_STARTED];
}

uint32_t rollout_failures(const struct rollout *r)
{
    return r->by_status[COMMAND_FAILED] + r->by_status[COMMAND_EXPIRED];
}

static uint32_t left(const struct rollout *r)
{
    return r->total - r->released;
}

static bool is_further(enum command_status known, enum command_status status)
{
    return status != NOT_RELEASED && (known == NOT_RELEASED || known < status);
}

static void set_status(struct core *c, struct rolling *r, uint32_t k, enum command_status status)
{
    struct rollout_member *m = &r->members[k];

    if (m->status == status)
        return;
    if (m->status == NOT_RELEASED)
        r->row.released++;
    else
        r->row.by_status[m->status]--;
    r->row.by_status[status]++;
    m->status = status;
    c->counts.command_generation++;
    c->counts.generation++;
}

/* ---- keeping ---- */

static struct rolling *find(const struct core *c, const struct uid *id)
{
    for (uint32_t i = 0; i < c->rollout_count; i++)
        if (uid_equal(&c->rollouts[i]->row.id, id))
            return c->rollouts[i];
    return NULL;
}

static uint64_t hash_of(const struct uid *command)
{
    return hash_bytes(command->b, sizeof(command->b));
}

static struct membership *find_membership(const struct core *c, const struct uid *command)
{
    struct link *l = table_first(&c->rollout_members, hash_of(command));

    for (; l; l = table_next(l)) {
        struct membership *m = (struct membership *)l;
        if (uid_equal(&m->of->members[m - m->of->memberships].command, command))
            return m;
    }
    return NULL;
}

static bool is_active(const struct rolling *r)
{
    return r->row.state == ROLLOUT_RUNNING || r->row.state == ROLLOUT_STOPPING;
}

static void forget(struct core *c, uint32_t at)
{
    struct rolling *r = c->rollouts[at];

    for (uint32_t k = 0; k < r->row.total; k++)
        table_remove(&c->rollout_members, &r->memberships[k].link);
    heap_forget(&c->mono, &r->timer);
    memmove(&c->rollouts[at], &c->rollouts[at + 1],
            (--c->rollout_count - at) * sizeof(c->rollouts[0]));
    core_bury(c, r->members);
    core_bury(c, r->memberships);
    core_bury(c, r);
}

/* The oldest that is over makes room. */
static bool make_room(struct core *c)
{
    for (uint32_t i = 0; c->rollout_count == ROLLOUTS_KEPT && i < c->rollout_count; i++)
        if (!is_active(c->rollouts[i]))
            forget(c, i);
    return c->rollout_count < ROLLOUTS_KEPT;
}

static struct rolling *rolling_new(struct core *c, const struct rollout *row, uint32_t count)
{
    struct rolling *r = make_room(c) ? core_alloc_timed(c, sizeof(*r)) : NULL;

    if (!r)
        return NULL;
    r->timer.kind = TIMER_ROLLOUT;
    r->row = *row;
    r->row.total = r->row.released = 0;
    memset(r->row.by_status, 0, sizeof(r->row.by_status));
    r->members = core_alloc(c, count * sizeof(*r->members));
    r->memberships = core_alloc(c, count * sizeof(*r->memberships));
    if (r->members && r->memberships) {
        c->rollouts[c->rollout_count++] = r;
        return r;
    }
    c->mono.promised--;
    core_free_now(r->members);
    core_free_now(r->memberships);
    core_free_now(r);
    return NULL;
}

/* A client that was named twice is one member. */
static bool add_member(struct core *c, struct rolling *r, const struct rollout_member *m)
{
    const uint32_t k = r->row.total;

    if (find_membership(c, &m->command))
        return true;
    r->members[k] = *m;
    r->members[k].status = NOT_RELEASED;
    r->memberships[k].of = r;
    if (!table_add(&c->rollout_members, &r->memberships[k].link, hash_of(&m->command)))
        return false;
    r->row.total++;
    if (m->status != NOT_RELEASED)
        set_status(c, r, k, m->status);
    return true;
}

void rollouts_fini(struct core *c)
{
    for (uint32_t i = 0; i < c->rollout_count; i++) {
        core_free_now(c->rollouts[i]->members);
        core_free_now(c->rollouts[i]->memberships);
        core_free_now(c->rollouts[i]);
    }
    free(c->rollout_members.buckets);
}

/* ---- telling ---- */

static void put(struct core *c, const struct rolling *r, bool begins)
{
    struct effect *e = emit(c, OUT_ROLLOUT);

    c->counts.command_generation++;
    c->counts.generation++;
    if (!e)
        return;
    e->durable = true;
    e->u.rollout.row = &r->row;
    e->u.rollout.members = begins ? r->members : NULL;
}

static struct text24 number(uint32_t n)
{
    struct text24 text = {{0}};

    snprintf(text.clean, sizeof(text.clean), "%u", (unsigned)n);
    return text;
}

static void tell(struct core *c, const struct rolling *r, const char *id, struct text by,
                 uint32_t first, uint32_t second)
{
    const struct text24 a = number(first), b = number(second);
    struct words words = words_of(id, TEXT_OURS(actions[r->row.action].word), TEXT(a));

    TEXT_COPY(&words.arg[2], TEXT(b));
    emit_history(c, &(struct history_note){.kind = EVENT_NOTE, .by = by, .summary = &words});
}

static void look_again(struct core *c, struct rolling *r, int64_t in_ms)
{
    if (r->mine && is_active(r))
        heap_set(&c->mono, &r->timer, c->now.mono_ms + in_ms);
}

/* ---- what may happen next ---- */

static bool is_over(const struct core *c, const struct rollout *r)
{
    (void)c;
    return left(r) == 0 && rollout_in_flight(r) == 0;
}

static bool is_stopping(const struct core *c, const struct rollout *r)
{
    (void)c;
    return r->state == ROLLOUT_STOPPING && left(r) > 0;
}

static bool is_all_released(const struct core *c, const struct rollout *r)
{
    (void)c;
    return left(r) == 0;
}

/* A canary that was not carried out, for whatever reason, has proved nothing. */
static bool failed_too_often(const struct core *c, const struct rollout *r)
{
    const bool canaries = r->canary > 0 && r->released <= r->canary;
    const int64_t most = r->max_failures > 0 ? r->max_failures : canaries ? 1 : INT64_MAX;
    const uint32_t refused = r->by_status[COMMAND_BLOCKED] + r->by_status[COMMAND_CANCELLED];

    (void)c;
    return (int64_t)rollout_failures(r) + (canaries ? refused : 0) >= most;
}

static bool has_no_broker(const struct core *c, const struct rollout *r)
{
    (void)r;
    return !c->contact.up;
}

static bool are_canaries_out(const struct core *c, const struct rollout *r)
{
    (void)c;
    return r->canary > 0 && r->released == r->canary && rollout_in_flight(r) > 0;
}

static bool are_lanes_full(const struct core *c, const struct rollout *r)
{
    (void)c;
    return r->parallel > 0 && rollout_in_flight(r) >= r->parallel;
}

static bool is_queue_full(const struct core *c, const struct rollout *r)
{
    (void)c;
    return r->by_status[COMMAND_QUEUED] >= QUEUED_MOST;
}

static bool always(const struct core *c, const struct rollout *r)
{
    (void)c, (void)r;
    return true;
}

enum move { MOVE_WAIT, MOVE_END, MOVE_WITHHOLD, MOVE_STOP, MOVE_RELEASE };

/* The first that holds decides. */
static const struct {
    bool (*holds)(const struct core *c, const struct rollout *r);
    enum move move;
} rules[] = {
    {is_over, MOVE_END},           {is_stopping, MOVE_WITHHOLD}, {is_all_released, MOVE_WAIT},
    {failed_too_often, MOVE_STOP}, {has_no_broker, MOVE_WAIT},   {are_canaries_out, MOVE_WAIT},
    {are_lanes_full, MOVE_WAIT},   {is_queue_full, MOVE_WAIT},   {always, MOVE_RELEASE},
};

static enum move next_move(const struct core *c, const struct rollout *r)
{
    size_t k = 0;

    while (!rules[k].holds(c, r))
        k++;
    return rules[k].move;
}

/* ---- moves ---- */

/* False: no memory, later. */
static bool release(struct core *c, struct rolling *r, bool withheld)
{
    struct operator_action op = {
        .verb = OP_SEND, .by = r->row.requested_by, .shelve_until_at = TIME_NONE};

    while (r->members[r->next].status != NOT_RELEASED)
        r->next++;
    const struct rollout_member *m = &r->members[r->next];
    op.order = (struct command_order){
        .id = m->command,
        .client = m->client,
        .action = r->row.action,
        .reason = r->row.reason,
        .expires = r->row.expires,
        .override_lockout = r->row.override_lockout,
        .withheld = withheld,
    };
    memcpy(op.order.spelling, m->spelling, sizeof(op.order.spelling));
    uid_format(&r->row.id, op.order.rollout_id.clean);
    command_send(c, &op);
    return m->status != NOT_RELEASED;
}

static void stop(struct core *c, struct rolling *r, struct text by)
{
    r->row.state = ROLLOUT_STOPPING;
    TEXT_COPY(&r->row.stopped_by, by);
    put(c, r, false);
    tell(c, r, N_("the rollout of {1} is stopped, {2} clients are left out: {3} have failed"), by,
         left(&r->row), rollout_failures(&r->row));
}

static void finish(struct core *c, struct rolling *r)
{
    r->row.state = r->row.state == ROLLOUT_STOPPING ? ROLLOUT_STOPPED : ROLLOUT_DONE;
    r->row.ended_at = c->now.wall_ms;
    put(c, r, false);
    tell(c, r, N_("the rollout of {1} is over: {2} completed, {3} failed"),
         TEXT(r->row.requested_by), r->row.by_status[COMMAND_COMPLETED], rollout_failures(&r->row));
}

void rollout_due(struct core *c, struct timer *timer)
{
    struct rolling *r = CONTAINER(timer, struct rolling, timer);
    bool released = false;

    heap_remove(&c->mono, timer);
    c->durable = true;
    for (int n = 0; n < MOVES_PER_TICK && is_active(r); n++) {
        const enum move move = next_move(c, &r->row);
        if (move == MOVE_WAIT)
            break;
        if (move == MOVE_END)
            finish(c, r);
        else if (move == MOVE_STOP)
            stop(c, r, TEXT_EMPTY);
        else if (release(c, r, move == MOVE_WITHHOLD))
            released = true;
        else
            break;
    }
    if (released) {
        r->row.active_at = c->now.wall_ms;
        put(c, r, false);
    }
    if (is_active(r) && next_move(c, &r->row) != MOVE_WAIT)
        look_again(c, r, released ? 1 : SECOND_MS);
}

/* ---- what happens to it ---- */

/* A command that is no longer in memory begins anew with a late ack: its member does not go back. */
void rollout_note(struct core *c, struct tracked *t)
{
    const struct membership *m = c->rollout_members.count ? find_membership(c, &t->row.id) : NULL;

    if (!m)
        return;
    if (!t->row.rollout_id.clean[0]) /* the wire does not say it */
        uid_format(&m->of->row.id, t->row.rollout_id.clean);
    const uint32_t k = (uint32_t)(m - m->of->memberships);
    if (is_further(m->of->members[k].status, t->row.status))
        set_status(c, m->of, k, t->row.status);
    look_again(c, m->of, 0);
}

void rollouts_go_on(struct core *c)
{
    for (uint32_t i = 0; i < c->rollout_count; i++)
        look_again(c, c->rollouts[i], 0);
}

static void derive_command(const struct uid *rollout, const struct uid *client, struct uid *out)
{
    uint8_t both[2 * sizeof(struct uid)];

    memcpy(both, rollout->b, sizeof(rollout->b));
    memcpy(both + sizeof(rollout->b), client->b, sizeof(client->b));
    uid_derive(both, sizeof(both), out);
}

static struct rollout row_of(const struct core *c, const struct operator_action *op)
{
    const struct rollout_order *o = &op->rollout;

    return (struct rollout){
        .id = o->id,
        .action = o->action,
        .requested_by = op->by,
        .reason = o->reason,
        .began_at = c->now.wall_ms,
        .active_at = c->now.wall_ms,
        .ended_at = TIME_NONE,
        .expires = o->expires,
        .parallel = o->parallel,
        .canary = o->canary,
        .max_failures = o->max_failures,
        .override_lockout = o->override_lockout,
    };
}

void rollout_begin(struct core *c, const struct operator_action *op)
{
    const struct rollout_order *o = &op->rollout;

    if (uid_is_zero(&o->id) || o->action >= ACTION_OTHER || !o->count || find(c, &o->id))
        return;
    if (!make_room(c)) {
        const struct text24 most = number(ROLLOUTS_KEPT);
        emit_message(c, N_("not sent, {1} rollouts are under way: stop one, or wait for an end"),
                     TEXT(most), TEXT_EMPTY);
        return;
    }
    c->durable = true;
    const struct rollout row = row_of(c, op);
    struct rolling *r = rolling_new(c, &row, o->count);
    bool added = r != NULL;
    for (uint32_t i = 0; added && i < o->count; i++) {
        struct rollout_member m = {.client = o->targets[i].client, .status = NOT_RELEASED};
        memcpy(m.spelling, o->targets[i].spelling, sizeof(m.spelling));
        derive_command(&o->id, &m.client, &m.command);
        added = add_member(c, r, &m);
    }
    if (!added) {
        if (r)
            forget(c, c->rollout_count - 1);
        emit_message(c, N_("not sent, no memory is left: close something else"), TEXT_EMPTY,
                     TEXT_EMPTY);
        return;
    }
    r->mine = true;
    put(c, r, true);
    tell(c, r, N_("{1} is rolled out to {2} clients"), TEXT(op->by), r->row.total, 0);
    look_again(c, r, 0);
}

/* What waits here for the broker can still be withdrawn. */
static bool withdraw_queued(struct core *c, struct rolling *r)
{
    bool any = false;

    for (uint32_t k = 0; k < r->row.total && r->row.by_status[COMMAND_QUEUED] > 0; k++) {
        struct tracked *t =
            r->members[k].status == COMMAND_QUEUED ? command_find(c, &r->members[k].command) : NULL;
        if (!t || !t->mine || !command_can_be_withdrawn(c, t))
            continue;
        command_refuse(c, t, COMMAND_CANCELLED);
        any = true;
    }
    return any;
}

void rollout_stop(struct core *c, const struct operator_action *op)
{
    struct rolling *r = find(c, &op->rollout.id);

    c->durable = true;
    if (!r) {
        emit_message(c, N_("no such rollout"), TEXT_EMPTY, TEXT_EMPTY);
    } else if (r->row.state != ROLLOUT_RUNNING || is_over(c, &r->row)) {
        emit_message(c, N_("this rollout is stopped or over already"), TEXT_EMPTY, TEXT_EMPTY);
    } else if ((r->mine && withdraw_queued(c, r)) || left(&r->row) > 0) {
        stop(c, r, TEXT(op->by));
        look_again(c, r, 0);
    } else {
        emit_message(c, N_("it is under way already: a command that was sent cannot be withdrawn"),
                     TEXT_EMPTY, TEXT_EMPTY);
    }
}

/* ---- from the database ---- */

static struct rolling *restore(struct core *c, const struct rollout *row,
                               const struct rollout_member *members)
{
    struct rolling *r = rolling_new(c, row, row->total);

    for (uint32_t k = 0; r && k < row->total; k++) {
        if (!add_member(c, r, &members[k])) {
            forget(c, c->rollout_count - 1);
            return NULL;
        }
        struct tracked *t = command_find(c, &members[k].command);
        if (t)
            rollout_note(c, t);
    }
    return r;
}

bool core_restore_rollout(struct core *c, const struct rollout *row,
                          const struct rollout_member *members)
{
    return find(c, &row->id) || restore(c, row, members);
}

/* Each of the two may know more than the other. */
static void merge(struct core *c, struct rolling *r, const struct rollout *row,
                  const struct rollout_member *members)
{
    for (uint32_t k = 0; k < row->total && k < r->row.total; k++)
        if (is_further(r->members[k].status, members[k].status))
            set_status(c, r, k, members[k].status);
    if (row->state <= r->row.state)
        return;
    r->row.state = row->state;
    r->row.stopped_by = row->stopped_by;
    r->row.ended_at = row->ended_at;
    c->counts.generation++;
    if (r->mine)
        withdraw_queued(c, r);
}

/* Whoever drove it has ended. What is too old by now nobody expects. */
static void take_over(struct core *c, struct rolling *r)
{
    const int64_t expires = r->row.expires > 0 ? r->row.expires : c->config.commands.expires;

    r->mine = true;
    if (r->row.state == ROLLOUT_RUNNING && left(&r->row) > 0 &&
        c->now.wall_ms - r->row.active_at > ABANDONED_MS + expires)
        stop(c, r, TEXT_EMPTY);
}

void rollout_learn(struct core *c, const struct core_event *ev)
{
    const struct rollout *row = ev->u.rollout.row;
    struct rolling *r = find(c, &row->id);

    c->durable = true;
    if (r)
        merge(c, r, row, ev->u.rollout.members);
    else
        r = restore(c, row, ev->u.rollout.members);
    if (!r)
        return; /* no memory: counted */
    if (ev->u.rollout.ours && is_active(r) && !r->mine)
        take_over(c, r);
    look_again(c, r, 0);
}

/* ---- reading ---- */

uint32_t core_rollout_count(const struct core *c)
{
    return c->rollout_count;
}

const struct rollout *core_rollout(const struct core *c, uint32_t k)
{
    for (int active = 1; active >= 0; active--)
        for (uint32_t i = c->rollout_count; i > 0; i--)
            if (is_active(c->rollouts[i - 1]) == active && k-- == 0)
                return &c->rollouts[i - 1]->row;
    return NULL;
}

const struct rollout *core_find_rollout(const struct core *c, const struct uid *id)
{
    const struct rolling *r = find(c, id);
    return r ? &r->row : NULL;
}

const struct rollout_member *core_rollout_member(const struct core *c, const struct uid *rollout,
                                                 uint32_t k)
{
    const struct rolling *r = find(c, rollout);
    return r && k < r->row.total ? &r->members[k] : NULL;
}
