#include "console.h"

#include <stdio.h>
#include <sys/wait.h>

struct rig rig;
char console_db[RIG_PATH + 32];

int console_group_begin(void **state)
{
    (void)state;
    rig_start(&rig);
    return 0;
}

int console_group_end(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

struct term *console_start(const struct term_options *o, const char *option)
{
    static int n;
    char port[16];

    snprintf(console_db, sizeof console_db, "%s/%d.db", rig.dir, n++);
    snprintf(port, sizeof port, "%d", rig.port);
    char *argv[] = {(char *)rig_program(), "-h",   "127.0.0.1",    "-p", port, "--db", console_db,
                    "--operator",          "anna", (char *)option, NULL};
    return term_start(o, argv);
}

int console_begin(void **state)
{
    const struct scene *s = *state;

    if (s->failed_at)
        device_fails(LOBBY, s->failed_at);
    struct term *t = console_start(&s->terminal, s->option);
    if (s->lobby)
        device_beats_until(t, LOBBY, "lobby-03", "running", "lobby-03");
    *state = t;
    return 0;
}

int console_end(void **state)
{
    struct term *t = *state;

    term_type(t, "qqqq"); /* from wherever it is */
    const int status = term_wait_exit(t, WAIT);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(term_is_given_back(t));
    assert_true(term_settings_restored(t));
    term_free(t);
    return 0;
}

void device_beats(const char *uuid, const char *hostname, const char *status)
{
    char topic[128], payload[256];

    snprintf(topic, sizeof topic, "infoscreen/%s/heartbeat", uuid);
    snprintf(
        payload, sizeof payload,
        "{\"hostname\":\"%s\",\"process_status\":\"%s\",\"current_process\":\"display_manager\","
        "\"process_pid\":12,\"current_event_id\":42}",
        hostname, status);
    rig_publish(&rig, topic, payload, false);
}

void device_beats_until(struct term *t, const char *uuid, const char *hostname, const char *status,
                        const char *shown)
{
    for (int i = 0; i < 10 * WAIT && !term_has(t, shown); i++) {
        device_beats(uuid, hostname, status);
        term_wait(t, 100);
    }
    term_expect(t, shown, 1);
}

void device_fails(const char *uuid, const char *at)
{
    char topic[128], payload[256];

    snprintf(topic, sizeof topic, "infoscreen/%s/service_failed", uuid);
    snprintf(payload, sizeof payload,
             "{\"event\":\"service_failed\",\"unit\":\"infoscreen-simclient.service\","
             "\"client_uuid\":\"%s\",\"failed_at\":\"%s\"}",
             uuid, at);
    rig_publish(&rig, topic, payload, true);
}
