/* table.c - chained hash table of things that begin with a struct link; it owns none of them. */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

#define FIRST_SIZE 64u

/* Ids come from devices: mixed so that made-up ones spread as well as random ones. */
uint64_t hash_bytes(const void *p, size_t n)
{
    const unsigned char *s = p;
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15) ^ n;

    for (; n >= 8; n -= 8, s += 8) {
        uint64_t w;
        memcpy(&w, s, 8);
        h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    for (; n > 0; n--, s++)
        h = (h ^ *s) * UINT64_C(0x100000001b3);
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 29;
}

static struct link **bucket(const struct table *t, uint64_t hash)
{
    return &t->buckets[hash & (t->size - 1)];
}

static bool grow(struct table *t)
{
    const struct table old = *t;
    const uint32_t size = old.size ? 2 * old.size : FIRST_SIZE;
    struct link **buckets = calloc(size, sizeof(struct link *));

    if (!buckets)
        return false;
    t->buckets = buckets;
    t->size = size;
    for (uint32_t i = 0; i < old.size; i++) {
        for (struct link *l = old.buckets[i], *next; l; l = next) {
            next = l->next;
            l->next = *bucket(t, l->hash);
            *bucket(t, l->hash) = l;
        }
    }
    free(old.buckets);
    return true;
}

/* A table that cannot grow serves on with longer chains. */
bool table_add(struct table *t, struct link *l, uint64_t hash)
{
    if (t->count >= t->size && !grow(t) && t->size == 0)
        return false;
    l->hash = hash;
    l->next = *bucket(t, hash);
    *bucket(t, hash) = l;
    t->count++;
    return true;
}

void table_remove(struct table *t, struct link *l)
{
    struct link **at = bucket(t, l->hash);

    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    t->count--;
}

struct link *table_first(const struct table *t, uint64_t hash)
{
    if (t->size == 0)
        return NULL;
    struct link *l = *bucket(t, hash);
    while (l && l->hash != hash)
        l = l->next;
    return l;
}

struct link *table_next(const struct link *l)
{
    const uint64_t hash = l->hash;
    struct link *next = l->next;

    while (next && next->hash != hash)
        next = next->next;
    return next;
}
