/* sync.c - everything written whole, a little each turn: rows after taking the role or after rows found no
 * room, and the images of a snapshot. Also what waits for it: the barrier of the journal. */
#include "app/session.h"

#include <stdlib.h>

#include "core/image.h"

#define ROWS_PER_TURN 500

enum { PHASE_CLIENTS, PHASE_ALARMS, PHASE_COMMANDS, PHASE_ROLLOUTS, PHASES };

static uint32_t phase_count(const struct session *s)
{
    switch (s->sync.phase) {
    case PHASE_CLIENTS:
        return core_client_count(s->core);
    case PHASE_ALARMS:
        return core_alarm_count(s->core);
    case PHASE_COMMANDS:
        return core_command_count(s->core);
    default: /* they are no part of the past */
        return s->sync.snapshot_begun ? 0 : core_rollout_count(s->core);
    }
}

static bool put_command(struct session *s, uint32_t i)
{
    const struct command *c = core_command(s->core, i);

    return (c->foreign && !s->recorder) || store_put_command(s->store, c);
}

static bool put_rollout(struct session *s, uint32_t i)
{
    const struct rollout *r = core_rollout(s->core, i);

    return store_put_rollout(s->store, r, core_rollout_member(s->core, &r->id, 0));
}

static bool put_row(struct session *s, uint32_t i)
{
    switch (s->sync.phase) {
    case PHASE_CLIENTS:
        return store_put_client(s->store, core_client(s->core, i));
    case PHASE_ALARMS: {
        const struct alarm *a = core_alarm(s->core, i);
        size_t len = 0;
        const void *payload = core_alarm_payload(s->core, a, &len);
        return store_put_alarm(s->store, a, payload, len);
    }
    case PHASE_COMMANDS:
        return put_command(s, i);
    default:
        return put_rollout(s, i);
    }
}

static bool put_image(struct session *s, uint32_t i)
{
    bool made;

    buf_clear(&s->image);
    switch (s->sync.phase) {
    case PHASE_CLIENTS:
        made = image_of_client(core_client(s->core, i), &s->image);
        break;
    case PHASE_ALARMS:
        made = image_of_alarm(core_alarm(s->core, i), &s->image);
        break;
    default:
        made = image_of_command(core_command(s->core, i), &s->image);
    }
    return made && store_put_snapshot_image(s->store, s->image.data, s->image.len);
}

/* True when all phases are through. */
static bool go_on(struct session *s, bool (*put)(struct session *, uint32_t))
{
    for (unsigned n = 0; s->sync.phase < PHASES && n < ROWS_PER_TURN; n++) {
        if (s->sync.next >= phase_count(s)) {
            s->sync.phase++;
            s->sync.next = 0;
            continue;
        }
        /* What happens meanwhile goes before: it is put but once. */
        s->sync.stuck = !store_has_room(s->store) || !put(s, s->sync.next);
        if (s->sync.stuck)
            return false;
        s->sync.next++;
    }
    return s->sync.phase == PHASES;
}

static void sync_rows(struct session *s)
{
    if (!go_on(s, put_row))
        return;
    s->sync.rows = false;
    s->sync.phase = 0;
    s->gap = false;
    session_barrier(s);
}

/* Images that change while the snapshot is written come again, later, in the history: applying both in
 * order ends the same. */
static void sync_snapshot(struct session *s)
{
    if (!s->sync.snapshot_begun) {
        s->sync.stuck = !store_put_snapshot_begin(s->store);
        if (s->sync.stuck)
            return;
        s->sync.snapshot_begun = true;
        s->sync.phase = 0;
        s->sync.next = 0;
    }
    if (go_on(s, put_image) && store_put_snapshot_end(s->store))
        s->sync = (struct sync){.rows = s->sync.rows};
}

void session_sync(struct session *s)
{
    if (!s->recorder) {
        if (s->sync.rows && s->sync.phase < PHASE_COMMANDS)
            s->sync.phase = PHASE_COMMANDS; /* what it issued itself */
        if (s->sync.rows)
            sync_rows(s);
        return;
    }
    if (s->sync.rows && !s->sync.snapshot_begun)
        sync_rows(s);
    else if (s->sync.snapshot)
        sync_snapshot(s);
    if (s->slice_posted != s->slice_read)
        session_barrier(s);
}

/* The PUBACKs of everything read so far may go once all rows before this point are on disk. */
void session_barrier(struct session *s)
{
    if (!s->recorder || s->gap || s->slice_posted == s->slice_read)
        return;
    if (store_barrier(s->store, s->slice_read))
        s->slice_posted = s->slice_read;
}

/* A link that took no word of it, its queue being full, is told in a later turn. */
void session_tell_recording(struct session *s)
{
    if (s->link && s->link_records != s->recorder && link_set_recording(s->link, s->recorder))
        s->link_records = s->recorder;
}

/* ---- exact retained topics that the snapshot lacked ---- */

#define TOPICS_PER_FETCH 500 /* a SUBSCRIBE of more is cut off by some brokers */

void session_flush_fetch(struct session *s)
{
    while (s->link && s->fetch_sent < s->fetch_count) {
        size_t n = s->fetch_count - s->fetch_sent;
        if (n > TOPICS_PER_FETCH)
            n = TOPICS_PER_FETCH;
        if (!link_fetch(s->link, (const char *const *)s->fetch + s->fetch_sent, (int)n))
            return;
        s->fetch_sent += n;
        s->fetches_open++;
    }
}

void session_forget_fetch(struct session *s)
{
    for (size_t i = 0; i < s->fetch_count; i++)
        free(s->fetch[i]);
    s->fetch_count = 0;
    s->fetch_sent = 0;
    s->fetches_open = 0;
}
