/* act_command.c - marks, and the questions of commands. */
#include "base/i18n.h"
#include "ui/act.h"

bool act_has_marks(const struct desk *d)
{
    return d->focus == LIST_CLIENTS && !d->layers;
}

void act_mark(struct desk *d, const struct ui_model *m, struct intents *out)
{
    if (!act_has_marks(d))
        desk_say(d, m, "%s", _("only clients are marked: go to their list with Tab or 2"));
    else if (list_toggle_mark(act_list(d), m))
        act_down(d, m, out); /* who marks has chosen the list, too */
}

void act_mark_all(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    if (act_has_marks(d))
        list_mark_all(act_list(d), m);
    else
        desk_say(d, m, "%s", _("only clients are marked: go to their list with Tab or 2"));
}

void act_unmark(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    list_unmark_all(&d->list[LIST_CLIENTS]);
}

void act_restart_app(struct desk *d, const struct ui_model *m, struct intents *out)
{
    order_begin(d, m, ACTION_RESTART_APP, out);
}

void act_reboot(struct desk *d, const struct ui_model *m, struct intents *out)
{
    order_begin(d, m, ACTION_REBOOT_HOST, out);
}

void act_shut_down(struct desk *d, const struct ui_model *m, struct intents *out)
{
    order_begin(d, m, ACTION_SHUTDOWN_HOST, out);
}

void act_withdraw(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    withdraw_begin(d, m);
}
