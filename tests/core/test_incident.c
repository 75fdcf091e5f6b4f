/* Incidents: which alarms belong together, and what was done about them. A story is a table of
 * happenings; what comes of it is one line per incident. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/config.h"
#include "core/incident.h"

#define T0    INT64_C(1775376000000)
#define AFTER INT64_C(900000)
#define MOST  64

#define FAILED      ALARM_SERVICE_FAILED
#define CRASHED     ALARM_PROCESS_CRASHED
#define SILENT      ALARM_CLIENT_SILENT
#define GROUP       ALARM_GROUP_OUTAGE
#define FLEET       ALARM_BROKER_OUTAGE
#define UNREACHABLE ALARM_BROKER_UNREACHABLE

/* ---- a story ---- */

enum what {
    RAISE,
    EXPIRE,
    ACK,
    NOTE,
    RETURN,
    CLEAR,
    COMMAND,
    DONE,
    RECORDER,
    LOST, /* what only the alarm's row tells */
    GONE
};

struct line {
    int at; /* seconds */
    enum what what;
    enum alarm_kind kind;
    int client; /* its group is g<client / 10>; of a group outage: the group */
};

struct story {
    struct history_event events[MOST];
    struct alarm alarms[MOST];
    size_t event_count, alarm_count;
    struct incidents set;
};

static struct story story;

static struct uid uid_of(int n)
{
    return (struct uid){{(uint8_t)n, 1}};
}

static bool is_wide(enum alarm_kind k)
{
    return k == GROUP || k == FLEET || k == UNREACHABLE;
}

static void subject_of(enum alarm_kind kind, int n, struct text64 *out)
{
    char uid[UID_TEXT] = "fleet";
    const struct uid id = uid_of(n);

    if (kind == GROUP)
        snprintf(uid, sizeof(uid), "g%d", n);
    else if (kind == ALARM_COMMAND_FAILED)
        uid_format(&(struct uid){{0xcc, (uint8_t)n}}, uid);
    else if (!is_wide(kind))
        uid_format(&id, uid);
    TEXT_SET(out, uid, strlen(uid));
}

static struct alarm *alarm_row(enum alarm_kind kind, int n)
{
    struct alarm a = {.kind = kind, .priority = alarm_kind_priority(kind)};

    subject_of(kind, n, &a.subject);
    alarm_make_id(kind, TEXT(a.subject), a.id);
    for (size_t i = 0; i < story.alarm_count; i++)
        if (strcmp(story.alarms[i].id, a.id) == 0)
            return &story.alarms[i];
    if (!is_wide(kind)) {
        a.client = uid_of(n);
        snprintf(a.group.clean, sizeof(a.group.clean), "g%d", n / 10);
    }
    a.raised_at = a.cleared_at = a.acknowledged_at = a.shelved_until = TIME_NONE;
    a.summary = (struct words){.id = "{1} is unwell"};
    snprintf(a.summary.arg[0].clean, sizeof(a.summary.arg[0].clean), "device %d", n);
    story.alarms[story.alarm_count] = a;
    return &story.alarms[story.alarm_count++];
}

static void change_row(const struct line *l, struct alarm *a)
{
    const int64_t at = T0 + l->at * 1000;

    if (l->what == RAISE || l->what == LOST) {
        a->raised_at = at;
        a->cleared_at = a->acknowledged_at = TIME_NONE;
        a->state = ALARM_UNACKNOWLEDGED;
        a->active = true;
    } else if (l->what == ACK) {
        a->acknowledged_at = at;
        TEXT_SET(&a->acknowledged_by, "anna", 4);
        a->state = ALARM_ACKNOWLEDGED;
    } else if (l->what == RETURN || l->what == CLEAR || l->what == GONE) {
        a->cleared_at = at;
        a->state = ALARM_NORMAL;
        a->active = false;
    }
}

static void tell(const struct line *l)
{
    static const enum event_kind kinds[] = {
        [RAISE] = EVENT_ALARM_RAISED,     [EXPIRE] = EVENT_ALARM_RAISED,
        [ACK] = EVENT_ALARM_ACKNOWLEDGED, [NOTE] = EVENT_NOTE,
        [RETURN] = EVENT_ALARM_RETURNED,  [CLEAR] = EVENT_ALARM_CLEARED,
        [COMMAND] = EVENT_COMMAND_QUEUED, [DONE] = EVENT_COMMAND_COMPLETED,
        [RECORDER] = EVENT_RECORDER,      [LOST] = EVENT_ALARM_RAISED,
        [GONE] = EVENT_ALARM_CLEARED,
    };
    struct history_event ev = {.at = T0 + l->at * 1000, .kind = kinds[l->what]};

    if (l->what == COMMAND || l->what == DONE) {
        ev.client = uid_of(l->client);
        ev.command = (struct uid){{0xcc, (uint8_t)l->client}};
    } else if (l->what != RECORDER) {
        struct alarm *a = alarm_row(l->kind, l->client);
        change_row(l, a);
        memcpy(ev.alarm_id, a->id, sizeof(ev.alarm_id));
        ev.client = a->client;
        ev.summary = a->summary;
        if (l->what == EXPIRE)
            ev.summary.id = "the acknowledgement by {1} has expired";
        if (l->what == ACK)
            TEXT_SET(&ev.by, "anna", 4);
    }
    if (l->what == LOST || l->what == GONE)
        return;
    ev.seq = (int64_t)story.event_count + 1;
    story.events[story.event_count++] = ev;
}

static void make(void)
{
    const struct incident_rows rows = {story.events, story.event_count, story.alarms,
                                       story.alarm_count, AFTER};

    incidents_fini(&story.set);
    assert_true(incidents_make(&rows, &story.set));
}

static void play(const struct line *lines, size_t n)
{
    incidents_fini(&story.set);
    memset(&story, 0, sizeof(story));
    for (size_t i = 0; i < n; i++)
        tell(&lines[i]);
    make();
}

/* "0..60 ack 30 alarms 2 commands 1 lines 5; …" in seconds since T0 */
static const char *told(void)
{
    static char out[1024];
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < story.set.count; i++) {
        const struct incident *in = &story.set.list[i];
        char end[24] = "", ack[24] = "-";
        if (in->ended_at != TIME_NONE)
            snprintf(end, sizeof(end), "%lld", (long long)(in->ended_at - T0) / 1000);
        if (in->acknowledged_at != TIME_NONE)
            snprintf(ack, sizeof(ack), "%lld", (long long)incident_time_to_acknowledge_s(in));
        at += (size_t)snprintf(out + at, sizeof(out) - at,
                               "%s%lld..%s ack %s alarms %u commands %u lines %u", i ? "; " : "",
                               (long long)(in->began_at - T0) / 1000, end, ack, in->alarm_count,
                               in->command_count, in->event_count);
    }
    return out;
}

/* ---- stories ---- */

#define LINES 10
static const struct {
    const char *what;
    struct line lines[LINES];
    const char *told;
} stories[] = {
    {"one alarm, acknowledged, over",
     {{0, RAISE, FAILED, 11}, {30, ACK, FAILED, 11}, {90, CLEAR, FAILED, 11}},
     "0..90 ack 30 alarms 1 commands 0 lines 3"},
    {"it goes on, nobody has it",
     {{5, RAISE, CRASHED, 11}},
     "5.. ack - alarms 1 commands 0 lines 1"},
    {"acknowledged after it returned",
     {{0, RAISE, SILENT, 11}, {50, RETURN, SILENT, 11}, {70, ACK, SILENT, 11}},
     "0..50 ack 70 alarms 1 commands 0 lines 3"},
    {"an acknowledgement that grew old is no new alarm",
     {{0, RAISE, CRASHED, 11}, {10, ACK, CRASHED, 11}, {43210, EXPIRE, CRASHED, 11}},
     "0.. ack 10 alarms 1 commands 0 lines 3"},
    {"it comes again within incident_after",
     {{0, RAISE, SILENT, 11}, {60, CLEAR, SILENT, 11}, {900, RAISE, SILENT, 11}},
     "0.. ack - alarms 1 commands 0 lines 3"},
    {"it comes again later",
     {{0, RAISE, SILENT, 11}, {60, CLEAR, SILENT, 11}, {961, RAISE, SILENT, 11}},
     "0..60 ack - alarms 1 commands 0 lines 2; 961.. ack - alarms 1 commands 0 lines 1"},
    {"what else befalls the device meanwhile",
     {{0, RAISE, CRASHED, 11},
      {3600, RAISE, FAILED, 11},
      {3700, CLEAR, CRASHED, 11},
      {3800, CLEAR, FAILED, 11}},
     "0..3800 ack - alarms 2 commands 0 lines 4"},
    {"what has stood for a day draws nothing",
     {{0, RAISE, CRASHED, 11}, {86401, RAISE, FAILED, 11}},
     "0.. ack - alarms 1 commands 0 lines 1; 86401.. ack - alarms 1 commands 0 lines 1"},
    {"a group's alarms of one moment",
     {{0, RAISE, CRASHED, 11}, {120, RAISE, CRASHED, 12}, {240, RAISE, FAILED, 13}},
     "0.. ack - alarms 3 commands 0 lines 3"},
    {"a group's alarms of two moments",
     {{0, RAISE, CRASHED, 11}, {121, RAISE, CRASHED, 12}},
     "0.. ack - alarms 1 commands 0 lines 1; 121.. ack - alarms 1 commands 0 lines 1"},
    {"two groups at one moment",
     {{0, RAISE, CRASHED, 11}, {1, RAISE, CRASHED, 21}},
     "0.. ack - alarms 1 commands 0 lines 1; 1.. ack - alarms 1 commands 0 lines 1"},
    {"a group's outage takes in the silence that announced it",
     {{0, RAISE, SILENT, 11},
      {90, RAISE, GROUP, 1},
      {1800, RAISE, SILENT, 12},
      {1900, CLEAR, GROUP, 1},
      {1900, CLEAR, SILENT, 11},
      {1910, CLEAR, SILENT, 12}},
     "0..1910 ack - alarms 3 commands 0 lines 6"},
    {"not the silence of another group",
     {{0, RAISE, SILENT, 21}, {90, RAISE, GROUP, 1}},
     "0.. ack - alarms 1 commands 0 lines 1; 90.. ack - alarms 1 commands 0 lines 1"},
    {"two groups whose outages belong together",
     {{0, RAISE, GROUP, 1}, {60, RAISE, GROUP, 2}},
     "0.. ack - alarms 2 commands 0 lines 2"},
    {"the broker's outage explains the groups', and becomes our own link's",
     {{0, RAISE, GROUP, 1},
      {2, RAISE, SILENT, 21},
      {9, RAISE, FLEET, 0},
      {30, RAISE, UNREACHABLE, 0},
      {400, RAISE, SILENT, 31}},
     "0.. ack - alarms 5 commands 0 lines 5"},
    {"but not a crash",
     {{0, RAISE, CRASHED, 11}, {9, RAISE, FLEET, 0}},
     "0.. ack - alarms 1 commands 0 lines 1; 9.. ack - alarms 1 commands 0 lines 1"},
    {"a command during the alarm, and how it ended long after",
     {{0, RAISE, CRASHED, 11}, {60, COMMAND, 0, 11}, {61, CLEAR, CRASHED, 11}, {5000, DONE, 0, 11}},
     "0..61 ack - alarms 1 commands 1 lines 4"},
    {"a command within incident_after of its end",
     {{0, RAISE, CRASHED, 11}, {10, CLEAR, CRASHED, 11}, {910, COMMAND, 0, 11}},
     "0..10 ack - alarms 1 commands 1 lines 3"},
    {"a command after that",
     {{0, RAISE, CRASHED, 11}, {10, CLEAR, CRASHED, 11}, {911, COMMAND, 0, 11}},
     "0..10 ack - alarms 1 commands 0 lines 2"},
    {"a command before it is none of it, though it ends within",
     {{0, COMMAND, 0, 11}, {5, RAISE, CRASHED, 11}, {9, DONE, 0, 11}},
     "5.. ack - alarms 1 commands 0 lines 1"},
    {"a command to another device",
     {{0, RAISE, CRASHED, 11}, {5, COMMAND, 0, 12}},
     "0.. ack - alarms 1 commands 0 lines 1"},
    {"the command whose failure is the alarm, ended by an acknowledgement",
     {{0, COMMAND, 0, 11},
      {20, RAISE, ALARM_COMMAND_FAILED, 11},
      {50, ACK, ALARM_COMMAND_FAILED, 11}},
     "20..50 ack 30 alarms 1 commands 1 lines 3"},
    {"a note, and another recorder in the middle",
     {{0, RAISE, FAILED, 11},
      {10, RECORDER, 0, 0},
      {20, NOTE, FAILED, 11},
      {30, CLEAR, FAILED, 11},
      {40, RECORDER, 0, 0}},
     "0..30 ack - alarms 1 commands 0 lines 4"},
    {"suppressed from beginning to end: the outage speaks for it",
     {{0, RAISE, FLEET, 0},
      {200, LOST, SILENT, 11},
      {300, CLEAR, FLEET, 0},
      {310, GONE, SILENT, 11}},
     "0..300 ack - alarms 1 commands 0 lines 2"},
    {"it comes out when the outage is over",
     {{0, RAISE, FLEET, 0},
      {200, LOST, SILENT, 11},
      {400, CLEAR, FLEET, 0},
      {401, RAISE, SILENT, 11}},
     "0.. ack - alarms 2 commands 0 lines 3"},
    {"raised while nobody recorded: the alarm's row tells",
     {{0, RECORDER, 0, 0},
      {3, LOST, FAILED, 11},
      {8, RECORDER, 0, 0},
      {33, ACK, FAILED, 11},
      {63, CLEAR, FAILED, 11}},
     "3..63 ack 30 alarms 1 commands 0 lines 3"},
};

static void test_stories(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
        size_t n = LINES;
        while (n > 0 && !stories[i].lines[n - 1].at && !stories[i].lines[n - 1].kind &&
               !stories[i].lines[n - 1].client && stories[i].lines[n - 1].what == RAISE)
            n--;
        play(stories[i].lines, n);
        if (strcmp(told(), stories[i].told) != 0)
            fail_msg("%s:\n  %s\ninstead of\n  %s", stories[i].what, told(), stories[i].told);
    }
    incidents_fini(&story.set);
}

/* ---- identity ---- */

static const struct line twice[] = {{0, RAISE, SILENT, 11},
                                    {60, RAISE, GROUP, 1},
                                    {90, CLEAR, SILENT, 11},
                                    {95, CLEAR, GROUP, 1},
                                    {5000, RAISE, SILENT, 11}};

static void test_the_id_stays_while_it_grows(void **state)
{
    char id[INCIDENT_ID];

    (void)state;
    play(twice, 1);
    memcpy(id, story.set.list[0].id, sizeof(id));
    assert_int_equal(strlen(id), 18);
    for (size_t n = 2; n <= 5; n++) {
        play(twice, n);
        assert_string_equal(story.set.list[0].id, id);
    }
    assert_int_equal(story.set.count, 2);
    assert_string_not_equal(story.set.list[1].id, id);
    incidents_fini(&story.set);
}

/* A second recorder heard of it a moment sooner or later and wrote the alarm's row anew. */
static void test_the_id_stays_with_another_recorder(void **state)
{
    char id[INCIDENT_ID];

    (void)state;
    play(twice, 1);
    memcpy(id, story.set.list[0].id, sizeof(id));
    for (int later = -1700; later <= 1700; later += 3400) {
        story.alarms[0].raised_at = T0 + later;
        make();
        assert_int_equal(story.set.count, 1);
        assert_string_equal(story.set.list[0].id, id);
        assert_int_equal(story.set.list[0].alarms[0].occurrences, 1);
    }
    incidents_fini(&story.set);
}

/* ---- the alarms as they were ---- */

static void test_an_alarm_stands_as_it_was(void **state)
{
    (void)state;
    play(twice, 5);
    const struct incident *first = &story.set.list[0], *second = &story.set.list[1];
    assert_int_equal(first->alarms[0].raised_at, T0);
    assert_int_equal(first->alarms[0].cleared_at, T0 + 90000);
    assert_int_equal(first->alarms[0].state, ALARM_NORMAL);
    assert_int_equal(first->alarms[0].occurrences, 1);
    assert_int_equal(second->alarms[0].raised_at, T0 + 5000000);
    assert_int_equal(second->alarms[0].state, ALARM_UNACKNOWLEDGED);
    assert_int_equal(incident_time_to_recover_s(first), 95);
    assert_int_equal(incident_time_to_recover_s(second), NUMBER_NONE);
    incidents_fini(&story.set);
}

static void test_summary(void **state)
{
    char out[200];

    (void)state;
    play(twice, 5);
    incident_summary(&story.set.list[0], TEXT_EMPTY, NULL, out, sizeof(out));
    assert_string_equal(out, "device 1 is unwell, and 1 more alarm");
    incident_summary(&story.set.list[1], TEXT_OURS("lobby-03"), NULL, out, sizeof(out));
    assert_string_equal(out, "lobby-03: device 11 is unwell");
    incidents_fini(&story.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_the_id_stays_while_it_grows),
        cmocka_unit_test(test_the_id_stays_with_another_recorder),
        cmocka_unit_test(test_an_alarm_stands_as_it_was),
        cmocka_unit_test(test_summary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
