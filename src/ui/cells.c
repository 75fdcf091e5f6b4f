/* cells.c - putting text into cells. The last door before the terminal: what isn't printable stops
 * here, whoever let it through. */
#include "ui/cells.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/symbols.h"

static void put(struct cell *c, const char *s, size_t n, enum role role, int width)
{
    memset(c, 0, sizeof *c);
    memcpy(c->text, s, n < CELL_BYTES ? n : 0);
    c->role = (uint8_t)role;
    c->width = (uint8_t)width;
}

bool cells_resize(struct cells *c, int rows, int cols)
{
    if (c->cell && c->rows == rows && c->cols == cols)
        return true;
    struct cell *fresh = calloc((size_t)rows * (size_t)cols, sizeof *fresh);
    if (!fresh)
        return false;
    free(c->cell);
    c->cell = fresh;
    c->rows = rows;
    c->cols = cols;
    cells_clear(c);
    return true;
}

void cells_fini(struct cells *c)
{
    free(c->cell);
    *c = (struct cells){0};
}

void cells_clear(struct cells *c)
{
    for (int i = 0; i < c->rows * c->cols; i++)
        put(&c->cell[i], " ", 1, ROLE_SCREEN_TEXT, 1);
    c->cursor_shown = false;
    c->cursor_y = c->cursor_x = 0;
}

struct area area_all(struct cells *c)
{
    return (struct area){c, 0, 0, c->rows, c->cols};
}

static int clamp(int v, int least, int most)
{
    return v < least ? least : v > most ? most : v;
}

struct area area_sub(struct area a, int y, int x, int rows, int cols)
{
    const int top = clamp(y, 0, a.rows), left = clamp(x, 0, a.cols);
    const int bottom = clamp(y + rows, top, a.rows), right = clamp(x + cols, left, a.cols);

    return (struct area){a.cells, a.y + top, a.x + left, bottom - top, right - left};
}

static struct cell *at(struct area a, int y, int x)
{
    if (y < 0 || x < 0 || y >= a.rows || x >= a.cols)
        return NULL;
    return &a.cells->cell[(a.y + y) * a.cells->cols + a.x + x];
}

/* Half of a wide character must not stay behind when the other half is drawn over. */
static void unpair(struct area a, int y, int x)
{
    struct cell *c = at(a, y, x);
    const int column = a.x + x;

    if (!c)
        return;
    if (!c->text[0] && column > 0)
        put(c - 1, " ", 1, (enum role)c[-1].role, 1);
    if (c->width == 2 && column + 1 < a.cells->cols)
        put(c + 1, " ", 1, (enum role)c[1].role, 1);
}

static void put_at(struct area a, int y, int x, const char *s, size_t n, enum role role, int width)
{
    struct cell *c = at(a, y, x);

    if (!c)
        return;
    unpair(a, y, x);
    if (width == 2) {
        struct cell *right = at(a, y, x + 1);
        if (!right) {
            put(c, " ", 1, role, 1);
            return;
        }
        unpair(a, y, x + 1);
        put(right, "", 0, role, 0);
    }
    put(c, s, n, role, width);
}

/* One grapheme as this terminal can show it: never a control, never more than a cell holds. */
static const char *shown(const struct cells *c, const char *s, size_t *n, int *width)
{
    const unsigned char first = (unsigned char)*s;

    if (*n == 1 && first >= 0x20 && first < 0x7f)
        return s;
    if (first < 0x20 || first == 0x7f || *n >= CELL_BYTES || *width < 1 ||
        (first == 0xc2 && (unsigned char)s[1] < 0xa0)) { /* C1 */
        *n = 1;
        *width = 1;
        return "?";
    }
    if (c->ascii) {
        s = symbol_ascii(s, *n);
        *n = strlen(s);
        *width = (int)*n;
    } else if (*n == 1 ||
               !text_unit_shows(s)) { /* a character cut in two, or one the tables lack */
        *n = 3;
        *width = 1;
        return "\xef\xbf\xbd";
    }
    return s;
}

static int draw(struct area a, int y, int x, int most, enum role role, const char *s)
{
    int used = 0;

    while (*s && used < most) {
        int width;
        const size_t bytes = text_next(s, &width);
        size_t n = bytes;
        const char *sign = shown(a.cells, s, &n, &width);

        if (used + width > most)
            break;
        if (a.cells->ascii) {
            for (size_t k = 0; k < n; k++)
                put_at(a, y, x + used + (int)k, sign + k, 1, role, 1);
        } else {
            put_at(a, y, x + used, sign, n, role, width);
        }
        used += width;
        s += bytes;
    }
    return used;
}

/* Cells that s takes on this terminal; looks no further than `most`. */
static int measure(const struct cells *c, const char *s, int most)
{
    int sum = 0;

    while (*s && sum <= most) {
        int width;
        const size_t bytes = text_next(s, &width);
        size_t n = bytes;

        shown(c, s, &n, &width);
        sum += width;
        s += bytes;
    }
    return sum;
}

static int room(struct area a, int x, int most)
{
    return most < 0 || x + most > a.cols ? a.cols - x : most;
}

int area_text(struct area a, int y, int x, int most, enum role role, struct text t)
{
    most = room(a, x, most);
    if (y < 0 || y >= a.rows || most <= 0)
        return 0;
    if (measure(a.cells, t.clean, most) <= most)
        return draw(a, y, x, most, role, t.clean);
    int used = draw(a, y, x, most - 1, role, t.clean);
    return used + draw(a, y, x + used, 1, role, SYM_ELLIPSIS);
}

int area_text_right(struct area a, int y, int x, int most, enum role role, struct text t)
{
    most = room(a, x, most);
    const int width = measure(a.cells, t.clean, most);
    return width >= most ? area_text(a, y, x, most, role, t)
                         : area_text(a, y, x + most - width, width, role, t);
}

int area_printf(struct area a, int y, int x, enum role role, const char *format, ...)
{
    char out[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(out, sizeof out, format, ap);
    va_end(ap);
    return area_text(a, y, x, -1, role, TEXT_OURS(out));
}

void area_fill(struct area a, int y, int x, int cols, enum role role)
{
    for (int i = 0; i < cols; i++)
        put_at(a, y, x + i, " ", 1, role, 1);
}

void area_role(struct area a, int y, int x, int cols, enum role role)
{
    for (int i = 0; i < cols; i++) {
        struct cell *c = at(a, y, x + i);
        if (c)
            c->role = (uint8_t)role;
    }
}

struct area area_frame(struct area a, bool heavy, enum role border, enum role title_role,
                       struct text title)
{
    static const char *const signs[2][6] = {{"┌", "┐", "└", "┘", "─", "│"},
                                            {"┏", "┓", "┗", "┛", "━", "┃"}};
    const char *const *s = signs[heavy];
    const int bottom = a.rows - 1, right = a.cols - 1;

    for (int x = 1; x < right; x++) {
        draw(a, 0, x, 1, border, s[4]);
        draw(a, bottom, x, 1, border, s[4]);
    }
    for (int y = 1; y < bottom; y++) {
        draw(a, y, 0, 1, border, s[5]);
        draw(a, y, right, 1, border, s[5]);
    }
    draw(a, 0, 0, 1, border, s[0]);
    draw(a, 0, right, 1, border, s[1]);
    draw(a, bottom, 0, 1, border, s[2]);
    draw(a, bottom, right, 1, border, s[3]);
    if (!text_is_empty(title) && a.cols > 6) {
        const int used = area_text(a, 0, 2, a.cols - 4, title_role, title);
        area_fill(a, 0, 1, 1, border);
        area_fill(a, 0, 2 + used, 1, border);
    }
    return area_sub(a, 1, 1, a.rows - 2, a.cols - 2);
}

void area_cursor(struct area a, int y, int x, bool visible)
{
    if (!at(a, y, x))
        return;
    a.cells->cursor_y = a.y + y;
    a.cells->cursor_x = a.x + x;
    a.cells->cursor_shown = visible;
}
