/* act_move.c - what moves: the cursor, the focus, what a layer shows. */
#include "ui/act.h"

#define PAGE 10 /* rows, where a layer scrolls */

static int *layer_scroll(struct desk *d)
{
    return d->layers ? &d->layer[d->layers - 1].scroll : NULL;
}

/* Below the last row of history or logs the older ones follow. */
static bool turn_back(struct desk *d, const struct ui_model *m, int64_t by)
{
    const struct list *l = act_list(d);
    const struct past_answer *a = d->focus == LIST_HISTORY ? m->told[PAST_HISTORY]
                                  : d->focus == LIST_LOGS  ? m->told[PAST_LOGS]
                                                           : NULL;

    if (by <= 0 || !a || !a->more || (l->count && l->cursor + 1 < l->count))
        return false;
    desk_go_to(d, a->searched_to_at, false);
    return true;
}

static void move_by(struct desk *d, const struct ui_model *m, int64_t by)
{
    int *scroll = layer_scroll(d);

    if (scroll) {
        const int64_t to = *scroll + by;
        *scroll = to < 0 ? 0 : to > 10000 ? 10000 : (int)to; /* the next frame knows the true end */
        return;
    }
    d->focus_chosen = true;
    if (!turn_back(d, m, by))
        list_move(act_list(d), m, by);
}

static int64_t page(struct desk *d)
{
    const struct list *l = act_list(d);
    const int rows = d->layers ? PAGE + 1 : l->rows / (l->lines ? l->lines : 1);

    return rows > 2 ? rows - 1 : 1;
}

void act_up(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, -1);
}

void act_down(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, 1);
}

void act_page_up(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, -page(d));
}

void act_page_down(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, page(d));
}

void act_top(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, -(INT64_C(1) << 40));
}

void act_bottom(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, INT64_C(1) << 40);
}

static void turn_panel(struct desk *d, const struct ui_model *m, int by)
{
    enum list_id panels[LISTS];
    const int n = desk_panels(d, m, panels);
    int at = 0;

    for (int i = 0; i < n; i++) {
        if (panels[i] == d->focus)
            at = i;
    }
    d->focus = panels[(at + by + n) % n];
    d->focus_chosen = true;
}

void act_next_panel(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    turn_panel(d, m, 1);
}

void act_previous_panel(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    turn_panel(d, m, -1);
}
