/* ring.h - single-producer single-consumer ring of records of any size, between two threads.
 * The producer reserves, fills and commits; records become visible together at ring_flush(), which
 * writes the eventfd only when the ring had been empty: one wake-up per batch. Nothing is dropped:
 * a full ring makes ring_reserve() return NULL and the producer decides (the link stops reading). */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring;

struct ring *ring_new(size_t bytes); /* rounded up to a power of two; NULL without memory */
void ring_free(struct ring *r);

/* For a consumer that comes late: an empty ring begins anew at its start, and what is skipped thereby is
 * room again only when the consumer looks. So much is left until then (256 KiB unless told). Before the
 * first record. */
void ring_keep_room(struct ring *r, size_t bytes);

/* Producer. At most a quarter of the ring per record: more is NULL for ever. The memory is 16-byte
 * aligned; a reservation that is not committed is simply forgotten. */
void *ring_reserve(struct ring *r, size_t bytes);
void ring_commit(struct ring *r, size_t bytes); /* <= what was reserved */
void ring_flush(struct ring *r);
/* After a NULL from ring_reserve: an fd that becomes readable when there is room again (three
 * quarters are free: any record fits). Poll it only after ring_want_room(). */
int ring_room_fd(const struct ring *r);
/* Arm it; then try ring_reserve once more before waiting. Flushes. */
void ring_want_room(struct ring *r);

/* Consumer. */
int ring_fd(const struct ring *r);                 /* readable while records may be waiting */
const void *ring_peek(struct ring *r, size_t *bytes); /* NULL when empty (the fd is then reset) */
void ring_pop(struct ring *r);                     /* the record of the last peek is gone */
size_t ring_used(const struct ring *r);            /* bytes, from either side, approximate */

#endif
