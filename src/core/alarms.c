/* alarms.c - where alarms are kept, found and ranked. */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

/* ---- finding ---- */

static uint64_t hash_of(const char *id)
{
    return hash_bytes(id, strlen(id));
}

struct standing *alarm_find(const struct core *c, const char *id)
{
    struct link *l = table_first(&c->alarms, hash_of(id));

    for (; l; l = table_next(l)) {
        struct standing *a = (struct standing *)l;
        if (strcmp(a->row.id, id) == 0)
            return a;
    }
    return NULL;
}

struct standing *alarm_find_of(const struct core *c, enum alarm_kind kind, struct text subject)
{
    char id[ALARM_ID];

    if (c->alarms.count == 0)
        return NULL;
    alarm_make_id(kind, subject, id);
    return alarm_find(c, id);
}

/* ---- keeping ---- */

static bool list_make_room(struct core *c)
{
    if (c->alarms.count < c->alarm_room)
        return true;
    const uint32_t room = c->alarm_room ? 2 * c->alarm_room : 64;
    struct standing **list = realloc(c->alarm_list, room * sizeof(struct standing *));
    if (!list)
        return false;
    c->alarm_list = list;
    /* The ranking is as large, so that sorting never has to ask for memory. */
    struct standing **rank = realloc(c->alarm_rank, room * sizeof(struct standing *));
    if (!rank)
        return false;
    c->alarm_rank = rank;
    c->alarm_room = room;
    return true;
}

static struct standing *add(struct core *c, const char *id)
{
    struct standing *a = core_alloc(c, sizeof(*a));

    if (!a)
        return NULL;
    if (!list_make_room(c) || !heap_promise(&c->mono))
        goto fail;
    a->index = c->alarms.count;
    if (!table_add(&c->alarms, &a->link, hash_of(id))) {
        c->mono.promised--;
        goto fail;
    }
    c->alarm_list[a->index] = a;
    memcpy(a->row.id, id, strlen(id) + 1);
    a->timer.kind = TIMER_ALARM;
    a->pending_due = a->shelve_due = a->expire_due = a->forget_due = INT64_MAX;
    a->repair_due = a->escalate_due = INT64_MAX;
    a->dead_at = TIME_NONE;
    return a;
fail:
    c->counts.no_memory++;
    core_free_now(a);
    return NULL;
}

void alarm_remove(struct core *c, struct standing *a)
{
    heap_forget(&c->mono, &a->timer);
    table_remove(&c->alarms, &a->link);
    struct standing *last = c->alarm_list[c->alarms.count];
    c->alarm_list[a->index] = last;
    last->index = a->index;
    c->counts.alarm_generation++; /* the ranking must not keep its address */
    core_bury(c, a);
}

struct standing *alarm_get(struct core *c, enum alarm_kind kind, struct text subject,
                           const struct uid *client)
{
    char id[ALARM_ID];

    alarm_make_id(kind, subject, id);
    struct standing *a = alarm_find(c, id);
    if (a || !(a = add(c, id)))
        return a;
    struct alarm *row = &a->row;
    row->kind = kind;
    row->state = ALARM_NORMAL;
    TEXT_COPY(&row->subject, subject);
    if (client)
        row->client = *client;
    row->raised_at = row->cleared_at = row->acknowledged_at = row->shelved_until = TIME_NONE;
    return a;
}

struct standing *alarm_of_device(struct core *c, const struct device *d, enum alarm_kind kind,
                                 bool make)
{
    char subject[UID_TEXT];

    uid_format(&d->row.id, subject);
    struct standing *a = make ? alarm_get(c, kind, TEXT_OURS(subject), &d->row.id)
                              : alarm_find_of(c, kind, TEXT_OURS(subject));
    if (a && make)
        TEXT_COPY(&a->row.group, TEXT(d->row.group));
    return a;
}

void alarms_fini(struct core *c)
{
    for (uint32_t i = 0; i < c->alarms.count; i++)
        core_free_now(c->alarm_list[i]);
    free(c->alarm_list);
    free(c->alarm_rank);
    free(c->folded.list);
    free(c->alarms.buckets);
}

/* ---- restoring ---- */

static bool restore_payload(struct core *c, const struct alarm *row, const void *payload,
                            size_t len)
{
    char spelling[UID_TEXT];

    if (row->kind != ALARM_SERVICE_FAILED || !row->active)
        return true;
    uid_format(&row->client, spelling);
    struct device *d = fleet_find(c, &row->client);
    if (!d) {
        const struct client blank = {.id = row->client};
        struct client made = blank;
        memcpy(made.spelling, spelling, sizeof(spelling));
        made.pid = made.current_event_id = made.expected_event_id = NUMBER_NONE;
        made.reconnect_count = NUMBER_NONE;
        made.first_seen_at = made.last_heartbeat_at = made.last_health_at = TIME_NONE;
        made.last_disconnect_at = made.state_since_at = TIME_NONE;
        made.broker_reachable = TRI_UNKNOWN;
        if (!core_restore_client(c, &made))
            return false;
        d = fleet_find(c, &row->client);
    }
    return failure_restore(c, d, row->payload_sha, payload, len);
}

bool core_restore_alarm(struct core *c, const struct alarm *row, const void *payload, size_t len)
{
    struct standing *a = alarm_find(c, row->id);

    if (!a)
        a = add(c, row->id);
    if (!a)
        return false;
    const enum alarm_state before = a->row.state;
    a->row = *row;
    alarm_set_state(c, a, before, row->state);
    /* Whether others know of it went with the process that knew: asking them to forget does no
     * harm. */
    a->shared = row->acknowledged_at != TIME_NONE && row->kind != ALARM_BROKER_UNREACHABLE;
    c->counts.alarm_generation++;
    c->counts.generation++;
    return restore_payload(c, row, payload, len);
}

/* As if this process had been there all the time: what was told is not told again. */
static void arm_escalation(const struct core *c, struct standing *a)
{
    const int64_t after = c->config.notify.escalate_after, age = c->now.wall_ms - a->row.raised_at;

    if (a->row.state != ALARM_UNACKNOWLEDGED || after == 0 || age < 0)
        return;
    a->escalation = (int32_t)(age / after);
    a->escalate_due = c->now.mono_ms + after - age % after;
}

void alarms_arm_restored(struct core *c)
{
    for (uint32_t i = 0; i < c->alarms.count; i++) {
        struct standing *a = c->alarm_list[i];
        sharing_arm_restored(c, a);
        const int64_t age = c->now.wall_ms - a->row.acknowledged_at;
        const int64_t expires = c->config.alarms.ack_expires;
        if (a->row.state == ALARM_ACKNOWLEDGED && expires > 0 && age > 0)
            a->expire_due = c->now.mono_ms + (age < expires ? expires - age : 0);
        arm_escalation(c, a);
        alarm_schedule(c, a);
    }
}

/* ---- reading, most urgent first ---- */

static int class_of(const struct alarm *a)
{
    static const int classes[ALARM_STATES] = {
        [ALARM_UNACKNOWLEDGED] = 0, [ALARM_ACKNOWLEDGED] = 1, [ALARM_RETURNED] = 1,
        [ALARM_SHELVED] = 1,        [ALARM_SUPPRESSED] = 1,
    };
    return classes[a->state];
}

static int by_urgency(const void *left, const void *right)
{
    const struct alarm *a = &(*(struct standing *const *)left)->row;
    const struct alarm *b = &(*(struct standing *const *)right)->row;

    if (alarm_stands(a->state) != alarm_stands(b->state))
        return alarm_stands(a->state) ? -1 : 1;
    if (a->active != b->active) /* what is over waits for a signature only */
        return a->active ? -1 : 1;
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (class_of(a) != class_of(b))
        return class_of(a) - class_of(b);
    if (a->raised_at != b->raised_at)
        return a->raised_at > b->raised_at ? -1 : 1;
    return strcmp(a->id, b->id);
}

/* Sorted when asked for and something changed; nothing that a reader could see changes by it. */
static void rank(const struct core *core)
{
    struct core *c = (struct core *)(uintptr_t)core;

    if (c->alarm_rank_generation == c->counts.alarm_generation)
        return;
    c->alarm_ranked = 0;
    for (uint32_t i = 0; i < c->alarms.count; i++)
        if (c->alarm_list[i]->row.state != ALARM_NORMAL)
            c->alarm_rank[c->alarm_ranked++] = c->alarm_list[i];
    if (c->alarm_ranked)
        qsort(c->alarm_rank, c->alarm_ranked, sizeof(struct standing *), by_urgency);
    c->alarm_rank_generation = c->counts.alarm_generation;
}

uint32_t core_alarm_count(const struct core *c)
{
    rank(c);
    return c->alarm_ranked;
}

const struct alarm *core_alarm(const struct core *c, uint32_t k)
{
    rank(c);
    return k < c->alarm_ranked ? &c->alarm_rank[k]->row : NULL;
}

const struct alarm *core_find_alarm(const struct core *c, const char *id)
{
    const struct standing *a = alarm_find(c, id);
    return a ? &a->row : NULL;
}

const void *core_alarm_payload(const struct core *c, const struct alarm *a, size_t *len)
{
    const struct device *d = a->kind == ALARM_SERVICE_FAILED ? fleet_find(c, &a->client) : NULL;
    const struct failure *f = d ? d->failure : NULL;

    *len = 0;
    if (!f || !f->payload || strcmp(f->sha, a->payload_sha) != 0)
        return NULL;
    *len = f->len;
    return f->payload;
}
