/* Any sequence of messages through codec and core. Records end with a NUL: one byte of flags, the
 * topic, a newline, the payload; between two of them time passes and the link may go and come. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum flag {
    FLAG_RETAINED = 1,
    FLAG_RAP = 2,
    FLAG_SNAPSHOT = 4,
    FLAG_LATER = 8, /* five minutes pass */
    FLAG_LINK_DOWN = 16,
    FLAG_LINK_UP = 32,
    FLAG_ACKNOWLEDGE = 64 /* somebody acknowledges the most urgent alarm */
};

#define START 1775376000000

struct run {
    struct core *core;
    struct codec *codec;
    struct effects effects;
    struct now now;
};

static void step(struct run *r, struct core_event *ev)
{
    ev->now = r->now;
    effects_clear(&r->effects);
    core_step(r->core, ev, &r->effects);
}

static void step_plain(struct run *r, enum core_event_kind kind)
{
    step(r, &(struct core_event){.kind = kind});
}

static void message(struct run *r, unsigned flags, const uint8_t *p, size_t n)
{
    static struct msg msg;
    char topic[512] = "";
    const uint8_t *end = memchr(p, '\n', n);
    const size_t len = end ? (size_t)(end - p) : n;
    struct core_event ev = {.kind = IN_MESSAGE, .u.msg = &msg};

    if (len >= sizeof(topic))
        return;
    memcpy(topic, p, len);
    const size_t used = end ? len + 1 : n;
    const struct wire_message in = {
        .topic = topic,
        .payload = p + used,
        .len = n - used,
        .retained = flags & FLAG_RETAINED,
        .rap = flags & FLAG_RAP,
        .snapshot = flags & FLAG_SNAPSHOT,
    };
    const enum reject why = codec_decode(r->codec, &in, &msg);
    if (why != REJECT_NONE) {
        ev = (struct core_event){.kind = IN_REJECT, .u.reject = {.reason = why, .bytes = in.len}};
        TEXT_SET(&ev.u.reject.topic, topic, len);
    }
    step(r, &ev);
}

static void acknowledge(struct run *r)
{
    struct operator_action op = {.verb = OP_ACKNOWLEDGE, .shelve_until_at = TIME_NONE};

    if (core_alarm_count(r->core) == 0)
        return;
    const struct alarm *a = core_alarm(r->core, 0);
    memcpy(op.alarm_id, a->id, sizeof(op.alarm_id));
    op.mark = a->mark;
    TEXT_SET(&op.by, "anna", 4);
    step(r, &(struct core_event){.kind = IN_OPERATOR, .u.op = &op});
}

static void record(struct run *r, const uint8_t *p, size_t n)
{
    const unsigned flags = n > 0 ? p[0] : 0;
    const int64_t passed = flags & FLAG_LATER ? 300000 : 100;

    r->now.mono_ms += passed;
    r->now.wall_ms += passed;
    if (flags & FLAG_LINK_DOWN)
        step_plain(r, IN_LINK_DOWN);
    if (flags & FLAG_LINK_UP)
        step_plain(r, IN_LINK_UP);
    step_plain(r, IN_TICK);
    if (n > 1)
        message(r, flags, p + 1, n - 1);
    if (flags & FLAG_ACKNOWLEDGE)
        acknowledge(r);
}

/* The counts are what the rows say. */
static void check(const struct core *core)
{
    const struct core_counts *counts = core_counts(core);
    uint32_t by_state[CLIENT_STATES] = {0};

    for (uint32_t i = 0; i < core_client_count(core); i++)
        by_state[core_client(core, i)->state]++;
    if (memcmp(by_state, counts->by_state, sizeof(by_state)) != 0 ||
        counts->alarms_unacknowledged > counts->alarms_standing)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct codec *codec;
    struct config config;
    struct run r = {.now = {1000, START}};

    if (!codec)
        codec = codec_new();
    config_init(&config);
    r.codec = codec;
    r.core = core_new(&config, "ops");
    if (!codec || !r.core)
        return 0;
    step_plain(&r, IN_LINK_UP);
    while (size > 0) {
        const uint8_t *end = memchr(data, '\0', size);
        const size_t n = end ? (size_t)(end - data) : size;
        record(&r, data, n);
        data += end ? n + 1 : n;
        size -= end ? n + 1 : n;
    }
    check(r.core);
    effects_fini(&r.effects);
    core_free(r.core);
    return 0;
}
