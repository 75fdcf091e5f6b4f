/* recovery.c - a client that crashed or failed is restarted without a person: once for each time it
 * did, after a while, within the lockout and the fleet's budget, by one recorder of all. */
#include <string.h>

#include "core/core_internal.h"

#define LOOK_MS     SECOND_MS
#define PRESENCE_MS (5 * SECOND_MS) /* after the recorders last changed */

/* Who asks for it, on the wire and in the database: how other recorders know it from a person's. */
#define REQUESTED_BY "auto-recovery"

static bool is_ill(const struct device *d)
{
    return d->row.crashed || d->row.failed;
}

static void look_soon(struct core *c)
{
    if (!c->recovery_timer.place && c->config.recovery.enabled)
        heap_set(&c->mono, &c->recovery_timer, c->now.mono_ms + LOOK_MS);
}

void recovery_note(struct core *c, struct device *d, int64_t mark)
{
    if (!is_ill(d)) {
        d->ill_mono = INT64_MIN;
        return;
    }
    if (d->ill_mono == INT64_MIN) {
        d->ill_mono = c->now.mono_ms;
        d->ill_at = c->now.wall_ms;
        d->ill_mark = mark;
        d->recovery_said = NULL;
    }
    look_soon(c);
}

void recovery_begin(struct core *c)
{
    c->presence_mono = c->now.mono_ms;
    look_soon(c);
}

/* Of those that stood when this process began the age is the database's. */
static void note_restored(struct core *c, struct device *d)
{
    if (d->ill_mono != INT64_MIN)
        return;
    const int64_t age =
        d->row.state_since_at == TIME_NONE ? 0 : c->now.wall_ms - d->row.state_since_at;
    d->ill_mono = c->now.mono_ms - (age > 0 ? age : 0);
    d->ill_at = d->row.state_since_at == TIME_NONE ? c->now.wall_ms : d->row.state_since_at;
    d->ill_mark = TIME_NONE;
}

/* ---- may it be ---- */

static bool is_recovery(const struct command *row)
{
    return strcmp(row->requested_by.clean, REQUESTED_BY) == 0;
}

static bool was_tried(const struct core *c, const struct device *d)
{
    for (const struct tracked *t = NULL; (t = command_of_client(c, &d->row.id, t));) {
        const int64_t at =
            t->row.published_at != TIME_NONE ? t->row.published_at : t->row.issued_at;
        if (is_recovery(&t->row) && at != TIME_NONE && at + SECOND_MS > d->ill_at)
            return true;
    }
    return false;
}

static bool is_budget_spent(const struct core *c)
{
    int64_t n = 0;

    for (uint32_t i = 0; i < c->commands.count; i++) {
        const struct command *row = &c->command_list[i]->row;
        const int64_t at = row->published_at != TIME_NONE ? row->published_at : row->issued_at;
        n += is_recovery(row) && at != TIME_NONE && at > c->now.wall_ms - HOUR_MS;
    }
    return n >= c->config.recovery.max_per_hour;
}

/* Among several hosts' recorders the lowest id acts … */
static bool is_left_to_another(const struct core *c)
{
    for (uint32_t i = 0; i < c->console_count; i++) {
        const struct console_seen *o = &c->consoles[i];
        if (o->recovery && strcmp(o->role.clean, "recorder") == 0 &&
            strcmp(o->key.clean, c->presence_key.clean) < 0)
            return true;
    }
    return false;
}

/* … once their set has been the same for a while. */
static bool is_set_unsettled(const struct core *c)
{
    return c->now.mono_ms - c->presence_mono < PRESENCE_MS;
}

/* NULL: it may; "": not now, without a word. */
static const char *objection(const struct core *c, const struct device *d)
{
    if (is_set_unsettled(c))
        return "";
    if (is_left_to_another(c))
        return N_("{1} is not restarted from here: another host's recorder does it");
    if (d->row.commands_in_flight > 0)
        return N_("{1} is not restarted: a command to it is under way");
    if (d->row.silent)
        return N_("{1} is not restarted: it is silent and would not hear");
    if (outage_concerns(c, d))
        return N_("{1} is not restarted: it is not alone, its group or the broker is out");
    if (core_allowed_at(c, &d->row.id) > c->now.wall_ms)
        return N_("{1} is not restarted: it had too many commands lately");
    if (is_budget_spent(c))
        return N_("{1} is not restarted: too many were in the last hour");
    return NULL;
}

/* ---- doing it ---- */

static void say(struct core *c, struct device *d, const char *id, struct text detail)
{
    struct text64 name;
    const struct words words = words_of(id, client_name(&d->row, &name), detail);

    emit_history(c, &(struct history_note){.kind = EVENT_RECOVERY, .device = d, .summary = &words});
    emit_message(c, id, client_name(&d->row, &name), detail);
}

/* From what every recorder sees alike, so that two of them send the same command. */
static void derive_id(const struct device *d, enum action action, const char *mark, struct uid *out)
{
    char text[UID_TEXT + 160];
    const char *word = actions[action].word;
    size_t n = UID_TEXT;

    uid_format(&d->row.id, text);
    memcpy(text + n, word, strlen(word) + 1);
    n += strlen(word) + 1;
    memcpy(text + n, mark, strlen(mark));
    uid_derive(text, n + strlen(mark), out);
}

static void recover(struct core *c, struct device *d)
{
    const int found = vocabulary_find(actions, ACTION_OTHER, c->config.recovery.action);
    const struct standing *a =
        d->row.failed ? alarm_of_device(c, d, ALARM_SERVICE_FAILED, false) : NULL;
    struct operator_action op = {.verb = OP_SEND, .shelve_until_at = TIME_NONE};
    char mark[ISO_SIZE];

    if (found < 0)
        return;
    time_iso(d->ill_mark != TIME_NONE ? d->ill_mark : d->ill_at, mark);
    derive_id(d, (enum action)found, a ? a->row.mark.clean : mark, &op.order.id);
    if (command_find(c, &op.order.id))
        return;
    op.order.client = d->row.id;
    memcpy(op.order.spelling, d->row.spelling, sizeof op.order.spelling);
    op.order.action = (enum action)found;
    TEXT_COPY(&op.by, TEXT_OURS(REQUESTED_BY));
    TEXT_COPY(&op.order.reason, TEXT_OURS(d->row.failed ? "its service failed" : "it crashed"));
    say(c, d, N_("{1} is restarted without a person: {2}"), TEXT_OURS(actions[found].word));
    command_send(c, &op);
}

static void judge(struct core *c, struct device *d)
{
    note_restored(c, d);
    if (c->now.mono_ms - d->ill_mono < c->config.recovery.settle)
        return;
    /* The other host may have been quicker: why this one didn't is said all the same. */
    if (was_tried(c, d) && !is_left_to_another(c))
        return;
    const char *no = objection(c, d);
    if (!no) {
        recover(c, d);
    } else if (no[0] && no != d->recovery_said) {
        d->recovery_said = no;
        say(c, d, no, TEXT_EMPTY);
    }
}

void recovery_due(struct core *c, struct timer *t)
{
    bool any = false;

    heap_remove(&c->mono, t);
    if (!c->config.recovery.enabled || !c->recorder)
        return; /* set again with the role */
    for (uint32_t i = 0; i < c->alarms.count; i++) {
        const struct alarm *a = &c->alarm_list[i]->row;
        if (a->kind != ALARM_PROCESS_CRASHED && a->kind != ALARM_SERVICE_FAILED)
            continue;
        struct device *d = fleet_find(c, &a->client);
        if (!d || !is_ill(d))
            continue;
        any = true;
        if (c->contact.up)
            judge(c, d);
    }
    if (any)
        look_soon(c);
}

void core_set_presence_key(struct core *c, const char *key)
{
    TEXT_SET(&c->presence_key, key, strlen(key));
}
