/* withdraw.c - taking back what has not left yet: a queued command, the rest of a rollout. */
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/panel.h"

/* The newest queued one of a client. */
static const struct command *queued_of(const struct ui_model *m, const struct client *c)
{
    const uint32_t active = core_counts(m->core)->commands_active;

    for (uint32_t k = 0; c && c->commands_in_flight && k < active; k++) {
        const struct command *command = core_command(m->core, k);
        if (command->status == COMMAND_QUEUED && uid_equal(&command->client, &c->id))
            return command;
    }
    return NULL;
}

static void ask(struct desk *d, const struct uid *id, bool rollout)
{
    prompt_open(d, PROMPT_WITHDRAW);
    d->prompt.withdraw = *id;
    d->prompt.rollout = rollout;
}

static void begin_rollout(struct desk *d, const struct ui_model *m, const struct rollout *r)
{
    if (r->state == ROLLOUT_RUNNING)
        ask(d, &r->id, true);
    else
        desk_say(d, m, "%s", _("this rollout is stopped or over already"));
}

static void begin_command(struct desk *d, const struct ui_model *m, const struct command *c)
{
    if (c && c->status == COMMAND_QUEUED)
        ask(d, &c->id, false);
    else if (c)
        desk_say(d, m, "%s",
                 _("it is under way already: a command that was sent cannot be withdrawn"));
    else
        desk_say(d, m, "%s", _("no queued command to cancel, no rollout to stop"));
}

void withdraw_begin(struct desk *d, const struct ui_model *m)
{
    const bool in_list = d->focus == LIST_COMMANDS && !d->layers;
    const struct work *w = in_list ? list_selected(&d->list[LIST_COMMANDS], m) : NULL;
    const struct rollout *r =
        w && w->kind == WORK_ROLLOUT ? core_find_rollout(m->core, &w->id) : NULL;

    if (r)
        begin_rollout(d, m, r);
    else if (w)
        begin_command(d, m, core_find_command(m->core, &w->id));
    else
        begin_command(d, m, queued_of(m, desk_selected_client(d, m)));
}

void withdraw_label(struct paint *p, char *out, size_t size)
{
    const struct prompt *q = &p->desk->prompt;
    const struct rollout *r = q->rollout ? core_find_rollout(p->m->core, &q->withdraw) : NULL;
    const struct command *c = q->rollout ? NULL : core_find_command(p->m->core, &q->withdraw);
    struct text64 scratch = {""};
    char action[64];

    out[0] = '\0';
    if (r) {
        snprintf(out, size,
                 _("stop the rollout of %s? %u were not sent yet, %u are under way and go on. y/n"),
                 _(actions[r->action].label), r->total - r->released, rollout_in_flight(r));
    } else if (c) {
        panel_command_action(c, action, sizeof action);
        snprintf(out, size, _("cancel the queued %s of %s? y/n"), action,
                 panel_client_name(p->m, &c->client, &scratch).clean);
    }
}

void withdraw_send(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const struct prompt *q = &d->prompt;
    struct intent *i = desk_intent(out, m, q->rollout ? OP_ROLLOUT_STOP : OP_CANCEL);

    if (!i)
        return;
    if (q->rollout)
        i->op.rollout.id = q->withdraw;
    else
        i->op.order.id = q->withdraw;
}
