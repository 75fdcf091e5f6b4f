/* queue.c - the main thread's side: what is to be written, copied into the ring. Nothing here
 * waits. */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "store/inside.h"

static const struct {
    bool durable; /* synced when it is committed */
    bool urgent;  /* somebody waits for it: committed at once, not after 100 ms */
} rules[] = {
    [REC_CLIENT] = {false, false},         [REC_LIFE] = {false, false},
    [REC_ALARM] = {true, false},           [REC_COMMAND] = {true, false},
    [REC_HISTORY] = {false, false},        [REC_LOG] = {false, false},
    [REC_LINK_STATE] = {false, false},     [REC_OUTBOX] = {true, true},
    [REC_OUTBOX_DONE] = {true, false},     [REC_SNAPSHOT_BEGIN] = {false, false},
    [REC_ROLLOUT] = {true, false},
    [REC_SNAPSHOT_IMAGE] = {false, false}, [REC_SNAPSHOT_END] = {false, false},
    [REC_BARRIER] = {true, true},
};
static_assert(sizeof rules / sizeof *rules == RECORDS, "a record without rules");

bool record_is_durable(enum record_kind kind)
{
    return rules[kind].durable;
}

void store_wake(struct store *s)
{
    const uint64_t one = 1;
    const ssize_t n = write(s->wake_fd, &one, sizeof one);

    (void)n; /* EAGAIN: it is readable already */
}

static struct record *begin(struct store *s, enum record_kind kind, size_t fixed, size_t len)
{
    const size_t blob_at = offsetof(struct record, u) + fixed;
    struct record *r = len > UINT32_MAX / 2 ? NULL : ring_reserve(s->records, blob_at + len);

    if (!r) {
        atomic_store(&s->refused, true);
        if (kind == REC_HISTORY || kind == REC_LOG)
            atomic_fetch_add(&s->lost, 1);
        return NULL;
    }
    r->kind = kind;
    r->joined = s->group_begun;
    r->fixed = (uint32_t)fixed;
    r->len = (uint32_t)len;
    r->blob_at = (uint32_t)blob_at;
    return r;
}

static void show(struct store *s)
{
    ring_flush(s->records);
    if (s->held_urgent && !atomic_exchange(&s->urgent, true))
        store_wake(s);
    s->held_urgent = false;
}

static bool end(struct store *s, const struct record *r)
{
    const enum record_kind kind = r->kind;

    ring_commit(s->records, r->blob_at + r->len);
    s->held_urgent |= rules[kind].urgent;
    s->group_begun = s->holding;
    if (!s->holding)
        show(s);
    return true;
}

void store_hold(struct store *s)
{
    s->holding = true;
}

void store_release(struct store *s)
{
    s->holding = s->group_begun = false;
    show(s);
}

static bool put(struct store *s, enum record_kind kind, const void *row, size_t fixed,
                const void *blob, size_t len)
{
    struct record *r = begin(s, kind, fixed, len);

    if (!r)
        return false;
    if (fixed)
        memcpy(&r->u, row, fixed);
    if (len)
        memcpy((char *)r + r->blob_at, blob, len);
    return end(s, r);
}

bool store_has_room(const struct store *s)
{
    return ring_used(s->records) < RECORD_BYTES / 2;
}

bool store_put_client(struct store *s, const struct client *c)
{
    return put(s, REC_CLIENT, c, sizeof *c, NULL, 0);
}

bool store_put_alarm(struct store *s, const struct alarm *a, const void *payload, size_t len)
{
    return put(s, REC_ALARM, a, sizeof *a, payload, payload ? len : 0);
}

bool store_put_command(struct store *s, const struct command *c)
{
    return put(s, REC_COMMAND, c, sizeof *c, NULL, 0);
}

bool store_put_rollout(struct store *s, const struct rollout *r,
                       const struct rollout_member *members)
{
    return put(s, REC_ROLLOUT, r, sizeof *r, members, members ? r->total * sizeof *members : 0);
}

bool store_put_history(struct store *s, const struct history_event *ev, const void *image,
                       size_t len)
{
    return put(s, REC_HISTORY, ev, sizeof *ev, image, image ? len : 0);
}

bool store_put_log(struct store *s, const struct log_line *l)
{
    return put(s, REC_LOG, l, sizeof *l, NULL, 0);
}

bool store_put_life(struct store *s, const struct client *c)
{
    const struct life l = {c->id, c->index, c->last_heartbeat_at, c->last_health_at};

    return put(s, REC_LIFE, &l, sizeof l, NULL, 0);
}

bool store_put_link_state(struct store *s, bool connected, bool outage)
{
    const struct {
        bool connected, outage;
    } state = {connected, outage};

    return put(s, REC_LINK_STATE, &state, sizeof state, NULL, 0);
}

static char *append(char *to, const void *bytes, size_t n)
{
    if (n)
        memcpy(to, bytes, n);
    return to + n;
}

bool store_put_outbox(struct store *s, const struct effect *e)
{
    const size_t topic = strlen(e->u.publish.topic) + 1;
    const size_t alarm = e->u.publish.alarm_id ? strlen(e->u.publish.alarm_id) + 1 : 0;
    const size_t sha = e->u.publish.sha ? strlen(e->u.publish.sha) + 1 : 0;
    const size_t payload = e->u.publish.payload ? e->u.publish.len : 0;
    struct record *r =
        begin(s, REC_OUTBOX, sizeof(struct outbox_row), topic + alarm + sha + payload);

    if (!r)
        return false;
    r->u.outbox = (struct outbox_row){
        .token = e->u.publish.token,
        .expires_at = e->u.publish.expires_at,
        .retain = e->u.publish.retain,
        .local = e->u.publish.local,
        .has_payload = e->u.publish.payload != NULL,
        .has_alarm = alarm > 0,
        .has_sha = sha > 0,
    };
    char *to = append((char *)r + r->blob_at, e->u.publish.topic, topic);
    to = append(to, e->u.publish.alarm_id, alarm);
    to = append(to, e->u.publish.sha, sha);
    append(to, e->u.publish.payload, payload);
    return end(s, r);
}

bool store_done_outbox(struct store *s, uint64_t token)
{
    return put(s, REC_OUTBOX_DONE, &token, sizeof token, NULL, 0);
}

bool store_put_snapshot_begin(struct store *s)
{
    const int64_t at = clock_wall_ms();

    return put(s, REC_SNAPSHOT_BEGIN, &at, sizeof at, NULL, 0);
}

bool store_put_snapshot_image(struct store *s, const void *image, size_t len)
{
    return put(s, REC_SNAPSHOT_IMAGE, NULL, 0, image, len);
}

bool store_put_snapshot_end(struct store *s)
{
    return put(s, REC_SNAPSHOT_END, NULL, 0, NULL, 0);
}

bool store_barrier(struct store *s, uint64_t token)
{
    return put(s, REC_BARRIER, &token, sizeof token, NULL, 0);
}
