/* The words that others rely on, written out a second time on purpose: a change here is a change of
 * the interface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/model.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void check(const struct vocabulary *table, int n, const char *const *words, int count)
{
    assert_int_equal(n, count);
    for (int i = 0; i < n; i++) {
        assert_string_equal(table[i].word, words[i]);
        assert_true(table[i].label && table[i].label[0]);
        assert_int_equal(vocabulary_find(table, n, words[i]), i);
    }
    assert_int_equal(vocabulary_find(table, n, "bogus"), -1);
    assert_int_equal(vocabulary_find(table, n, words[n - 1] + 1), -1);
}
#define CHECK(table, words) check(table, COUNT(table), words, COUNT(words))

static void test_words(void **state)
{
    static const char *const states[] = {"unknown", "online", "silent", "crashed",
                                         "service_failed"};
    static const char *const alarms[] = {"normal",   "unacknowledged", "acknowledged",
                                         "returned", "shelved",        "suppressed"};
    static const char *const kinds[] = {"service_failed",  "process_crashed", "client_silent",
                                        "client_flapping", "command_failed",  "device_not_back",
                                        "group_outage",    "broker_outage",   "broker_unreachable"};
    static const char *const ranks[] = {"", "low", "medium", "high", "critical"};
    static const char *const statuses[] = {
        "queued",  "cancelled", "published", "accepted", "execution_started",
        "expired", "completed", "failed",    "blocked"};
    static const char *const verbs[] = {"reboot_host", "shutdown_host", "restart_app", "other"};
    static const char *const events[] = {"image",
                                         "alarm_raised",
                                         "alarm_acknowledged",
                                         "alarm_shelved",
                                         "alarm_unshelved",
                                         "alarm_returned",
                                         "alarm_cleared",
                                         "note",
                                         "state_changed",
                                         "command_queued",
                                         "command_cancelled",
                                         "command_published",
                                         "command_accepted",
                                         "command_execution_started",
                                         "command_expired",
                                         "command_completed",
                                         "command_failed",
                                         "command_blocked",
                                         "reconnect",
                                         "group_changed",
                                         "link_up",
                                         "link_down",
                                         "recorder",
                                         "recovery",
                                         "clock_jump"};

    (void)state;
    CHECK(client_states, states);
    CHECK(alarm_states, alarms);
    CHECK(alarm_kinds, kinds);
    CHECK(priorities, ranks);
    CHECK(command_statuses, statuses);
    CHECK(actions, verbs);
    CHECK(event_kinds, events);
}

/* command_<status> for each status: the history's kinds follow the statuses' order. */
static void test_events_follow_statuses(void **state)
{
    (void)state;
    for (int i = 0; i < COMMAND_STATUSES; i++) {
        char word[64];

        snprintf(word, sizeof(word), "command_%s", command_statuses[i].word);
        assert_string_equal(event_kinds[EVENT_COMMAND_QUEUED + i].word, word);
    }
}

static void test_priorities(void **state)
{
    (void)state;
    for (int k = 0; k < ALARM_KINDS; k++)
        assert_in_range(alarm_kind_priority((enum alarm_kind)k), PRIORITY_LOW, PRIORITY_CRITICAL);
    /* What is wider than one device ranks above every single one. */
    for (int k = 0; k < ALARM_GROUP_OUTAGE; k++)
        assert_true(alarm_kind_priority((enum alarm_kind)k) <
                    alarm_kind_priority(ALARM_GROUP_OUTAGE));
}

/* printf 'service_failed\0009b8d1856-ff34-4864-a726-12de072d0f77' | sha256sum, and so on. */
static void test_alarm_ids(void **state)
{
    char id[ALARM_ID];

    (void)state;
    alarm_make_id(ALARM_SERVICE_FAILED, TEXT_OURS("9b8d1856-ff34-4864-a726-12de072d0f77"), id);
    assert_string_equal(id, "service_failed-3495b92f82b016d2");
    alarm_make_id(ALARM_BROKER_OUTAGE, TEXT_OURS("fleet"), id);
    assert_string_equal(id, "broker_outage-3b9b8ec714085fe9");
    alarm_make_id(ALARM_BROKER_UNREACHABLE, TEXT_OURS("host:ops1"), id);
    assert_string_equal(id, "broker_unreachable-9ce809dc7c55464b");
}

static void test_client_name(void **state)
{
    struct client c = {.spelling = "9B8D1856-ff34-4864-a726-12de072d0f77", .hostname = {"lobby"}};
    struct text64 scratch;

    (void)state;
    assert_string_equal(client_name(&c, &scratch).clean, "lobby");
    c.hostname.clean[0] = '\0';
    assert_string_equal(client_name(&c, &scratch).clean, "9B8D1856");
    c.spelling[0] = '\0';
    c.id.b[0] = 0xab;
    assert_string_equal(client_name(&c, &scratch).clean, "ab000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),       cmocka_unit_test(test_events_follow_statuses),
        cmocka_unit_test(test_priorities),  cmocka_unit_test(test_alarm_ids),
        cmocka_unit_test(test_client_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
