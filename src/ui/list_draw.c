/* list_draw.c - drawing any list: which columns fit, the rows that are in sight, and what of them was
 * seen. */
#include "ui/list.h"

#include <string.h>

#include "base/i18n.h"
#include "ui/desk.h"
#include "ui/symbols.h"

#define MARK   1 /* the cursor's own column, for terminals without colour */
#define INDENT 2 /* of a row's second line */

static int least(const struct column *c)
{
    const int title = c->title ? text_width(TEXT_OURS(_(c->title))) : 0;

    return title > c->width ? title : c->width;
}

static int sum_of(const struct list_class *k, const bool *shown, int gap)
{
    int sum = MARK;

    for (int i = 0; i < k->column_count; i++)
        sum += shown[i] ? least(&k->columns[i]) + (i ? gap : 0) : 0;
    return sum;
}

/* The least important column that is shown, the last of its rank; 0: none may go. */
static int weakest(const struct list_class *k, const bool *shown)
{
    int at = 0;

    for (int i = 1; i < k->column_count; i++) {
        if (shown[i] && k->columns[i].rank > 0 && k->columns[i].rank >= k->columns[at].rank)
            at = i;
    }
    return at;
}

static void widen(const struct list_class *k, int *cols, int extra)
{
    for (bool grew = true; grew && extra > 0;) {
        grew = false;
        for (int i = 0; i < k->column_count && extra > 0; i++) {
            if (cols[i] && cols[i] < k->columns[i].most) {
                int more = k->columns[i].grow ? k->columns[i].grow : 1;
                more = more > extra ? extra : more;
                more = cols[i] + more > k->columns[i].most ? k->columns[i].most - cols[i] : more;
                cols[i] += more;
                extra -= more;
                grew = true;
            }
        }
    }
}

static void lay_out(struct list *l, int room)
{
    const struct list_class *k = l->class;
    bool shown[COLUMNS_MAX];
    int gap = 2, x = MARK;

    for (int i = 0; i < COLUMNS_MAX; i++)
        shown[i] = i < k->column_count && !(l->lines > 1 && i == k->below);
    if (sum_of(k, shown, 2) > room)
        gap = 1;
    for (int i = weakest(k, shown); i && sum_of(k, shown, gap) > room; i = weakest(k, shown))
        shown[i] = false;
    for (int i = 0; i < k->column_count; i++)
        l->column_cols[i] = shown[i] ? least(&k->columns[i]) : 0;
    widen(k, l->column_cols, room - sum_of(k, shown, gap));
    for (int i = 0; i < k->column_count; i++) {
        l->column_x[i] = x;
        x += l->column_cols[i] ? l->column_cols[i] + (i ? gap : 1) : 0;
    }
}

static void draw_header(const struct list *l, struct area a)
{
    area_fill(a, 0, 0, a.cols, ROLE_TABLE_HEADER);
    for (int i = 0; i < l->class->column_count; i++) {
        const struct column *c = &l->class->columns[i];
        if (!l->column_cols[i] || !c->title)
            continue;
        const enum role role =
            c->sort && c->sort == l->sort + 1 ? ROLE_TABLE_SORTED : ROLE_TABLE_HEADER;
        if (c->right)
            area_text_right(a, 0, l->column_x[i], l->column_cols[i], role, TEXT_OURS(_(c->title)));
        else
            area_text(a, 0, l->column_x[i], l->column_cols[i], role, TEXT_OURS(_(c->title)));
    }
}

static void draw_row(const struct list *l, struct paint *p, struct area a, int y, const void *row)
{
    const enum role role = l->class->role(row);

    for (int i = 0; i < l->class->column_count; i++) {
        const struct column *c = &l->class->columns[i];
        struct cell_out out = {.text = "", .role = role, .cols = l->column_cols[i]};
        if (!l->column_cols[i])
            continue;
        c->text(p, row, &out);
        if (c->right)
            area_text_right(a, y, l->column_x[i], l->column_cols[i], out.role,
                            (struct text){out.text});
        else
            area_text(a, y, l->column_x[i], l->column_cols[i], out.role, (struct text){out.text});
    }
}

static void draw_below(const struct list *l, struct paint *p, struct area a, int y, const void *row)
{
    const int x = MARK + INDENT;
    struct cell_out out = {.text = "", .role = l->class->role(row), .cols = a.cols - x};

    l->class->columns[l->class->below].text(p, row, &out);
    area_text(a, y, x, -1, out.role, (struct text){out.text});
}

/* In the gap behind the state's sign: nothing moves for it. */
static void draw_mark(const struct list *l, struct area a, int y)
{
    area_role(a, y, l->column_x[1], a.cols - l->column_x[1], ROLE_TABLE_MARKED);
    area_text(a, y, l->column_x[1] - 1, 1, ROLE_TABLE_MARKED, TEXT_OURS(SYM_CHECK));
}

/* The state's sign keeps its own look under the cursor. */
static void draw_cursor(const struct list *l, struct area a, int y, bool focused)
{
    const int from = l->class->column_count > 1 && !l->class->columns[0].title ? l->column_x[1] : 0;

    for (int i = 0; i < l->lines; i++)
        area_role(a, y + i, from, a.cols - from,
                  focused ? ROLE_TABLE_CURSOR : ROLE_TABLE_CURSOR_ELSEWHERE);
    if (focused) {
        area_text(a, y, 0, 1, ROLE_TABLE_CURSOR, TEXT_OURS(SYM_CURSOR));
        area_cursor(a, y, 0, false);
    }
}

static void scroll(struct list *l, int rows)
{
    const uint32_t visible = rows > 0 ? (uint32_t)rows : 1;

    if (l->cursor < l->top)
        l->top = l->cursor;
    if (l->cursor >= l->top + visible)
        l->top = l->cursor - visible + 1;
    if (l->top + visible > l->count)
        l->top = l->count > visible ? l->count - visible : 0;
}

static void note_seen(struct list *l, uint32_t i, const void *row)
{
    if (i >= LIST_ROWS_SEEN)
        return;
    l->seen[i] = l->class->identity(row);
    l->seen_count = i + 1;
    if (l->class == &class_alarms) {
        const struct alarm *alarm = row;
        memcpy(l->seen_alarm[i].id, alarm->id, sizeof alarm->id);
        l->seen_alarm[i].mark = alarm->mark;
    }
}

static bool wants_header(const struct list *l, const struct paint *p)
{
    return l->class->header == HEADER_ALWAYS ||
           (l->class->header == HEADER_OUTSIDE_OVERVIEW && p->desk->view != VIEW_OVERVIEW);
}

const void *list_show_one(struct list *l, const struct ui_model *m, struct area a)
{
    list_update(l, m);
    const void *row = list_row(l, m, l->cursor);
    l->header_y = -1;
    l->y = a.y;
    l->x = a.x;
    l->rows = l->lines = 1;
    l->cols = a.cols;
    l->seen_top = l->cursor;
    l->seen_count = 0;
    if (row)
        note_seen(l, 0, row);
    return row;
}

void list_draw(struct list *l, struct paint *p, struct area a, bool focused)
{
    list_update(l, p->m);
    l->lines = a.cols < l->class->below_within ? 2 : 1;
    lay_out(l, a.cols);
    l->header_y = a.y;
    if (wants_header(l, p) && a.rows > 1) {
        draw_header(l, a);
        a = area_sub(a, 1, 0, a.rows - 1, a.cols);
    } else {
        l->header_y = -1;
    }
    scroll(l, a.rows / l->lines);
    l->y = a.y;
    l->x = a.x;
    l->rows = a.rows;
    l->cols = a.cols;
    l->seen_top = l->top;
    l->seen_count = 0;
    for (int i = 0; i < (a.rows + l->lines - 1) / l->lines; i++) {
        const uint32_t rank = l->top + (uint32_t)i;
        const void *row = list_row(l, p->m, rank);
        if (!row)
            break;
        draw_row(l, p, a, i * l->lines, row);
        if (l->lines > 1)
            draw_below(l, p, a, i * l->lines + 1, row);
        if (list_is_marked(l, rank))
            draw_mark(l, a, i * l->lines);
        note_seen(l, (uint32_t)i, row);
        if (rank == l->cursor)
            draw_cursor(l, a, i * l->lines, focused);
    }
    if (!l->count && a.rows > 0)
        area_text(a, 0, MARK + 1, -1, ROLE_SCREEN_DIM,
                  TEXT_OURS(l->filter && *l->expression ? _("nothing matches the filter")
                                                        : _(l->class->empty)));
}
