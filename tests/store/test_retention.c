/* test_retention.c - what is older than the retention goes, in small steps; what rebuilds a moment
 * within it stays. */
#include "rig.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/ring.h"
#include "core/image.h"

#define DAY INT64_C(86400000)

static bool becomes(const struct rig *r, const char *sql, int64_t wanted)
{
    const int64_t until = clock_mono_ms() + RIG_WAIT_MS;

    while (rig_number(r, sql) != wanted) {
        if (clock_mono_ms() >= until)
            return false;
        poll(NULL, 0, 10);
    }
    return true;
}

/* The queue may be full for the moment. */
#define UNTIL_ROOM(put)                                                                            \
    for (int64_t until = clock_mono_ms() + RIG_WAIT_MS; !(put);) {                                 \
        assert_true(clock_mono_ms() < until);                                                      \
        poll(NULL, 0, 2);                                                                          \
    }

static void put_at(struct store *s, unsigned n, int64_t at)
{
    struct history_event ev = rig_event(n, at, EVENT_STATE_CHANGED);
    struct client c = rig_client(n);
    struct log_line l = {.at = at, .client = c.id};
    struct command cmd = rig_command(n, COMMAND_COMPLETED);
    struct alarm a = rig_alarm(n, ALARM_NORMAL);
    struct buf image = BUF_INIT;

    cmd.issued_at = at;
    cmd.acks[cmd.ack_count++] = (struct command_ack){COMMAND_COMPLETED, ACK_CANONICAL, at};
    a.raised_at = a.cleared_at = at;
    TEXT_SET(&l.level, "info", 4);
    assert_true(image_of_client(&c, &image));
    UNTIL_ROOM(store_put_history(s, &ev, image.data, image.len));
    UNTIL_ROOM(store_put_log(s, &l));
    UNTIL_ROOM(store_put_command(s, &cmd));
    UNTIL_ROOM(store_put_alarm(s, &a, NULL, 0));
    buf_fini(&image);
}

/* Written by a process that does not record, and so does not forget. */
static void put_old_and_new(const struct rig *r, unsigned old, unsigned young)
{
    struct store *s = rig_open(r, true, false);
    const int64_t now = clock_wall_ms();

    for (unsigned i = 0; i < old; i++)
        put_at(s, i, now - 200 * DAY + i);
    for (unsigned i = old; i < old + young; i++)
        put_at(s, i, now - DAY + i);
    rig_settle(s);
    store_close(s);
    rig_sql(r, "UPDATE command SET stored_at=issued_at"); /* as if written back then */
}

/* A clock that is months slow elsewhere, or acks alone: what was just stored is young. */
static void a_command_is_as_old_as_its_row(void **state)
{
    struct rig *r = *state;
    struct command seen = rig_command(1, COMMAND_COMPLETED), acked = rig_command(2, COMMAND_FAILED);

    put_old_and_new(r, 5, 0);
    struct store *s = rig_open_retaining(r, 90 * DAY, true);
    seen.issued_at = clock_wall_ms() - 210 * DAY;
    seen.id.b[0] = acked.id.b[0] = 0xee;
    acked.issued_at = TIME_NONE;
    assert_true(store_put_command(s, &seen) && store_put_command(s, &acked));
    rig_settle(s);
    assert_true(becomes(r, "SELECT count(*) FROM command", 2));
    rig_sql(r, "UPDATE command SET stored_at=1");
    store_close(s);
    s = rig_open_retaining(r, 90 * DAY, true); /* looks at once */
    assert_true(becomes(r, "SELECT count(*) FROM command", 0));
    store_close(s);
}

static void old_rows_go_and_young_ones_stay(void **state)
{
    struct rig *r = *state;

    put_old_and_new(r, 2500, 10);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM event"), 2510);
    struct command standing = rig_command(9000, COMMAND_ACCEPTED);
    struct alarm alarm = rig_alarm(9000, ALARM_UNACKNOWLEDGED);
    struct store *s = rig_open_retaining(r, 90 * DAY, true);
    standing.issued_at = alarm.raised_at = 1000;
    assert_true(store_put_command(s, &standing) && store_put_alarm(s, &alarm, NULL, 0));
    assert_true(becomes(r, "SELECT count(*) FROM event", 10));
    assert_true(becomes(r, "SELECT count(*) FROM log", 10));
    assert_true(becomes(r, "SELECT count(*) FROM command", 11)); /* active ones are never old */
    assert_true(becomes(r, "SELECT count(*) FROM command_ack", 10));
    assert_true(becomes(r, "SELECT count(*) FROM alarm", 11));
    /* Without a snapshot from before the retention everything is still needed to rebuild. */
    assert_int_equal(rig_number(r, "SELECT count(*) FROM image"), 2510);
    store_close(s);
}

static void a_step_takes_at_most_a_thousand_rows_of_a_table(void **state)
{
    struct rig *r = *state;

    put_old_and_new(r, 2500, 10);
    struct store *s = rig_open_retaining(r, 90 * DAY, true);
    const int64_t until = clock_mono_ms() + RIG_WAIT_MS;
    int64_t before = rig_number(r, "SELECT count(*) FROM event"), steps = 0;
    while (before > 10 && clock_mono_ms() < until) {
        const int64_t now = rig_number(r, "SELECT count(*) FROM event");
        steps += now != before;
        before = now;
    }
    assert_int_equal(before, 10);
    assert_in_range(steps, 2, 3); /* one may pass between two looks */
    store_close(s);
}

static void images_go_up_to_the_newest_snapshot_before_the_retention(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, false);
    const int64_t now = clock_wall_ms();

    for (unsigned k = 0; k < 3; k++) {
        put_at(s, k, now - (200 - 60 * (int64_t)k) * DAY);
        assert_true(store_put_snapshot_begin(s) && store_put_snapshot_image(s, "x", 1) &&
                    store_put_snapshot_end(s));
    }
    put_at(s, 3, now - DAY);
    rig_settle(s);
    store_close(s);
    char sql[256];
    snprintf(sql, sizeof sql, "UPDATE snapshot SET at=%lld+id*%lld", (long long)(now - 260 * DAY),
             (long long)(60 * DAY)); /* 200, 140 and 80 days ago; the retention is 90 */
    rig_sql(r, sql);

    s = rig_open_retaining(r, 90 * DAY, true);
    assert_true(becomes(r, "SELECT count(*) FROM snapshot", 2));
    assert_true(becomes(r, "SELECT count(*) FROM snapshot_image", 2));
    assert_true(becomes(r, "SELECT count(*) FROM image", 2));
    assert_int_equal(rig_number(r, "SELECT min(id) FROM snapshot"), 2);
    assert_int_equal(rig_number(r, "SELECT min(seq) FROM image"), 3);
    store_close(s);
}

static void a_snapshot_is_asked_for_once_a_day(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open_retaining(r, 90 * DAY, true);

    assert_true(rig_report(s, STORE_WANT_SNAPSHOT, 0, RIG_WAIT_MS, NULL));
    assert_true(store_put_snapshot_begin(s) && store_put_snapshot_image(s, "x", 1) &&
                store_put_snapshot_end(s));
    rig_settle(s);
    store_close(s);
    s = rig_open_retaining(r, 90 * DAY, true);
    assert_false(rig_report(s, STORE_WANT_SNAPSHOT, 0, 1000, NULL));
    store_close(s);
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE snapshot SET at=%lld",
             (long long)(clock_wall_ms() - DAY - 1));
    rig_sql(r, sql);
    s = rig_open_retaining(r, 90 * DAY, true);
    assert_true(rig_report(s, STORE_WANT_SNAPSHOT, 0, RIG_WAIT_MS, NULL));
    /* Nobody who does not record is asked. */
    struct store *other = rig_open(r, true, false);
    assert_false(rig_report(other, STORE_WANT_SNAPSHOT, 0, 500, NULL));
    store_close(other);
    store_close(s);
}

static void an_unfinished_snapshot_serves_nobody(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open_retaining(r, 90 * DAY, true);

    assert_true(store_put_snapshot_begin(s) && store_put_snapshot_image(s, "x", 1));
    rig_settle(s);
    store_close(s);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM snapshot WHERE complete=1"), 0);
    s = rig_open_retaining(r, 90 * DAY, true);
    assert_true(store_put_snapshot_begin(s) && store_put_snapshot_image(s, "yz", 2) &&
                store_put_snapshot_image(s, "w", 1) && store_put_snapshot_end(s));
    rig_settle(s);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM snapshot"), 1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM snapshot_image WHERE bytes=x'797a77'"), 1);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM snapshot_image"), 1);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(old_rows_go_and_young_ones_stay),
        RIG_TEST(a_command_is_as_old_as_its_row),
        RIG_TEST(a_step_takes_at_most_a_thousand_rows_of_a_table),
        RIG_TEST(images_go_up_to_the_newest_snapshot_before_the_retention),
        RIG_TEST(a_snapshot_is_asked_for_once_a_day),
        RIG_TEST(an_unfinished_snapshot_serves_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
