#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

#include <string.h>

/* ---- what came out ---- */

static void add_publish(struct rig *r, const char *verb, const struct effect *e)
{
    buf_printf(&r->out, "%s:%s", verb, e->u.publish.topic);
    if (e->kind == OUT_OUTBOX_PUT) {
        assert_true(r->put_count < RIG_TOKENS);
        r->puts[r->put_count++] = e->u.publish.token;
    } else if (e->kind == OUT_PUBLISH) {
        assert_true(r->sent_count < RIG_TOKENS);
        assert_true(core_link_is_up(r->core));
        r->sent[r->sent_count++] = e->u.publish.token;
        buf_clear(&r->payload);
        buf_append(&r->payload, e->u.publish.payload ? e->u.publish.payload : "", e->u.publish.len);
        /* a retained command would be carried out at every start of its device */
        assert_int_equal(e->u.publish.retain, !strstr(e->u.publish.topic, "/command"));
    }
}

static void add_effect(struct rig *r, const struct effect *e)
{
    static const char *const plain[] = {
        [OUT_CLIENT] = "client",   [OUT_ALARM] = "alarm",     [OUT_COMMAND] = "command",
        [OUT_LOG] = "log",         [OUT_NOTIFY] = "notify",   [OUT_FETCH] = "fetch",
        [OUT_LINK_STATE] = "link", [OUT_MESSAGE] = "message", [OUT_ROLLOUT] = "rollout",
    };

    if (r->out.len)
        buf_putc(&r->out, ' ');
    r->all_durable &= e->durable;
    switch (e->kind) {
    case OUT_HISTORY:
        if (e->u.history.event.kind == EVENT_IMAGE)
            buf_puts(&r->out, "image");
        else
            buf_printf(&r->out, "history:%s", event_kinds[e->u.history.event.kind].word);
        break;
    case OUT_OUTBOX_PUT:
        add_publish(r, "put", e);
        break;
    case OUT_OUTBOX_DONE:
        add_publish(r, "done", e);
        break;
    case OUT_PUBLISH:
        add_publish(r, "publish", e);
        break;
    case OUT_NOTIFY:
        r->escalation = e->u.notify.escalation;
        buf_puts(&r->out, "notify");
        break;
    case OUT_MESSAGE:
        r->message = e->u.message;
        /* fall through */
    default:
        buf_puts(&r->out, plain[e->kind]);
    }
}

const char *rig_take(struct rig *r)
{
    static char taken[65536];

    assert_true(r->out.len < sizeof(taken));
    strcpy(taken, buf_str(&r->out));
    buf_clear(&r->out);
    r->all_durable = true;
    return taken;
}

/* ---- in ---- */

void rig_step(struct rig *r, struct core_event *ev)
{
    ev->now = r->now;
    effects_clear(&r->effects);
    core_step(r->core, ev, &r->effects);
    for (size_t i = 0; i < r->effects.count; i++)
        add_effect(r, &r->effects.list[i]);
}

void rig_at(struct rig *r, int64_t ms)
{
    r->now = (struct now){.mono_ms = RIG_MONO + ms, .wall_ms = RIG_WALL + ms};
}

void rig_run(struct rig *r, int64_t ms)
{
    int64_t due;

    while ((due = core_next_due(r->core)) <= RIG_MONO + ms) {
        if (due > r->now.mono_ms)
            rig_at(r, due - RIG_MONO);
        rig_step(r, &(struct core_event){.kind = IN_TICK});
    }
    rig_at(r, ms);
}

static void feed(struct rig *r, const struct wire_message *in, bool journal)
{
    static struct msg msg;
    const enum reject why = codec_decode(r->codec, in, &msg);
    struct core_event ev = {.kind = why ? IN_REJECT : IN_MESSAGE, .journal = journal};

    if (why) {
        ev.u.reject.reason = why;
        TEXT_SET(&ev.u.reject.topic, in->topic, strlen(in->topic));
    } else {
        ev.u.msg = &msg;
    }
    rig_step(r, &ev);
}

static struct wire_message wire(const char *topic, const char *payload)
{
    return (struct wire_message){.topic = topic, .payload = payload, .len = strlen(payload)};
}

void rig_live(struct rig *r, const char *topic, const char *payload)
{
    const struct wire_message in = wire(topic, payload);
    feed(r, &in, false);
}

void rig_journal(struct rig *r, const char *topic, const char *payload)
{
    struct wire_message in = wire(topic, payload);
    in.retained = in.rap = strstr(topic, "service_failed") || strstr(topic, "console/");
    feed(r, &in, true);
}

void rig_stored_copy(struct rig *r, const char *topic, const char *payload)
{
    struct wire_message in = wire(topic, payload);
    in.retained = in.snapshot = true;
    feed(r, &in, false);
}

void rig_retained_live(struct rig *r, const char *topic, const char *payload)
{
    struct wire_message in = wire(topic, payload);
    in.retained = in.rap = true;
    feed(r, &in, false);
}

void rig_up(struct rig *r)
{
    struct core_event ev = {.kind = IN_LINK_UP, .u.down.why = {.id = "connected to {1}"}};
    rig_step(r, &ev);
}

void rig_down(struct rig *r)
{
    struct core_event ev = {.kind = IN_LINK_DOWN, .u.down.why = {.id = "gone"}};
    r->sent_count = 0;
    rig_step(r, &ev);
}

void rig_snapshot_done(struct rig *r)
{
    struct core_event ev = {.kind = IN_SNAPSHOT_DONE, .u.snapshot.complete = true};
    rig_step(r, &ev);
}

void rig_role(struct rig *r, bool recorder)
{
    struct core_event ev = {.kind = IN_ROLE, .u.recorder = recorder};
    rig_step(r, &ev);
}

void rig_commit(struct rig *r)
{
    while (r->put_count) {
        struct core_event ev = {.kind = IN_STORED, .u.done.token = r->puts[0]};
        memmove(r->puts, r->puts + 1, --r->put_count * sizeof(r->puts[0]));
        rig_step(r, &ev);
    }
}

void rig_puback(struct rig *r, int reason)
{
    uint64_t tokens[RIG_TOKENS];
    const unsigned n = r->sent_count;

    memcpy(tokens, r->sent, sizeof(tokens));
    r->sent_count = 0;
    for (unsigned i = 0; i < n; i++) {
        struct core_event ev = {.kind = IN_PUBLISHED, .u.done = {tokens[i], reason}};
        rig_step(r, &ev);
    }
}

void rig_operator(struct rig *r, enum operator_verb verb, const char *alarm_id, const char *by)
{
    const struct alarm *a = core_find_alarm(r->core, alarm_id);
    struct operator_action op = {.verb = verb, .shelve_until_at = TIME_NONE};

    strcpy(op.alarm_id, alarm_id);
    strcpy(op.by.clean, by);
    if (a)
        op.mark = a->mark;
    rig_step(r, &(struct core_event){.kind = IN_OPERATOR, .u.op = &op});
}

/* ---- life ---- */

void rig_begin(struct rig *r, bool cold)
{
    memset(r, 0, sizeof(*r));
    config_init(&r->config);
    r->core = core_new(&r->config, "ops1");
    r->codec = codec_new();
    assert_non_null(r->core);
    assert_non_null(r->codec);
    core_seed_tokens(r->core, 7);
    rig_at(r, 0);
    if (!cold) {
        rig_role(r, true);
        rig_up(r);
        rig_snapshot_done(r);
        rig_take(r);
    }
}

void rig_end(struct rig *r)
{
    core_free(r->core);
    codec_free(r->codec);
    effects_fini(&r->effects);
    buf_fini(&r->out);
    buf_fini(&r->payload);
}

int rig_setup(void **state)
{
    rig_begin(*state, false);
    return 0;
}

int rig_teardown(void **state)
{
    rig_end(*state);
    return 0;
}

/* ---- looking ---- */

const struct client *rig_client(const struct rig *r, const char *uuid)
{
    struct uid id;

    assert_true(uid_parse(uuid, strlen(uuid), &id));
    return core_find_client(r->core, &id);
}

const char *rig_state(const struct rig *r, const char *uuid)
{
    const struct client *c = rig_client(r, uuid);
    return c ? client_states[c->state].word : "(none)";
}

const struct alarm *rig_alarm(const struct rig *r, enum alarm_kind kind, const char *subject)
{
    char id[ALARM_ID];

    alarm_make_id(kind, TEXT_OURS(subject), id);
    return core_find_alarm(r->core, id);
}

const char *rig_alarm_state(const struct rig *r, enum alarm_kind kind, const char *subject)
{
    const struct alarm *a = rig_alarm(r, kind, subject);
    return a ? alarm_states[a->state].word : "(none)";
}
