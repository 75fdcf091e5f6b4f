/* order.c - a command that a person wants sent: to whom, what speaks against it, what has to be
 * answered first. The milder it is, the easier: a restart of one device goes at once, a reboot
 * asks, a shutdown wants the device's name typed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/panel.h"

const struct pace paces[PACES] = {
    {N_("all at once"), 0, 0, 0},
    {N_("one first; if it comes through, the rest"), 0, 1, 0},
    {N_("one after the other, until one fails"), 1, 0, 1},
};

/* ---- to whom ---- */

bool order_may_not_hear(const struct client *c)
{
    return c->silent || c->state == CLIENT_UNKNOWN;
}

static void add(struct order *o, const struct client *c)
{
    struct rollout_target *t = &o->target[o->count++];

    t->client = c->id;
    memcpy(t->spelling, c->spelling, sizeof t->spelling);
}

/* Whoever can answer comes first: a rollout's canary should. */
static void add_marked(struct order *o, const struct list *l, const struct ui_model *m)
{
    for (int offline = 0; offline < 2; offline++) {
        for (uint32_t k = 0; k < l->count; k++) {
            const struct client *c = list_is_marked(l, k) ? list_row(l, m, k) : NULL;
            if (!c || order_may_not_hear(c) != (offline == 1))
                continue;
            add(o, c);
            o->offline += offline == 1;
        }
    }
}

/* The marks, where they are in sight; else what is selected. */
static bool collect(struct desk *d, const struct ui_model *m)
{
    struct order *o = &d->order;
    struct list *l = &d->list[LIST_CLIENTS];

    if (d->focus == LIST_CLIENTS && !d->layers)
        list_update(l, m); /* what no longer matches the filter has lost its mark */
    const struct client *c = desk_selected_client(d, m);
    o->marked = d->focus == LIST_CLIENTS && !d->layers && l->rows && l->marked > 0;
    o->target = calloc(o->marked ? l->marked : 1, sizeof *o->target);
    if (!o->target)
        return false;
    if (o->marked) {
        add_marked(o, l, m);
    } else if (c) {
        add(o, c);
        o->offline = order_may_not_hear(c);
    }
    return o->count > 0;
}

/* ---- what speaks against it ---- */

static const struct client *only_one(const struct order *o, const struct ui_model *m)
{
    return o->count == 1 ? core_find_client(m->core, &o->target[0].client) : NULL;
}

/* Not to one that nobody sees. */
static bool goes_at_once(const struct desk *d, const struct ui_model *m)
{
    const struct order *o = &d->order;
    const struct client *c = only_one(o, m);

    return !d->too_small && o->action == ACTION_RESTART_APP && c && !order_may_not_hear(c) &&
           !c->commands_in_flight && core_link_is_up(m->core) &&
           core_allowed_at(m->core, &c->id) <= m->now.wall_ms;
}

/* ---- sending ---- */

static void send_one(const struct order *o, struct intent *i)
{
    struct command_order *to = &i->op.order;

    uid_random(&to->id);
    to->client = o->target[0].client;
    memcpy(to->spelling, o->target[0].spelling, sizeof to->spelling);
    to->action = o->action;
    to->override_lockout = o->override_lockout;
    TEXT_SET(&to->reason, o->reason.text, o->reason.len);
}

static void send_many(struct desk *d, struct intent *i)
{
    struct order *o = &d->order;
    struct rollout_order *to = &i->op.rollout;

    free(d->sent);
    d->sent = o->target; /* the intent borrows it: there is none before the next answer */
    o->target = NULL;
    uid_random(&to->id);
    to->action = o->action;
    to->canary = paces[o->pace].canary;
    to->parallel = paces[o->pace].parallel;
    to->max_failures = paces[o->pace].max_failures;
    to->override_lockout = o->override_lockout;
    to->targets = d->sent;
    to->count = o->count;
    TEXT_SET(&to->reason, o->reason.text, o->reason.len);
}

/* False: this turn has no room for it. */
static bool send(struct desk *d, const struct ui_model *m, struct intents *out)
{
    struct order *o = &d->order;
    struct intent *i = desk_intent(out, m, o->count > 1 ? OP_ROLLOUT : OP_SEND);

    if (!i)
        return false;
    if (o->count > 1)
        send_many(d, i);
    else
        send_one(o, i);
    if (o->marked)
        list_unmark_all(&d->list[LIST_CLIENTS]);
    if (o->count > 1)
        desk_say(d, m, _("%s of %u clients is queued: 4 shows how far it got"),
                 _(actions[o->action].label), o->count);
    else
        desk_say(d, m, _("%s of %s is queued: 4 shows how far it got"), _(actions[o->action].label),
                 o->name.clean);
    return true;
}

/* ---- beginning ---- */

/* Cut, in another script, or with what is no letter at all. */
static bool is_hard_to_type(const char *name)
{
    while (*name >= ' ' && *name <= '~')
        name++;
    return *name != '\0';
}

/* Of one its name, or its uuid's first digits; of several their number. */
static void choose_wanted(struct order *o)
{
    if (o->action != ACTION_SHUTDOWN_HOST)
        o->wanted[0] = '\0';
    else if (o->count > 1)
        snprintf(o->wanted, sizeof o->wanted, "%u", o->count);
    else if (is_hard_to_type(o->name.clean))
        snprintf(o->wanted, sizeof o->wanted, "%.8s", o->target[0].spelling);
    else
        snprintf(o->wanted, sizeof o->wanted, "%s", o->name.clean);
}

void order_begin(struct desk *d, const struct ui_model *m, enum action action, struct intents *out)
{
    struct order *o = &d->order;

    order_fini(d);
    o->action = action;
    if (!collect(d, m)) {
        desk_say(d, m, "%s", _("no client is selected"));
        return;
    }
    const struct text name = panel_client_name(m, &o->target[0].client, &o->name);
    if (name.clean != o->name.clean)
        TEXT_COPY(&o->name, name);
    choose_wanted(o);
    d->list[d->focus].moved = true; /* the cursor stays on what is asked about */
    if (!goes_at_once(d, m) || !send(d, m, out))
        desk_push(d, LAYER_ORDER);
}

void order_fini(struct desk *d)
{
    free(d->order.target);
    d->order = (struct order){0};
}

/* ---- the answer ---- */

static bool is_locked_out(const struct order *o, const struct ui_model *m)
{
    return o->count == 1 && !o->override_lockout &&
           core_allowed_at(m->core, &o->target[0].client) > m->now.wall_ms;
}

/* Several go all the same: whoever is locked out is recorded as blocked, and was named. */
static void confirm(struct desk *d, const struct ui_model *m, struct intents *out)
{
    struct order *o = &d->order;

    if (is_locked_out(o, m)) {
        err_set(&o->error, EXIT_POLICY, "%s",
                _("locked out: Ctrl-O overrides it, with a reason; Esc leaves it"));
    } else if (o->override_lockout && !o->reason.len) {
        o->reasoning = true;
        err_set(&o->error, EXIT_USAGE, "%s", _("overriding the lockout needs a reason: type it"));
    } else if (send(d, m, out)) {
        desk_pop(d);
    }
}

static void leave(struct desk *d, const struct ui_model *m)
{
    desk_pop(d);
    desk_say(d, m, "%s", _("nothing was sent"));
}

/* The name as it is shown; or, where it cannot be typed, the uuid or its first digits. */
static bool is_wanted(const struct order *o)
{
    const char *typed = o->typed.text, *uuid = o->target[0].spelling;

    if (o->count > 1)
        return strcmp(typed, o->wanted) == 0;
    return strcmp(typed, o->name.clean) == 0 || strcmp(typed, uuid) == 0 ||
           (o->typed.len == 8 && strncmp(typed, uuid, 8) == 0);
}

static void answer_typed(struct desk *d, const struct ui_model *m, const struct key *k,
                         struct intents *out)
{
    struct order *o = &d->order;

    if (k->code == KEY_RETURN) {
        if (is_wanted(o))
            confirm(d, m, out);
        else
            err_set(&o->error, EXIT_USAGE, _("that is not it: type %s, or Esc"), o->wanted);
    } else if (k->code == KEY_RUBOUT || k->code == KEY_DELETE) {
        line_rub_out(&o->typed);
    } else if (k->code >= ' ' && k->code < KEY_FIRST) {
        line_type_key(&o->typed, k->code);
    }
}

static void answer_key(struct desk *d, const struct ui_model *m, const struct key *k,
                       struct intents *out)
{
    if (k->code == 'n')
        leave(d, m);
    else if (k->code == 'y' || k->code == *_("y"))
        confirm(d, m, out);
}

static void reason_key(struct order *o, const struct key *k)
{
    if (k->code == KEY_RETURN)
        o->reasoning = false;
    else if (k->code == KEY_RUBOUT || k->code == KEY_DELETE)
        line_rub_out(&o->reason);
    else if (k->code == KEY_CTRL('u'))
        line_set(&o->reason, "");
    else if (k->code >= ' ' && k->code < KEY_FIRST)
        line_type_key(&o->reason, k->code);
}

static void override(struct order *o)
{
    o->override_lockout = !o->override_lockout;
    o->reasoning = o->override_lockout && !o->reason.len;
}

static bool scroll_key(struct desk *d, const struct key *k)
{
    int *scroll = &d->layer[d->layers - 1].scroll;
    static const struct {
        int32_t code;
        int by;
    } keys[] = {{KEY_UP_, -1},      {KEY_DOWN_, 1},     {KEY_PAGE_UP, -8},
                {KEY_PAGE_DOWN, 8}, {KEY_WHEEL_UP, -3}, {KEY_WHEEL_DOWN, 3}};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (k->code != keys[i].code)
            continue;
        *scroll = *scroll + keys[i].by < 0 ? 0 : *scroll + keys[i].by;
        return true;
    }
    return false;
}

void order_key(struct desk *d, const struct ui_model *m, const struct key *k, struct intents *out)
{
    struct order *o = &d->order;

    if (k->code == KEY_ESC || k->code == KEY_CTRL('c')) {
        leave(d, m);
        return;
    }
    if (!o->shown || scroll_key(d, k))
        return; /* what was typed before it was asked is no answer to it */
    o->error = (struct err){0};
    if (k->code == KEY_TAB)
        o->reasoning = !o->reasoning;
    else if (k->code == KEY_CTRL('o'))
        override(o);
    else if (k->code == KEY_CTRL('p') && o->count > 1)
        o->pace = (o->pace + 1) % PACES;
    else if (o->reasoning)
        reason_key(o, k);
    else if (o->wanted[0])
        answer_typed(d, m, k, out);
    else
        answer_key(d, m, k, out);
}
