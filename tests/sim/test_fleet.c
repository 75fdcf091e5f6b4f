/* A whole demo: broker, fleet and supervisor, watched through the console's listener as a console
 * would. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "broker/mqtt.h"
#include "sim/demo.h"
#include "sim/sim.h"

#define WAIT 25000

/* ---- a console that remembers all it heard ---- */

struct heard {
    char topic[128], payload[600];
    bool retained;
};

struct watcher {
    struct mqtt *m;
    bool up, over, subscribed;
    struct heard *heard;
    int n, cap;
};

static void on_connected(void *user, bool present)
{
    (void)present;
    ((struct watcher *)user)->up = true;
}

static void on_ended(void *user, enum mqtt_failure why, const struct words *w)
{
    (void)why, (void)w;
    ((struct watcher *)user)->over = true;
}

static void on_message(void *user, const struct mqtt_message *m)
{
    struct watcher *w = user;

    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 256;
        w->heard = realloc(w->heard, (size_t)w->cap * sizeof *w->heard);
        assert_non_null(w->heard);
    }
    struct heard *h = &w->heard[w->n++];
    snprintf(h->topic, sizeof h->topic, "%s", m->topic);
    snprintf(h->payload, sizeof h->payload, "%.*s", (int)m->len, (const char *)m->payload);
    h->retained = m->retained;
}

static void on_published(void *user, int mid, int reason)
{
    (void)user, (void)mid;
    assert_true(reason == 0 || reason == 0x10);
}

static void on_subscribed(void *user, int mid, bool refused)
{
    (void)mid, (void)refused;
    ((struct watcher *)user)->subscribed = true;
}

static void turn(struct watcher *w)
{
    struct pollfd f = {.fd = mqtt_fd(w->m), .events = mqtt_events(w->m)};

    if (f.fd < 0)
        poll(NULL, 0, 5);
    else if (poll(&f, 1, 50) > 0) {
        if (f.revents & (POLLIN | POLLHUP | POLLERR))
            mqtt_read(w->m, 64);
        if (!w->over && (f.revents & POLLOUT))
            mqtt_write(w->m);
    }
    if (!w->over)
        mqtt_misc(w->m);
}

#define UNTIL(w, condition)                                                                        \
    for (const int64_t until_ = clock_mono_ms() + WAIT; !(condition);) {                           \
        if (clock_mono_ms() > until_)                                                              \
            fail_msg("never: %s", #condition);                                                     \
        turn(w);                                                                                   \
    }

static void watch(struct watcher *w, const struct demo *d, const char *filter)
{
    static const struct mqtt_handlers h = {.connected = on_connected,
                                           .ended = on_ended,
                                           .message = on_message,
                                           .published = on_published,
                                           .subscribed = on_subscribed};
    const struct mqtt_options o = {.host = "127.0.0.1",
                                   .port = demo_console_port(d),
                                   .username = SERVER_ACCOUNT,
                                   .password = demo_server_password(d),
                                   .protocol = 5,
                                   .clean = true,
                                   .keepalive_s = 30};
    enum mqtt_failure why;
    struct words words;
    struct err e = {0};

    *w = (struct watcher){0};
    w->m = mqtt_new(&o, &h, w, &e);
    assert_non_null(w->m);
    assert_true(mqtt_connect(w->m, &why, &words));
    UNTIL(w, w->up);
    assert_true(mqtt_subscribe(w->m, &filter, 1, 1, 0) > 0);
    UNTIL(w, w->subscribed);
}

static void unwatch(struct watcher *w)
{
    mqtt_free(w->m);
    free(w->heard);
}

/* How many messages from `from` on have this topic (its end) and hold this text. */
static int count(const struct watcher *w, int from, const char *end, const char *part)
{
    int n = 0;

    for (int i = from; i < w->n; i++) {
        const size_t t = strlen(w->heard[i].topic), k = strlen(end);
        n += t >= k && strcmp(w->heard[i].topic + t - k, end) == 0 &&
             strstr(w->heard[i].payload, part);
    }
    return n;
}

static void send_command(struct watcher *w, const char *uuid, const char *id, const char *action)
{
    static const char *const suffixes[] = {"commands", "command"};
    char topic[128], payload[600], issued[ISO_SIZE], expires[ISO_SIZE];

    time_iso(clock_wall_ms(), issued);
    time_iso(clock_wall_ms() + 240000, expires);
    snprintf(
        payload, sizeof payload,
        "{\"schema_version\":\"1.0\",\"command_id\":\"%s\",\"client_uuid\":\"%s\",\"action\":\"%"
        "s\","
        "\"issued_at\":\"%s\",\"expires_at\":\"%s\",\"requested_by\":\"anna\",\"reason\":\"test\"}",
        id, uuid, action, issued, expires);
    for (int i = 0; i < 2; i++) {
        snprintf(topic, sizeof topic, "infoscreen/%s/%s", uuid, suffixes[i]);
        assert_true(mqtt_publish(w->m, topic, payload, strlen(payload), 1, false) > 0);
    }
}

/* ---- what is left afterwards ---- */

static int children_of(pid_t parent, pid_t *out, int max)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    int n = 0;

    while ((entry = readdir(proc))) {
        char path[300];
        int ppid = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *f = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (!f)
            continue;
        if (fscanf(f, "%*d (%*[^)]) %*c %d", &ppid) == 1 && ppid == parent && n < max)
            out[n++] = (pid_t)atoi(entry->d_name);
        fclose(f);
    }
    closedir(proc);
    return n;
}

static bool runs(pid_t pid)
{
    char path[64], state = 'X';

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    fclose(f);
    return state != 'Z' && state != 'X';
}

static void wait_gone(pid_t pid)
{
    for (const int64_t until = clock_mono_ms() + WAIT; runs(pid); poll(NULL, 0, 5))
        assert_true(clock_mono_ms() < until);
}

static struct demo *start(const struct demo_options *o)
{
    struct err e = {0};
    struct demo *d = demo_start(o, &e);

    if (!d)
        fail_msg("%s", e.text);
    return d;
}

static void write_script(char path[64], const char *text)
{
    strcpy(path, "/tmp/infoscreen-story-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* ---- the fleet ---- */

static void test_reports_and_groups(void **state)
{
    struct demo *d =
        start(&(struct demo_options){.clients = 10, .seed = 1, .calm = true, .heartbeat_s = 1});
    struct watcher w;
    int n;
    const struct account *a = demo_accounts(d, &n);
    (void)state;

    assert_int_equal(n, 10);
    watch(&w, d, "infoscreen/#");
    for (int i = 0; i < n; i++) {
        char beat[96], health[96], group[96];
        snprintf(beat, sizeof beat, "%s/heartbeat", a[i].client_uuid);
        snprintf(health, sizeof health, "%s/health", a[i].client_uuid);
        snprintf(group, sizeof group, "%s/group_id", a[i].client_uuid);
        UNTIL(&w, count(&w, 0, beat, "\"process_status\":\"running\"") >= 2);
        UNTIL(&w, count(&w, 0, health, "\"reconnect_count\":0,\"last_disconnect_at\":null") >= 1);
        UNTIL(&w, count(&w, 0, group, "-") >= 1);
    }
    UNTIL(&w, count(&w, 0, "infoscreen/events/vienna-1", "event_id") >= 1);
    unwatch(&w);
    demo_stop(d);
}

/* Sent on both topics and then all of it again: each status comes once on each topic. */
static void test_reboot(void **state)
{
    static const char id[] = "07aab032-53c2-45ef-a5a3-6aa58e9d9fae";
    static const char *const acks[] = {"commands/ack", "command/ack"};
    struct demo *d = start(&(struct demo_options){
        .clients = 10, .seed = 2, .calm = true, .heartbeat_s = 1, .gap_scale = 0.05});
    struct watcher w;
    int n;
    const char *uuid = demo_accounts(d, &n)[3].client_uuid;
    char beat[96], health[96];
    (void)state;

    snprintf(beat, sizeof beat, "%s/heartbeat", uuid);
    snprintf(health, sizeof health, "%s/health", uuid);
    watch(&w, d, "infoscreen/#");
    UNTIL(&w, count(&w, 0, beat, "running") >= 1);
    send_command(&w, uuid, id, "reboot_host");
    send_command(&w, uuid, id, "reboot_host");
    UNTIL(&w, count(&w, 0, "/ack", "\"execution_started\"") == 2);
    const int started = w.n;
    UNTIL(&w, count(&w, 0, "/ack", "\"completed\"") == 2);
    UNTIL(&w, count(&w, started, health, "\"reconnect_count\":1,\"last_disconnect_at\":\"2") >= 1);
    send_command(&w, uuid, id, "reboot_host"); /* remembered across the reboot */
    const int again = w.n;
    UNTIL(&w, count(&w, again, beat, "running") >= 3);
    for (int t = 0; t < 2; t++) {
        assert_int_equal(count(&w, 0, acks[t], "\"accepted\""), 1);
        assert_int_equal(count(&w, 0, acks[t], "\"execution_started\""), 1);
        assert_int_equal(count(&w, 0, acks[t], "\"completed\""), 1);
        assert_int_equal(count(&w, 0, acks[t], "\"failed\""), 0);
    }
    unwatch(&w);
    demo_stop(d);
}

static void test_other_commands(void **state)
{
    struct demo *d;
    struct watcher w;
    char script[64], gone[96];
    int n;
    const struct account *a;
    (void)state;

    write_script(script, "at 0s crash lobby-01\nat 0s helper-fails platform-1\n");
    d = start(&(struct demo_options){
        .clients = 4, .seed = 3, .script = script, .heartbeat_s = 1, .gap_scale = 0.05});
    a = demo_accounts(d, &n);
    watch(&w, d, "infoscreen/#");
    for (int i = 0; i < n; i++) {
        char beat[96];
        snprintf(beat, sizeof beat, "%s/heartbeat", a[i].client_uuid);
        UNTIL(&w, count(&w, 0, beat, "") >= 1);
    }
    UNTIL(&w, count(&w, 0, "/heartbeat", "\"process_status\":\"crashed\"") >= 1);
    send_command(&w, a[0].client_uuid, "00000000-0000-4000-8000-000000000001", "restart_app");
    send_command(&w, a[2].client_uuid, "00000000-0000-4000-8000-000000000002", "restart_app");
    send_command(&w, a[1].client_uuid, "00000000-0000-4000-8000-000000000003", "shutdown_host");
    send_command(&w, a[3].client_uuid, "00000000-0000-4000-8000-000000000004", "dance");
    UNTIL(&w, count(&w, 0, "/commands/ack", "000000000001\",\"status\":\"completed\"") == 1);
    UNTIL(&w, count(&w, 0, "/commands/ack",
                    "000000000002\",\"status\":\"failed\",\"error_code\":\"helper_failed\"") == 1);
    UNTIL(&w, count(&w, 0, "/commands/ack", "000000000003\",\"status\":\"completed\"") == 1);
    UNTIL(&w, count(&w, 0, "/commands/ack", "000000000004\",\"status\":\"failed\"") == 1);
    const int after = w.n;
    UNTIL(&w, count(&w, after, "/heartbeat", "lobby-01") >=
                  3); /* recovered; meanwhile the other is off */
    assert_int_equal(count(&w, after, "/heartbeat", "crashed"), 0);
    snprintf(gone, sizeof gone, "%s/heartbeat", a[1].client_uuid);
    assert_true(count(&w, after, gone, "") <= 1);
    unwatch(&w);
    demo_stop(d);
    unlink(script);
}

static void test_give_up_leaves_a_retained_message(void **state)
{
    struct demo *d;
    struct watcher live, later;
    char script[64], failed[2][96];
    int n;
    const struct account *a;
    (void)state;

    write_script(script, "at 1s give-up lobby-01 display.service\nat 1s crash-loop kitchen-1\n");
    d = start(&(struct demo_options){
        .clients = 4, .seed = 4, .script = script, .heartbeat_s = 1, .gap_scale = 0.05});
    a = demo_accounts(d, &n);
    for (int i = 0; i < 2; i++)
        snprintf(failed[i], sizeof failed[i], "%s/service_failed", a[i].client_uuid);
    watch(&live, d, "infoscreen/#");
    UNTIL(&live, count(&live, 0, failed[0], "\"unit\":\"display.service\"") == 1);
    UNTIL(&live, count(&live, 0, failed[1], "\"unit\":\"infoscreen-simclient.service\"") == 1);
    assert_true(count(&live, 0, failed[1], a[1].client_uuid) == 1);
    watch(&later, d, "infoscreen/+/service_failed");
    UNTIL(&later, later.n == 2);
    assert_true(later.heard[0].retained && later.heard[1].retained);
    unwatch(&live), unwatch(&later);
    demo_stop(d);
    unlink(script);
}

static void test_the_broker_goes_and_comes(void **state)
{
    struct demo *d;
    struct watcher w;
    char script[64];
    (void)state;

    write_script(script, "at 2s broker kill for 1s\nat 9s broker restart\n");
    d = start(&(struct demo_options){.clients = 10, .seed = 5, .script = script, .heartbeat_s = 1});
    for (int round = 1; round <= 2; round++) {
        char counts[64];
        watch(&w, d, "infoscreen/#");
        UNTIL(&w, w.over); /* the broker went away … */
        unwatch(&w);
        for (const int64_t until = clock_mono_ms() + WAIT;;
             poll(NULL, 0, 20)) { /* … and came back */
            struct watcher probe = {0};
            static const struct mqtt_handlers h = {.connected = on_connected,
                                                   .ended = on_ended,
                                                   .message = on_message,
                                                   .published = on_published,
                                                   .subscribed = on_subscribed};
            const struct mqtt_options o = {.host = "127.0.0.1",
                                           .port = demo_console_port(d),
                                           .username = SERVER_ACCOUNT,
                                           .password = demo_server_password(d),
                                           .protocol = 5,
                                           .clean = true,
                                           .keepalive_s = 30};
            enum mqtt_failure why;
            struct words words;
            probe.m = mqtt_new(&o, &h, &probe, NULL);
            if (mqtt_connect(probe.m, &why, &words))
                for (int i = 0; i < 40 && !probe.up && !probe.over; i++)
                    turn(&probe);
            mqtt_free(probe.m);
            if (probe.up)
                break;
            assert_true(clock_mono_ms() < until);
        }
        watch(&w, d, "infoscreen/#");
        snprintf(counts, sizeof counts, "\"reconnect_count\":%d", round);
        UNTIL(&w, count(&w, 0, "/health", counts) >= 10);
        UNTIL(&w, count(&w, 0, "/group_id", "-") >= 10);
        unwatch(&w);
    }
    demo_stop(d);
    unlink(script);
}

/* ---- the end ---- */

static void test_nothing_is_left(void **state)
{
    struct demo *d = start(&(struct demo_options){.clients = 5, .seed = 6});
    char dir[512];
    const pid_t supervisor = demo_supervisor(d);
    pid_t pids[8];
    const int n = children_of(supervisor, pids, 8);
    (void)state;

    assert_int_equal(n, 2);
    snprintf(dir, sizeof dir, "%s", demo_dir(d));
    assert_int_equal(access(dir, F_OK), 0);
    demo_stop(d);
    assert_int_equal(access(dir, F_OK), -1);
    assert_false(runs(supervisor));
    for (int i = 0; i < n; i++)
        assert_false(runs(pids[i]));
}

/* signo to the process that runs the demo, or to the supervisor: nothing lives on. */
static void check_crash(bool of_supervisor)
{
    struct {
        pid_t supervisor, children[8];
        int n;
        char dir[512];
    } told;
    int tell[2];

    assert_int_equal(pipe(tell), 0);
    const pid_t parent = fork();
    if (parent == 0) {
        struct err e = {0};
        struct demo *d = demo_start(&(struct demo_options){.clients = 5, .seed = 7}, &e);
        if (!d)
            _exit(1);
        told.supervisor = demo_supervisor(d);
        told.n = children_of(told.supervisor, told.children, 8);
        snprintf(told.dir, sizeof told.dir, "%s", demo_dir(d));
        if (write(tell[1], &told, sizeof told) != sizeof told)
            _exit(1);
        if (of_supervisor) {
            kill(told.supervisor, SIGKILL);
            demo_stop(d);
            _exit(0);
        }
        for (;;)
            pause();
    }
    close(tell[1]);
    assert_int_equal(read(tell[0], &told, sizeof told), sizeof told);
    close(tell[0]);
    assert_int_equal(told.n, 2);
    if (!of_supervisor)
        kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    wait_gone(told.supervisor);
    for (int i = 0; i < told.n; i++)
        wait_gone(told.children[i]);
    assert_int_equal(access(told.dir, F_OK), -1);
}

static void test_killed_parent(void **state)
{
    (void)state;
    check_crash(false);
}

static void test_killed_supervisor(void **state)
{
    (void)state;
    check_crash(true);
}

static void test_refusals(void **state)
{
    struct err e = {0};
    char script[64];
    (void)state;

    assert_null(demo_start(&(struct demo_options){.clients = 2001}, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    write_script(script, "at 1s crash lobby-09\n");
    assert_null(demo_start(&(struct demo_options){.clients = 5, .script = script}, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, ":1: no device is called \"lobby-09\""));
    unlink(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports_and_groups),
        cmocka_unit_test(test_reboot),
        cmocka_unit_test(test_other_commands),
        cmocka_unit_test(test_give_up_leaves_a_retained_message),
        cmocka_unit_test(test_the_broker_goes_and_comes),
        cmocka_unit_test(test_nothing_is_left),
        cmocka_unit_test(test_killed_parent),
        cmocka_unit_test(test_killed_supervisor),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
