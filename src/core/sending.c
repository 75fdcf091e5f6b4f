/* sending.c - commands as they are issued: stored first, handed over while connected, never after
 * they expire, and never more of them to one client than the lockout allows. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

#define REASON_NO_SUBSCRIBERS 0x10
#define REASON_FAILURES       0x80
#define REASON_NOT_AUTHORIZED 0x87

/* ---- lockout ---- */

/* It reached its device, or may be about to. One that expired unanswered did not: its device was
 * not there. */
static bool counts_for_lockout(const struct command *row)
{
    return row->ack_count > 0 || row->status == COMMAND_COMPLETED || command_is_active[row->status];
}

/* When it was sent, by our own clock. */
static int64_t sent_at(const struct command *row)
{
    if (row->published_at != TIME_NONE)
        return row->published_at;
    if (row->accepted_at != TIME_NONE)
        return row->accepted_at;
    if (row->execution_started_at != TIME_NONE)
        return row->execution_started_at;
    return row->finished_at != TIME_NONE ? row->finished_at : row->issued_at;
}

/* Not less than an hour: the window may be widened by a new configuration. */
int64_t core_lockout_reach(const struct core *c)
{
    const int64_t window = c->config.commands.lockout_window;

    return window > HOUR_MS ? window : HOUR_MS;
}

bool command_may_count(const struct core *c, const struct command *row)
{
    const int64_t at = sent_at(row);

    return at != TIME_NONE && at > c->now.wall_ms - core_lockout_reach(c);
}

static int64_t count_sent_after(const struct core *c, const struct uid *client, int64_t since)
{
    int64_t n = 0;

    for (const struct tracked *t = NULL; (t = command_of_client(c, client, t));)
        n += counts_for_lockout(&t->row) && sent_at(&t->row) > since;
    return n;
}

/* The lockout_max-th newest within the window must have left it: it was sent at the first moment
 * after which fewer were. */
int64_t core_allowed_at(const struct core *c, const struct uid *client)
{
    const int64_t max = c->config.commands.lockout_max, window = c->config.commands.lockout_window;
    int64_t before = c->now.wall_ms - window, at = INT64_MAX - window;

    if (max <= 0 || window <= 0 || count_sent_after(c, client, before) < max)
        return 0;
    while (at - before > 1) {
        const int64_t middle = before + (at - before) / 2;
        if (count_sent_after(c, client, middle) < max)
            at = middle;
        else
            before = middle;
    }
    return at + window;
}

/* ---- issuing ---- */

static bool put_message(struct core *c, const struct command *row, const char *spelling,
                        const char *suffix)
{
    char topic[UID_TEXT + 32] = "infoscreen/", id[UID_TEXT];
    struct buf payload = BUF_INIT;

    strcat(strcat(topic, spelling), suffix);
    uid_format(&row->id, id);
    const bool put = codec_encode_command(row, spelling, &payload) &&
                     outbox_put(c, &(struct outbox_put){.topic = topic,
                                                        .payload = payload.data,
                                                        .len = payload.len,
                                                        .alarm_id = id,
                                                        .expires_at = row->expires_at});
    buf_fini(&payload);
    return put;
}

/* The wire has whole seconds: what we keep is what the device and the other consoles read. */
static struct command row_of(const struct core *c, const struct operator_action *op)
{
    const struct command_order *o = &op->order;
    struct command row = {
        .id = o->id,
        .client = o->client,
        .action = o->action,
        .status = COMMAND_QUEUED,
        .requested_by = op->by,
        .reason = o->reason,
        .rollout_id = o->rollout_id,
        .issued_at = c->now.wall_ms / SECOND_MS * SECOND_MS,
    };

    command_clear_progress(&row);
    TEXT_COPY(&row.action_text, TEXT_OURS(actions[o->action].word));
    row.expires_at = row.issued_at + (o->expires > 0 ? o->expires : c->config.commands.expires);
    return row;
}

static struct device *device_of(struct core *c, const struct command_order *o)
{
    char spelling[UID_TEXT];

    uid_format(&o->client, spelling);
    return fleet_find_or_add(c, &o->client, o->spelling[0] ? o->spelling : spelling);
}

static void tell_override(struct core *c, struct tracked *t)
{
    const struct words words =
        words_of(N_("the lockout was overridden: {1}"), TEXT(t->row.reason), TEXT_EMPTY);

    emit_history(c, &(struct history_note){.kind = EVENT_NOTE,
                                           .command = t,
                                           .by = TEXT(t->row.requested_by),
                                           .summary = &words});
}

static void queue(struct core *c, struct tracked *t, const struct device *d)
{
    command_set_status(c, t, COMMAND_QUEUED);
    if (put_message(c, &t->row, d->row.spelling, "/commands") &&
        (!c->config.commands.alias || put_message(c, &t->row, d->row.spelling, "/command")))
        return;
    t->row.finished_at = c->now.wall_ms;
    command_set_status(c, t, COMMAND_CANCELLED);
    emit_message(c, N_("not sent, no memory is left: close something else"), TEXT_EMPTY,
                 TEXT_EMPTY);
}

void command_refuse(struct core *c, struct tracked *t, enum command_status status)
{
    t->row.finished_at = c->now.wall_ms;
    command_set_status(c, t, status);
}

void command_send(struct core *c, const struct operator_action *op)
{
    const struct command_order *o = &op->order;

    if (uid_is_zero(&o->id) || o->action >= ACTION_OTHER || command_find(c, &o->id))
        return;
    c->durable = true;
    const int64_t allowed_at = core_allowed_at(c, &o->client);
    const struct device *d = device_of(c, o);
    const struct command row = row_of(c, op);
    struct tracked *t = d ? command_add(c, &row) : NULL;
    if (!t) {
        emit_message(c, N_("not sent, no memory is left: close something else"), TEXT_EMPTY,
                     TEXT_EMPTY);
        return;
    }
    t->mine = true;
    if (o->withheld) {
        command_refuse(c, t, COMMAND_CANCELLED);
    } else if (allowed_at > c->now.wall_ms && !o->override_lockout) {
        t->row.allowed_at = allowed_at;
        command_refuse(c, t, COMMAND_BLOCKED);
    } else {
        queue(c, t, d);
        if (allowed_at > c->now.wall_ms)
            tell_override(c, t);
    }
}

/* ---- withdrawing ---- */

bool command_can_be_withdrawn(const struct core *c, const struct tracked *t)
{
    return t->row.status == COMMAND_QUEUED && (!t->mine || outbox_holds_command(c, &t->row.id));
}

void command_cancel(struct core *c, const struct operator_action *op)
{
    struct tracked *t = command_find(c, &op->order.id);

    c->durable = true;
    if (!t) {
        emit_message(c, N_("no such command"), TEXT_EMPTY, TEXT_EMPTY);
    } else if (!command_can_be_withdrawn(c, t)) {
        emit_message(c, N_("it is under way already: a command that was sent cannot be withdrawn"),
                     TEXT_EMPTY, TEXT_EMPTY);
    } else {
        command_refuse(c, t, COMMAND_CANCELLED);
    }
}

void command_withdraw(struct core *c, const struct uid *id)
{
    struct tracked *t = command_find(c, id);

    if (t && t->row.status == COMMAND_QUEUED && outbox_holds_command(c, id))
        command_refuse(c, t, COMMAND_CANCELLED);
}

/* ---- taken over from a process that ended ---- */

static void adopt_command(struct core *c, const struct command *row)
{
    struct tracked *t = command_find(c, &row->id);

    if (!t && !(t = command_add(c, row)))
        return;
    t->mine = true;
    command_arm(c, t);
    command_touch(c, t);
}

void command_adopt(struct core *c, const struct command *row, const struct effect *outbox)
{
    c->durable = true;
    if (row)
        adopt_command(c, row);
    if (outbox && core_restore_outbox(c, outbox))
        outbox_stored(c, outbox->u.publish.token);
}

/* ---- on its way ---- */

bool command_may_go(const struct core *c, const struct uid *id)
{
    const struct tracked *t = command_find(c, id);

    if (!t || t->overdue)
        return false;
    /* A quick device has answered before the alias was told: its other readers still want it. */
    if (t->row.status == COMMAND_COMPLETED || t->row.status == COMMAND_FAILED)
        return c->now.wall_ms < t->row.expires_at;
    return command_is_active[t->row.status] &&
           !(t->expiry.place && t->expiry.due <= c->now.mono_ms);
}

static void tell_not_connected(struct core *c, struct tracked *t)
{
    const struct device *d = fleet_find(c, &t->row.client);
    struct text64 name = {{0}};

    if (t->row.ack_count > 0) /* it answered: it is only not subscribed to the alias */
        return;
    t->row.not_connected = true;
    command_touch(c, t);
    emit_message(c, N_("{1} is not connected: {2} waits for it on the broker, if at all"),
                 d ? client_name(&d->row, &name) : TEXT_EMPTY, command_action(&t->row));
}

static void fail_refused(struct core *c, struct tracked *t, int reason)
{
    static const struct {
        int reason;
        const char *code, *message;
    } rows[] = {
        {REASON_NOT_AUTHORIZED, "not_authorized", "the broker's access rules refuse this"},
        {PUBLISH_HANGS_UP, "not_authorized",
         "the broker closes the connection on this: its access rules refuse it"},
        {PUBLISH_READ_ONLY, "read_only", "this console is read-only"},
        {PUBLISH_UNSENDABLE, "not_sendable", "no broker takes this topic or payload"},
        {INT_MIN, "not_authorized", "the broker refuses this"}, /* any other */
    };
    size_t k = 0;

    while (rows[k].reason != reason && rows[k].reason != INT_MIN)
        k++;
    command_fail(c, t, rows[k].code, rows[k].message);
}

void command_published(struct core *c, const struct uid *id, bool alias, int reason)
{
    struct tracked *t = command_find(c, id);

    if (!t)
        return;
    c->durable = true;
    if (alias) {
        if (reason == REASON_NO_SUBSCRIBERS)
            tell_not_connected(c, t);
        return;
    }
    if (reason >= 0 && reason < REASON_FAILURES)
        command_on_the_wire(c, t);
    else if (t->row.status < COMMAND_ACCEPTED)
        fail_refused(c, t, reason);
}
