/* session.c - the session that jobs run on, reduced to a core: publishes are stored, acknowledged
 * and echoed at once, as a broker would that grants everything. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct now now_of(const struct job_host *h)
{
    return (struct now){1000000 + h->elapsed_ms, 1775376000000 + h->elapsed_ms};
}

static void step(struct job_host *h, struct core_event ev)
{
    ev.now = now_of(h);
    core_step(h->core, &ev, &h->effects);
}

static void hear_raw(struct job_host *h, const char *topic, const void *payload, size_t len,
                     bool retained)
{
    static struct msg msg;
    const struct wire_message wire = {
        .topic = topic, .payload = payload, .len = len, .retained = retained, .rap = true};

    if (codec_decode(h->codec, &wire, &msg) == REJECT_NONE)
        step(h, (struct core_event){.kind = IN_MESSAGE, .u.msg = &msg});
}

/* What comes of the effects so far, until nothing new comes. */
static void settle(struct job_host *h)
{
    while (h->effects.count > 0) {
        struct effects todo = h->effects;
        h->effects = (struct effects){0};
        /* Effects borrow from the core until its next step: what is needed later is copied first.
         */
        struct {
            enum effect_kind kind;
            uint64_t token;
            char topic[256];
            char payload[2048];
            size_t len;
            bool retain;
        } one;
        for (size_t i = 0; i < todo.count; i++) {
            const struct effect *e = &todo.list[i];
            if (e->kind != OUT_OUTBOX_PUT && e->kind != OUT_PUBLISH)
                continue;
            one.kind = e->kind;
            one.token = e->u.publish.token;
            one.len = e->u.publish.len < sizeof one.payload ? e->u.publish.len : 0;
            one.retain = e->u.publish.retain;
            snprintf(one.topic, sizeof one.topic, "%s", e->u.publish.topic);
            if (one.len)
                memcpy(one.payload, e->u.publish.payload, one.len);
            if (one.kind == OUT_OUTBOX_PUT) {
                step(h, (struct core_event){.kind = IN_STORED, .u.done = {one.token, 0}});
            } else if (!h->deaf) {
                const bool refused = job_is_refused(h, one.topic);
                h->published++;
                step(h, (struct core_event){.kind = IN_PUBLISHED,
                                            .u.done = {one.token, refused ? 0x87 : 0}});
                if (!h->mute && !refused)
                    hear_raw(h, one.topic, one.payload, one.len, one.retain);
            }
        }
        effects_fini(&todo);
    }
}

struct job_host *session_new(const struct config *config)
{
    struct job_host *h = calloc(1, sizeof *h);

    h->core = core_new(config, "test");
    h->codec = codec_new();
    step(h, (struct core_event){.kind = IN_LINK_UP});
    settle(h);
    return h;
}

void session_free(struct job_host *h)
{
    effects_fini(&h->effects);
    codec_free(h->codec);
    core_free(h->core);
    free(h);
}

void session_hear(struct job_host *h, const char *topic, const char *payload, bool retained)
{
    hear_raw(h, topic, payload, strlen(payload), retained);
    settle(h);
}

/* What was heard so far was the snapshot. */
static void end_snapshot(struct job_host *h)
{
    while (!core_snapshot_settled(h->core)) {
        struct core_event ev = {.kind = IN_SNAPSHOT_DONE};
        ev.u.snapshot.complete = true;
        step(h, ev);
        settle(h);
    }
}

int session_run(struct job_host *h, struct job *j)
{
    end_snapshot(h);
    bool over = j->start(j, h, !h->unreachable);

    for (int turns = 0; !over && turns < 1000; turns++) {
        h->elapsed_ms += 100;
        step(h, (struct core_event){.kind = IN_TICK});
        settle(h);
        over = j->step(j, h);
    }
    return j->err.code;
}

const struct core *job_core(const struct job_host *h)
{
    return h->core;
}

struct now job_now(const struct job_host *h)
{
    return now_of(h);
}

void job_operator(struct job_host *h, const struct operator_action *op)
{
    step(h, (struct core_event){.kind = IN_OPERATOR, .u.op = op});
    settle(h);
}

bool job_other_recorder(const struct job_host *h)
{
    (void)h;
    return false;
}

const struct words *job_store_trouble(const struct job_host *h)
{
    (void)h;
    return NULL;
}

bool job_outbox_empty(const struct job_host *h)
{
    return core_outbox_count(h->core) == 0;
}

const char *job_last_refusal(const struct job_host *h)
{
    return h->refusal;
}

bool job_is_refused(const struct job_host *h, const char *topic)
{
    return h->refused_topic && strcmp(topic, h->refused_topic) == 0;
}
