/* rings.c - what is kept for looking at, bounded: logs, rejects, the broker's own figures. And the
 * memory that effects may still point into. */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

/* ---- memory ---- */

struct corpse {
    struct corpse *next;
    max_align_t body[];
};

void *core_alloc(struct core *c, size_t size)
{
    struct corpse *block = calloc(1, sizeof(*block) + size);

    if (!block) {
        c->counts.no_memory++;
        return NULL;
    }
    return block->body;
}

void *core_alloc_timed(struct core *c, size_t size)
{
    void *p = core_alloc(c, size);

    if (!p || heap_promise(&c->mono))
        return p;
    c->counts.no_memory++;
    core_free_now(p);
    return NULL;
}

static struct corpse *block_of(void *p)
{
    return CONTAINER(p, struct corpse, body);
}

void core_bury(struct core *c, void *p)
{
    if (!p)
        return;
    struct corpse *block = block_of(p);
    block->next = c->buried;
    c->buried = block;
}

void core_unbury(struct core *c)
{
    for (struct corpse *next; c->buried; c->buried = next) {
        next = c->buried->next;
        free(c->buried);
    }
}

void core_free_now(void *p)
{
    if (p)
        free(block_of(p));
}

/* ---- rings ---- */

void ring_log(struct core *c, const struct msg *m)
{
    struct log_line *l = &c->logs[c->log_total++ % LOGS_KEPT];

    l->at = c->now.wall_ms;
    l->client = m->client;
    l->level = m->u.log.level;
    l->message = m->u.log.message;
    c->counts.log_generation++;
    c->counts.generation++;
    struct effect *e = emit(c, OUT_LOG);
    if (e)
        e->u.log = l;
}

void ring_reject(struct core *c, enum reject reason, struct text topic, struct text detail,
                 size_t bytes)
{
    struct reject_line *r = &c->rejects[c->reject_total++ % REJECTS_KEPT];

    r->at = c->now.wall_ms;
    r->reason = reason;
    TEXT_COPY(&r->topic, topic);
    TEXT_COPY(&r->detail, detail);
    r->bytes = bytes;
    c->counts.rejects++;
    c->counts.by_reject[reason]++;
    c->counts.reject_generation++;
    c->counts.generation++;
}

void ring_sys(struct core *c, const struct msg *m)
{
    uint32_t i = 0;

    while (i < c->sys_count && !text_equal(TEXT(c->sys[i].name), TEXT(m->u.sys.name)))
        i++;
    if (i == SYS_KEPT)
        return;
    if (i == c->sys_count)
        c->sys[c->sys_count++].name = m->u.sys.name;
    if (TEXT_COPY(&c->sys[i].value, TEXT(m->u.sys.value)))
        c->counts.generation++;
}

const char *core_sys(const struct core *c, const char *name)
{
    for (uint32_t i = 0; i < c->sys_count; i++)
        if (strcmp(c->sys[i].name.clean, name) == 0)
            return c->sys[i].value.clean;
    return NULL;
}

/* The k-th newest of a ring that has taken `total`; -1 past the end. */
static int64_t slot(uint64_t total, uint32_t kept, uint32_t k)
{
    if (k >= kept || k >= total)
        return -1;
    return (int64_t)((total - 1 - k) % kept);
}

const struct log_line *core_log(const struct core *c, uint32_t k)
{
    const int64_t i = slot(c->log_total, LOGS_KEPT, k);
    return i < 0 ? NULL : &c->logs[i];
}

const struct reject_line *core_reject(const struct core *c, uint32_t k)
{
    const int64_t i = slot(c->reject_total, REJECTS_KEPT, k);
    return i < 0 ? NULL : &c->rejects[i];
}

const struct history_event *core_history(const struct core *c, uint32_t k)
{
    const int64_t i = slot(c->history_total, HISTORY_KEPT, k);
    return i < 0 ? NULL : &c->history[i];
}

void rings_fini(struct core *c)
{
    free(c->logs);
    free(c->history);
    free(c->rejects);
}
