/* sheet.c - see sheet.h. */
#include "ui/sheet.h"

#include "base/i18n.h"
#include "ui/panel.h"
#include "ui/symbols.h"

int sheet_line(struct sheet *s)
{
    return s->line++ - s->skip;
}

void sheet_heading(struct sheet *s, const char *text)
{
    sheet_line(s);
    area_text(s->a, sheet_line(s), 1, -1, ROLE_PANEL_TITLE, TEXT_OURS(text));
}

void sheet_field(struct sheet *s, const char *label, enum role role, const char *value)
{
    const struct area right =
        area_sub(s->a, 0, SHEET_LABEL, s->a.rows, s->a.cols - SHEET_LABEL);
    const int y = s->line - s->skip;

    area_text(s->a, y, 1, SHEET_LABEL - 1, ROLE_SCREEN_DIM, TEXT_OURS(label));
    s->line = s->skip + panel_wrapped(right, y, role, *value ? value : SYM_NONE);
}

void sheet_end(struct sheet *s, struct area frame, int *scroll)
{
    const int most = s->line > s->a.rows ? s->line - s->a.rows : 0;

    if (*scroll > most) {
        *scroll = most;
        s->p->desk->overscrolled = true;
    }
    if (s->line - s->skip > s->a.rows)
        area_text_right(frame, frame.rows - 1, 0, frame.cols - 2, ROLE_PANEL_BORDER,
                        TEXT_OURS(_(" more ↓ ")));
    area_cursor(s->a, 0, 0, false);
}
