/* listing.h - rows with declared columns, as a table, JSON or CSV. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "base/timefmt.h"
#include "cli/call.h"
#include "cli/dataset.h"
#include "cli/json_out.h"

enum cell_kind { CELL_NULL, CELL_TEXT, CELL_NUMBER, CELL_BOOL, CELL_TIME, CELL_AGE, CELL_NESTED };
enum cell_role { ROLE_PLAIN, ROLE_ALERT, ROLE_WARN, ROLE_GOOD, ROLE_FAINT };

/* One value. Text may point into the row or into scratch. */
struct cell {
    enum cell_kind kind;
    enum cell_role role;
    struct text text;
    int64_t number;                                      /* count, wall time, or an age in ms */
    void (*nested)(struct json_out *j, const void *row); /* JSON; elsewhere `text` stands for it */
    char scratch[520];
};

/* What getters may look up beside the row. */
struct view {
    const struct dataset *data;
    struct now now;
    bool json; /* words in English */
    const struct config *config; /* for [guidance]; NULL: none */
};

struct column {
    const char *name; /* the JSON and CSV key, or N_() the title of a table's column */
    void (*get)(const struct view *v, const void *row, struct cell *c);
    bool right;
};

struct listing {
    const char *name;            /* JSON: the key of the array */
    const struct column *fields; /* for JSON and CSV */
    unsigned field_count;
    const struct column *columns; /* for tables */
    unsigned column_count;
    bool with_as_of, with_broker;
};

void cell_text(struct cell *c, struct text t); /* empty: null */
void cell_number(struct cell *c, int64_t n);   /* NUMBER_NONE: null */
void cell_time(struct cell *c, int64_t at);    /* TIME_NONE: null */
void cell_age(struct cell *c, int64_t at, struct now now);

/* One row as an object, for arrays inside other things. */
void listing_row_json(const struct listing *l, const struct view *v, const void *row,
                      struct json_out *j);
/* Rows by pointer. Writes to out in the format. */
void listing_print(const struct listing *l, const struct view *v, const void *const *rows, size_t n,
                   enum output_format format, FILE *out, bool colours);
/* Flushes stdout; a reader that went away ends us quietly, a full disk is an error. */
int output_finish(FILE *out, struct err *e);
bool output_has_colours(const struct cli_globals *g, FILE *out);

/* With a column for guidance where there is any. */
const struct listing *alarms_listing_for(const struct config *c);
extern const struct listing clients_listing, alarms_listing, commands_listing, history_listing,
    logs_listing;

#endif
