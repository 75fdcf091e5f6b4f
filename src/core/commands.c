/* commands.c - commands as they are observed: seen on their topic, acknowledged by the device,
 * expired. A status has a rank and never goes back, so every order of arrival ends the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

static const struct status_row {
    bool result; /* the device's last word */
    enum event_kind event;
    const char *words; /* {1} client, {2} action or error */
} statuses[] = {
    [COMMAND_QUEUED] = {false, EVENT_COMMAND_QUEUED, N_("{2} for {1} is queued")},
    [COMMAND_CANCELLED] = {false, EVENT_COMMAND_CANCELLED, N_("{2} for {1} was withdrawn")},
    [COMMAND_PUBLISHED] = {false, EVENT_COMMAND_PUBLISHED, N_("{2} was sent to {1}")},
    [COMMAND_ACCEPTED] = {false, EVENT_COMMAND_ACCEPTED, N_("{1} accepted {2}")},
    [COMMAND_EXECUTION_STARTED] = {false, EVENT_COMMAND_EXECUTION_STARTED,
                                   N_("{1} has begun {2}")},
    [COMMAND_EXPIRED] = {false, EVENT_COMMAND_EXPIRED, N_("{2} for {1} has expired")},
    [COMMAND_COMPLETED] = {true, EVENT_COMMAND_COMPLETED, N_("{1} completed {2}")},
    [COMMAND_FAILED] = {true, EVENT_COMMAND_FAILED, N_("{1} failed at {2}: {3}")},
    [COMMAND_BLOCKED] = {false, EVENT_COMMAND_BLOCKED, N_("{2} for {1} was blocked")},
};
static_assert(sizeof(statuses) / sizeof(statuses[0]) == COMMAND_STATUSES, "a row per status");

const bool command_is_active[COMMAND_STATUSES] = {
    [COMMAND_QUEUED] = true,
    [COMMAND_PUBLISHED] = true,
    [COMMAND_ACCEPTED] = true,
    [COMMAND_EXECUTION_STARTED] = true,
};

void command_clear_progress(struct command *c)
{
    c->published_at = c->accepted_at = c->execution_started_at = TIME_NONE;
    c->finished_at = c->allowed_at = TIME_NONE;
    c->ack_count = 0;
    c->late = false;
}

/* ---- keeping ---- */

struct tracked *command_find(const struct core *c, const struct uid *id)
{
    struct link *l = table_first(&c->commands, hash_bytes(id->b, sizeof(id->b)));

    for (; l; l = table_next(l)) {
        struct tracked *t = (struct tracked *)l;
        if (uid_equal(&t->row.id, id))
            return t;
    }
    return NULL;
}

static uint64_t hash_of_client(const struct uid *client)
{
    return hash_bytes(client->b, sizeof(client->b));
}

struct tracked *command_of_client(const struct core *c, const struct uid *client,
                                  const struct tracked *t)
{
    struct link *l = t ? table_next(&t->of_client)
                       : table_first(&c->commands_of_client, hash_of_client(client));

    for (; l; l = table_next(l)) {
        struct tracked *found = CONTAINER(l, struct tracked, of_client);
        if (uid_equal(&found->row.client, client))
            return found;
    }
    return NULL;
}

static bool list_make_room(struct core *c)
{
    if (c->commands.count < c->command_room)
        return true;
    const uint32_t room = c->command_room ? 2 * c->command_room : 64;
    struct tracked **list = realloc(c->command_list, room * sizeof(struct tracked *));
    if (!list)
        return false;
    c->command_list = list;
    if (!ranking_make_room(c, room))
        return false;
    c->command_room = room;
    return true;
}

static void append_ended(struct core *c, struct tracked *t)
{
    t->next_ended = NULL;
    t->ended_at = c->ended_end;
    *c->ended_end = t;
    c->ended_end = &t->next_ended;
}

static void remove_ended(struct core *c, struct tracked *t)
{
    *t->ended_at = t->next_ended;
    if (t->next_ended)
        t->next_ended->ended_at = t->ended_at;
    else
        c->ended_end = t->ended_at;
}

static void count(struct core *c, struct tracked *t, int by)
{
    if (command_is_active[t->row.status]) {
        c->counts.commands_active += (uint32_t)by;
        fleet_count_command(c, &t->row.client, by);
    } else if (by > 0) {
        append_ended(c, t);
    } else {
        remove_ended(c, t);
    }
}

/* Before its status changes and after. */
static void take_out(struct core *c, struct tracked *t)
{
    count(c, t, -1);
    ranking_remove(c, t);
}

static void put_in(struct core *c, struct tracked *t)
{
    count(c, t, +1);
    ranking_add(c, t);
}

static void forget(struct core *c, struct tracked *t)
{
    take_out(c, t);
    watch_end(c, t);
    heap_forget(&c->mono, &t->expiry);
    heap_forget(&c->air, &t->back);
    table_remove(&c->commands, &t->link);
    table_remove(&c->commands_of_client, &t->of_client);
    struct tracked *last = c->command_list[c->commands.count];
    c->command_list[t->index] = last;
    last->index = t->index;
    c->counts.command_generation++;
    core_bury(c, t);
}

/* The database keeps them all; in memory those that ended first make room, once no lockout counts
 * them any more. */
static void make_room(struct core *c)
{
    while (c->ended && c->commands.count >= COMMANDS_KEPT &&
           (c->commands.count >= COMMANDS_MOST || !command_may_count(c, &c->ended->row)))
        forget(c, c->ended);
}

struct tracked *command_add(struct core *c, const struct command *row)
{
    make_room(c);
    struct tracked *t = core_alloc(c, sizeof(*t));
    if (!t)
        return NULL;
    if (!list_make_room(c) || !heap_promise(&c->mono))
        goto fail;
    if (!heap_promise(&c->air)) {
        c->mono.promised--;
        goto fail;
    }
    t->row = *row;
    t->expiry.kind = TIMER_COMMAND;
    t->back.kind = TIMER_BACK;
    t->index = c->commands.count;
    t->order = ++c->command_order;
    if (!table_add(&c->commands, &t->link, hash_bytes(row->id.b, sizeof(row->id.b)))) {
        c->mono.promised--;
        c->air.promised--;
        goto fail;
    }
    if (!table_add(&c->commands_of_client, &t->of_client, hash_of_client(&row->client))) {
        table_remove(&c->commands, &t->link);
        c->mono.promised--;
        c->air.promised--;
        goto fail;
    }
    c->command_list[t->index] = t;
    put_in(c, t);
    rollout_note(c, t);
    return t;
fail:
    c->counts.no_memory++;
    core_free_now(t);
    return NULL;
}

void commands_fini(struct core *c)
{
    for (uint32_t i = 0; i < c->commands.count; i++)
        core_free_now(c->command_list[i]);
    free(c->command_list);
    ranking_fini(c);
    free(c->commands.buckets);
    free(c->commands_of_client.buckets);
}

/* ---- changes ---- */

void command_touch(struct core *c, struct tracked *t)
{
    c->counts.command_generation++;
    c->counts.generation++;
    if (t->put_step == c->step)
        return;
    struct effect *e = emit(c, OUT_COMMAND);
    if (e) {
        e->u.command = &t->row;
        e->durable = true;
        t->put_step = c->step;
    }
}

struct text command_action(const struct command *row)
{
    return row->action_text.clean[0] ? TEXT(row->action_text)
                                     : TEXT_OURS(actions[row->action].word);
}

/* Converted from wall time once, when learned: a clock that jumps later expires nothing. */
void command_arm(struct core *c, struct tracked *t)
{
    if (!c->started || !command_is_active[t->row.status]) {
        heap_remove(&c->mono, &t->expiry);
        return;
    }
    if (t->expiry.place)
        return;
    int64_t left = c->config.commands.expires;
    if (t->row.expires_at != TIME_NONE)
        left = t->row.expires_at - c->now.wall_ms;
    heap_set(&c->mono, &t->expiry, c->now.mono_ms + (left > 0 ? left : 0));
}

/* Why it failed, as its device says it best: in words, else its code, else not at all. */
static struct text failure(const struct command *row)
{
    return row->error_message.clean[0] ? TEXT(row->error_message) : TEXT(row->error_code);
}

static void tell(struct core *c, struct tracked *t, enum command_status status)
{
    const struct device *d = fleet_find(c, &t->row.client);
    struct text64 name = {{0}};
    struct words summary = words_of(
        statuses[status].words, d ? client_name(&d->row, &name) : TEXT_EMPTY, command_action(&t->row));

    if (status == COMMAND_FAILED) {
        if (text_is_empty(failure(&t->row)))
            summary.id = N_("{1} failed at {2}");
        TEXT_COPY(&summary.arg[2], failure(&t->row));
    }
    emit_history(c, &(struct history_note){.kind = statuses[status].event,
                                           .command = t,
                                           .by = TEXT(t->row.requested_by),
                                           .summary = &summary});
}

void command_set_status(struct core *c, struct tracked *t, enum command_status status)
{
    take_out(c, t);
    t->row.status = status;
    put_in(c, t);
    if (!command_is_active[status])
        t->overdue = false;
    if (!command_is_active[status] && !statuses[status].result)
        outbox_drop_command(c, &t->row.id);
    command_touch(c, t);
    tell(c, t, status);
    command_arm(c, t);
    watch_status(c, t, status);
    rollout_note(c, t);
}

/* The acks may overtake the word of the publishing (two connections, two topics): the history
 * has it all the same, the status stays. */
void command_on_the_wire(struct core *c, struct tracked *t)
{
    const bool first = t->row.published_at == TIME_NONE;

    if (first) {
        t->row.published_at = c->now.wall_ms;
        command_touch(c, t);
    }
    if (t->row.status < COMMAND_PUBLISHED)
        command_set_status(c, t, COMMAND_PUBLISHED);
    else if (first && t->row.status > COMMAND_PUBLISHED)
        tell(c, t, COMMAND_PUBLISHED);
}

static void set_first(int64_t *at, int64_t now)
{
    if (*at == TIME_NONE)
        *at = now;
}

static void raise_failed(struct core *c, const struct tracked *t)
{
    const struct device *d = fleet_find(c, &t->row.client);
    char subject[UID_TEXT];
    struct text64 name = {{0}};

    uid_format(&t->row.id, subject);
    struct standing *a = alarm_get(c, ALARM_COMMAND_FAILED, TEXT_OURS(subject), &t->row.client);
    if (!a)
        return;
    if (d)
        TEXT_COPY(&a->row.group, TEXT(d->row.group));
    const char *id = text_is_empty(failure(&t->row)) ? N_("a command to {1} failed")
                                                     : alarm_kind_raised(ALARM_COMMAND_FAILED);
    const struct words why =
        words_of(id, d ? client_name(&d->row, &name) : TEXT_EMPTY, failure(&t->row));
    alarm_condition(c, a, true, &why);
}

void command_fail(struct core *c, struct tracked *t, const char *code, const char *message)
{
    TEXT_COPY(&t->row.error_code, TEXT_OURS(code));
    TEXT_COPY(&t->row.error_message, TEXT_OURS(message));
    set_first(&t->row.finished_at, c->now.wall_ms);
    command_set_status(c, t, COMMAND_FAILED);
    outbox_drop_command(c, &t->row.id);
    raise_failed(c, t);
}

/* ---- messages ---- */

static void forged(struct core *c, const struct msg *m, const struct uid *command)
{
    char id[UID_TEXT];
    struct text160 topic = {{0}};

    uid_format(command, id);
    strcat(strcat(strcpy(topic.clean, "infoscreen/"), m->spelling),
           m->kind == MSG_ACK ? "/commands/ack" : "/commands");
    ring_reject(c, REJECT_FORGED, TEXT(topic), TEXT_OURS(id), 0);
}

void command_seen(struct core *c, const struct msg *m)
{
    const struct command *seen = &m->u.seen.command;
    struct tracked *t = command_find(c, &seen->id);

    if (m->snapshot) {
        /* A retained command is carried out again at every start of its device. */
        emit_message(c, N_("a stored command lies on the broker for {1}: clear it"),
                     TEXT_OURS(m->spelling), TEXT_EMPTY);
        struct text160 topic = {{0}};
        strcat(strcat(strcpy(topic.clean, "infoscreen/"), m->spelling), "/commands");
        ring_reject(c, REJECT_STORED, TEXT(topic), TEXT_EMPTY, 0);
        return;
    }
    if (t && !uid_equal(&t->row.client, &m->client)) {
        forged(c, m, &seen->id);
        return;
    }
    if (!fleet_find_or_add(c, &m->client, m->spelling))
        return;
    if (t && t->row.action == ACTION_OTHER && !t->row.action_text.clean[0]) {
        /* An ack told of it before; now we know what it was. */
        t->row.action = seen->action;
        t->row.action_text = seen->action_text;
        t->row.requested_by = seen->requested_by;
        t->row.reason = seen->reason;
        t->row.issued_at = seen->issued_at;
        t->row.expires_at = seen->expires_at;
        heap_remove(&c->mono, &t->expiry);
        command_arm(c, t);
        command_touch(c, t);
    }
    /* The copy of our own: `published` waits for the broker's word to us. */
    if (t && t->mine && t->row.status == COMMAND_QUEUED)
        return;
    if (t) {
        command_on_the_wire(c, t);
        return;
    }
    struct command row = *seen;
    row.client = m->client;
    row.status = COMMAND_QUEUED;
    row.foreign = true;
    command_clear_progress(&row);
    t = command_add(c, &row);
    if (t)
        command_on_the_wire(c, t);
}

/* Acked, but nobody saw it issued: the device knows more than we do. */
static struct tracked *add_unknown(struct core *c, const struct msg *m)
{
    struct command row = {
        .id = m->u.ack.command,
        .client = m->client,
        .action = ACTION_OTHER,
        .status = COMMAND_QUEUED,
        .issued_at = TIME_NONE,
        .expires_at = TIME_NONE,
        .foreign = true,
    };

    command_clear_progress(&row);
    return command_add(c, &row);
}

static bool note_ack(struct core *c, struct tracked *t, const struct msg *m)
{
    struct command *row = &t->row;

    for (uint8_t i = 0; i < row->ack_count; i++)
        if (row->acks[i].status == m->u.ack.status && row->acks[i].topic == m->u.ack.topic)
            return false;
    if (row->ack_count == COMMAND_ACKS)
        return false;
    row->acks[row->ack_count++] = (struct command_ack){
        .status = m->u.ack.status, .topic = m->u.ack.topic, .received_at = c->now.wall_ms};
    command_touch(c, t);
    return true;
}

/* Is it the first time that the device says so? */
static bool note_time(struct core *c, struct command *row, enum command_status status)
{
    int64_t *at = status == COMMAND_ACCEPTED            ? &row->accepted_at
                  : status == COMMAND_EXECUTION_STARTED ? &row->execution_started_at
                                                        : &row->finished_at;
    /* When it expired was not its end after all. */
    const bool replaces = statuses[status].result && row->status == COMMAND_EXPIRED;
    const bool first = *at == TIME_NONE || replaces;

    if (first)
        *at = c->now.wall_ms;
    return first;
}

static bool is_late(const struct core *c, const struct tracked *t)
{
    return t->row.status == COMMAND_EXPIRED || t->overdue ||
           (t->expiry.place && t->expiry.due <= c->now.mono_ms);
}

void command_ack(struct core *c, const struct msg *m)
{
    const enum command_status status = m->u.ack.status;
    struct tracked *t = command_find(c, &m->u.ack.command);

    if (t && !uid_equal(&t->row.client, &m->client)) {
        forged(c, m, &m->u.ack.command);
        return;
    }
    struct device *d = fleet_find_or_add(c, &m->client, m->spelling);
    if (!d)
        return;
    fleet_first_seen(c, d);
    if (!t)
        t = add_unknown(c, m);
    if (!t || !note_ack(c, t, m))
        return;
    const bool first = note_time(c, &t->row, status);
    if (status == COMMAND_FAILED && t->row.status != COMMAND_FAILED) {
        t->row.error_code = m->u.ack.error_code;
        t->row.error_message = m->u.ack.error_message;
    }
    if (status <= t->row.status) {
        if (first && !statuses[status].result)
            tell(c, t, status); /* an overtaken step belongs to the story, too */
        return;
    }
    if (statuses[status].result && is_late(c, t))
        t->row.late = true;
    if (status == COMMAND_COMPLETED) /* what expiry had guessed */
        t->row.error_code.clean[0] = t->row.error_message.clean[0] = '\0';
    command_set_status(c, t, status);
    if (status == COMMAND_FAILED)
        raise_failed(c, t);
}

/* ---- expiry: the recorder's ---- */

static void expire(struct core *c, struct tracked *t)
{
    watch_explain_expiry(c, t);
    set_first(&t->row.finished_at, c->now.wall_ms);
    command_set_status(c, t, COMMAND_EXPIRED);
}

void command_due(struct core *c, struct timer *timer)
{
    struct tracked *t = CONTAINER(timer, struct tracked, expiry);

    heap_remove(&c->mono, timer);
    if (t->row.status == COMMAND_QUEUED && !t->mine)
        forget(c, t); /* whoever holds it sees to its end; the database knows of it */
    else if (c->recorder || t->mine)
        expire(c, t);
    else
        t->overdue = true;
}

void commands_sweep(struct core *c)
{
    for (uint32_t i = 0; i < c->commands.count; i++)
        if (c->command_list[i]->overdue)
            expire(c, c->command_list[i]);
}

void commands_arm_restored(struct core *c)
{
    /* What was taken over from a process that ended is ours to end, too. */
    for (const struct outbox_row *r = c->outbox; r; r = r->next) {
        struct tracked *t = r->of_command ? command_find(c, &r->command) : NULL;
        if (t)
            t->mine = true;
    }
    for (uint32_t i = 0; i < c->commands.count; i++)
        command_arm(c, c->command_list[i]);
    for (uint32_t i = 0; i < c->commands.count; i++)
        watch_restore(c, c->command_list[i]);
}

/* ---- restoring and reading ---- */

bool core_restore_command(struct core *c, const struct command *row)
{
    struct tracked *t = command_find(c, &row->id);

    if (t) {
        take_out(c, t);
        t->row = *row;
        put_in(c, t);
        rollout_note(c, t);
    } else {
        t = command_add(c, row);
    }
    c->counts.command_generation++;
    c->counts.generation++;
    return t != NULL;
}

uint32_t core_command_count(const struct core *c)
{
    return c->commands.count;
}

const struct command *core_find_command(const struct core *c, const struct uid *id)
{
    const struct tracked *t = command_find(c, id);
    return t ? &t->row : NULL;
}
