/* target.c - which occurrence of which alarm a key means: the one its presser saw, even when the
 * list has moved or a newer occurrence has come in since. */
#include <stdlib.h>
#include <string.h>

#include "ui/desk.h"

static bool is_open(const struct alarm *a)
{
    return a->state == ALARM_UNACKNOWLEDGED || a->state == ALARM_RETURNED;
}

static struct occurrence occurrence_of(const struct alarm *a)
{
    struct occurrence o = {.mark = a->mark};

    memcpy(o.id, a->id, sizeof o.id);
    return o;
}

/* The most urgent open alarm, of that client or of all. Of one client it is the service that gave up,
 * as in the client's state and for `ack UUID`: a crash after that is the smaller news. */
static const struct alarm *most_urgent(const struct core *core, const struct client *c)
{
    const uint32_t n = c && !c->alarms ? 0 : core_alarm_count(core);
    const struct alarm *first = NULL;

    for (uint32_t i = 0; i < n && (c || !first); i++) {
        const struct alarm *a = core_alarm(core, i);
        if (!a || !is_open(a) || (c && !uid_equal(&a->client, &c->id)))
            continue;
        if (c && a->kind == ALARM_SERVICE_FAILED)
            return a;
        first = first ? first : a;
    }
    return first;
}

struct target target_resolve(const struct desk *d, const struct ui_model *m)
{
    const struct client *c = desk_selected_client(d, m);
    const bool layer = d->layers && d->layer[d->layers - 1].kind == LAYER_CLIENT;
    const struct alarm *a = NULL;
    struct target t = {
        .focus = d->focus,
        .selected = d->list[d->focus].selected,
        .layer = layer,
        .layer_subject = layer && c ? identity_of(&c->id, sizeof c->id) : 0,
    };

    if (d->focus == LIST_ALARMS && !layer) {
        /* On a terminal too small to show one, none is meant. */
        a = d->list[LIST_ALARMS].rows ? list_selected(&d->list[LIST_ALARMS], m) : NULL;
    } else if (d->focus == LIST_FLOOD && !layer) {
        const struct alarm_group *g = list_selected(&d->list[LIST_FLOOD], m);
        a = g ? g->worst : NULL;
    } else {
        a = most_urgent(m->core, c);
        a = a ? a : most_urgent(m->core, NULL);
    }
    if (a) {
        t.found = true;
        t.what = occurrence_of(a);
    }
    return t;
}

struct target target_at_key(const struct desk *d, const struct ui_model *m)
{
    const struct list *alarms = &d->list[LIST_ALARMS];
    struct target t = target_resolve(d, m);

    if (d->target.found && t.focus == d->target.focus && t.selected == d->target.selected &&
        t.layer == d->target.layer && t.layer_subject == d->target.layer_subject)
        return d->target;
    /* The cursor moved since the frame: still the occurrence that the frame showed. */
    for (uint32_t i = 0; t.found && alarms->rows && i < alarms->seen_count; i++) {
        if (strcmp(alarms->seen_alarm[i].id, t.what.id) == 0)
            t.what = alarms->seen_alarm[i];
    }
    return t;
}

struct intent *desk_intent(struct intents *out, const struct ui_model *m, enum operator_verb verb)
{
    if (out->count >= UI_INTENTS)
        return NULL;
    struct intent *i = &out->list[out->count++];
    memset(i, 0, sizeof *i);
    i->kind = INTENT_OPERATOR;
    i->op.verb = verb;
    i->op.shelve_until_at = TIME_NONE;
    TEXT_COPY(&i->op.by, m->operator_name);
    return i;
}

bool desk_send(struct intents *out, const struct ui_model *m, enum operator_verb verb,
               const struct occurrence *what, struct text note)
{
    struct intent *i = desk_intent(out, m, verb);

    if (!i)
        return false;
    memcpy(i->op.alarm_id, what->id, sizeof i->op.alarm_id);
    i->op.mark = what->mark;
    TEXT_COPY(&i->op.note, note);
    return true;
}

/* All open alarms that the list of alarms shows, or of one group of a flood, as they are now: these
 * and no others are acknowledged when the question is answered. */
uint32_t target_collect_all(struct desk *d, const struct ui_model *m, const struct alarm_group *g)
{
    struct list *l = &d->list[LIST_ALARMS];

    list_update(l, m);
    free(d->acknowledge);
    d->acknowledge_count = d->acknowledge_at = 0;
    d->acknowledge = l->count ? calloc(l->count, sizeof *d->acknowledge) : NULL;
    for (uint32_t i = 0; d->acknowledge && i < l->count; i++) {
        const struct alarm *a = list_row(l, m, i);
        if (a && is_open(a) && (!g || core_alarm_is_in(m->core, a, g)))
            d->acknowledge[d->acknowledge_count++] = occurrence_of(a);
    }
    d->acknowledge_at = d->acknowledge_count; /* nothing goes out before the answer */
    return d->acknowledge_count;
}

void desk_continue(struct desk *d, const struct ui_model *m, struct intents *out)
{
    while (d->acknowledge_at < d->acknowledge_count &&
           desk_send(out, m, OP_ACKNOWLEDGE, &d->acknowledge[d->acknowledge_at], TEXT_EMPTY))
        d->acknowledge_at++;
}
