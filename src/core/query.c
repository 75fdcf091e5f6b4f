/* Sorting: every row gets two numbers once, one for the column and one for its name, and a radix
 * sort orders these; only rows that are equal in both are compared as text. At 100,000 clients
 * comparing names as text each time would take some 150 ms, a visible pause. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/filter.h"

#define KEY_MAX 160 /* bytes of a name's or a group's sort key */

struct row {
    uint64_t
        primary; /* of the sort column, its direction included; what is missing is the largest */
    uint64_t prefix; /* of the name's key, behind what all names share */
    uint32_t index;
    uint32_t text, name; /* keys in the pool: of the column where it is text, of the name */
};

struct sorter {
    const struct core *core;
    const char *pool;
    struct row *rows, *spare;
    uint32_t count;
    bool by_text, descending;
};

/* ---- what a column sorts by ---- */

#define MISSING UINT64_MAX

/* Keeps the order of signed numbers; NUMBER_NONE and TIME_NONE are the smallest there. */
static uint64_t ordered(int64_t v)
{
    return (uint64_t)v ^ (UINT64_C(1) << 63);
}

static uint64_t directed(uint64_t v, bool descending)
{
    return descending ? MISSING - 1 - v : v;
}

static uint64_t number_key(int64_t v, bool descending)
{
    return v == NUMBER_NONE ? MISSING : directed(ordered(v) - 1, descending);
}

static int64_t last_heard(const struct client *c)
{
    return c->last_heartbeat_at > c->last_health_at ? c->last_heartbeat_at : c->last_health_at;
}

static uint64_t state_key(const struct client *c, bool descending)
{
    return directed((uint64_t)c->state, descending);
}

static uint64_t beat_key(const struct client *c, bool descending)
{
    return number_key(last_heard(c), !descending); /* the column shows ages */
}

static uint64_t reconnects_key(const struct client *c, bool descending)
{
    return number_key(c->reconnect_count, descending);
}

static uint64_t disconnect_key(const struct client *c, bool descending)
{
    return number_key(c->last_disconnect_at, descending);
}

static uint64_t event_key(const struct client *c, bool descending)
{
    const bool current = c->current_event_id != NUMBER_NONE;

    return number_key(current ? c->current_event_id : c->expected_event_id, descending);
}

/* The first half of the uuid; the rest is the last tie-breaker anyhow. */
static uint64_t uuid_key(const struct client *c, bool descending)
{
    uint64_t v = 0;

    for (size_t i = 0; i < sizeof(v); i++)
        v = v << 8 | c->id.b[i];
    return descending ? ~v : v;
}

static struct text name_text(const struct client *c, struct text64 *scratch)
{
    return client_name(c, scratch);
}

static struct text group_text(const struct client *c, struct text64 *scratch)
{
    (void)scratch;
    return TEXT(c->group);
}

static struct text process_text(const struct client *c, struct text64 *scratch)
{
    (void)scratch;
    return text_is_empty(TEXT(c->process_status)) ? TEXT(c->process) : TEXT(c->process_status);
}

static const struct {
    uint64_t (*number)(const struct client *c, bool descending);
    struct text (*text)(const struct client *c, struct text64 *scratch);
} columns[] = {
    [SORT_STATE] = {.number = state_key},
    [SORT_NAME] = {.text = name_text},
    [SORT_UUID] = {.number = uuid_key},
    [SORT_GROUP] = {.text = group_text},
    [SORT_BEAT] = {.number = beat_key},
    [SORT_PROCESS] = {.text = process_text},
    [SORT_RECONNECTS] = {.number = reconnects_key},
    [SORT_DISCONNECT] = {.number = disconnect_key},
    [SORT_EVENT] = {.number = event_key},
};
static_assert(sizeof(columns) / sizeof(columns[0]) == CLIENT_SORTS, "a row per column");

/* ---- keys ---- */

static bool add_key(struct buf *pool, struct text t, uint32_t *at)
{
    unsigned char key[KEY_MAX];
    const size_t n = text_sort_key(t, key, sizeof(key));

    *at = (uint32_t)pool->len;
    return buf_append(pool, key, n + 1);
}

static bool make_row(const struct sorter *s, uint32_t index, enum client_sort sort,
                     struct buf *pool, struct row *row)
{
    const struct client *c = core_client(s->core, index);
    struct text64 scratch = {""};

    *row = (struct row){.index = index};
    if (!add_key(pool, client_name(c, &scratch), &row->name))
        return false;
    if (columns[sort].number) {
        row->primary = columns[sort].number(c, s->descending);
        return true;
    }
    const struct text t = columns[sort].text(c, &scratch);
    row->primary = text_is_empty(t) ? MISSING : 0; /* the rest when all keys are known */
    row->text = row->name;
    return sort == SORT_NAME || add_key(pool, t, &row->text);
}

static uint64_t eight_bytes(const char *s)
{
    uint64_t v = 0;
    unsigned shift = 64;

    while (*s && shift > 0) {
        shift -= 8;
        v |= (uint64_t)(unsigned char)*s++ << shift;
    }
    return v;
}

/* Names of a fleet begin alike ("infoscreen-…"): what all keys share decides nothing. `at` is the
 * offset of a key in struct row. */
static const char *key_of(const struct sorter *s, uint32_t i, size_t at)
{
    uint32_t key;

    memcpy(&key, (const char *)&s->rows[i] + at, sizeof(key));
    return s->pool + key;
}

static size_t shared_length(const struct sorter *s, size_t at)
{
    const char *first = key_of(s, 0, at);
    size_t shared = strlen(first);

    for (uint32_t i = 1; i < s->count; i++) {
        const char *key = key_of(s, i, at);
        size_t n = 0;
        while (n < shared && key[n] == first[n])
            n++;
        shared = n;
    }
    return shared;
}

static void make_numbers(struct sorter *s)
{
    const size_t name_at = offsetof(struct row, name), text_at = offsetof(struct row, text);
    const size_t names = shared_length(s, name_at);
    const size_t texts = s->by_text ? shared_length(s, text_at) : 0;

    for (uint32_t i = 0; i < s->count; i++) {
        struct row *row = &s->rows[i];
        row->prefix = eight_bytes(key_of(s, i, name_at) + names);
        if (s->by_text && row->primary != MISSING) {
            const uint64_t v = eight_bytes(key_of(s, i, text_at) + texts);
            row->primary = directed(v < MISSING ? v : MISSING - 1, s->descending);
        }
    }
}

/* ---- comparing ---- */

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_texts(const struct sorter *s, const struct row *a, const struct row *b)
{
    const int order = strcmp(s->pool + a->text, s->pool + b->text);

    return s->descending ? -order : order;
}

static int compare_uids(const struct sorter *s, const struct row *a, const struct row *b)
{
    return memcmp(core_client(s->core, a->index)->id.b, core_client(s->core, b->index)->id.b,
                  sizeof(struct uid));
}

static int compare_rows(const void *left, const void *right, void *user)
{
    const struct row *a = left, *b = right;
    const struct sorter *s = user;
    int order = compare_numbers(a->primary, b->primary);

    if (order == 0 && s->by_text)
        order = compare_texts(s, a, b);
    if (order == 0)
        order = compare_numbers(a->prefix, b->prefix);
    if (order == 0)
        order = strcmp(s->pool + a->name, s->pool + b->name);
    return order == 0 ? compare_uids(s, a, b) : order;
}

/* ---- radix sort: by the name's number, then (stable) by the column's ---- */

#define DIGITS 256

/* One pass by the byte at `shift` of the number at offset `at`. False: all rows agree, nothing
 * moved. */
static bool radix_pass(const struct row *from, struct row *to, uint32_t n, size_t at,
                       unsigned shift)
{
    uint32_t place[DIGITS + 1] = {0};
    uint64_t v = 0;

    for (uint32_t i = 0; i < n; i++) {
        memcpy(&v, (const char *)&from[i] + at, sizeof(v));
        place[(v >> shift & 0xff) + 1]++;
    }
    if (place[(v >> shift & 0xff) + 1] == n)
        return false;
    for (unsigned d = 1; d < DIGITS; d++)
        place[d] += place[d - 1];
    for (uint32_t i = 0; i < n; i++) {
        memcpy(&v, (const char *)&from[i] + at, sizeof(v));
        to[place[v >> shift & 0xff]++] = from[i];
    }
    return true;
}

static void radix_sort(struct sorter *s, size_t at)
{
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if (radix_pass(s->rows, s->spare, s->count, at, shift)) {
            struct row *sorted = s->spare;
            s->spare = s->rows;
            s->rows = sorted;
        }
    }
}

/* Rows begin..end agree in the column's number. */
static void settle_run(struct sorter *s, uint32_t begin, uint32_t end)
{
    bool differ = false;

    for (uint32_t i = begin + 1; s->by_text && i < end && !differ; i++)
        differ = compare_texts(s, &s->rows[begin], &s->rows[i]) != 0;
    if (differ) {
        qsort_r(s->rows + begin, end - begin, sizeof(*s->rows), compare_rows, s);
        return;
    }
    for (uint32_t from = begin, to; from < end; from = to) {
        for (to = from + 1; to < end && s->rows[to].prefix == s->rows[from].prefix; to++)
            ;
        if (to - from > 1)
            qsort_r(s->rows + from, to - from, sizeof(*s->rows), compare_rows, s);
    }
}

static void sort_rows(struct sorter *s)
{
    radix_sort(s, offsetof(struct row, prefix));
    radix_sort(s, offsetof(struct row, primary));
    for (uint32_t from = 0, to; from < s->count; from = to) {
        for (to = from + 1; to < s->count && s->rows[to].primary == s->rows[from].primary; to++)
            ;
        settle_run(s, from, to);
    }
}

static bool make_rows(struct sorter *s, enum client_sort sort, struct buf *pool,
                      const uint32_t *order)
{
    s->rows = malloc(s->count * sizeof(*s->rows));
    s->spare = malloc(s->count * sizeof(*s->spare));
    if (!s->rows || !s->spare)
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        if (!make_row(s, order[i], sort, pool, &s->rows[i]))
            return false;
    }
    s->pool = buf_str(pool);
    make_numbers(s);
    return true;
}

uint32_t query_clients(const struct core *c, const struct filter *f, enum client_sort sort,
                       bool descending, uint32_t *order)
{
    const uint32_t all = core_client_count(c);
    struct buf pool = BUF_INIT;
    struct sorter s = {.core = c, .by_text = columns[sort].text, .descending = descending};

    for (uint32_t i = 0; i < all; i++) {
        if (filter_client(f, core_client(c, i)))
            order[s.count++] = i;
    }
    if (s.count > 0 && make_rows(&s, sort, &pool, order)) {
        sort_rows(&s);
        for (uint32_t i = 0; i < s.count; i++)
            order[i] = s.rows[i].index;
    }
    free(s.rows);
    free(s.spare);
    buf_fini(&pool);
    return s.count;
}
