/* list.c - order, cursor and marks of any list; list_draw.c draws it. */
#include "ui/list.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>


#define SHARE       25    /* remaking the order may take 1/25 of the time … */
#define WAIT_MAX_MS 1000  /* … but a change is never older than this on the screen */
#define CHEAP_US    1000  /* below this it is remade for each frame */
#define BEATS_MS    10000 /* ages change without an event: an order by them is remade as often */

uint64_t identity_of(const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * UINT64_C(1099511628211);
    return h ? h : 1;
}

void list_fini(struct list *l)
{
    free(l->order);
    free(l->marks);
    free(l->work);
    filter_free(l->filter);
}

/* ---- order ---- */

static int64_t micros(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool is_current(const struct list *l, const struct ui_model *m)
{
    if (!l->made || l->made_generation != l->class->generation(m) ||
        l->made_rows != l->class->count(m))
        return false;
    return l->class != &class_clients || l->sort != SORT_BEAT ||
           m->now.mono_ms - l->made_mono < BEATS_MS;
}

static int64_t wait_of(const struct list *l)
{
    const int64_t ms = l->cost_us * SHARE / 1000;

    return l->cost_us < CHEAP_US ? 0 : ms > WAIT_MAX_MS ? WAIT_MAX_MS : ms;
}

int64_t list_due(const struct list *l, const struct ui_model *m)
{
    if (is_current(l, m))
        return l->sort == SORT_BEAT && l->class == &class_clients ? l->made_mono + BEATS_MS
                                                                  : INT64_MAX;
    return l->made ? l->made_mono + wait_of(l) : m->now.mono_ms;
}

bool list_reserve(struct list *l, uint32_t rows)
{
    if (rows <= l->cap)
        return true;
    const uint32_t cap = rows + rows / 4 + 64;
    uint32_t *order = realloc(l->order, cap * sizeof *order);
    if (!order)
        return false;
    l->order = order;
    l->cap = cap;
    return true;
}

struct list_and_model {
    const struct list *l;
    const struct ui_model *m;
};

static void make_order(struct list *l, const struct ui_model *m, uint32_t rows)
{
    if (l->class->order) {
        l->count = l->class->order(l, m);
        return;
    }
    l->count = 0;
    for (uint32_t i = 0; i < rows; i++) {
        const void *row = l->class->row(m, i);
        if (row && (!l->filter || !l->class->matches || l->class->matches(l->filter, m, row)))
            l->order[l->count++] = i;
    }
}

/* As the core has them they lie by urgency: equal ones stay so. */
static int by_alarm_sort(const void *left, const void *right, void *user)
{
    const struct list_and_model *in = user;
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const int order = alarm_sort_compare((enum alarm_sort)in->l->sort, in->l->class->row(in->m, a),
                                         in->l->class->row(in->m, b));

    return order ? (in->l->descending ? -order : order) : (a > b) - (a < b);
}

static void sort_alarms(struct list *l, const struct ui_model *m)
{
    struct list_and_model in = {l, m};

    if (l->class == &class_alarms && l->sort != ALARMS_BY_URGENCY && l->count)
        qsort_r(l->order, l->count, sizeof *l->order, by_alarm_sort, &in);
}

static uint64_t identity_at(const struct list *l, const struct ui_model *m, uint32_t rank)
{
    const void *row = list_row(l, m, rank);

    return row ? l->class->identity(row) : 0;
}

/* The rank of a row that stood at `near`; -1: it is gone. */
static int64_t find(const struct list *l, const struct ui_model *m, uint64_t identity,
                    uint32_t near)
{
    if (identity_at(l, m, near) == identity)
        return near;
    for (uint32_t k = 0; k < l->count; k++) {
        if (identity_at(l, m, k) == identity)
            return k;
    }
    return -1;
}

static void put_cursor(struct list *l, const struct ui_model *m, int64_t rank)
{
    if (rank >= l->count)
        rank = (int64_t)l->count - 1;
    l->cursor = rank > 0 ? (uint32_t)rank : 0;
    l->selected = identity_at(l, m, l->cursor);
}

/* The cursor stays on its row; where that is gone, on its place; untouched, on the first. */
static void keep_cursor(struct list *l, const struct ui_model *m)
{
    const int64_t found = l->moved && l->selected ? find(l, m, l->selected, l->cursor) : -1;

    put_cursor(l, m, !l->moved ? 0 : found >= 0 ? found : (int64_t)l->cursor);
}

/* ---- marks ---- */

static bool has_mark(const struct list *l, uint32_t index)
{
    return index / 8 < l->mark_room && l->marks[index / 8] >> index % 8 & 1;
}

static void set_mark(struct list *l, uint32_t index, bool mark)
{
    const uint32_t byte = index / 8, room = byte + byte / 2 + 64;

    if (byte >= l->mark_room) {
        uint8_t *marks = mark ? realloc(l->marks, room) : NULL;
        if (!marks)
            return;
        memset(marks + l->mark_room, 0, room - l->mark_room);
        l->marks = marks;
        l->mark_room = room;
    }
    if (has_mark(l, index) != mark) {
        l->marks[byte] ^= (uint8_t)(1u << index % 8);
        l->marked += mark ? 1u : -1u;
    }
}

bool list_is_marked(const struct list *l, uint32_t rank)
{
    return l->marked && rank < l->count && has_mark(l, l->order[rank]);
}

bool list_toggle_mark(struct list *l, const struct ui_model *m)
{
    const void *row = list_selected(l, m);

    if (!row)
        return false;
    const int64_t rank = find(l, m, l->selected, l->cursor);
    set_mark(l, l->order[rank], !has_mark(l, l->order[rank]));
    return true;
}

void list_mark_all(struct list *l, const struct ui_model *m)
{
    list_update(l, m);
    for (uint32_t k = 0; k < l->count; k++)
        set_mark(l, l->order[k], true);
}

void list_unmark_all(struct list *l)
{
    if (l->marks)
        memset(l->marks, 0, l->mark_room);
    l->marked = 0;
}

/* Only what is shown stays marked: nobody acts on what they do not see. */
static void keep_marks(struct list *l)
{
    uint8_t *shown = l->marked && !l->filtering ? calloc(1, l->mark_room) : NULL;

    if (!shown)
        return;
    const uint32_t before = l->marked;
    l->marked = 0;
    for (uint32_t k = 0; k < l->count && l->marked < before; k++) {
        const uint32_t index = l->order[k];
        if (has_mark(l, index)) {
            shown[index / 8] |= (uint8_t)(1u << index % 8);
            l->marked++;
        }
    }
    free(l->marks);
    l->marks = shown;
}

bool list_update(struct list *l, const struct ui_model *m)
{
    if (is_current(l, m))
        return true;
    if (l->made && m->now.mono_ms < l->made_mono + wait_of(l))
        return false;
    const uint32_t rows = l->class->count(m);
    const int64_t began = micros();
    if (!list_reserve(l, rows))
        return false;
    make_order(l, m, rows);
    sort_alarms(l, m);
    keep_cursor(l, m);
    keep_marks(l);
    l->cost_us = micros() - began;
    l->made = true;
    l->made_generation = l->class->generation(m);
    l->made_rows = rows;
    l->made_mono = m->now.mono_ms;
    return true;
}

bool list_set_filter(struct list *l, const char *expression, struct err *e)
{
    struct filter *f = filter_new(expression, e);

    if (!f)
        return false;
    filter_free(l->filter);
    l->filter = f;
    strncpy(l->expression, expression, sizeof l->expression - 1);
    l->made = false;
    return true;
}

bool list_sorts_down(int sort)
{
    return sort == SORT_STATE || sort == SORT_RECONNECTS || sort == SORT_DISCONNECT;
}

void list_sort(struct list *l, int sort)
{
    l->descending =
        l->sort == sort ? !l->descending : l->class == &class_clients && list_sorts_down(sort);
    l->sort = sort;
    l->made = false;
}

const void *list_row(const struct list *l, const struct ui_model *m, uint32_t rank)
{
    if (rank >= l->count)
        return NULL;
    return l->class->row ? l->class->row(m, l->order[rank]) : &l->work[l->order[rank]];
}

const void *list_selected(const struct list *l, const struct ui_model *m)
{
    const void *row = list_row(l, m, l->cursor);

    if (row && l->class->identity(row) == l->selected)
        return row;
    const int64_t found = l->selected ? find(l, m, l->selected, l->cursor) : -1;
    return found >= 0 ? list_row(l, m, (uint32_t)found) : NULL;
}

bool list_select(struct list *l, const struct ui_model *m, uint64_t identity)
{
    list_update(l, m);
    const int64_t rank = find(l, m, identity, l->cursor);
    if (rank < 0)
        return false;
    l->moved = true;
    put_cursor(l, m, rank);
    return true;
}

/* A key moves on what its presser saw: from the row under the cursor to the one drawn below it,
 * even if the rows have changed places since. */
void list_move(struct list *l, const struct ui_model *m, int64_t by)
{
    l->moved =
        true; /* before the update: the row that was seen under the cursor is where it starts */
    list_update(l, m);
    for (uint32_t i = 0; i < l->seen_count; i++) {
        const int64_t to = (int64_t)i + by;
        if (l->seen[i] != l->selected || to < 0 || to >= l->seen_count)
            continue;
        const int64_t rank = find(l, m, l->seen[to], (uint32_t)(l->seen_top + to));
        if (rank >= 0) {
            put_cursor(l, m, rank);
            return;
        }
    }
    int64_t rank = (int64_t)l->cursor + by;
    put_cursor(l, m, rank < 0 ? 0 : rank);
}

bool list_click(struct list *l, const struct ui_model *m, int y, int x)
{
    if (y < l->y || y >= l->y + l->rows || x < l->x || x >= l->x + l->cols)
        return false;
    const uint32_t i = (uint32_t)((y - l->y) / l->lines);
    if (i >= l->seen_count)
        return false;
    l->moved = true;
    list_update(l, m);
    const int64_t rank = find(l, m, l->seen[i], l->seen_top + i);
    if (rank >= 0)
        put_cursor(l, m, rank);
    return rank >= 0;
}

int list_header_at(const struct list *l, int y, int x)
{
    if (!l->rows || y != l->header_y)
        return -1;
    for (int c = 0; c < l->class->column_count; c++) {
        if (l->column_cols[c] && x >= l->x + l->column_x[c] &&
            x < l->x + l->column_x[c] + l->column_cols[c])
            return c;
    }
    return -1;
}
