/* ring.c - positions only ever grow; the low bits index the bytes. Each side writes one position of
 * its own and reads the other's. The two handshakes (consumer asleep / producer wants room) are of
 * the form "say that I wait, then look once more" against "move, then look whether somebody waits":
 * sequentially consistent on both sides, so that one of the two always sees the other. */
#include "base/ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGN      16u
#define RING_LEAST 4096u
#define RING_WARM  (256u << 10) /* bytes: an empty ring begins anew behind them, see may_start_over */
#define CACHE_LINE 64
#define PAGE       4096u

struct record {
    uint32_t span;  /* bytes to the next record, this header included */
    uint32_t bytes; /* of the payload; PADDING: skip to the start */
    char align[8];
};
#define PADDING UINT32_MAX
static_assert(sizeof(struct record) == ALIGN, "payloads are aligned behind their header");

struct ring {
    unsigned char *bytes;
    size_t cap;
    int data_fd, room_fd;

    /* The producer's. */
    _Alignas(CACHE_LINE) atomic_size_t head; /* what the consumer may read up to */
    size_t staged;                           /* committed up to here */
    size_t reserved_at, reserved;            /* the record being filled */
    size_t touched;                          /* bytes from the start that were ever written to */
    size_t warm;                             /* an empty ring begins anew behind so many */
    bool waits_for_room;

    /* The consumer's. */
    _Alignas(CACHE_LINE) atomic_size_t tail;
    size_t peeked; /* span of the record last looked at; 0: none */

    _Alignas(CACHE_LINE) atomic_bool consumer_sleeps;
    atomic_bool producer_wants;
};

static void event_signal(int fd)
{
    uint64_t one = 1;
    ssize_t done = write(fd, &one, sizeof(one));

    (void)done; /* EAGAIN: it is readable already */
}

static void event_reset(int fd)
{
    uint64_t count;
    ssize_t done = read(fd, &count, sizeof(count));

    (void)done; /* EAGAIN: it was not readable */
}

static size_t align_up(size_t n)
{
    return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

struct ring *ring_new(size_t bytes)
{
    struct ring *r;
    size_t cap = RING_LEAST;

    while (cap < bytes && cap < SIZE_MAX / 2)
        cap *= 2;
    if (cap > UINT32_MAX / 2) /* spans are 32 bits wide */
        return NULL;
    r = aligned_alloc(CACHE_LINE, sizeof(*r));
    if (!r)
        return NULL;
    *r = (struct ring){.cap = cap, .data_fd = -1, .room_fd = -1, .warm = RING_WARM};
    atomic_init(&r->head, 0);
    atomic_init(&r->tail, 0);
    atomic_init(&r->consumer_sleeps, true);
    atomic_init(&r->producer_wants, false);
    r->bytes = aligned_alloc(cap < PAGE ? CACHE_LINE : PAGE, cap);
    r->data_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!r->bytes || r->data_fd < 0 || r->room_fd < 0) {
        ring_free(r);
        return NULL;
    }
    return r;
}

void ring_free(struct ring *r)
{
    if (!r)
        return;
    if (r->data_fd >= 0)
        close(r->data_fd);
    if (r->room_fd >= 0)
        close(r->room_fd);
    free(r->bytes);
    free(r);
}

static struct record *record_at(const struct ring *r, size_t position)
{
    return (struct record *)(void *)(r->bytes + (position & (r->cap - 1)));
}

/* ---- producer ---- */

/* A ring that keeps up would still walk through all its memory and find none of it in a cache. So when it is
 * empty behind the first stretch, the rest is skipped like the rest before any wrap: a ring that never fills
 * never touches more than that stretch. */
static bool may_start_over(const struct ring *r, size_t used, size_t span)
{
    const size_t at = r->staged & (r->cap - 1);

    return used == 0 && at >= r->warm && span <= at;
}

/* After a flood: nobody looks at what lies behind the first stretch of an empty ring. */
static void give_back(struct ring *r)
{
    if (r->touched > 2 * r->warm)
        madvise(r->bytes + r->warm, r->touched - r->warm, MADV_DONTNEED);
    r->touched = r->warm;
}

void ring_keep_room(struct ring *r, size_t bytes)
{
    r->warm = bytes < r->cap / 2 ? bytes : r->cap / 2;
}

void *ring_reserve(struct ring *r, size_t bytes)
{
    size_t span, to_end = r->cap - (r->staged & (r->cap - 1)), skip, used;

    if (bytes > r->cap / 4)
        return NULL;
    span = sizeof(struct record) + align_up(bytes);
    used = r->staged - atomic_load(&r->tail);
    skip = span > to_end ? to_end : 0;
    if (may_start_over(r, used, span)) {
        give_back(r);
        skip = to_end;
    }
    if (r->cap - used < skip + span)
        return NULL;
    if (r->waits_for_room) {
        r->waits_for_room = false;
        atomic_store(&r->producer_wants, false);
        event_reset(r->room_fd);
    }
    if (skip)
        *record_at(r, r->staged) = (struct record){.span = (uint32_t)skip, .bytes = PADDING};
    r->reserved_at = r->staged + skip;
    r->reserved = bytes;
    const size_t end = (r->reserved_at & (r->cap - 1)) + span;
    if (end > r->touched)
        r->touched = end;
    return record_at(r, r->reserved_at) + 1;
}

void ring_commit(struct ring *r, size_t bytes)
{
    size_t span = sizeof(struct record) + align_up(bytes);

    assert(bytes <= r->reserved);
    *record_at(r, r->reserved_at) =
        (struct record){.span = (uint32_t)span, .bytes = (uint32_t)bytes};
    r->staged = r->reserved_at + span;
    r->reserved = 0;
}

void ring_flush(struct ring *r)
{
    if (atomic_load_explicit(&r->head, memory_order_relaxed) == r->staged)
        return;
    atomic_store(&r->head, r->staged);
    if (atomic_load(&r->consumer_sleeps) && atomic_exchange(&r->consumer_sleeps, false))
        event_signal(r->data_fd);
}

int ring_room_fd(const struct ring *r)
{
    return r->room_fd;
}

void ring_want_room(struct ring *r)
{
    ring_flush(r); /* what the consumer cannot see it cannot make room from */
    event_reset(r->room_fd);
    r->waits_for_room = true;
    atomic_store(&r->producer_wants, true);
}

/* ---- consumer ---- */

int ring_fd(const struct ring *r)
{
    return r->data_fd;
}

/* Empty: says so, and looks once more, since a record may have come before that was heard. One that
 * still sleeps was not signalled since: it costs no system call to look at an empty ring each turn. */
static bool fell_asleep(struct ring *r, size_t tail)
{
    if (atomic_load(&r->consumer_sleeps))
        return true;
    event_reset(r->data_fd);
    atomic_store(&r->consumer_sleeps, true);
    if (atomic_load(&r->head) == tail)
        return true;
    atomic_store(&r->consumer_sleeps, false);
    event_signal(r->data_fd); /* the descriptor stays readable as long as there are records */
    return false;
}

static void advance(struct ring *r, size_t span)
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed) + span;

    atomic_store(&r->tail, tail);
    /* Not before three quarters are free: then any record fits, and a producer that was stopped is
     * not woken for each single one. */
    if (atomic_load(&r->producer_wants) && atomic_load(&r->head) - tail <= r->cap / 4 &&
        atomic_exchange(&r->producer_wants, false))
        event_signal(r->room_fd);
}

const void *ring_peek(struct ring *r, size_t *bytes)
{
    for (;;) {
        size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
        const struct record *record;

        r->peeked = 0;
        if (atomic_load_explicit(&r->head, memory_order_acquire) == tail && fell_asleep(r, tail))
            return NULL;
        record = record_at(r, tail);
        if (record->bytes == PADDING) {
            advance(r, record->span);
            continue;
        }
        r->peeked = record->span;
        *bytes = record->bytes;
        return record + 1;
    }
}

void ring_pop(struct ring *r)
{
    assert(r->peeked);
    advance(r, r->peeked);
    r->peeked = 0;
}

size_t ring_used(const struct ring *r)
{
    /* The tail first: the head only grows, so the difference is never negative. */
    size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);

    return atomic_load_explicit(&r->head, memory_order_acquire) - tail;
}
