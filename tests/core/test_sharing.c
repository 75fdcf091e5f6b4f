/* Several consoles, each with a core of its own, around a broker that keeps one order: whatever is
 * delayed, cut off or said at once, all end in the same state, and so does what the broker keeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define BEAT     TOPIC(UUID_A, "heartbeat")
#define CRASHED  "{\"process_status\":\"crashed\"}"
#define RUNNING  "{\"process_status\":\"running\"}"
#define FAILED   TOPIC(UUID_A, "service_failed")
#define CONSOLES 3
#define ROOM     256

/* One thing on its way, either way. */
struct packet {
    enum { PACKET_MESSAGE, PACKET_STORED_COPY, PACKET_PUBACK, PACKET_SNAPSHOT_DONE } kind;
    uint64_t token;
    char payload[1200];
};

struct line {
    struct packet packet[ROOM];
    unsigned n;
};

struct console {
    struct rig rig;
    struct line to_broker, from_broker, stored; /* stored: its outbox */
    bool up;
};

static struct console consoles[CONSOLES];
static unsigned count;
static char retained[1200], topic[100], first_by[64];
static uint64_t dice;

static unsigned roll(unsigned sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice >> 33) % sides;
}

static void push(struct line *l, const struct packet *p)
{
    assert_true(l->n < ROOM);
    l->packet[l->n++] = *p;
}

static struct packet pull(struct line *l)
{
    const struct packet p = l->packet[0];

    memmove(l->packet, l->packet + 1, --l->n * sizeof(l->packet[0]));
    return p;
}

/* ---- a console ---- */

static void store(struct line *outbox, const struct effect *e)
{
    struct packet p = {.kind = PACKET_MESSAGE, .token = e->u.publish.token};
    unsigned i = 0;

    assert_true(e->u.publish.len < sizeof(p.payload));
    memcpy(p.payload, e->u.publish.payload ? e->u.publish.payload : "", e->u.publish.len);
    if (e->kind == OUT_OUTBOX_PUT)
        push(outbox, &p);
    while (e->kind == OUT_OUTBOX_DONE && outbox->packet[i].token != p.token)
        assert_true(++i < outbox->n);
    if (e->kind == OUT_OUTBOX_DONE)
        memmove(&outbox->packet[i], &outbox->packet[i + 1], (--outbox->n - i) * sizeof(p));
}

static void take_effects(struct console *k)
{
    uint64_t stored[16];
    unsigned n = 0;

    for (size_t i = 0; i < k->rig.effects.count; i++) {
        const struct effect *e = &k->rig.effects.list[i];
        if (e->kind == OUT_OUTBOX_PUT || e->kind == OUT_OUTBOX_DONE)
            store(&k->stored, e);
        if (e->kind == OUT_OUTBOX_PUT)
            stored[n++] = e->u.publish.token;
        if (e->kind != OUT_PUBLISH || !strstr(e->u.publish.topic, "console/ack"))
            continue;
        struct packet p = {.kind = PACKET_MESSAGE, .token = e->u.publish.token};
        assert_true(e->u.publish.len < sizeof(p.payload));
        memcpy(p.payload, e->u.publish.payload ? e->u.publish.payload : "", e->u.publish.len);
        push(&k->to_broker, &p);
    }
    k->rig.put_count = k->rig.sent_count = 0;
    rig_take(&k->rig);
    for (unsigned i = 0; i < n; i++) {
        rig_step(&k->rig, &(struct core_event){.kind = IN_STORED, .u.done.token = stored[i]});
        take_effects(k);
    }
}

static void deliver(struct console *k)
{
    const struct packet p = pull(&k->from_broker);

    switch (p.kind) {
    case PACKET_MESSAGE:
        rig_retained_live(&k->rig, topic, p.payload);
        break;
    case PACKET_STORED_COPY:
        rig_stored_copy(&k->rig, topic, p.payload);
        break;
    case PACKET_PUBACK:
        rig_step(&k->rig, &(struct core_event){.kind = IN_PUBLISHED, .u.done.token = p.token});
        break;
    case PACKET_SNAPSHOT_DONE:
        rig_snapshot_done(&k->rig);
        if (!core_snapshot_settled(k->rig.core))
            rig_snapshot_done(&k->rig);
        break;
    }
    take_effects(k);
}

/* ---- the broker ---- */

static void broker_take(struct console *from)
{
    struct packet p = pull(&from->to_broker);
    const char *by = strstr(p.payload, "\"acknowledged_by\":\"");

    strcpy(retained, p.payload);
    if (!first_by[0] && by)
        sscanf(by, "\"acknowledged_by\":\"%63[a-z]", first_by);
    for (unsigned i = 0; i < count; i++)
        if (consoles[i].up)
            push(&consoles[i].from_broker, &p);
    p.kind = PACKET_PUBACK;
    push(&from->from_broker, &p);
}

static void connect_console(struct console *k)
{
    struct packet p = {.kind = PACKET_STORED_COPY};

    k->up = true;
    rig_up(&k->rig);
    take_effects(k);
    strcpy(p.payload, retained);
    if (retained[0])
        push(&k->from_broker, &p);
    p.kind = PACKET_SNAPSHOT_DONE;
    push(&k->from_broker, &p);
}

static void cut(struct console *k)
{
    k->up = false;
    k->to_broker.n = k->from_broker.n = 0;
    rig_down(&k->rig);
    take_effects(k);
}

/* ---- all of it ---- */

static const struct alarm *alarm_at(const struct console *k)
{
    return rig_alarm(&k->rig, ALARM_PROCESS_CRASHED, UUID_A);
}

static void act(struct console *k, enum operator_verb verb)
{
    static const char *const names[CONSOLES] = {"anna", "bert", "carl"};
    const struct alarm *a = alarm_at(k);
    struct operator_action op = {.verb = verb, .mark = a->mark, .shelve_until_at = TIME_NONE};

    strcpy(op.alarm_id, a->id);
    strcpy(op.by.clean, names[k - consoles]);
    if (verb == OP_SHELVE)
        op.shelve_until_at = k->rig.now.wall_ms + 3600000 + roll(1000);
    if (verb == OP_NOTE)
        snprintf(op.note.clean, sizeof(op.note.clean), "note %u", roll(1000));
    rig_step(&k->rig, &(struct core_event){.kind = IN_OPERATOR, .u.op = &op});
    take_effects(k);
}

static void begin_console(struct console *k)
{
    const char key[] = {"abc"[k - consoles], '\0'};

    rig_begin(&k->rig, true);
    core_set_presence_key(k->rig.core, key);
    k->rig.config.fleet.heartbeat_timeout = 86400000;
    core_reconfigure(k->rig.core, &k->rig.config);
}

static void begin_consoles(unsigned n, uint64_t seed)
{
    dice = seed * 2654435761u + 1;
    count = n;
    retained[0] = first_by[0] = '\0';
    for (unsigned i = 0; i < n; i++) {
        struct console *k = &consoles[i];
        memset(k, 0, sizeof(*k));
        begin_console(k);
        rig_role(&k->rig, true);
        connect_console(k);
        deliver(k);
        rig_live(&k->rig, BEAT, CRASHED);
        take_effects(k);
    }
    snprintf(topic, sizeof(topic), "infoscreen/console/ack/%s", alarm_at(&consoles[0])->id);
}

static void end_consoles(void)
{
    for (unsigned i = 0; i < count; i++)
        rig_end(&consoles[i].rig);
}

static void pass(int64_t ms)
{
    for (unsigned i = 0; i < count; i++) {
        struct rig *r = &consoles[i].rig;
        const int64_t until = r->now.mono_ms + ms;
        int64_t due;
        while ((due = core_next_due(r->core)) <= until) {
            if (due > r->now.mono_ms)
                rig_at(r, due - RIG_MONO);
            rig_step(r, &(struct core_event){.kind = IN_TICK});
            take_effects(&consoles[i]);
        }
        rig_at(r, until - RIG_MONO);
    }
}

/* What the console's process left in its outbox is another's from here on. */
static void take_over(struct console *k)
{
    const struct line left = k->stored;

    for (unsigned i = 0; i < left.n; i++) {
        const char *payload = left.packet[i].payload;
        const struct effect row = {.u.publish = {.token = left.packet[i].token,
                                                 .topic = topic,
                                                 .payload = payload,
                                                 .len = strlen(payload),
                                                 .retain = true,
                                                 .alarm_id = alarm_at(k)->id}};
        const struct wire_message in = {.topic = topic, .payload = payload, .len = strlen(payload)};
        struct msg said;
        assert_int_equal(codec_decode(k->rig.codec, &in, &said), REJECT_NONE);
        rig_step(&k->rig, &(struct core_event){.kind = IN_ADOPTED,
                                               .u.adopted = {NULL, &row, &said}});
        take_effects(k);
    }
}

/* It is killed, and its successor on the same database looks for what it left soon, or later. */
static void restart(struct console *k)
{
    const struct alarm row = *alarm_at(k);
    const struct now now = k->rig.now;
    static uint32_t seed = 7;

    k->up = false;
    k->to_broker.n = k->from_broker.n = 0;
    rig_end(&k->rig);
    begin_console(k);
    core_seed_tokens(k->rig.core, ++seed);
    k->rig.now = now;
    assert_true(core_restore_alarm(k->rig.core, &row, NULL, 0));
    rig_role(&k->rig, true);
    take_effects(k);
    if (roll(2)) {
        take_over(k);
        connect_console(k);
    } else {
        connect_console(k);
        while (roll(3) && k->from_broker.n)
            deliver(k);
        take_over(k);
    }
}

static void calm_down(void)
{
    for (int i = 0; i < 100; i++) {
        for (unsigned k = 0; k < count; k++) {
            while (consoles[k].to_broker.n)
                broker_take(&consoles[k]);
        }
        for (unsigned k = 0; k < count; k++) {
            while (consoles[k].from_broker.n)
                deliver(&consoles[k]);
        }
        pass(2000);
    }
}

static void expect_same(uint64_t seed)
{
    const struct alarm *a = alarm_at(&consoles[0]);
    char iso[ISO_SIZE], said[200];

    for (unsigned i = 1; i < count; i++) {
        const struct alarm *b = alarm_at(&consoles[i]);
        if (a->state != b->state || a->acknowledged_at != b->acknowledged_at ||
            a->shelved_until != b->shelved_until ||
            strcmp(a->acknowledged_by.clean, b->acknowledged_by.clean) != 0 ||
            strcmp(a->note.clean, b->note.clean) != 0)
            fail_msg("seed %u: %s by \"%s\" note \"%s\" against %s by \"%s\" note \"%s\"",
                     (unsigned)seed, alarm_states[a->state].word, a->acknowledged_by.clean,
                     a->note.clean, alarm_states[b->state].word, b->acknowledged_by.clean,
                     b->note.clean);
    }
    time_iso(a->shelved_until, iso);
    if (a->acknowledged_by.clean[0])
        snprintf(said, sizeof(said), "\"acknowledged_by\":\"%s\"", a->acknowledged_by.clean);
    else
        strcpy(said, "\"acknowledged_by\":null");
    if (retained[0] && (!strstr(retained, said) || (iso[0] && !strstr(retained, iso)) ||
                        (a->note.clean[0] && !strstr(retained, a->note.clean))))
        fail_msg("seed %u: the broker keeps %s", (unsigned)seed, retained);
}

/* ---- cases ---- */

static void test_two_at_once(void **state)
{
    (void)state;
    begin_consoles(3, 1);
    act(&consoles[0], OP_ACKNOWLEDGE);
    act(&consoles[1], OP_ACKNOWLEDGE);
    broker_take(&consoles[1]); /* bert's comes first, whatever the clocks say */
    calm_down();
    expect_same(1);
    assert_string_equal(alarm_at(&consoles[2])->acknowledged_by.clean, "bert");
    assert_string_equal(alarm_at(&consoles[0])->acknowledged_by.clean, "bert");
    end_consoles();
}

/* The loser's console ends before it could put the winner back: one that knows better does. */
static void test_the_loser_dies(void **state)
{
    (void)state;
    begin_consoles(3, 1);
    act(&consoles[0], OP_ACKNOWLEDGE);
    act(&consoles[1], OP_ACKNOWLEDGE);
    broker_take(&consoles[0]);
    broker_take(&consoles[1]);
    consoles[1].up = false;
    consoles[1].from_broker.n = 0;
    count = 1;
    calm_down();
    assert_string_equal(alarm_at(&consoles[0])->acknowledged_by.clean, "anna");
    assert_non_null(strstr(retained, "\"acknowledged_by\":\"anna\""));
    count = 3;
    end_consoles();
}

static void test_away_while_another_acknowledged(void **state)
{
    (void)state;
    begin_consoles(2, 1);
    cut(&consoles[0]);
    act(&consoles[0], OP_ACKNOWLEDGE);
    act(&consoles[0], OP_SHELVE);
    act(&consoles[1], OP_ACKNOWLEDGE);
    calm_down();
    connect_console(&consoles[0]);
    calm_down();
    expect_same(1);
    assert_string_equal(alarm_at(&consoles[0])->acknowledged_by.clean, "bert");
    assert_int_equal(alarm_at(&consoles[1])->state, ALARM_SHELVED); /* anna's shelf holds */
    end_consoles();
}

static void stir(bool cuts, bool restarts)
{
    for (int i = 0; i < 120; i++) {
        struct console *k = &consoles[roll(count)];
        const unsigned what = roll(20);
        if (what < 5 && k->to_broker.n)
            broker_take(k);
        else if (what < 11 && k->from_broker.n)
            deliver(k);
        else if (what < 13)
            act(k, OP_ACKNOWLEDGE);
        else if (what < 16)
            act(k, what == 13 ? OP_SHELVE : what == 14 ? OP_UNSHELVE : OP_NOTE);
        else if (what == 16 && cuts && k->up)
            cut(k);
        else if (what == 17 && !k->up)
            connect_console(k);
        else if (what == 18 && restarts)
            restart(k);
        else
            pass(roll(1500));
    }
}

static uint64_t seeds(void)
{
    const char *n = getenv("SHARING_SEEDS");

    return n ? strtoull(n, NULL, 10) : 400;
}

static void test_restarts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        begin_consoles(2 + (unsigned)(seed % 2), seed);
        stir(seed % 3 == 0, true);
        for (unsigned k = 0; k < count; k++)
            if (!consoles[k].up)
                connect_console(&consoles[k]);
        calm_down();
        expect_same(seed);
        end_consoles();
    }
}

static void test_lossy(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        begin_consoles(2 + (unsigned)(seed % 2), seed);
        const bool lossy = seed % 4 != 0;
        stir(lossy, false);
        for (unsigned k = 0; k < count; k++)
            if (!consoles[k].up)
                connect_console(&consoles[k]);
        calm_down();
        expect_same(seed);
        if (!lossy)
            assert_string_equal(alarm_at(&consoles[0])->acknowledged_by.clean, first_by);
        end_consoles();
    }
}

/* Anna was away; bert's came first. Hers lost and is not said any more. */
static void test_a_lost_one_is_not_said_late(void **state)
{
    (void)state;
    begin_consoles(2, 1);
    cut(&consoles[0]);
    act(&consoles[0], OP_ACKNOWLEDGE);
    act(&consoles[1], OP_ACKNOWLEDGE);
    calm_down();
    connect_console(&consoles[0]);
    while (consoles[0].from_broker.n)
        deliver(&consoles[0]);
    assert_int_equal(consoles[0].to_broker.n, 0);
    assert_int_equal(core_outbox_count(consoles[0].rig.core), 0);
    end_consoles();
}

/* Bert's and carl's come before anna's own: bert's is the first. */
static void test_two_before_ours(void **state)
{
    (void)state;
    begin_consoles(3, 1);
    for (unsigned i = 0; i < 3; i++)
        act(&consoles[i], OP_ACKNOWLEDGE);
    broker_take(&consoles[1]);
    broker_take(&consoles[2]);
    deliver(&consoles[0]);
    deliver(&consoles[0]);
    assert_string_equal(alarm_at(&consoles[0])->acknowledged_by.clean, "bert");
    calm_down();
    expect_same(1);
    assert_string_equal(alarm_at(&consoles[0])->acknowledged_by.clean, "bert");
    end_consoles();
}

/* ---- a process that ended ---- */

static char restored_topic[100];
static struct alarm restored;

/* What acknowledges `restored`, as its operator did it, or as a console repeats it later. */
static const char *word(const char *action, const char *by, const char *at)
{
    static char said[700];

    snprintf(said, sizeof(said),
             "{\"alarm_id\":\"%s\",\"action\":\"%s\",\"by\":\"%s\",\"at\":\"%s\","
             "\"raised_at\":\"%s\",\"acknowledged_by\":\"%s\","
             "\"acknowledged_at\":\"2026-04-05T08:00:02Z\",\"shelved_until\":%s}",
             restored.id, action, by, at, restored.mark.clean, by,
             strcmp(action, "shelve") == 0 ? "\"2026-04-05T09:00:00Z\"" : "null");
    return said;
}

static const char *acknowledges(const char *by)
{
    return word("acknowledge", by, "2026-04-05T08:00:02Z");
}

/* One that the database has as acknowledged, NULL as unacknowledged; not connected yet. */
static void begin_restored(struct rig *rig, const char *by)
{
    rig_begin(rig, false);
    rig_live(rig, BEAT, CRASHED);
    restored = *rig_alarm(rig, ALARM_PROCESS_CRASHED, UUID_A);
    rig_end(rig);
    if (by) {
        restored.state = ALARM_ACKNOWLEDGED;
        restored.acknowledged_at = RIG_WALL + 2000;
        strcpy(restored.acknowledged_by.clean, by);
    }
    snprintf(restored_topic, sizeof(restored_topic), "infoscreen/console/ack/%s", restored.id);
    rig_begin(rig, true);
    rig_at(rig, 5000);
    assert_true(core_restore_alarm(rig->core, &restored, NULL, 0));
    rig_role(rig, true);
    rig_take(rig);
}

static void adopt(struct rig *rig, const char *said)
{
    const struct effect row = {.u.publish = {.token = 99,
                                             .topic = restored_topic,
                                             .payload = said,
                                             .len = strlen(said),
                                             .retain = true,
                                             .alarm_id = restored.id}};
    const struct wire_message in = {.topic = restored_topic, .payload = said, .len = strlen(said)};
    struct msg m;

    assert_int_equal(codec_decode(rig->codec, &in, &m), REJECT_NONE);
    rig_step(rig, &(struct core_event){.kind = IN_ADOPTED, .u.adopted = {NULL, &row, &m}});
}

static const char *restored_by(const struct rig *rig)
{
    return core_find_alarm(rig->core, restored.id)->acknowledged_by.clean;
}

/* Anna's console ended before it could say so, and bert's came to the broker first. */
static void test_what_an_ended_process_left_has_lost(void **state)
{
    (void)state;
    struct rig rig;

    begin_restored(&rig, "anna");
    adopt(&rig, acknowledges("anna"));
    rig_up(&rig);
    rig_journal(&rig, restored_topic, acknowledges("bert"));
    rig_stored_copy(&rig, restored_topic, acknowledges("bert"));
    rig_snapshot_done(&rig);
    rig_commit(&rig);
    assert_string_equal(restored_by(&rig), "bert");
    assert_int_equal(core_outbox_count(rig.core), 0);
    assert_null(strstr(rig_take(&rig), "publish:infoscreen/console/ack/"));
    rig_end(&rig);
}

static void expect_told(struct rig *rig, const char *said)
{
    assert_non_null(strstr(rig_take(rig), "publish:infoscreen/console/ack/"));
    assert_non_null(strstr(buf_str(&rig->payload), said));
}

/* … it is told where nobody else was heard, and what comes before it at the broker wins even now. */
static void test_what_an_ended_process_left_is_told(void **state)
{
    (void)state;
    struct rig rig;

    begin_restored(&rig, "anna");
    adopt(&rig, acknowledges("anna"));
    rig_up(&rig);
    rig_snapshot_done(&rig);
    assert_non_null(strstr(rig_take(&rig), "publish:infoscreen/console/ack/"));
    rig_retained_live(&rig, restored_topic, acknowledges("bert"));
    rig_retained_live(&rig, restored_topic, acknowledges("anna"));
    assert_string_equal(restored_by(&rig), "bert");
    rig_puback(&rig, 0);
    rig_commit(&rig);
    expect_told(&rig, "\"acknowledged_by\":\"bert\"");
    rig_end(&rig);
}

/* … and taken over when that is known already, it is not told; a shelf is. */
static void test_what_an_ended_process_left_comes_late(void **state)
{
    (void)state;
    struct rig rig;

    begin_restored(&rig, "bert");
    rig_up(&rig);
    rig_stored_copy(&rig, restored_topic, acknowledges("bert"));
    rig_snapshot_done(&rig);
    adopt(&rig, acknowledges("anna"));
    assert_string_equal(restored_by(&rig), "bert");
    assert_int_equal(core_outbox_count(rig.core), 0);
    const char *then = rig_take(&rig);
    assert_non_null(strstr(then, "done:infoscreen/console/ack/"));
    assert_null(strstr(then, "publish:infoscreen/console/ack/"));
    adopt(&rig, word("shelve", "anna", "2026-04-05T08:00:03Z"));
    rig_commit(&rig);
    assert_int_equal(core_find_alarm(rig.core, restored.id)->state, ALARM_SHELVED);
    expect_told(&rig, "\"acknowledged_by\":\"bert\"");
    rig_end(&rig);
}

/* ---- who was not there from the beginning ---- */

static void expect_repaired(struct rig *rig, const char *said)
{
    assert_string_equal(restored_by(rig), "bert");
    rig_run(rig, 20000);
    rig_commit(rig);
    expect_told(rig, said);
}

/* Whoever acknowledges after what we know of is not the first: bert was. */
static void test_a_later_one_after_a_restart(void **state)
{
    (void)state;
    struct rig rig;

    begin_restored(&rig, "bert");
    rig_up(&rig);
    rig_stored_copy(&rig, restored_topic, acknowledges("bert"));
    rig_snapshot_done(&rig);
    rig_retained_live(&rig, restored_topic, acknowledges("carl"));
    expect_repaired(&rig, "\"acknowledged_by\":\"bert\"");
    rig_end(&rig);
}

static void test_a_later_one_while_we_were_away(void **state)
{
    (void)state;
    struct rig rig;

    begin_restored(&rig, "bert");
    rig_up(&rig);
    rig_stored_copy(&rig, restored_topic, acknowledges("carl"));
    rig_snapshot_done(&rig);
    expect_repaired(&rig, "\"acknowledged_by\":\"bert\"");
    rig_end(&rig);
}

/* … by another name it may be of an occurrence that came while we were away: the broker is right. */
static void test_one_of_another_name_while_we_were_away(void **state)
{
    (void)state;
    struct rig rig;

    begin_restored(&rig, "bert");
    strcpy(restored.mark.clean, "2026-04-05T08:00:01.000Z");
    rig_up(&rig);
    rig_stored_copy(&rig, restored_topic, acknowledges("carl"));
    rig_snapshot_done(&rig);
    assert_string_equal(restored_by(&rig), "carl");
    rig_end(&rig);
}

static void test_a_later_one_after_a_stored_copy(void **state)
{
    (void)state;
    struct rig rig;

    begin_restored(&rig, NULL);
    rig_up(&rig);
    rig_stored_copy(&rig, restored_topic, acknowledges("bert"));
    rig_snapshot_done(&rig);
    rig_retained_live(&rig, restored_topic, acknowledges("carl"));
    expect_repaired(&rig, "\"acknowledged_by\":\"bert\"");
    rig_end(&rig);
}

/* … but the stored copy may have been the loser's: somebody who knows better repeats the winner. */
static void test_a_stored_copy_that_has_lost(void **state)
{
    (void)state;
    struct rig rig;

    begin_restored(&rig, NULL);
    rig_up(&rig);
    rig_stored_copy(&rig, restored_topic, acknowledges("carl"));
    rig_snapshot_done(&rig);
    rig_retained_live(&rig, restored_topic,
                      word("acknowledge", "bert", "2026-04-05T08:00:09Z"));
    assert_string_equal(restored_by(&rig), "bert");
    rig_take(&rig);
    rig_run(&rig, 20000);
    assert_null(strstr(rig_take(&rig), "put:infoscreen/console/ack/"));
    rig_end(&rig);
}

/* ---- occurrences ---- */

/* A device without a clock names each of its failures alike. */
static void test_a_device_that_lives_in_1970(void **state)
{
    (void)state;
    static const char failed[] = "{\"event\":\"service_failed\",\"unit\":\"a.service\","
                                 "\"failed_at\":\"1970-01-01T00:00:12Z\"}";
    struct rig rig;
    char ack_topic[100], stored[1200];

    rig_begin(&rig, false);
    rig_retained_live(&rig, FAILED, failed);
    const struct alarm *a = rig_alarm(&rig, ALARM_SERVICE_FAILED, UUID_A);
    snprintf(ack_topic, sizeof(ack_topic), "infoscreen/console/ack/%s", a->id);
    rig_operator(&rig, OP_ACKNOWLEDGE, a->id, "anna");
    rig_commit(&rig);
    strcpy(stored, buf_str(&rig.payload));
    rig_retained_live(&rig, ack_topic, stored);
    rig_puback(&rig, 0);
    rig_puback(&rig, 0);
    rig_retained_live(&rig, FAILED, "");
    assert_int_equal(a->state, ALARM_NORMAL);
    rig_run(&rig, 5000);
    rig_retained_live(&rig, ack_topic, stored); /* once more, late: not to be held for the next */
    rig_take(&rig);
    rig_retained_live(&rig, FAILED, failed); /* the same bytes, another failure */
    assert_int_equal(a->state, ALARM_UNACKNOWLEDGED);
    assert_int_equal(a->occurrences, 2);
    assert_non_null(strstr(rig_take(&rig), "put:infoscreen/console/ack/")); /* emptied */
    rig_commit(&rig);
    assert_int_equal(rig.payload.len, 0);
    rig_down(&rig);
    rig_up(&rig);
    rig_stored_copy(&rig, FAILED, failed);
    rig_stored_copy(&rig, ack_topic, stored); /* the emptying was lost on its way */
    assert_int_equal(a->state, ALARM_UNACKNOWLEDGED);
    rig_end(&rig);
}

/* Something late says again what was true of the occurrence before. */
static void test_an_old_ack_is_not_for_the_next(void **state)
{
    (void)state;
    struct rig rig;
    char at[100], said[1200];

    rig_begin(&rig, false);
    rig_live(&rig, BEAT, CRASHED);
    const struct alarm *a = rig_alarm(&rig, ALARM_PROCESS_CRASHED, UUID_A);
    snprintf(at, sizeof(at), "infoscreen/console/ack/%s", a->id);
    rig_operator(&rig, OP_ACKNOWLEDGE, a->id, "anna");
    rig_commit(&rig);
    strcpy(said, buf_str(&rig.payload));
    rig_retained_live(&rig, at, said);
    rig_run(&rig, 1000);
    rig_live(&rig, BEAT, RUNNING);
    rig_live(&rig, BEAT, CRASHED);
    rig_retained_live(&rig, at, said);
    assert_int_equal(a->state, ALARM_UNACKNOWLEDGED);
    rig_operator(&rig, OP_ACKNOWLEDGE, a->id, "bert");
    rig_retained_live(&rig, at, said); /* before ours came back */
    assert_string_equal(a->acknowledged_by.clean, "bert");
    rig_end(&rig);
}

/* … another one's word of it, whose acknowledgement was not the first then. */
static void test_another_ones_old_ack_is_not_for_the_next(void **state)
{
    (void)state;
    static const char form[] =
        "{\"alarm_id\":\"%s\",\"action\":\"acknowledge\",\"by\":\"carl\",\"at\":\"%s\","
        "\"raised_at\":\"2026-04-05T07:59:58.000Z\",\"acknowledged_by\":\"carl\","
        "\"acknowledged_at\":\"%s\"}";
    struct rig rig;
    char at[100], said[600];

    rig_begin(&rig, false);
    rig_live(&rig, BEAT, CRASHED);
    const struct alarm *a = rig_alarm(&rig, ALARM_PROCESS_CRASHED, UUID_A);
    snprintf(at, sizeof(at), "infoscreen/console/ack/%s", a->id);
    rig_operator(&rig, OP_ACKNOWLEDGE, a->id, "anna");
    rig_commit(&rig);
    rig_retained_live(&rig, at, buf_str(&rig.payload));
    snprintf(said, sizeof(said), form, a->id, "2026-04-05T08:00:01Z", "2026-04-05T08:00:01Z");
    rig_retained_live(&rig, at, said);
    assert_string_equal(a->acknowledged_by.clean, "anna");
    rig_live(&rig, BEAT, RUNNING);
    rig_run(&rig, 1000);
    rig_live(&rig, BEAT, CRASHED);
    snprintf(said, sizeof(said), form, a->id, "2026-04-05T08:00:03Z", "2026-04-05T08:00:02Z");
    rig_retained_live(&rig, at, said); /* again, late, over a line that was cut */
    assert_int_equal(a->state, ALARM_UNACKNOWLEDGED);
    rig_end(&rig);
}

static void test_a_device_that_lives_in_2031(void **state)
{
    (void)state;
    struct rig rig;

    rig_begin(&rig, false);
    rig_retained_live(&rig, FAILED,
                      "{\"unit\":\"a.service\",\"failed_at\":\"2031-07-01T00:00:00Z\"}");
    const struct alarm *a = rig_alarm(&rig, ALARM_SERVICE_FAILED, UUID_A);
    assert_int_equal(a->raised_at, RIG_WALL); /* our own clock's */
    rig_retained_live(&rig, FAILED,
                      "{\"unit\":\"a.service\",\"failed_at\":\"1970-01-01T00:00:30Z\"}");
    assert_int_equal(a->occurrences, 2); /* "older" says nothing */
    rig_live(&rig, BEAT, "{\"timestamp\":\"2031-07-01T00:00:00Z\",\"process_status\":\"running\"}");
    rig_run(&rig, 60000);
    assert_non_null(strstr(rig_take(&rig), "put:" FAILED)); /* recovered by our clock */
    rig_end(&rig);
}

static void test_emptied_while_it_stands(void **state)
{
    (void)state;
    begin_consoles(1, 1);
    act(&consoles[0], OP_ACKNOWLEDGE);
    calm_down();
    retained[0] = '\0';
    rig_retained_live(&consoles[0].rig, topic, "");
    take_effects(&consoles[0]);
    calm_down();
    assert_non_null(strstr(retained, "\"acknowledged_by\":\"anna\""));
    end_consoles();
}

/* ---- an alarm that is never shared ---- */

static char local_id[ALARM_ID], local_topic[100], local_word[400];

static const char *local_state(const struct rig *rig)
{
    return rig_alarm_state(rig, ALARM_BROKER_UNREACHABLE, "host:ops1");
}

static void begin_returned(struct rig *rig)
{
    rig_begin(rig, false);
    rig_down(rig);
    alarm_make_id(ALARM_BROKER_UNREACHABLE, TEXT_OURS("host:ops1"), local_id);
    assert_string_equal(local_state(rig), "unacknowledged");
    rig_up(rig);
    rig_snapshot_done(rig);
    assert_string_equal(local_state(rig), "returned");
    rig_take(rig);
    snprintf(local_topic, sizeof(local_topic), "infoscreen/console/ack/%s", local_id);
    snprintf(local_word, sizeof(local_word),
             "{\"alarm_id\":\"%s\",\"action\":\"acknowledge\",\"by\":\"eve\","
             "\"raised_at\":\"2026-04-05T08:00:00.000Z\",\"acknowledged_by\":\"eve\","
             "\"acknowledged_at\":\"2026-04-05T08:00:00Z\"}",
             local_id);
}

/* What an operator does on this console is nobody else's to say of its own alarm. */
static void test_a_local_alarm_is_not_shared(void **state)
{
    (void)state;
    struct rig rig;

    begin_returned(&rig);
    rig_retained_live(&rig, local_topic, local_word);
    assert_string_equal(local_state(&rig), "returned");
    rig_operator(&rig, OP_ACKNOWLEDGE, local_id, "anna");
    assert_string_equal(local_state(&rig), "normal");
    assert_null(strstr(rig_take(&rig), "put:"));
    rig_end(&rig);
}

/* Who doesn't record leaves word in the database: once stored it is not theirs any more. */
static void test_a_local_alarm_beside_the_recorder(void **state)
{
    (void)state;
    struct rig rig;

    begin_returned(&rig);
    rig_role(&rig, false);
    rig_operator(&rig, OP_ACKNOWLEDGE, local_id, "anna");
    assert_non_null(strstr(rig_take(&rig), "put:infoscreen/console/ack/"));
    rig_commit(&rig);
    assert_int_equal(core_outbox_count(rig.core), 0);
    const char *then = rig_take(&rig);
    assert_null(strstr(then, "publish:"));
    assert_null(strstr(then, "done:"));
    rig_end(&rig);
}

static void test_a_recorder_is_told_of_its_local_alarm(void **state)
{
    (void)state;
    struct rig rig;
    struct msg said;

    begin_returned(&rig);
    const struct effect row = {.u.publish = {.token = 99,
                                             .topic = local_topic,
                                             .payload = local_word,
                                             .len = strlen(local_word),
                                             .alarm_id = local_id}};
    const struct wire_message word = {
        .topic = local_topic, .payload = local_word, .len = strlen(local_word)};
    assert_int_equal(codec_decode(rig.codec, &word, &said), REJECT_NONE);
    rig_step(&rig, &(struct core_event){.kind = IN_ADOPTED, .u.adopted = {NULL, &row, &said}});
    assert_string_equal(local_state(&rig), "normal");
    assert_string_equal(rig_alarm(&rig, ALARM_BROKER_UNREACHABLE, "host:ops1")->acknowledged_by.clean,
                        "eve");
    const char *then = rig_take(&rig);
    assert_non_null(strstr(then, "done:infoscreen/console/ack/"));
    assert_null(strstr(then, "publish:"));
    core_restore_outbox(rig.core, &row); /* one that a recorder ended over */
    rig_down(&rig);
    rig_up(&rig);
    then = rig_take(&rig);
    assert_non_null(strstr(then, "done:infoscreen/console/ack/"));
    assert_null(strstr(then, "publish:infoscreen/console/ack/"));
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_the_loser_dies),
        cmocka_unit_test(test_away_while_another_acknowledged),
        cmocka_unit_test(test_a_lost_one_is_not_said_late),
        cmocka_unit_test(test_two_before_ours),
        cmocka_unit_test(test_what_an_ended_process_left_has_lost),
        cmocka_unit_test(test_what_an_ended_process_left_is_told),
        cmocka_unit_test(test_what_an_ended_process_left_comes_late),
        cmocka_unit_test(test_a_later_one_after_a_restart),
        cmocka_unit_test(test_a_later_one_while_we_were_away),
        cmocka_unit_test(test_one_of_another_name_while_we_were_away),
        cmocka_unit_test(test_a_later_one_after_a_stored_copy),
        cmocka_unit_test(test_a_stored_copy_that_has_lost),
        cmocka_unit_test(test_lossy),
        cmocka_unit_test(test_restarts),
        cmocka_unit_test(test_a_device_that_lives_in_1970),
        cmocka_unit_test(test_a_device_that_lives_in_2031),
        cmocka_unit_test(test_an_old_ack_is_not_for_the_next),
        cmocka_unit_test(test_another_ones_old_ack_is_not_for_the_next),
        cmocka_unit_test(test_emptied_while_it_stands),
        cmocka_unit_test(test_a_local_alarm_is_not_shared),
        cmocka_unit_test(test_a_local_alarm_beside_the_recorder),
        cmocka_unit_test(test_a_recorder_is_told_of_its_local_alarm),
    };
    return cmocka_run_group_tests_name("core: shared acknowledgements", tests, NULL, NULL);
}
