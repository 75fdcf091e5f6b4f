/* theme.h - roles instead of colours: what a cell means, and what a theme makes of it. A theme is an INI
 * file; a role that it doesn't name looks like the role's parent. */
#ifndef UI_THEME_H
#define UI_THEME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* id, name (section.key of the theme file), parent, attributes where there is no colour */
#define ROLES(X)                                                                                    \
    X(SCREEN_TEXT, "screen.text", SCREEN_TEXT, 0)                                                   \
    X(SCREEN_DIM, "screen.dim", SCREEN_TEXT, 0)                                                     \
    X(SCREEN_STRONG, "screen.strong", SCREEN_TEXT, STYLE_BOLD)                                      \
    X(SCREEN_ERROR, "screen.error", SCREEN_STRONG, STYLE_BOLD)                                      \
    X(HEADER_TEXT, "header.text", SCREEN_TEXT, STYLE_REVERSE)                                       \
    X(HEADER_TITLE, "header.title", HEADER_TEXT, STYLE_REVERSE | STYLE_BOLD)                        \
    X(HEADER_GOOD, "header.good", HEADER_TEXT, STYLE_REVERSE)                                       \
    X(HEADER_BAD, "header.bad", HEADER_TEXT, STYLE_REVERSE | STYLE_BOLD)                            \
    X(HEADER_READ_ONLY, "header.read_only", HEADER_BAD, STYLE_REVERSE | STYLE_BOLD)                 \
    X(HEADER_PAST, "header.past", HEADER_READ_ONLY, STYLE_REVERSE | STYLE_BOLD)                     \
    X(BANNER_WIDE, "banner.wide", SCREEN_ERROR, STYLE_REVERSE | STYLE_BOLD)                         \
    X(BANNER_WARNING, "banner.warning", BANNER_WIDE, STYLE_BOLD)                                    \
    X(PANEL_BORDER, "panel.border", SCREEN_DIM, 0)                                                  \
    X(PANEL_TITLE, "panel.title", SCREEN_STRONG, STYLE_BOLD)                                        \
    X(PANEL_FOCUSED, "panel.focused", PANEL_TITLE, STYLE_BOLD)                                      \
    X(PANEL_MESSAGE, "panel.message", SCREEN_STRONG, STYLE_BOLD)                                    \
    X(TABLE_HEADER, "table.header", SCREEN_DIM, STYLE_UNDERLINE)                                    \
    X(TABLE_SORTED, "table.sorted", TABLE_HEADER, STYLE_UNDERLINE | STYLE_BOLD)                     \
    X(TABLE_CURSOR, "table.cursor", SCREEN_TEXT, STYLE_REVERSE)                                     \
    X(TABLE_CURSOR_ELSEWHERE, "table.cursor_elsewhere", SCREEN_TEXT, STYLE_UNDERLINE)               \
    X(TABLE_MARKED, "table.marked", SCREEN_STRONG, STYLE_BOLD)                                      \
    X(ALERT_BORDER, "alert.border", SCREEN_ERROR, STYLE_BOLD)                                       \
    X(ALERT_TITLE, "alert.title", ALERT_BORDER, STYLE_BOLD)                                         \
    X(ALERT_SERVICE_FAILED, "alert.service_failed", SCREEN_ERROR, STYLE_BOLD)                       \
    X(ALERT_CRASHED, "alert.crashed", ALERT_SERVICE_FAILED, STYLE_BOLD)                             \
    X(ALERT_WIDE, "alert.wide", SCREEN_ERROR, STYLE_REVERSE | STYLE_BOLD)                           \
    X(ALERT_OTHER, "alert.other", SCREEN_STRONG, STYLE_BOLD)                                        \
    X(ALERT_ACKNOWLEDGED, "alert.acknowledged", SCREEN_TEXT, 0)                                     \
    X(STATE_ONLINE, "state.online", SCREEN_TEXT, 0)                                                 \
    X(STATE_SILENT, "state.silent", SCREEN_STRONG, STYLE_BOLD)                                      \
    X(STATE_CRASHED, "state.crashed", ALERT_CRASHED, STYLE_BOLD)                                    \
    X(STATE_SERVICE_FAILED, "state.service_failed", ALERT_SERVICE_FAILED, STYLE_BOLD)               \
    X(STATE_UNKNOWN, "state.unknown", SCREEN_DIM, 0)                                                \
    X(VALUE_WARNING, "value.warning", SCREEN_STRONG, STYLE_BOLD)                                    \
    X(COMMAND_RUNNING, "command.running", SCREEN_TEXT, 0)                                           \
    X(COMMAND_DONE, "command.done", STATE_ONLINE, 0)                                                \
    X(COMMAND_FAILED, "command.failed", SCREEN_ERROR, STYLE_BOLD)                                   \
    X(LOG_ERROR, "log.error", SCREEN_ERROR, STYLE_BOLD)                                             \
    X(LOG_WARNING, "log.warning", VALUE_WARNING, STYLE_BOLD)                                        \
    X(LOG_TEXT, "log.text", SCREEN_TEXT, 0)                                                         \
    X(FOOTER_KEY, "footer.key", SCREEN_STRONG, STYLE_BOLD)                                          \
    X(FOOTER_TEXT, "footer.text", SCREEN_DIM, 0)                                                    \
    X(PROMPT_TEXT, "prompt.text", SCREEN_STRONG, STYLE_BOLD)                                        \
    X(PROMPT_ERROR, "prompt.error", SCREEN_ERROR, STYLE_BOLD)

#define ROLE_ID(id, name, parent, mono) ROLE_##id,
enum role { ROLES(ROLE_ID) ROLE_COUNT };
#undef ROLE_ID

enum style_attribute {
    STYLE_BOLD = 1u << 0,
    STYLE_REVERSE = 1u << 1,
    STYLE_UNDERLINE = 1u << 2,
    STYLE_DIM = 1u << 3,
};

#define COLOUR_DEFAULT (-1)
#define COLOUR_RGB     0x1000000 /* | 0xrrggbb; below: a palette index 0-255 */

struct style {
    int32_t fg, bg;
    unsigned attributes; /* enum style_attribute */
};

struct theme {
    struct style style[ROLE_COUNT];
    bool named[ROLE_COUNT]; /* given by the file, not taken from the parent */
};

const char *role_name(enum role r);
int role_find(const char *name); /* -1: no such role */

void theme_init(struct theme *t); /* the default theme, compiled in */
/* "bold #ff8700 on default" */
bool style_parse(const char *value, struct style *out, struct err *e);
/* Replaces *t by the theme of that name, looked for in each of the ':'-separated dirs; "default" that lies
 * nowhere is the one compiled in. On false *t is unchanged. */
bool theme_load(struct theme *t, const char *name, const char *dirs, struct err *e);
/* Reads one theme file over the default theme. */
bool theme_read(struct theme *t, const char *path, struct err *e);

/* What the terminal can show: 0, 8, 16, 256 or COLOUR_RGB colours. The nearest it has; -1 its own. */
int32_t colour_nearest(int32_t colour, int32_t colours);
/* The attributes of a role on a terminal with that many colours. */
unsigned theme_attributes(const struct theme *t, enum role r, int32_t colours);

#endif
