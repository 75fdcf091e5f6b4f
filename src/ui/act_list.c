/* act_list.c - a list's filter, its order, its text for the clipboard. */
#include <string.h>

#include "base/i18n.h"
#include "ui/act.h"

/* In the overview the filter is that of the clients, unless the commands have the focus. */
enum list_id act_filtered_list(const struct desk *d)
{
    return d->view == VIEW_OVERVIEW && d->focus != LIST_COMMANDS ? LIST_CLIENTS : d->focus;
}

void act_filter(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const enum list_id id = act_filtered_list(d);

    (void)out;
    if (!d->list[id].class->matches) {
        desk_say(d, m, "%s", _("this list has no filter"));
        return;
    }
    d->layers = 0;
    d->prompt.list = id;
    prompt_open(d, PROMPT_FILTER);
}

static void sort_by(struct desk *d, const struct ui_model *m, int by)
{
    const enum list_id id = act_filtered_list(d);
    struct list *l = &d->list[id];
    int at = -1;

    if (id == LIST_ALARMS) {
        list_sort(l, (l->sort + by + ALARM_SORTS) % ALARM_SORTS);
        desk_say(d, m, "%s", _(alarm_sorts[l->sort].label));
        return;
    }
    if (id != LIST_CLIENTS) {
        desk_say(d, m, "%s", _("this list has its own order: the most urgent or the newest first"));
        return;
    }
    for (int c = 0; c < l->class->column_count; c++) {
        if (l->class->columns[c].title && l->class->columns[c].sort == l->sort + 1)
            at = c;
    }
    do
        at = (at + by + l->class->column_count) % l->class->column_count;
    while (!l->class->columns[at].title || !l->class->columns[at].sort);
    list_sort(l, l->class->columns[at].sort - 1);
}

void act_sort_back(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    sort_by(d, m, -1);
}

void act_sort_on(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    sort_by(d, m, 1);
}

void act_sort_order(struct desk *d, const struct ui_model *m, struct intents *out)
{
    struct list *l = &d->list[act_filtered_list(d)];

    (void)m, (void)out;
    l->descending = !l->descending;
    l->made = false;
}

void act_copy(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const struct client *c = desk_selected_client(d, m);

    (void)out;
    if (!c) {
        desk_say(d, m, "%s", _("no client is selected"));
        return;
    }
    TEXT_SET(&d->copy, c->spelling, strlen(c->spelling));
    desk_say(d, m, _("%s: sent to the terminal's clipboard"), c->spelling);
}
