/* panel_help.c - the help: made from the table of actions and from the signs' own words. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

#define KEYS_COLS 16
#define NAME_COLS 18

static void legend(struct area a, int y)
{
    int x = 1;

    for (int s = CLIENT_STATES - 1; s >= 0; s--) {
        const enum client_state state = (enum client_state)s;
        x += area_printf(a, y, x, panel_state_role(state), "%s %s", panel_state_sign(state),
                         _(client_states[s].label)) +
             3;
    }
    x += area_text(a, y, x, -1, ROLE_VALUE_WARNING, TEXT_OURS("42" SYM_NOT "17")) + 1;
    area_text(a, y, x, -1, ROLE_SCREEN_TEXT, TEXT_OURS(_("event: should show 42, shows 17")));
}

void panel_help_draw(struct paint *p, struct area a)
{
    struct desk *d = p->desk;
    unsigned n;
    const struct ui_action *list = ui_actions(&n);
    struct area in =
        desk_frame(d, a, false, ROLE_PANEL_BORDER, ROLE_PANEL_FOCUSED, TEXT_OURS(_("HELP")));
    int *skip = &d->layer[d->layers - 1].scroll, line = 0;
    const int wide = in.cols >= 160 ? 2 : 1, height = ((int)n + wide - 1) / wide;

    if (*skip > height + 3 - in.rows)
        *skip = height + 3 > in.rows ? height + 3 - in.rows : 0;
    legend(in, line++ - *skip);
    area_text(in, line++ - *skip, 1, -1, ROLE_SCREEN_DIM,
              TEXT_OURS(_(
                  "Esc or q closes; keys can be changed in [keys] of config.ini by these names")));
    line++;
    for (unsigned i = 0; i < n; i++) {
        char keys[80];
        const int x = (int)i / height * (in.cols / wide), y = line + (int)i % height - *skip;

        if (y < 0 || y >= in.rows)
            continue;
        keymap_all(&d->keys, (enum ui_action_id)i, keys);
        area_text(in, y, x + 1, KEYS_COLS, ROLE_FOOTER_KEY, TEXT_OURS(keys));
        area_text(in, y, x + KEYS_COLS + 2, NAME_COLS, ROLE_SCREEN_DIM, TEXT_OURS(list[i].name));
        area_text(in, y, x + KEYS_COLS + NAME_COLS + 2, in.cols / wide - KEYS_COLS - NAME_COLS - 3,
                  ROLE_SCREEN_TEXT, TEXT_OURS(_(list[i].help)));
    }
    if (height + 3 - *skip > in.rows)
        area_text_right(a, a.rows - 1, 0, a.cols - 2, ROLE_PANEL_BORDER, TEXT_OURS(_(" more ↓ ")));
    area_cursor(in, 0, 0, false);
}
