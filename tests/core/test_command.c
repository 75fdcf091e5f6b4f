/* Commands as they are observed: every order of arrival ends the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rig.h"

#define CMD   "07aab032-53c2-45ef-a5a3-6aa58e9d9fae"
#define SEEN  TOPIC(UUID_A, "commands")
#define ACK   TOPIC(UUID_A, "commands/ack")
#define ALIAS TOPIC(UUID_A, "command/ack")
#define COMMAND                                                                                    \
    "{\"schema_version\":\"1.0\",\"command_id\":\"" CMD "\",\"client_uuid\":\"" UUID_A             \
    "\",\"action\":\"reboot_host\",\"issued_at\":\"2026-04-05T08:00:00Z\","                        \
    "\"expires_at\":\"2026-04-05T08:04:00Z\",\"requested_by\":\"anna\",\"reason\":\"stuck\"}"

static struct rig rig;

static const struct command *the_command(void)
{
    struct uid id;
    uid_parse(CMD, UID_TEXT - 1, &id);
    return core_find_command(rig.core, &id);
}

static void ack(const char *topic, const char *status)
{
    char payload[200];
    snprintf(payload, sizeof(payload),
             "{\"command_id\":\"" CMD
             "\",\"status\":\"%s\",\"error_code\":%s,\"error_message\":null}",
             status, strcmp(status, "failed") == 0 ? "\"denied\"" : "null");
    rig_live(&rig, topic, payload);
}

static const char *status(void)
{
    return command_statuses[the_command()->status].word;
}

static void test_life_of_a_command(void **state)
{
    (void)state;
    rig_live(&rig, SEEN, COMMAND);
    assert_string_equal(rig_take(&rig), "client command history:command_published");
    assert_true(the_command()->foreign);
    assert_string_equal(the_command()->requested_by.clean, "anna");
    assert_int_equal(rig_client(&rig, UUID_A)->commands_in_flight, 1);
    rig_live(&rig, TOPIC(UUID_A, "command"), COMMAND);
    rig_live(&rig, SEEN, COMMAND);
    assert_string_equal(rig_take(&rig), "");
    rig_at(&rig, 1000);
    ack(ACK, "accepted");
    assert_true(rig.all_durable);
    assert_string_equal(rig_take(&rig), "client command history:command_accepted");
    ack(ALIAS, "accepted");
    assert_string_equal(rig_take(&rig), "command");
    ack(ALIAS, "accepted");
    assert_string_equal(rig_take(&rig), "");
    ack(ACK, "execution_started");
    rig_at(&rig, 60000);
    ack(ACK, "completed");
    const struct command *c = the_command();
    assert_string_equal(status(), "completed");
    assert_int_equal(c->accepted_at, RIG_WALL + 1000);
    assert_int_equal(c->finished_at, RIG_WALL + 60000);
    assert_int_equal(c->ack_count, 4);
    assert_false(c->late);
    assert_int_equal(core_counts(rig.core)->commands_active, 0);
    assert_int_equal(rig_client(&rig, UUID_A)->commands_in_flight, 0);
    rig_run(&rig, 1000000);
    assert_string_equal(status(), "completed");
}

/* Two connections and two topics: the acks may come before the word that it was published. */
static void test_an_overtaken_step_is_told(void **state)
{
    (void)state;
    ack(ACK, "execution_started");
    assert_string_equal(rig_take(&rig), "client command history:command_execution_started");
    rig_live(&rig, SEEN, COMMAND);
    assert_string_equal(rig_take(&rig), "command history:command_published");
    ack(ALIAS, "accepted");
    assert_string_equal(rig_take(&rig), "command history:command_accepted");
    ack(ACK, "accepted");
    rig_live(&rig, SEEN, COMMAND);
    assert_string_equal(rig_take(&rig), "command");
    assert_string_equal(status(), "execution_started");
    assert_int_equal(the_command()->published_at, RIG_WALL);
}

/* status × ack: the rank decides, the higher stands. */
static void test_the_matrix(void **state)
{
    (void)state;
    static const enum command_status acks[] = {COMMAND_ACCEPTED, COMMAND_EXECUTION_STARTED,
                                               COMMAND_COMPLETED, COMMAND_FAILED};
    for (int from = COMMAND_QUEUED; from <= COMMAND_FAILED; from++) {
        for (size_t i = 0; i < 4; i++) {
            struct command row = {.status = (enum command_status)from,
                                  .issued_at = RIG_WALL,
                                  .expires_at = RIG_WALL + 240000,
                                  .published_at = TIME_NONE,
                                  .accepted_at = TIME_NONE,
                                  .execution_started_at = TIME_NONE,
                                  .finished_at = TIME_NONE,
                                  .allowed_at = TIME_NONE};
            rig_end(&rig);
            rig_begin(&rig, true);
            uid_parse(CMD, UID_TEXT - 1, &row.id);
            uid_parse(UUID_A, UID_TEXT - 1, &row.client);
            assert_true(core_restore_command(rig.core, &row));
            ack(ACK, command_statuses[acks[i]].word);
            const int want = from > (int)acks[i] ? from : (int)acks[i];
            assert_int_equal(the_command()->status, want);
            assert_int_equal(the_command()->late,
                             from == COMMAND_EXPIRED && acks[i] >= COMMAND_COMPLETED);
            assert_int_equal(the_command()->ack_count, 1);
        }
    }
}

static void permute(int *order, int n, int k)
{
    static const char *const words[] = {"accepted", "execution_started", "failed"};
    if (k == n) {
        rig_end(&rig);
        rig_begin(&rig, false);
        for (int i = 0; i < n; i++) {
            if (order[i] == 6)
                rig_live(&rig, SEEN, COMMAND);
            else
                ack(order[i] < 3 ? ACK : ALIAS, words[order[i] % 3]);
        }
        const struct command *c = the_command();
        assert_string_equal(status(), "failed");
        assert_string_equal(c->error_code.clean, "denied");
        assert_string_equal(actions[c->action].word, "reboot_host");
        assert_int_equal(c->ack_count, 6);
        assert_int_equal(c->published_at, RIG_WALL);
        assert_string_equal(rig_alarm_state(&rig, ALARM_COMMAND_FAILED, CMD), "unacknowledged");
        assert_int_equal(rig_alarm(&rig, ALARM_COMMAND_FAILED, CMD)->occurrences, 1);
        assert_int_equal(core_counts(rig.core)->commands_active, 0);
        return;
    }
    for (int i = k; i < n; i++) {
        int t = order[k];
        order[k] = order[i];
        order[i] = t;
        permute(order, n, k + 1);
        t = order[k];
        order[k] = order[i];
        order[i] = t;
    }
}

static void test_every_order_ends_the_same(void **state)
{
    (void)state;
    int order[] = {0, 1, 2, 3, 4, 5, 6}; /* three acks on each topic, and the command itself */
    permute(order, 7, 0);
}

static void test_expiry_is_the_recorders(void **state)
{
    (void)state;
    rig_live(&rig, SEEN, COMMAND);
    rig.now.wall_ms += 10000000; /* a jump of the clock expires nothing */
    rig_step(&rig, &(struct core_event){.kind = IN_TICK});
    assert_string_equal(status(), "published");
    rig_run(&rig, 239999);
    assert_string_equal(status(), "published");
    rig_role(&rig, false);
    rig_run(&rig, 300000);
    assert_string_equal(status(), "published");
    rig_role(&rig, true);
    assert_string_equal(status(), "expired");
    rig_at(&rig, 400000);
    ack(ACK, "execution_started");
    rig_at(&rig, 500000);
    ack(ACK, "completed");
    assert_string_equal(status(), "completed");
    assert_true(the_command()->late);
    assert_int_equal(the_command()->execution_started_at, RIG_WALL + 400000);
    assert_int_equal(the_command()->finished_at, RIG_WALL + 500000); /* not when it expired */
    rig_at(&rig, 600000);
    ack(ALIAS, "completed");
    assert_int_equal(the_command()->finished_at, RIG_WALL + 500000);
}

static void test_failed_raises_an_alarm(void **state)
{
    (void)state;
    rig_live(&rig, SEEN, COMMAND);
    ack(ACK, "failed");
    const struct alarm *a = rig_alarm(&rig, ALARM_COMMAND_FAILED, CMD);
    assert_non_null(a);
    assert_string_equal(a->summary.arg[1].clean, "denied");
    rig_operator(&rig, OP_ACKNOWLEDGE, a->id, "anna");
    assert_string_equal(rig_alarm_state(&rig, ALARM_COMMAND_FAILED, CMD), "normal");
    ack(ALIAS, "failed");
    assert_string_equal(rig_alarm_state(&rig, ALARM_COMMAND_FAILED, CMD), "normal");
}

static void check_words(const struct words *w, const char *expected)
{
    struct text160 said = {""};

    WORDS_RENDER(w, NULL, &said);
    assert_string_equal(said.clean, expected);
}

/* A sentence ends where the device has nothing more to say. */
static void test_why_it_failed(void **state)
{
    static const struct {
        const char *reason, *alarm, *event;
    } table[] = {
        {"\"error_code\":null,\"error_message\":null", "a command to 9b8d1856 failed",
         "9b8d1856 failed at reboot_host"},
        {"\"error_code\":\"\",\"error_message\":\"\"", "a command to 9b8d1856 failed",
         "9b8d1856 failed at reboot_host"},
        {"\"error_code\":\"denied\",\"error_message\":null", "a command to 9b8d1856 failed: denied",
         "9b8d1856 failed at reboot_host: denied"},
        {"\"error_code\":null,\"error_message\":\"not now\"",
         "a command to 9b8d1856 failed: not now", "9b8d1856 failed at reboot_host: not now"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char payload[200];
        struct rig r;

        rig_begin(&r, false);
        snprintf(payload, sizeof payload, "{\"command_id\":\"" CMD "\",\"status\":\"failed\",%s}",
                 table[i].reason);
        rig_live(&r, SEEN, COMMAND);
        rig_live(&r, ACK, payload);
        check_words(&rig_alarm(&r, ALARM_COMMAND_FAILED, CMD)->summary, table[i].alarm);
        assert_int_equal(core_history(r.core, 1)->kind, EVENT_COMMAND_FAILED);
        check_words(&core_history(r.core, 1)->summary, table[i].event);
        rig_end(&r);
    }
}

static void test_of_another_client(void **state)
{
    (void)state;
    rig_live(&rig, SEEN, COMMAND);
    rig_take(&rig);
    rig_live(&rig, TOPIC(UUID_B, "commands/ack"),
             "{\"command_id\":\"" CMD "\",\"status\":\"completed\"}");
    assert_string_equal(rig_take(&rig), "");
    assert_string_equal(status(), "published");
    assert_int_equal(core_counts(rig.core)->by_reject[REJECT_FORGED], 1);
    assert_string_equal(core_reject(rig.core, 0)->topic.clean, TOPIC(UUID_B, "commands/ack"));
    assert_null(rig_client(&rig, UUID_B));
}

static void test_a_stored_command_is_a_finding(void **state)
{
    (void)state;
    rig_stored_copy(&rig, SEEN, COMMAND);
    assert_null(the_command());
    assert_int_equal(core_counts(rig.core)->by_reject[REJECT_STORED], 1);
    assert_int_equal(core_command_count(rig.core), 0);
}

static void test_an_unknown_commands_ack(void **state)
{
    (void)state;
    ack(ACK, "execution_started");
    assert_string_equal(rig_take(&rig), "client command history:command_execution_started");
    assert_true(the_command()->foreign);
    assert_int_equal(the_command()->action, ACTION_OTHER);
    assert_int_equal(core_counts(rig.core)->commands_active, 1);
}

static void complete(unsigned from, unsigned to)
{
    char payload[200];

    for (unsigned i = from; i < to; i++) {
        snprintf(payload, sizeof(payload),
                 "{\"command_id\":\"%08x-0000-4000-8000-000000000000\",\"status\":\"completed\"}",
                 i);
        rig_live(&rig, ACK, payload);
        rig_take(&rig);
    }
}

/* … but not before no lockout counts it, and never without an end. */
static void test_the_oldest_finished_makes_room(void **state)
{
    (void)state;
    complete(0, 5000);
    assert_int_equal(core_command_count(rig.core), 5000);
    rig_at(&rig, 3600001);
    complete(5000, 5001);
    assert_int_equal(core_command_count(rig.core), 4096);
    assert_int_equal(core_command(rig.core, 0)->id.b[2], 5000 >> 8); /* the newest first */
    assert_null(core_command(rig.core, 4096));
    complete(5001, 5001 + 20000);
    assert_int_equal(core_command_count(rig.core), 16384);
}

/* The order is kept while each moves on in turn: those under way first, each the newest first. */
static void test_the_order_is_kept(void **state)
{
    enum { N = 64 };
    struct command row = {.action = ACTION_RESTART_APP,
                          .issued_at = TIME_NONE,
                          .expires_at = TIME_NONE,
                          .published_at = TIME_NONE,
                          .accepted_at = TIME_NONE,
                          .execution_started_at = TIME_NONE,
                          .finished_at = TIME_NONE,
                          .allowed_at = TIME_NONE};
    (void)state;

    for (unsigned step = 0; step < 20 * N; step++) {
        const unsigned i = step < N ? step : step * 37u % N;
        row.id.b[0] = (uint8_t)(i + 1);
        row.status = step < N            ? COMMAND_QUEUED
                     : step * 7u % 3 == 0 ? COMMAND_COMPLETED
                                          : COMMAND_ACCEPTED;
        assert_true(core_restore_command(rig.core, &row));
        const struct command *before = NULL;
        for (uint32_t k = 0; k < core_command_count(rig.core); k++) {
            const struct command *c = core_command(rig.core, k);
            const bool ended = c->status == COMMAND_COMPLETED;
            const bool first_ended = ended && before && before->status != COMMAND_COMPLETED;
            assert_int_equal(ended, k >= core_counts(rig.core)->commands_active);
            if (before && !first_ended)
                assert_true(c->id.b[0] < before->id.b[0]);
            before = c;
        }
    }
}

int main(void)
{
#define CASE(t) RIG_TEST(t, &rig)
    const struct CMUnitTest tests[] = {
        CASE(test_life_of_a_command),
        CASE(test_an_overtaken_step_is_told),
        CASE(test_the_matrix),
        CASE(test_every_order_ends_the_same),
        CASE(test_expiry_is_the_recorders),
        CASE(test_failed_raises_an_alarm),
        CASE(test_why_it_failed),
        CASE(test_of_another_client),
        CASE(test_a_stored_command_is_a_finding),
        CASE(test_an_unknown_commands_ack),
        CASE(test_the_oldest_finished_makes_room),
        CASE(test_the_order_is_kept),
    };
    return cmocka_run_group_tests_name("core: commands", tests, NULL, NULL);
}
