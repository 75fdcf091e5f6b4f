/* panel.c - words that several panels use. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

void panel_uuid8(const struct uid *id, char out[9])
{
    char whole[UID_TEXT];

    uid_format(id, whole);
    memcpy(out, whole, 8);
    out[8] = '\0';
}

struct text panel_client_name(const struct ui_model *m, const struct uid *id,
                              struct text64 *scratch)
{
    const struct client *c = core_find_client(m->core, id);

    if (c)
        return client_name(c, scratch);
    panel_uuid8(id, scratch->clean);
    return TEXT(*scratch);
}

void panel_words(const struct words *w, char *out, size_t size)
{
    words_render(w, i18n_translate, out, size);
}

int panel_wrapped(struct area a, int y, enum role role, const char *clean)
{
    char line[512];

    do {
        int used;
        size_t cut = text_fit((struct text){clean}, a.cols - 2, &used);
        if (clean[cut]) {
            size_t blank = cut;
            while (blank > 0 && clean[blank] != ' ')
                blank--;
            cut = blank ? blank : cut;
        }
        if (!cut)
            break; /* not even one letter fits */
        snprintf(line, sizeof line, "%.*s", (int)cut, clean);
        area_text(a, y++, 1, -1, role, (struct text){line});
        clean += cut;
        clean += *clean == ' ';
    } while (*clean);
    return y;
}

void panel_wrapped_up(struct area a, enum role ground, enum role role, const char *clean)
{
    const int lines = panel_wrapped(area_sub(a, 0, 0, 0, a.cols), 0, role, clean);
    const struct area below = area_sub(a, a.rows - lines, 0, lines, a.cols);

    for (int y = 0; y < below.rows; y++)
        area_fill(below, y, 0, below.cols, ground);
    panel_wrapped(below, 0, role, clean);
}

/* "CLIENTS 12 of 1284 · filter: vienna · sort: name" */
void panel_title(const struct desk *d, const struct ui_model *m, enum list_id id, char *out,
                 size_t size)
{
    const struct list *l = &d->list[id];
    const struct core_counts *n = core_counts(m->core);
    char when[FIGURE];
    size_t at = (size_t)snprintf(out, size, "%s", _(l->class->title));

    if (*l->expression)
        at += (size_t)snprintf(out + at, size - at, _(" %u of %u"), l->count, l->class->count(m));
    else if (id == LIST_COMMANDS)
        at += (size_t)snprintf(out + at, size - at, _(" %u in flight"), n->commands_active);
    else
        at += (size_t)snprintf(out + at, size - at, " %u", l->class->count(m));
    if (id == LIST_FLOOD) {
        const uint32_t groups = l->class->count(m);
        snprintf(out, size,
                 P_("%s · %u in %u group · %u unacknowledged", "%s · %u in %u groups · %u unacknowledged", groups),
                 _(l->class->title), n->alarms_standing, groups, n->alarms_unacknowledged);
        return;
    }
    if (id == LIST_ALARMS && n->alarms_unacknowledged)
        at += (size_t)snprintf(out + at, size - at, _(" · %u unacknowledged"),
                               n->alarms_unacknowledged);
    if (l->marked && at < size)
        at += (size_t)snprintf(out + at, size - at, _(" · %u marked"), l->marked);
    if (*l->expression && at < size)
        at += (size_t)snprintf(out + at, size - at, _(" · filter: %s"), l->expression);
    if ((id == LIST_HISTORY || id == LIST_LOGS) && d->lines_until != TIME_NONE && at < size) {
        format_moment(m, d->lines_until, when);
        at += (size_t)snprintf(out + at, size - at, _(" · up to %s, Esc: now"), when);
    }
    if (id == LIST_ALARMS && l->sort != ALARMS_BY_URGENCY && d->view != VIEW_OVERVIEW && at < size)
        at += (size_t)snprintf(out + at, size - at, " · %s", _(alarm_sorts[l->sort].label));
    for (int c = 0; id == LIST_CLIENTS && at < size && c < l->class->column_count; c++) {
        const struct column *column = &l->class->columns[c];
        if (column->title && column->sort == l->sort + 1) {
            snprintf(out + at, size - at, _(" · sort: %s%s"), _(column->title),
                     l->descending != list_sorts_down(l->sort) ? " " SYM_DOWN : "");
            break;
        }
    }
}
