/* internal_table.h - timers, and the hash table: what other things are found by. */
#ifndef CORE_INTERNAL_TABLE_H
#define CORE_INTERNAL_TABLE_H

#include "core/core.h"

#define CONTAINER(pointer, type, member)                                                           \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* ---- timers: one struct in whatever has a deadline, one heap per clock (heap.c) ---- */

enum timer_kind {
    TIMER_SILENCE,
    TIMER_ALARM,
    TIMER_RECOVERED,
    TIMER_FLAP,
    TIMER_COMMAND,
    TIMER_BACK,
    TIMER_RECOVERY,
    TIMER_ROLLOUT,
    TIMER_HELD,
    TIMER_FLOOD,
    TIMER_LINK,
    TIMER_PULSE,
    TIMER_GROUP,
    TIMER_INTENT,
    TIMER_REVIEW,
    TIMER_RELEASE,
    TIMER_KINDS
};

struct timer {
    int64_t due;
    uint32_t place; /* in the heap, from 1; 0: not set */
    enum timer_kind kind;
};

struct heap {
    struct timer **list; /* [1..count] */
    uint32_t count, room;
    uint32_t promised; /* timers that may be set: room is made when their owner is made */
};

bool heap_promise(struct heap *h); /* before a timer's first set; false without memory */
void heap_set(struct heap *h, struct timer *t, int64_t due);
void heap_remove(struct heap *h, struct timer *t);
void heap_forget(struct heap *h, struct timer *t); /* remove, and take the promise back */
struct timer *heap_first(const struct heap *h);

/* ---- hash table of things that begin with a struct link (table.c) ---- */

struct link {
    struct link *next;
    uint64_t hash;
};

struct table {
    struct link **buckets;
    uint32_t size, count;
};

bool table_add(struct table *t, struct link *l, uint64_t hash);
void table_remove(struct table *t, struct link *l);
struct link *table_first(const struct table *t, uint64_t hash);
struct link *table_next(const struct link *l); /* the next one with the same hash */
uint64_t hash_bytes(const void *p, size_t n);

#endif
