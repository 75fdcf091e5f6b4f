/* ui.h - the terminal. Draws from const data, returns intents; only the loop acts and paints. */
#ifndef UI_UI_H
#define UI_UI_H

#include <stdbool.h>

#include "base/err.h"
#include "core/core.h"
#include "core/past.h"
#include "core/status.h"

struct ui;

struct ui_options {
    const struct config *config; /* theme, plain, mouse, language …; borrowed for the life of the ui */
    const char *theme_dirs;      /* ':'-separated; NULL: beside the program, installed, then XDG's */
    bool utf8;
    const char *key_bindings;    /* from [keys]: "action=key" lines; NULL none */
};

/* Everything a frame may show. Borrowed for one call. */
struct ui_model {
    const struct core *core;
    const struct link_status *link;
    const struct store_status *store;
    struct now now;
    struct text operator_name;
    bool read_only;
    bool demo;
    double rate;               /* messages a second, over the last seconds */
    const struct rate_past *past; /* NULL: nothing known */
    const struct refusals *refusals; /* NULL: none */
    const struct audit_status *audit; /* NULL: never */
    struct text account;       /* that we are connected as; "" anonymous */
    const struct words *message; /* the last sentence for the status line; NULL none */
    int64_t message_at_mono;
    /* What was asked of the history (ui_wishes) and has come; NULL: not yet. */
    const struct past_answer *told[PAST_KINDS];
    /* The core is not today's: the fleet as it was at now.wall_ms, only to be looked at. */
    bool in_past;
};

/* What the screen would like to know of the history, as long as it shows what it shows. */
struct ui_wishes {
    struct past_question list[PAST_KINDS];
    int count;
};

/* What the operator wants done. The app acts on it. */
enum intent_kind { INTENT_NONE, INTENT_QUIT, INTENT_OPERATOR /* op */, INTENT_RETRY_LINK, INTENT_SUSPEND, INTENT_REDRAW, INTENT_AUDIT,
    INTENT_EXPORT /* the text of ui_export_text() into this file */ };
struct intent {
    enum intent_kind kind;
    struct operator_action op;
    char path[256]; /* EXPORT */
};
#define UI_INTENTS 64
struct intents { struct intent list[UI_INTENTS]; int count; };

/* Opens the terminal, saves the terminal's state, installs the crash handler's restore. */
/* Would ui_open take it? A line "action=keys" from [keys]; a theme's name. */
bool ui_check_keys(const char *binding, struct err *e);
bool ui_check_theme(const char *name, struct err *e);
struct ui *ui_open(const struct ui_options *o, struct err *e);
void ui_close(struct ui *u);            /* gives the terminal back; NULL is legal */
int ui_fd(const struct ui *u);          /* to poll for input */
/* Reads all keys that wait. False: the terminal is gone. */
bool ui_input(struct ui *u, const struct ui_model *m, struct intents *out);
void ui_resized(struct ui *u);          /* on SIGWINCH; the next paint takes the new size */
void ui_suspend(struct ui *u);          /* before SIGSTOP: terminal given back */
void ui_resume(struct ui *u);
void ui_wishes(const struct ui *u, const struct ui_model *m, struct ui_wishes *out);
/* What is to be written into a file; until the next ui_input. */
const char *ui_export_text(const struct ui *u, size_t *n);
/* Would a frame look different from the last one? Cheap; decides by generations and coarse times. */
bool ui_is_dirty(const struct ui *u, const struct ui_model *m);
/* mono ms when something on screen changes by time alone (an age, the clock); INT64_MAX none. */
int64_t ui_next_change(const struct ui *u, const struct ui_model *m);
/* Paints one frame, writes only what changed. False: the terminal still has the last frame to take. */
bool ui_paint(struct ui *u, const struct ui_model *m);
void ui_bell(struct ui *u);
/* A notification by the terminal, where it is known to have one. */
void ui_notify(struct ui *u, struct text sentence);
/* For the tests: an OSC that says "nothing is pending" (only with INFOSCREEN_TUI_IDLE_MARK set). */
void ui_mark_idle(struct ui *u);

/* Every action, for the man page and the tests. Labels and helps are N_(). */
enum ui_action_flag {
    UI_MOVES = 1u << 0,    /* only moves the cursor */
    UI_FOOTER = 1u << 1,   /* in the bottom line where it applies */
    UI_ACTS = 1u << 2,     /* would send something: refused when read-only */
    UI_CONFIRMS = 1u << 3, /* asks first */
    UI_VIEW = 1u << 4,     /* another view */
    UI_STAYS = 1u << 5,    /* in the bottom line: never gives way to another */
};
struct ui_action {
    const char *name; /* in [keys] and on the command line */
    const char *keys; /* "g Home": the default ones */
    unsigned flags;
    const char *label, *help;
};
const struct ui_action *ui_actions(unsigned *n);

/* The last resort from a signal handler: async-signal-safe. */
void ui_emergency_restore(void);

#endif
