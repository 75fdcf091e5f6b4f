/* listing.c - one set of rows in three forms. */
#include "cli/listing.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/i18n.h"

enum { COLUMNS_MOST = 32, GAP = 2 };

void cell_text(struct cell *c, struct text t)
{
    c->kind = text_is_empty(t) ? CELL_NULL : CELL_TEXT;
    c->text = t;
}

void cell_number(struct cell *c, int64_t n)
{
    c->kind = n == NUMBER_NONE ? CELL_NULL : CELL_NUMBER;
    c->number = n;
}

void cell_time(struct cell *c, int64_t at)
{
    c->kind = at == TIME_NONE ? CELL_NULL : CELL_TIME;
    c->number = at;
}

void cell_age(struct cell *c, int64_t at, struct now now)
{
    c->kind = at == TIME_NONE ? CELL_NULL : CELL_AGE;
    c->number = at != TIME_NONE && now.wall_ms > at ? now.wall_ms - at : 0;
}

static void cell_fill(const struct column *col, const struct view *v, const void *row,
                      struct cell *c)
{
    c->kind = CELL_NULL;
    c->role = ROLE_PLAIN;
    c->text = TEXT_EMPTY;
    c->number = 0;
    c->nested = NULL;
    c->scratch[0] = '\0';
    col->get(v, row, c);
}

/* ---- JSON ---- */

static void cell_json(const struct cell *c, const void *row, struct json_out *j)
{
    switch (c->kind) {
    case CELL_TEXT:
        json_text(j, c->text);
        break;
    case CELL_NUMBER:
    case CELL_AGE:
        json_number(j, c->number);
        break;
    case CELL_BOOL:
        json_bool(j, c->number != 0);
        break;
    case CELL_TIME:
        json_time(j, c->number);
        break;
    case CELL_NESTED:
        c->nested(j, row);
        break;
    case CELL_NULL:
        json_null(j);
        break;
    }
}

void listing_row_json(const struct listing *l, const struct view *v, const void *row,
                      struct json_out *j)
{
    struct cell c;

    json_begin(j, '{');
    for (unsigned i = 0; i < l->field_count; i++) {
        cell_fill(&l->fields[i], v, row, &c);
        json_key(j, l->fields[i].name);
        cell_json(&c, row, j);
    }
    json_end(j, '}');
}

static void print_json(const struct listing *l, const struct view *v, const void *const *rows,
                       size_t n, FILE *out)
{
    struct json_out j = {.out = out};

    json_begin(&j, '{');
    if (l->with_as_of) {
        json_key(&j, "as_of");
        json_time(&j, v->data->as_of);
    }
    if (l->with_broker) {
        json_key(&j, "broker");
        json_begin(&j, '{');
        json_key(&j, "connected");
        json_bool(&j, v->data->connected);
        json_key(&j, "outage");
        json_bool(&j, v->data->outage);
        json_end(&j, '}');
    }
    json_key(&j, l->name);
    json_begin(&j, '[');
    for (size_t i = 0; i < n && !ferror(out); i++) {
        json_line(&j);
        listing_row_json(l, v, rows[i], &j);
    }
    json_end(&j, ']');
    json_end(&j, '}');
    fputc('\n', out);
}

/* ---- text of a cell, for tables and CSV ---- */

static struct text plain_text(struct cell *c, bool csv)
{
    switch (c->kind) {
    case CELL_TEXT:
    case CELL_NESTED:
        return c->text;
    case CELL_NUMBER:
        snprintf(c->scratch, sizeof c->scratch, "%" PRId64, c->number);
        break;
    case CELL_BOOL:
        snprintf(c->scratch, sizeof c->scratch, "%s", c->number ? "true" : "false");
        break;
    case CELL_TIME:
        if (csv)
            time_iso(c->number, c->scratch);
        else
            time_local(c->number, clock_wall_ms(), c->scratch);
        break;
    case CELL_AGE:
        age_format(c->number, c->scratch);
        break;
    case CELL_NULL:
        snprintf(c->scratch, sizeof c->scratch, "%s", csv ? "" : "-");
        break;
    }
    return TEXT_OURS(c->scratch);
}

/* RFC 4180; a text that a spreadsheet would run as a formula gets an apostrophe in front. */
static void write_csv(FILE *out, const struct cell *c, struct text t)
{
    const bool formula = c->kind != CELL_NUMBER && t.clean[0] && strchr("=+-@\t\r", t.clean[0]);
    const bool quoting = strpbrk(t.clean, ",\"\r\n") != NULL;

    if (quoting)
        fputc('"', out);
    if (formula)
        fputc('\'', out);
    for (const char *s = t.clean; *s; s++) {
        if (*s == '"')
            fputc('"', out);
        fputc(*s, out);
    }
    if (quoting)
        fputc('"', out);
}

static void print_csv(const struct listing *l, const struct view *v, const void *const *rows,
                      size_t n, FILE *out)
{
    struct cell c;

    for (unsigned i = 0; i < l->field_count; i++)
        fprintf(out, "%s%s", i ? "," : "", l->fields[i].name);
    fputs("\r\n", out);
    for (size_t r = 0; r < n && !ferror(out); r++) {
        for (unsigned i = 0; i < l->field_count; i++) {
            cell_fill(&l->fields[i], v, rows[r], &c);
            if (i)
                fputc(',', out);
            write_csv(out, &c, plain_text(&c, true));
        }
        fputs("\r\n", out);
    }
}

/* ---- tables ---- */

static const char *const role_codes[] = {
    [ROLE_PLAIN] = "",        [ROLE_ALERT] = "\033[1;33m", [ROLE_WARN] = "\033[33m",
    [ROLE_GOOD] = "\033[32m", [ROLE_FAINT] = "\033[2m",
};

/* The width of a terminal; without one tables are as wide as they like. */
static int output_width(FILE *out)
{
    struct winsize size;
    const int fd = fileno(out);

    if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 0;
    return size.ws_col;
}

struct sheet {
    const struct listing *listing;
    int width[COLUMNS_MOST];
    int total; /* of the terminal; 0: no limit */
    bool colours;
    FILE *out;
};

static void write_cell(const struct sheet *s, unsigned i, struct text t, enum cell_role role,
                       int at)
{
    const bool last = i + 1 == s->listing->column_count;
    int used = text_width(t);
    size_t bytes = strlen(t.clean);

    if (last && s->total > 0 && at + used > s->total)
        bytes = text_fit(t, s->total > at ? s->total - at : 0, &used);
    const int pad = last && !s->listing->columns[i].right ? 0 : s->width[i] - used;
    const char *code = s->colours ? role_codes[role] : "";
    if (s->listing->columns[i].right && pad > 0)
        fprintf(s->out, "%*s", pad, "");
    fprintf(s->out, "%s%.*s%s", code, (int)bytes, t.clean, code[0] ? "\033[0m" : "");
    if (!s->listing->columns[i].right && pad > 0)
        fprintf(s->out, "%*s", pad, "");
    fprintf(s->out, "%*s", last ? 0 : GAP, "");
}

static void measure(struct sheet *s, const struct view *v, const void *const *rows, size_t n)
{
    const struct listing *l = s->listing;
    struct cell c;

    for (unsigned i = 0; i < l->column_count; i++)
        s->width[i] = text_width(TEXT_OURS(_(l->columns[i].name)));
    for (size_t r = 0; r < n; r++)
        for (unsigned i = 0; i < l->column_count; i++) {
            cell_fill(&l->columns[i], v, rows[r], &c);
            const int w = text_width(plain_text(&c, false));
            if (w > s->width[i])
                s->width[i] = w;
        }
}

static void print_table(const struct listing *l, const struct view *v, const void *const *rows,
                        size_t n, FILE *out, bool colours)
{
    struct sheet s = {.listing = l, .total = output_width(out), .colours = colours, .out = out};
    struct cell c;
    int at = 0;

    measure(&s, v, rows, n);
    for (unsigned i = 0; i < l->column_count; i++) {
        write_cell(&s, i, TEXT_OURS(_(l->columns[i].name)), ROLE_FAINT, at);
        at += s.width[i] + GAP;
    }
    fputc('\n', out);
    for (size_t r = 0; r < n && !ferror(out); r++) {
        at = 0;
        for (unsigned i = 0; i < l->column_count; i++) {
            cell_fill(&l->columns[i], v, rows[r], &c);
            const struct text t = plain_text(&c, false);
            write_cell(&s, i, t, c.role, at);
            at += s.width[i] + GAP;
        }
        fputc('\n', out);
    }
}

void listing_print(const struct listing *l, const struct view *v, const void *const *rows, size_t n,
                   enum output_format format, FILE *out, bool colours)
{
    if (format == OUTPUT_JSON)
        print_json(l, v, rows, n, out);
    else if (format == OUTPUT_CSV)
        print_csv(l, v, rows, n, out);
    else
        print_table(l, v, rows, n, out, colours);
}

/* ---- the end of output ---- */

bool output_has_colours(const struct cli_globals *g, FILE *out)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

    if (!strcmp(g->config.ui.color, "always"))
        return true;
    return strcmp(g->config.ui.color, "never") != 0 && !(none && none[0]) && term &&
           strcmp(term, "dumb") != 0 && isatty(fileno(out));
}

int output_finish(FILE *out, struct err *e)
{
    if (fflush(out) == 0 && !ferror(out))
        return EXIT_DONE;
    if (errno == EPIPE) { /* the reader has seen enough: as if SIGPIPE had its default */
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    err_set(e, EXIT_FAILED, _("output: %s: nothing more was written"), strerror(errno));
    return EXIT_FAILED;
}
