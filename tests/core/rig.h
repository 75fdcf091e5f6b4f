/* rig.h - a core under test: messages as topic and payload through the real codec, time as a
 * number, what came out as one line of words: "client history:state_changed alarm
 * history:alarm_raised notify put:TOPIC publish:TOPIC done:TOPIC" Times are milliseconds since the
 * rig began. */
#ifndef TESTS_CORE_RIG_H
#define TESTS_CORE_RIG_H

#include "base/buf.h"
#include "core/core.h"

#define RIG_WALL   INT64_C(1775376000000) /* 2026-04-05T08:00:00Z */
#define RIG_MONO   INT64_C(50000000)
#define RIG_TOKENS 64

#define UUID_A            "9b8d1856-ff34-4864-a726-12de072d0f77"
#define UUID_B            "11111111-2222-4333-8444-555555555555"
#define UUID_C            "22222222-2222-4333-8444-555555555555"
#define TOPIC(uuid, rest) "infoscreen/" uuid "/" rest

struct rig {
    struct core *core;
    struct codec *codec;
    struct config config;
    struct effects effects;
    struct now now;
    struct buf out;            /* words since the last rig_take */
    struct buf payload;        /* of the last publish */
    uint64_t puts[RIG_TOKENS]; /* handed to the store, not yet reported stored */
    uint64_t sent[RIG_TOKENS]; /* handed to the broker, not yet acknowledged */
    unsigned put_count, sent_count;
    struct words message; /* of the last OUT_MESSAGE */
    int32_t escalation;   /* of the last OUT_NOTIFY */
    bool all_durable;     /* of the effects since the last rig_take */
};

/* Defaults; recorder; connected with nothing retained, unless `cold`. */
void rig_begin(struct rig *r, bool cold);
void rig_end(struct rig *r);

/* A test before which the file's rig is begun, and after which it is ended. */
#define RIG_TEST(test, rig)                                                                        \
    cmocka_unit_test_prestate_setup_teardown(test, rig_setup, rig_teardown, rig)
int rig_setup(void **state);
int rig_teardown(void **state);

void rig_at(struct rig *r, int64_t ms);  /* sets the clocks; runs nothing */
void rig_run(struct rig *r, int64_t ms); /* runs whatever is due until then, each at its time */

void rig_step(struct rig *r, struct core_event *ev); /* at the rig's time */
void rig_live(struct rig *r, const char *topic, const char *payload);
void rig_journal(struct rig *r, const char *topic, const char *payload);
void rig_stored_copy(struct rig *r, const char *topic, const char *payload);
void rig_retained_live(struct rig *r, const char *topic,
                       const char *payload); /* with retain-as-published */
void rig_up(struct rig *r);
void rig_down(struct rig *r);
void rig_snapshot_done(struct rig *r);
void rig_role(struct rig *r, bool recorder);
/* The store has committed all puts; the broker has answered all that was sent. */
void rig_commit(struct rig *r);
void rig_puback(struct rig *r, int reason);
void rig_operator(struct rig *r, enum operator_verb verb, const char *alarm_id, const char *by);

/* What came out since the last call; valid until the next. */
const char *rig_take(struct rig *r);

const struct client *rig_client(const struct rig *r, const char *uuid);
const char *rig_state(const struct rig *r, const char *uuid);
const struct alarm *rig_alarm(const struct rig *r, enum alarm_kind kind, const char *subject);
const char *rig_alarm_state(const struct rig *r, enum alarm_kind kind, const char *subject);

#endif
