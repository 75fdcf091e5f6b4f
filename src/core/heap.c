/* heap.c - deadlines: a binary heap of pointers to the timers that sit in their owners. */
#include <stdlib.h>

#include "core/core_internal.h"

/* Room is made with the owner, so that setting a timer later cannot fail. */
bool heap_promise(struct heap *h)
{
    if (h->promised + 1 >= h->room) {
        const uint32_t room = h->room ? h->room + h->room / 2 : 64;
        struct timer **list = realloc(h->list, room * sizeof(struct timer *));
        if (!list)
            return false;
        h->list = list;
        h->room = room;
    }
    h->promised++;
    return true;
}

static void put(struct heap *h, uint32_t place, struct timer *t)
{
    h->list[place] = t;
    t->place = place;
}

static void sift_up(struct heap *h, uint32_t place, struct timer *t)
{
    for (; place > 1 && h->list[place / 2]->due > t->due; place /= 2)
        put(h, place, h->list[place / 2]);
    put(h, place, t);
}

static void sift_down(struct heap *h, uint32_t place, struct timer *t)
{
    for (uint32_t child; (child = 2 * place) <= h->count; place = child) {
        if (child < h->count && h->list[child + 1]->due < h->list[child]->due)
            child++;
        if (h->list[child]->due >= t->due)
            break;
        put(h, place, h->list[child]);
    }
    put(h, place, t);
}

void heap_set(struct heap *h, struct timer *t, int64_t due)
{
    const bool later = t->place && due > t->due;

    t->due = due;
    if (!t->place)
        sift_up(h, ++h->count, t);
    else if (later)
        sift_down(h, t->place, t);
    else
        sift_up(h, t->place, t);
}

void heap_remove(struct heap *h, struct timer *t)
{
    const uint32_t place = t->place;

    if (!place)
        return;
    t->place = 0;
    struct timer *last = h->list[h->count--];
    if (last == t)
        return;
    if (place > 1 && h->list[place / 2]->due > last->due)
        sift_up(h, place, last);
    else
        sift_down(h, place, last);
}

void heap_forget(struct heap *h, struct timer *t)
{
    heap_remove(h, t);
    h->promised--;
}

struct timer *heap_first(const struct heap *h)
{
    return h->count ? h->list[1] : NULL;
}
