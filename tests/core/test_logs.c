/* Recorded messages through the core: the same messages give the same alarms, twice and as last
 * looked through. tests/logs/NAME.log is what mosquitto_sub -F '%U %r %t %p' prints, NAME.json what
 * came of it; GOLDEN_UPDATE=1 writes the latter anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "rig.h"

static struct rig rig;

static void put_text(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, ",\"%s\":\"%s\"", key, value);
}

static void put_event(struct buf *out, const struct history_event *ev, const struct alarm *a)
{
    char iso[ISO_SIZE];
    struct text160 words = {{0}};

    time_iso(ev->at, iso);
    WORDS_RENDER(&ev->summary, NULL, &words);
    buf_printf(out, "{\"at\":\"%s\"", iso);
    put_text(out, "kind", event_kinds[ev->kind].word);
    put_text(out, "alarm_id", a->id);
    put_text(out, "state", alarm_states[a->state].word);
    buf_printf(out, ",\"occurrences\":%d", (int)a->occurrences);
    put_text(out, "summary", words.clean);
    buf_puts(out, "}\n");
}

static void collect(struct buf *out)
{
    for (size_t i = 0; i < rig.effects.count; i++) {
        const struct effect *e = &rig.effects.list[i];
        if (e->kind == OUT_HISTORY && e->u.history.alarm && e->u.history.event.kind != EVENT_IMAGE)
            put_event(out, &e->u.history.event, e->u.history.alarm);
    }
    rig.put_count = rig.sent_count = 0;
    rig_take(&rig);
}

static void run_until(int64_t wall_ms, struct buf *out)
{
    const int64_t until = wall_ms - RIG_WALL;
    int64_t due;

    while ((due = core_next_due(rig.core)) <= RIG_MONO + until) {
        if (due > rig.now.mono_ms)
            rig_at(&rig, due - RIG_MONO);
        rig_step(&rig, &(struct core_event){.kind = IN_TICK});
        collect(out);
    }
    rig_at(&rig, until);
}

static void feed_line(char *line, struct buf *out)
{
    char *rest, *topic, *payload;
    const double seconds = strtod(line, &rest);
    const bool retained = rest[1] == '1';

    topic = rest + 3;
    payload = strchr(topic, ' ');
    assert_non_null(payload);
    *payload++ = '\0';
    payload[strcspn(payload, "\n")] = '\0';
    run_until((int64_t)llround(seconds * 1000), out);
    (retained ? rig_retained_live : rig_live)(&rig, topic, payload);
    collect(out);
}

static void replay(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    bool first = true;

    assert_non_null(f);
    rig_begin(&rig, true);
    assert_true(config_set(&rig.config, "fleet.heartbeat_timeout", "15m", NULL));
    core_reconfigure(rig.core, &rig.config);
    while (getline(&line, &size, f) > 0) {
        if (first) {
            rig_at(&rig, (int64_t)llround(strtod(line, NULL) * 1000) - RIG_WALL);
            rig_role(&rig, true);
            rig_up(&rig);
            rig_snapshot_done(&rig);
            collect(out);
        }
        first = false;
        feed_line(line, out);
    }
    free(line);
    fclose(f);
    rig_end(&rig);
}

static void compare(const char *log, const struct buf *got)
{
    char path[512];
    struct buf want = BUF_INIT;

    snprintf(path, sizeof(path), "%.*s.json", (int)(strlen(log) - 4), log);
    if (getenv("GOLDEN_UPDATE")) {
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        fputs(buf_str(got), f);
        fclose(f);
        return;
    }
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    for (int c; (c = getc(f)) != EOF;)
        buf_putc(&want, (char)c);
    fclose(f);
    assert_string_equal(buf_str(got), buf_str(&want));
    buf_fini(&want);
}

static void test_logs(void **state)
{
    (void)state;
    glob_t found;

    assert_int_equal(glob("tests/logs/*.log", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct buf once = BUF_INIT, twice = BUF_INIT;
        replay(found.gl_pathv[i], &once);
        replay(found.gl_pathv[i], &twice);
        assert_string_equal(buf_str(&once), buf_str(&twice));
        compare(found.gl_pathv[i], &once);
        buf_fini(&once);
        buf_fini(&twice);
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_logs)};

    return cmocka_run_group_tests_name("core: recorded messages", tests, NULL, NULL);
}
