/* past.c - what the screen wishes to know of the stored past, and the fleet as it was. */
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/panel.h"

#define NIGHT_MS INT64_C(43200000) /* incidents of the last 12 h … */
#define GRID_MS  INT64_C(600000)   /* … from a time that does not change with every frame */

static struct past_question *wish(struct ui_wishes *out, enum past_kind kind)
{
    struct past_question *q = &out->list[out->count++];

    *q = (struct past_question){.kind = kind, .since_at = TIME_NONE, .until_at = TIME_NONE};
    return q;
}

static bool shows_incidents(const struct desk *d)
{
    for (int i = 0; i < d->layers; i++)
        if (d->layer[i].kind == LAYER_INCIDENT || d->layer[i].kind == LAYER_HANDOVER)
            return true;
    return d->view == VIEW_INCIDENTS;
}

static void wish_lines(const struct desk *d, enum past_kind kind, enum list_id list,
                       struct ui_wishes *out)
{
    struct past_question *q = wish(out, kind);

    q->until_at = d->lines_until != TIME_NONE ? d->lines_until : d->fleet_at;
    snprintf(q->filter, sizeof q->filter, "%s", d->list[list].expression);
}

static void wish_incidents(const struct desk *d, const struct ui_model *m, struct ui_wishes *out)
{
    struct past_question *q = wish(out, PAST_INCIDENTS);
    const int64_t end = d->fleet_at != TIME_NONE ? d->fleet_at : m->now.wall_ms;

    q->since_at = (end - NIGHT_MS) / GRID_MS * GRID_MS;
    q->until_at = d->fleet_at;
}

void desk_wish(const struct desk *d, const struct ui_model *m, struct ui_wishes *out)
{
    out->count = 0;
    if (d->fleet_at != TIME_NONE)
        wish(out, PAST_FLEET)->until_at = d->fleet_at;
    if (shows_incidents(d))
        wish_incidents(d, m, out);
    if (d->view == VIEW_HISTORY)
        wish_lines(d, PAST_HISTORY, LIST_HISTORY, out);
    if (d->view == VIEW_LOGS)
        wish_lines(d, PAST_LOGS, LIST_LOGS, out);
    for (int i = 0; i < d->layers; i++)
        if (d->layer[i].kind == LAYER_CLIENT) {
            wish(out, PAST_CLIENT)->client = d->layer[i].client;
            break;
        }
}

static void show_first_rows(struct desk *d, enum list_id id)
{
    d->list[id].made = d->list[id].moved = false;
    d->list[id].top = 0;
}

void desk_go_to(struct desk *d, int64_t at, bool fleet)
{
    if (fleet)
        d->fleet_at = at;
    else
        d->lines_until = at;
    show_first_rows(d, LIST_HISTORY);
    show_first_rows(d, LIST_LOGS);
    d->touched = true;
}

void desk_settle_past(struct desk *d, const struct ui_model *m)
{
    const struct past_answer *a = m->told[PAST_FLEET];

    if (a && a->error.code && d->fleet_at != TIME_NONE) {
        d->fleet_at = TIME_NONE;
        desk_say(d, m, "%s", a->error.text);
    }
    if (m->in_past == d->was_in_past)
        return;
    d->was_in_past = m->in_past;
    for (int i = 0; i < LISTS; i++)
        d->list[i].made = false; /* another core, whose generations mean nothing to us */
}
