/* operator.c - what a person does to an alarm. Acts on the occurrence that the person saw, never on
 * a newer one; everything is shared with the other consoles through the outbox. */
#include <assert.h>
#include <string.h>

#include "core/core_internal.h"
#include "core/incident.h"

static void clear_retained(struct core *c, const struct standing *a)
{
    const struct device *d = fleet_find(c, &a->row.client);

    if (d && d->failure && d->failure->standing && !d->failure->clearing &&
        strcmp(d->failure->sha, a->row.payload_sha) == 0 && !outbox_has(c, a->row.id, true))
        outbox_clear(c, a, d);
}

static void share(struct core *c, struct standing *a, const char *action, struct text by)
{
    if (outbox_share(c, a, action, by))
        sharing_put(a, action, by, c->now.wall_ms);
}

static void take_note(struct core *c, struct standing *a, const struct operator_action *op)
{
    const struct words text = words_of_note(TEXT(op->note));

    if (!op->note.clean[0])
        return;
    a->row.note = op->note;
    alarm_touch(c, a);
    emit_history(c, &(struct history_note){
                        .kind = EVENT_NOTE, .alarm = a, .by = TEXT(op->by), .summary = &text});
}

static void note(struct core *c, struct standing *a, const struct operator_action *op)
{
    take_note(c, a, op);
    share(c, a, "note", TEXT(op->by));
}

/* Acknowledged by somebody already: what may be missing is a note, and the clear, if an earlier one
 * was refused. */
static void acknowledge_again(struct core *c, struct standing *a, const struct operator_action *op)
{
    emit_message(c, N_("{1} has acknowledged this already"), TEXT(a->row.acknowledged_by),
                 TEXT_EMPTY);
    if (op->note.clean[0])
        note(c, a, op);
    if (a->row.kind == ALARM_SERVICE_FAILED)
        clear_retained(c, a);
}

static void acknowledge(struct core *c, struct standing *a, const struct operator_action *op)
{
    if (a->row.acknowledged_at != TIME_NONE) {
        acknowledge_again(c, a, op);
        return;
    }
    a->row.acknowledged_at = c->now.wall_ms;
    a->row.acknowledged_by = op->by;
    alarm_happen(c, a, HAPPENS_ACK, (struct alarm_cause){.by = TEXT(op->by)});
    take_note(c, a, op);
    share(c, a, "acknowledge", TEXT(op->by));
    if (a->row.kind == ALARM_SERVICE_FAILED)
        clear_retained(c, a);
}

static void shelve(struct core *c, struct standing *a, const struct operator_action *op)
{
    if (op->shelve_until_at == TIME_NONE || op->shelve_until_at <= c->now.wall_ms) {
        emit_message(c, N_("not shelved: the time is over already"), TEXT_EMPTY, TEXT_EMPTY);
        return;
    }
    a->row.shelved_until = op->shelve_until_at;
    a->shelve_due = INT64_MAX;
    alarm_happen(c, a, HAPPENS_SHELVE, (struct alarm_cause){.by = TEXT(op->by)});
    take_note(c, a, op);
    share(c, a, "shelve", TEXT(op->by));
}

static void unshelve(struct core *c, struct standing *a, const struct operator_action *op)
{
    if (a->row.state != ALARM_SHELVED) {
        emit_message(c, N_("this alarm is not shelved"), TEXT_EMPTY, TEXT_EMPTY);
        return;
    }
    alarm_happen(c, a, HAPPENS_UNSHELVE, (struct alarm_cause){.by = TEXT(op->by)});
    take_note(c, a, op);
    share(c, a, "unshelve", TEXT(op->by));
}

static void (*const verbs[])(struct core *, struct standing *, const struct operator_action *) = {
    [OP_ACKNOWLEDGE] = acknowledge,
    [OP_SHELVE] = shelve,
    [OP_UNSHELVE] = unshelve,
    [OP_NOTE] = note,
};
static_assert(sizeof(verbs) / sizeof(verbs[0]) == OP_NOTE + 1, "a function per verb");

static void act_on_alarm(struct core *c, const struct operator_action *op)
{
    struct standing *a = alarm_find(c, op->alarm_id);

    if (!a) {
        emit_message(c, N_("no such alarm: {1}"), TEXT_OURS(op->alarm_id), TEXT_EMPTY);
    } else if (a->row.state == ALARM_NORMAL) {
        emit_message(c, N_("this alarm is over already"), TEXT_EMPTY, TEXT_EMPTY);
    } else if (!text_equal(TEXT(op->mark), TEXT(a->row.mark))) {
        emit_message(c, N_("this alarm has come again since you looked: look once more"),
                     TEXT_EMPTY, TEXT_EMPTY);
    } else {
        c->durable = true;
        verbs[op->verb](c, a, op);
    }
}

/* A line of the history, on which "what changed since" of the next one rests. */
static void hand_over(struct core *c, const struct operator_action *op)
{
    const bool named = op->note.clean[0] != '\0';
    const struct words text = words_of(named ? INCIDENT_HANDED_OVER_TO : INCIDENT_HANDED_OVER,
                                       TEXT(op->note), TEXT_EMPTY);

    c->durable = true;
    emit_history(
        c, &(struct history_note){.kind = EVENT_NOTE, .by = TEXT(op->by), .summary = &text});
    emit_message(c, text.id, TEXT(op->note), TEXT_EMPTY);
}

void operator_act(struct core *c, const struct operator_action *op)
{
    switch (op->verb) {
    case OP_SEND:
        command_send(c, op);
        break;
    case OP_CANCEL:
        command_cancel(c, op);
        break;
    case OP_ROLLOUT:
        rollout_begin(c, op);
        break;
    case OP_ROLLOUT_STOP:
        rollout_stop(c, op);
        break;
    case OP_HAND_OVER:
        hand_over(c, op);
        break;
    default:
        act_on_alarm(c, op);
    }
}
