/* panel_help.c - the help: made from the table of actions and from the signs' own words. */
#include "ui/panel.h"
#include "ui/sheet.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

#define KEYS_COLS  16
#define NAME_COLS  18
#define NAMES_FROM 60  /* cells of a column: in a narrower one what a key does comes first */
#define TWO_FROM   160 /* cells: two columns */

/* Returns the line below. */
static int legend(struct area a, int y)
{
    const struct text differs = TEXT_OURS(_("event: should show 42, shows 17"));
    int x = 1;

    for (int s = CLIENT_STATES - 1; s >= 0; s--) {
        const enum client_state state = (enum client_state)s;
        x += area_printf(a, y, x, panel_state_role(state), "%s %s", panel_state_sign(state),
                         _(client_states[s].label)) +
             3;
    }
    if (x + 6 + text_width(differs) >= a.cols) {
        y++;
        x = 1;
    }
    x += area_text(a, y, x, -1, ROLE_VALUE_WARNING, TEXT_OURS("42" SYM_NOT "17")) + 1;
    area_text(a, y, x, -1, ROLE_SCREEN_TEXT, differs);
    return y + 1;
}

/* Its sentence in as many lines as it needs; returns the line below. */
static int draw_action(struct paint *p, struct area a, int y, unsigned i)
{
    unsigned n;
    const struct ui_action *action = &ui_actions(&n)[i];
    const int x = KEYS_COLS + 1 + (a.cols >= NAMES_FROM ? NAME_COLS : 0);
    char keys[80];

    keymap_all(&p->desk->keys, (enum ui_action_id)i, keys);
    area_text(a, y, 1, KEYS_COLS, ROLE_FOOTER_KEY, TEXT_OURS(keys));
    if (a.cols >= NAMES_FROM)
        area_text(a, y, KEYS_COLS + 2, NAME_COLS, ROLE_SCREEN_DIM, TEXT_OURS(action->name));
    return panel_wrapped(area_sub(a, 0, x, a.rows, a.cols - x), y, ROLE_SCREEN_TEXT,
                         _(action->help));
}

/* The help for this view: what its bottom line has, or had no room for, comes before the rest. */
static void sort_actions(struct paint *p, unsigned out[UI_ACTION_COUNT])
{
    bool here[UI_ACTION_COUNT];
    unsigned n, k = 0;
    const struct ui_action *list = ui_actions(&n);

    p->desk->layers--; /* as it is below the help */
    for (unsigned i = 0; i < n; i++)
        here[i] = list[i].flags & UI_FOOTER &&
                  desk_action_applies(p->desk, p->m, (enum ui_action_id)i);
    p->desk->layers++;
    for (int first = 1; first >= 0; first--) {
        for (unsigned i = 0; i < n; i++) {
            if (here[i] == first)
                out[k++] = i;
        }
    }
}

void panel_help_draw(struct paint *p, struct area a)
{
    struct desk *d = p->desk;
    int *skip = &d->layer[d->layers - 1].scroll;
    struct sheet s = {.p = p,
                      .skip = *skip,
                      .a = desk_frame(d, a, false, ROLE_PANEL_BORDER, ROLE_PANEL_FOCUSED,
                                      TEXT_OURS(_("HELP")))};
    const unsigned columns = s.a.cols >= TWO_FROM ? 2 : 1;
    const int cols = s.a.cols / (int)columns;
    unsigned order[UI_ACTION_COUNT] = {0};

    sort_actions(p, order);
    const int below = panel_wrapped(
        s.a, legend(s.a, -s.skip), ROLE_SCREEN_DIM,
        _("Esc or q closes; keys can be changed in [keys] of config.ini by these names"));
    for (unsigned c = 0; c < columns; c++) {
        const struct area column = area_sub(s.a, 0, (int)c * cols, s.a.rows, cols);
        int y = below + 1;
        for (unsigned i = UI_ACTION_COUNT * c / columns; i < UI_ACTION_COUNT * (c + 1) / columns;
             i++)
            y = draw_action(p, column, y, order[i]);
        s.line = y + s.skip > s.line ? y + s.skip : s.line;
    }
    sheet_end(&s, a, skip);
}
