/* desk.h - what the operator has in front of them: the view, the lists with their cursors and
 * filters, and what lies on top (details, help, a question). No terminal here: it is drawn into
 * cells and fed with keys. */
#ifndef UI_DESK_H
#define UI_DESK_H

#include "base/buf.h"
#include "core/filter.h"
#include "core/report.h"
#include "ui/cells.h"
#include "ui/keys.h"
#include "ui/line.h"
#include "ui/list.h"
#include "ui/ui.h"

enum view_id {
    VIEW_OVERVIEW,
    VIEW_CLIENTS,
    VIEW_ALARMS,
    VIEW_COMMANDS,
    VIEW_INCIDENTS,
    VIEW_HISTORY,
    VIEW_LOGS,
    VIEW_BROKER,
    VIEWS
};

/* What lies on top of a view, the last one uppermost. */
enum layer_kind {
    LAYER_CLIENT,
    LAYER_INCIDENT,
    LAYER_HANDOVER,
    LAYER_LOAD,
    LAYER_HELP,
    LAYER_PROMPT,
    LAYER_ORDER
};
#define LAYERS 4

enum prompt_kind {
    PROMPT_FILTER,
    PROMPT_NOTE,
    PROMPT_COMMAND,
    PROMPT_ACKNOWLEDGE_ALL,
    PROMPT_WITHDRAW,
    PROMPT_QUIT,
    PROMPT_EXPORT,
    PROMPT_HAND_OVER,
    PROMPT_PAST, /* the whole fleet as it was */
    PROMPT_JUMP, /* history and logs up to then */
    PROMPT_SHELVE
};

struct prompt {
    enum prompt_kind kind;
    struct line line;
    bool shown; /* drawn: what was typed before is no answer to a question */
    struct err error;
    enum list_id list; /* of the filter */
    struct occurrence note_for;
    uint32_t count; /* of alarms in question */
    struct uid withdraw; /* a queued command, or … */
    bool rollout;        /* … a rollout that goes on */
};

/* A command that is to be sent: to whom, and what is still asked about it. */
struct order {
    enum action action;
    struct rollout_target *target; /* in the order they get it: who may not hear it comes last; owned */
    uint32_t count, offline;       /* the last ones */
    bool marked;                   /* these were the marked ones */
    struct text64 name;            /* of the only one */
    char wanted[64];               /* has to be typed; "": y or n */
    struct line typed, reason;
    bool reasoning; /* the reason is being typed, not the answer */
    bool override_lockout;
    int pace;
    bool shown; /* drawn: what was typed before is no answer to it */
    struct err error;
};

/* One occurrence of an alarm, as somebody saw it. */
struct target {
    bool found;
    struct occurrence what;
    /* For which selection it was found. */
    enum list_id focus;
    uint64_t selected;
    bool layer;
    uint64_t layer_subject;
};

struct desk {
    struct keymap keys;
    int64_t ack_expires_ms;
    const struct config *config; /* for [guidance] */
    bool ascii, boxes, screen_reader;

    enum view_id view;
    enum list_id focus;
    bool focus_chosen; /* by the operator: alarms don't take it any more */
    struct list list[LISTS];

    struct {
        enum layer_kind kind;
        struct uid client;
        char incident[INCIDENT_ID];
        int scroll;
    } layer[LAYERS];
    int layers;
    struct prompt prompt;
    struct order order;
    struct rollout_target *sent; /* what the last intent of a rollout points to */

    int64_t fleet_at;   /* the past that is shown, or on its way; TIME_NONE: now */
    int64_t lines_until; /* history and logs end there; TIME_NONE: now */
    bool was_in_past;    /* of the last frame */
    struct {             /* the incident to put the cursor on, once it has come */
        bool wanted;
        char alarm[ALARM_ID];
        struct uid client;
    } seek;
    struct buf export; /* what goes into the file */

    struct text160 said; /* our own last sentence */
    int64_t said_mono;
    struct text64 copy; /* for the clipboard; taken by the terminal's side */
    bool redraw, reload_theme;

    /* Confirmed, and not yet handed on: one call takes so many only. */
    struct occurrence *acknowledge;
    uint32_t acknowledge_count, acknowledge_at;
    struct text512 none;

    /* Of the last frame. */
    struct target target;
    double rate_shown;
    int64_t next_change; /* mono ms */
    int64_t click_mono;
    int click_y;
    bool touched; /* a key changed something */
    bool too_small; /* the last frame could show nothing */
    bool overscrolled; /* the end of a sheet was found above where it was drawn */
};

bool desk_init(struct desk *d, const struct ui_options *o, struct err *e);
void desk_fini(struct desk *d);
/* Draws a frame and notes what it showed. */
void desk_draw(struct desk *d, const struct ui_model *m, struct cells *c);
void desk_key(struct desk *d, const struct ui_model *m, const struct key *k, struct intents *out);
void desk_paste(struct desk *d, const struct ui_model *m, const struct key *k, struct intents *out);
/* Hands on what is left of an "acknowledge all". */
void desk_continue(struct desk *d, const struct ui_model *m, struct intents *out);

/* ---- within the room ---- */

/* While a frame is drawn. */
struct paint {
    struct desk *desk;
    const struct ui_model *m;
    int64_t next_change;
};

void desk_say(struct desk *d, const struct ui_model *m, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A frame, or only a title where boxes are not wanted; returns the inside. */
struct area desk_frame(const struct desk *d, struct area a, bool heavy, enum role border,
                       enum role title_role, struct text title);
/* The panels of the current view that are there now, in the order of Tab. */
enum list_id desk_alert(const struct ui_model *m);
int desk_panels(const struct desk *d, const struct ui_model *m, enum list_id out[LISTS]);
void desk_settle_focus(struct desk *d, const struct ui_model *m);
bool desk_asks(const struct desk *d);      /* a prompt or an order is uppermost */
bool desk_has_asked(const struct desk *d); /* … one that keys answer, and it was drawn */
struct intent *desk_intent(struct intents *out, const struct ui_model *m, enum operator_verb verb);
const struct client *desk_selected_client(const struct desk *d, const struct ui_model *m);

/* incidents.c */
const struct incident_report *desk_incidents(const struct ui_model *m); /* NULL: not known yet */
const struct incident *desk_incident(const struct desk *d, const struct ui_model *m);
void desk_seek_incident(struct desk *d, const struct ui_model *m);
void desk_find_sought(struct desk *d, const struct ui_model *m);
bool desk_make_export(struct desk *d, const struct ui_model *m);
void desk_default_name(const struct desk *d, const struct ui_model *m, char *out, size_t size);
struct report desk_report(const struct desk *d, const struct ui_model *m);

/* past.c */
void desk_wish(const struct desk *d, const struct ui_model *m, struct ui_wishes *out);
void desk_go_to(struct desk *d, int64_t at, bool fleet); /* TIME_NONE: now */
/* The past has come, gone, or can't be had. */
void desk_settle_past(struct desk *d, const struct ui_model *m);

/* layout.c */
void desk_draw_view(struct paint *p, struct area all);

/* act.c */
void desk_act(struct desk *d, const struct ui_model *m, enum ui_action_id id, struct intents *out);
bool desk_action_applies(const struct desk *d, const struct ui_model *m, enum ui_action_id id);
void desk_pop(struct desk *d);
bool desk_push(struct desk *d, enum layer_kind kind);

/* target.c */
struct target target_resolve(const struct desk *d, const struct ui_model *m);
struct target target_at_key(const struct desk *d, const struct ui_model *m);
bool desk_send(struct intents *out, const struct ui_model *m, enum operator_verb verb,
               const struct occurrence *what, struct text note);
uint32_t target_collect_all(struct desk *d, const struct ui_model *m,
                            const struct alarm_group *g /* NULL: all */);

/* order.c */
/* How fast it goes out to many. */
struct pace {
    const char *label; /* N_() */
    int64_t parallel, canary, max_failures;
};
#define PACES 3
extern const struct pace paces[PACES];
bool order_may_not_hear(const struct client *c);
/* Sends it at once where nothing speaks against it, else asks. */
void order_begin(struct desk *d, const struct ui_model *m, enum action action, struct intents *out);
void order_key(struct desk *d, const struct ui_model *m, const struct key *k, struct intents *out);
void order_fini(struct desk *d);

/* panel_order.c */
void order_draw(struct paint *p, struct area middle, struct area bottom);

/* work.c */
uint32_t work_order(struct list *l, const struct ui_model *m);
void work_fold(struct list *l, const struct uid *rollout); /* or unfolds it */

/* withdraw.c */
void withdraw_begin(struct desk *d, const struct ui_model *m);
void withdraw_label(struct paint *p, char *out, size_t size);
void withdraw_send(struct desk *d, const struct ui_model *m, struct intents *out);

/* leave.c */
void leave_begin(struct desk *d, const struct ui_model *m, struct intents *out); /* asks if need be */
void leave_label(const struct ui_model *m, char *out, size_t size);

/* prompt.c */
void prompt_open(struct desk *d, enum prompt_kind kind);
void prompt_key(struct desk *d, const struct ui_model *m, const struct key *k, struct intents *out);
bool prompt_is_question(const struct desk *d); /* answered with a key, not with a line */
void prompt_draw(struct paint *p, struct area all); /* at its bottom */

#endif
