/* ranking.c - commands in the order of a reader's interest: those under way before those at their
 * end, each the newest first. Kept as it changes: a queue of thousands is never sorted for a frame.
 */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

static struct ranked *rank_of(struct core *c, const struct tracked *t)
{
    return command_is_active[t->row.status] ? &c->commands_under_way : &c->commands_ended;
}

/* The place of the first that did not arrive before it. */
static uint32_t place(const struct ranked *r, const struct tracked *t)
{
    uint32_t low = 0, high = r->count;

    if (high > 0 && r->list[high - 1]->order < t->order)
        return high; /* the usual case: it is the newest */
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (r->list[middle]->order < t->order)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool ranking_make_room(struct core *c, uint32_t room)
{
    struct ranked *const both[] = {&c->commands_under_way, &c->commands_ended};

    for (int i = 0; i < 2; i++) {
        struct tracked **list = realloc(both[i]->list, room * sizeof(struct tracked *));
        if (!list)
            return false;
        both[i]->list = list;
    }
    return true;
}

void ranking_add(struct core *c, struct tracked *t)
{
    struct ranked *r = rank_of(c, t);
    const uint32_t at = place(r, t);

    memmove(&r->list[at + 1], &r->list[at], (r->count - at) * sizeof(struct tracked *));
    r->list[at] = t;
    r->count++;
}

void ranking_remove(struct core *c, const struct tracked *t)
{
    struct ranked *r = rank_of(c, t);
    const uint32_t at = place(r, t);

    r->count--;
    memmove(&r->list[at], &r->list[at + 1], (r->count - at) * sizeof(struct tracked *));
}

void ranking_fini(struct core *c)
{
    free(c->commands_under_way.list);
    free(c->commands_ended.list);
}

const struct command *core_command(const struct core *c, uint32_t k)
{
    const struct ranked *r = &c->commands_under_way;

    if (k >= r->count) {
        k -= r->count;
        r = &c->commands_ended;
    }
    return k < r->count ? &r->list[r->count - 1 - k]->row : NULL;
}
