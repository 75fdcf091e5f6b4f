/* list.h - the one list widget. A list of something supplies a table of columns; drawing,
 * scrolling, the cursor that stays on its row, sorting and filtering are here. */
#ifndef UI_LIST_H
#define UI_LIST_H

#include "core/filter.h"
#include "ui/cells.h"
#include "ui/ui.h"

struct paint;
struct list;

enum list_id {
    LIST_ALARMS,
    LIST_FLOOD, /* in place of the alarms in the overview */
    LIST_CLIENTS,
    LIST_COMMANDS,
    LIST_INCIDENTS,
    LIST_HISTORY,
    LIST_LOGS,
    LIST_REJECTS,
    LIST_REFUSALS,
    LIST_AUDIT,
    LIST_ACCOUNTS,
    LISTS
};

/* What a column says about a row. */
struct cell_out {
    char text[512]; /* clean */
    enum role role; /* preset to the row's */
    int cols;       /* room for it */
};

struct column {
    const char *title; /* N_() */
    int width;         /* cells, at least */
    int most;          /* cells, where there is room; 0: width */
    int grow;          /* how fast it takes that room, against the others; 0 as 1 */
    int rank;          /* 0 always; the higher, the sooner it gives way */
    bool right;
    int sort; /* 1 + enum client_sort; 0: can't be sorted by */
    void (*text)(struct paint *p, const void *row, struct cell_out *out);
};
#define COLUMNS_MAX 16

struct occurrence {
    char id[ALARM_ID];
    struct text96 mark;
};

/* A row of the commands: one of its own, a rollout as one, or a rollout's client below it. */
struct work {
    enum { WORK_COMMAND, WORK_ROLLOUT, WORK_MEMBER } kind;
    struct uid id;      /* of the command, of the rollout */
    struct uid client;  /* zero: a rollout */
    struct uid rollout; /* WORK_MEMBER: whose */
    uint32_t member;    /* WORK_MEMBER: which */
    bool open;          /* WORK_ROLLOUT: its clients follow */
    enum role role;
};
#define UNFOLDED 8

enum list_header { HEADER_NEVER, HEADER_ALWAYS, HEADER_OUTSIDE_OVERVIEW };

struct list_class {
    const char *name, *title; /* title N_() */
    const char *empty;        /* N_(): in place of rows */
    const struct column *columns;
    int column_count;
    int below;        /* this column gets a line of its own under the others … */
    int below_within; /* … in a panel narrower than this; 0: never */
    enum list_header header;
    uint32_t (*count)(const struct ui_model *m);
    const void *(*row)(const struct ui_model *m, uint32_t index); /* NULL: list.work has the rows */
    uint64_t (*identity)(const void *row);
    enum role (*role)(const void *row);
    uint64_t (*generation)(const struct ui_model *m); /* rises when rows change */
    /* With a filter: does the row match? NULL: no filter here. */
    bool (*matches)(const struct filter *f, const struct ui_model *m, const void *row);
    /* Fills list.order, the filter applied, and returns how many; there is room for count() of them.
     * NULL: the rows as they come. */
    uint32_t (*order)(struct list *l, const struct ui_model *m);
};
extern const struct list_class class_alarms, class_flood, class_clients, class_commands, class_incidents,
    class_history, class_logs, class_rejects, class_refusals, class_audit, class_accounts;

#define LIST_ROWS_SEEN 256

struct list {
    const struct list_class *class;
    /* Which rows in which order; identity[k] tells what order[k] was when it was made. */
    uint32_t *order, count, cap;
    struct work *work; /* LIST_COMMANDS only */
    size_t work_room;
    struct uid unfolded[UNFOLDED]; /* rollouts whose clients are shown; zero: none */
    bool made;
    uint64_t made_generation;
    uint32_t made_rows;
    int64_t made_mono, cost_us;

    char expression[256];
    struct filter *filter;
    int sort;
    bool descending;

    uint32_t cursor, top;
    uint64_t selected; /* identity under the cursor; 0: none yet */
    bool moved;        /* by the operator: until then the cursor stays on the first row */

    /* Marked rows, by index: LIST_CLIENTS only, whose indices are stable. A row that the filter
     * hides loses its mark, unless the filter is still being typed. */
    uint8_t *marks; /* a bit each; NULL: none yet */
    uint32_t mark_room, marked;
    bool filtering;

    /* Of the last frame. */
    int y, x, rows, cols; /* where the rows were; rows 0: not shown */
    int lines;            /* of each row: 1 or 2 */
    int header_y;
    uint64_t seen[LIST_ROWS_SEEN];
    struct occurrence seen_alarm[LIST_ROWS_SEEN]; /* LIST_ALARMS only */
    uint32_t seen_top, seen_count;
    int column_x[COLUMNS_MAX], column_cols[COLUMNS_MAX];
};

void list_fini(struct list *l);
bool list_reserve(struct list *l, uint32_t rows); /* room in order */
/* Brings the order up to date. False: it waits a little, since remaking it is dear now (list_due).
 */
bool list_update(struct list *l, const struct ui_model *m);
int64_t list_due(const struct list *l,
                 const struct ui_model *m); /* mono ms; INT64_MAX: it is up to date */
bool list_set_filter(struct list *l, const char *expression, struct err *e);
/* What is asked for first: the worst state, the most reconnects, the latest disconnect; names from
 * A. */
bool list_sorts_down(int sort);
void list_sort(struct list *l, int sort); /* the same again turns the order around */
const void *list_row(const struct list *l, const struct ui_model *m, uint32_t rank);
/* Puts the cursor on the row with this identity; false: there is none. */
bool list_select(struct list *l, const struct ui_model *m, uint64_t identity);
const void *list_selected(const struct list *l, const struct ui_model *m);
void list_move(struct list *l, const struct ui_model *m, int64_t by);
/* The row under the cursor; true if there is one. */
bool list_toggle_mark(struct list *l, const struct ui_model *m);
void list_mark_all(struct list *l, const struct ui_model *m); /* that match the filter */
void list_unmark_all(struct list *l);
bool list_is_marked(const struct list *l, uint32_t rank);
void list_draw(struct list *l, struct paint *p, struct area a, bool focused);
/* Where there is room for one row only and somebody else draws it: the one under the cursor; NULL
 * none. */
const void *list_show_one(struct list *l, const struct ui_model *m, struct area a);
/* True if it moved the cursor to the row drawn at y, x. */
bool list_click(struct list *l, const struct ui_model *m, int y, int x);
/* The column whose title was drawn at y, x; -1 none. */
int list_header_at(const struct list *l, int y, int x);

uint64_t identity_of(const void *bytes, size_t n);

#endif
