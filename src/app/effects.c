/* effects.c - what the core wants done, done: rows to the store, messages to the link, words to the screen. */
#include "app/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "core/image.h"

/* A row that the recorder's store could not take: the rows are synced whole once there is room. */
static void row_refused(struct session *s, bool durable)
{
    s->sync.rows = true;
    s->sync.phase = 0;
    s->sync.next = 0;
    if (durable)
        s->gap = true;
}

static void put_client(struct session *s, const struct effect *e)
{
    if (s->recorder && !store_put_client(s->store, e->u.client))
        row_refused(s, e->durable);
}

/* Of a command that the broker refused the recorder never hears: the alarm is its issuer's. */
static bool is_of_own_command(const struct session *s, const struct alarm *a)
{
    struct uid id;
    const struct command *c =
        a->kind == ALARM_COMMAND_FAILED &&
                uid_parse(a->subject.clean, strlen(a->subject.clean), &id)
            ? core_find_command(s->core, &id)
            : NULL;

    return c && !c->foreign;
}

static void put_alarm(struct session *s, const struct effect *e)
{
    size_t len = 0;

    if (!s->recorder && !is_of_own_command(s, e->u.alarm))
        return;
    const void *payload = core_alarm_payload(s->core, e->u.alarm, &len);
    if (!store_put_alarm(s->store, e->u.alarm, payload, len))
        row_refused(s, e->durable);
}

static void put_command(struct session *s, const struct effect *e)
{
    if ((s->recorder || !e->u.command->foreign) && !store_put_command(s->store, e->u.command))
        row_refused(s, e->durable);
}

/* What only the issuer of a command can tell; and all of it where nobody records. */
static bool is_ours_to_tell(const struct session *s, const struct effect *e)
{
    const enum event_kind kind = e->u.history.event.kind;

    if (s->recorder)
        return true;
    if (kind == EVENT_NOTE && !e->u.history.command && !e->u.history.alarm)
        return true; /* of a rollout, or a hand-over: nobody else hears of it */
    if (!e->u.history.command || e->u.history.command->foreign || kind == EVENT_IMAGE)
        return false;
    return !s->store_status.other_recorder || kind == EVENT_COMMAND_QUEUED ||
           kind == EVENT_COMMAND_CANCELLED || kind == EVENT_COMMAND_BLOCKED || kind == EVENT_NOTE;
}

static void put_rollout(struct session *s, const struct effect *e)
{
    if (!store_put_rollout(s->store, e->u.rollout.row, e->u.rollout.members))
        row_refused(s, e->durable);
}

static void put_history(struct session *s, const struct effect *e)
{
    if (!is_ours_to_tell(s, e))
        return;
    buf_clear(&s->image);
    if (e->u.history.client)
        image_of_client(e->u.history.client, &s->image);
    if (e->u.history.alarm)
        image_of_alarm(e->u.history.alarm, &s->image);
    if (e->u.history.command)
        image_of_command(e->u.history.command, &s->image);
    /* A refused history row is lost, and the store counts it; the rows themselves are synced. */
    if (!store_put_history(s->store, &e->u.history.event, s->image.data, s->image.len))
        row_refused(s, e->durable);
}

static void put_log(struct session *s, const struct effect *e)
{
    if (s->recorder)
        store_put_log(s->store, e->u.log);
}

static void put_link_state(struct session *s, const struct effect *e)
{
    if (s->recorder)
        store_put_link_state(s->store, e->u.link.connected, e->u.link.outage);
}

static void notify(struct session *s, const struct effect *e)
{
    notices_take(s, e->u.notify.alarm, e->u.notify.escalation);
}

static void fetch_topic(struct session *s, const struct client *c, const char *name)
{
    struct buf b = BUF_INIT;

    if (array_make_room(&s->fetch, s->fetch_count, &s->fetch_cap, sizeof *s->fetch) &&
        buf_printf(&b, "infoscreen/%s/%s", c->spelling, name))
        s->fetch[s->fetch_count++] = b.data;
    else
        s->snapshot_complete = false; /* what wasn't asked for is not gone */
}

static void fetch(struct session *s, const struct effect *e)
{
    if (e->u.fetch.failed)
        fetch_topic(s, e->u.fetch.client, "service_failed");
    if (e->u.fetch.group)
        fetch_topic(s, e->u.fetch.client, "group_id");
}

static void message(struct session *s, const struct effect *e)
{
    session_say(s, &e->u.message);
}

/* ---- effects that must not be lost wait where a queue is full ---- */

static bool hand_over(struct session *s, const struct effect *e)
{
    switch (e->kind) {
    case OUT_OUTBOX_PUT:
        return store_put_outbox(s->store, e);
    case OUT_OUTBOX_DONE:
        return store_done_outbox(s->store, e->u.publish.token);
    case OUT_PUBLISH:
        return link_publish(s->link, e->u.publish.token, e->u.publish.topic, e->u.publish.payload,
                            e->u.publish.len, 1, e->u.publish.retain);
    default:
        return true;
    }
}

static size_t string_size(const char *p)
{
    return p ? strlen(p) + 1 : 0;
}

static const char *string_into(char **to, const char *p)
{
    if (!p)
        return NULL;
    size_t n = strlen(p) + 1;
    char *copy = memcpy(*to, p, n);
    *to += n;
    return copy;
}

static struct held_effect *held_new(const struct effect *e)
{
    const size_t len = e->u.publish.payload ? e->u.publish.len : 0;
    size_t bytes = len + string_size(e->u.publish.topic) + string_size(e->u.publish.alarm_id) +
                   string_size(e->u.publish.sha);
    struct held_effect *h = malloc(sizeof *h + bytes);
    if (!h)
        return NULL;
    char *to = h->bytes;
    h->next = NULL;
    h->effect = *e;
    if (len)
        h->effect.u.publish.payload = memcpy(to, e->u.publish.payload, len);
    to += len;
    h->effect.u.publish.topic = string_into(&to, e->u.publish.topic);
    h->effect.u.publish.alarm_id = string_into(&to, e->u.publish.alarm_id);
    h->effect.u.publish.sha = string_into(&to, e->u.publish.sha);
    return h;
}

static void hold_or_hand_over(struct session *s, const struct effect *e)
{
    if (!s->held && hand_over(s, e))
        return;
    struct effect plain = *e;
    if (e->kind == OUT_OUTBOX_DONE)
        plain = (struct effect){.kind = e->kind, .u.publish.token = e->u.publish.token};
    struct held_effect *h = held_new(&plain);
    if (!h)
        return; /* the row stays in the outbox and is taken up again after the next link-up */
    *s->held_end = h;
    s->held_end = &h->next;
}

void session_flush_held(struct session *s)
{
    while (s->held && hand_over(s, &s->held->effect)) {
        struct held_effect *gone = s->held;
        s->held = gone->next;
        free(gone);
    }
    if (!s->held)
        s->held_end = &s->held;
}

/* After a disconnect the core hands its publishes over again: the held ones must not go out twice. */
void session_drop_held_publishes(struct session *s)
{
    struct held_effect **at = &s->held;

    while (*at) {
        struct held_effect *h = *at;
        if (h->effect.kind == OUT_PUBLISH) {
            *at = h->next;
            free(h);
        } else {
            at = &h->next;
        }
    }
    s->held_end = at;
}

static void (*const appliers[])(struct session *, const struct effect *) = {
    [OUT_CLIENT] = put_client,
    [OUT_ALARM] = put_alarm,
    [OUT_COMMAND] = put_command,
    [OUT_ROLLOUT] = put_rollout,
    [OUT_HISTORY] = put_history,
    [OUT_LOG] = put_log,
    [OUT_OUTBOX_PUT] = hold_or_hand_over,
    [OUT_OUTBOX_DONE] = hold_or_hand_over,
    [OUT_PUBLISH] = hold_or_hand_over,
    [OUT_NOTIFY] = notify,
    [OUT_FETCH] = fetch,
    [OUT_LINK_STATE] = put_link_state,
    [OUT_MESSAGE] = message,
};
static_assert(sizeof appliers / sizeof *appliers == OUT_MESSAGE + 1, "an effect without an applier");

void session_apply_effects(struct session *s)
{
    store_hold(s->store); /* a command and its outbox rows are there together, or none of them */
    for (size_t i = 0; i < s->effects.count; i++)
        appliers[s->effects.list[i].kind](s, &s->effects.list[i]);
    store_release(s->store);
    effects_clear(&s->effects);
}
