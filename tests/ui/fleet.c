/* fleet.c - a core filled by its front door: restored rows and decoded messages. */
#include "fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000)

struct uid fleet_uid(unsigned i)
{
    struct uid u = {{0}};

    for (unsigned k = 0; k < 4; k++)
        u.b[k] = (uint8_t)((i * 2654435761u + 0x9b8d1856u) >> (24 - 8 * k));
    u.b[6] = 0x40;
    u.b[8] = 0x80;
    u.b[14] = (uint8_t)(i >> 8);
    u.b[15] = (uint8_t)i;
    return u;
}

void fleet_step(struct fleet *f, enum core_event_kind kind)
{
    struct effects out = {0};
    struct core_event ev = {.kind = kind, .now = f->model.now};

    if (kind == IN_LINK_DOWN)
        ev.u.down.why = (struct words){.id = "connection refused"};
    core_step(f->core, &ev, &out);
    effects_fini(&out);
}

void fleet_message(struct fleet *f, const char *topic, const char *payload)
{
    struct codec *codec = codec_new();
    struct effects out = {0};
    struct wire_message in = {.topic = topic, .payload = payload, .len = strlen(payload)};
    struct msg msg;
    const enum reject why = codec_decode(codec, &in, &msg);
    struct core_event ev = {.kind = why ? IN_REJECT : IN_MESSAGE, .now = f->model.now};

    if (why) {
        ev.u.reject.reason = why;
        ev.u.reject.bytes = in.len;
        TEXT_SET(&ev.u.reject.topic, topic, strlen(topic));
    } else {
        ev.u.msg = &msg;
    }
    core_step(f->core, &ev, &out);
    effects_fini(&out);
    codec_free(codec);
}

void fleet_crashes(struct fleet *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct uid u = fleet_uid(i);
        char topic[100] = "infoscreen/", subject[UID_TEXT];

        uid_format(&u, subject);
        strcat(strcat(topic, subject), "/heartbeat");
        fleet_message(f, topic, "{\"process_status\":\"crashed\",\"current_process\":\"player\"}");
    }
}

static struct client base(unsigned i)
{
    struct client c = {.id = fleet_uid(i),
                       .state = CLIENT_ONLINE,
                       .pid = 1200 + (int)i,
                       .current_event_id = 42,
                       .expected_event_id = 42,
                       .reconnect_count = (int)(i % 3),
                       .first_seen_at = FLEET_NOW_WALL - 86400 * S,
                       .last_heartbeat_at = FLEET_NOW_WALL - 4 * S,
                       .last_health_at = FLEET_NOW_WALL - 20 * S,
                       .last_disconnect_at = i % 3 ? FLEET_NOW_WALL - (int)i * 3600 * S : TIME_NONE,
                       .state_since_at = FLEET_NOW_WALL - 7200 * S,
                       .broker_reachable = TRI_YES};

    uid_format(&c.id, c.spelling);
    return c;
}

void fleet_client(struct fleet *f, unsigned i, const char *hostname, const char *group,
                  const char *status)
{
    struct client c = base(i);

    TEXT_SET(&c.hostname, hostname, strlen(hostname));
    TEXT_SET(&c.group, group, strlen(group));
    TEXT_SET(&c.process_status, status, strlen(status));
    TEXT_SET(&c.process, "display_manager", 15);
    TEXT_SET(&c.ip, "10.20.0.17", 10);
    TEXT_SET(&c.version, "2.4.1", 5);
    c.crashed = strcmp(status, "crashed") == 0;
    c.silent = strcmp(status, "silent") == 0;
    c.failed = strcmp(status, "failed") == 0;
    if (c.silent) {
        c.last_heartbeat_at = c.last_health_at = FLEET_NOW_WALL - 400 * S;
        TEXT_SET(&c.process_status, "running", 7);
    }
    if (c.failed) {
        TEXT_SET(&c.failed_unit, "infoscreen-simclient.service", 28);
        TEXT_SET(&c.failed_at, "2026-04-05T14:00:15Z", 20);
    }
    if (strcmp(hostname, "hall-2") == 0)
        c.current_event_id = 17;
    assert_true(core_restore_client(f->core, &c));
}

void fleet_alarm(struct fleet *f, enum alarm_kind kind, unsigned i, enum alarm_state state,
                 int64_t ago, const char *mark)
{
    struct alarm a = {.kind = kind,
                      .state = state,
                      .priority = alarm_kind_priority(kind),
                      .client = fleet_uid(i),
                      .raised_at = FLEET_NOW_WALL - ago,
                      .cleared_at = TIME_NONE,
                      .acknowledged_at = TIME_NONE,
                      .shelved_until = TIME_NONE,
                      .occurrences = 1,
                      .active = true};
    char subject[UID_TEXT];

    uid_format(&a.client, subject);
    TEXT_SET(&a.subject, subject, strlen(subject));
    TEXT_SET(&a.mark, mark, strlen(mark));
    a.summary.id = "something about {1}";
    TEXT_SET(&a.summary.arg[0], "this device", 11);
    if (state == ALARM_ACKNOWLEDGED) {
        TEXT_SET(&a.acknowledged_by, "berta", 5);
        a.acknowledged_at = FLEET_NOW_WALL - 40 * S;
    }
    alarm_make_id(kind, TEXT(a.subject), a.id);
    assert_true(core_restore_alarm(f->core, &a, NULL, 0));
}

void fleet_wide(struct fleet *f, enum alarm_kind kind, const char *subject, int64_t ago)
{
    struct alarm a = {.kind = kind,
                      .state = ALARM_UNACKNOWLEDGED,
                      .priority = alarm_kind_priority(kind),
                      .raised_at = FLEET_NOW_WALL - ago,
                      .cleared_at = TIME_NONE,
                      .acknowledged_at = TIME_NONE,
                      .shelved_until = TIME_NONE,
                      .occurrences = 1,
                      .active = true};

    TEXT_SET(&a.subject, subject, strlen(subject));
    a.summary.id = "something about {1}";
    TEXT_SET(&a.summary.arg[0], subject, strlen(subject));
    alarm_make_id(kind, TEXT(a.subject), a.id);
    assert_true(core_restore_alarm(f->core, &a, NULL, 0));
}

void fleet_command(struct fleet *f, unsigned i, enum action action, enum command_status status)
{
    struct command c = {.id = fleet_uid(100 + i),
                        .client = fleet_uid(i),
                        .action = action,
                        .status = status,
                        .issued_at = FLEET_NOW_WALL - 41 * S,
                        .expires_at = FLEET_NOW_WALL + 199 * S,
                        .published_at = FLEET_NOW_WALL - 41 * S,
                        .accepted_at = TIME_NONE,
                        .execution_started_at = TIME_NONE,
                        .finished_at = TIME_NONE,
                        .allowed_at = TIME_NONE};

    TEXT_SET(&c.action_text, actions[action].word, strlen(actions[action].word));
    TEXT_SET(&c.requested_by, "anna", 4);
    if (status == COMMAND_FAILED) {
        TEXT_SET(&c.error_code, "helper_failed", 13);
        TEXT_SET(&c.error_message, "exit status 1", 13);
    }
    assert_true(core_restore_command(f->core, &c));
}

void fleet_trouble(struct fleet *f)
{
    fleet_client(f, 0, "lobby-03", "vienna-1", "failed");
    fleet_client(f, 1, "kitchen-1", "vienna-2", "crashed");
    fleet_client(f, 2, "hall-2", "vienna-2", "running");
    fleet_client(f, 3, "Lift Süd", "graz", "silent");
    fleet_alarm(f, ALARM_SERVICE_FAILED, 0, ALARM_UNACKNOWLEDGED, 192 * S, "2026-04-05T14:00:15Z");
    fleet_alarm(f, ALARM_PROCESS_CRASHED, 1, ALARM_ACKNOWLEDGED, 62 * S,
                "2026-04-05T14:02:25.000Z");
    fleet_alarm(f, ALARM_CLIENT_SILENT, 3, ALARM_UNACKNOWLEDGED, 220 * S,
                "2026-04-05T13:59:47.000Z");
    fleet_command(f, 0, ACTION_REBOOT_HOST, COMMAND_EXECUTION_STARTED);
    fleet_command(f, 2, ACTION_RESTART_APP, COMMAND_ACCEPTED);
    fleet_command(f, 4, ACTION_SHUTDOWN_HOST, COMMAND_FAILED);
}

/* ---- what the history answers ---- */

#define LINES 12
static void line(struct past_answer *a, int64_t ago, enum event_kind kind, unsigned client,
                 const char *by, const char *words)
{
    struct history_event *ev = &a->incidents.events[a->incidents.event_count];

    *ev = (struct history_event){.seq = (int64_t)++a->incidents.event_count,
                                 .at = FLEET_NOW_WALL - ago * S,
                                 .kind = kind,
                                 .client = fleet_uid(client),
                                 .summary = {.id = words}};
    TEXT_SET(&ev->by, by, strlen(by));
    if (kind >= EVENT_COMMAND_QUEUED && kind <= EVENT_COMMAND_BLOCKED)
        ev->command = fleet_uid(200);
    else if (client < 2) {
        struct text64 subject = {""};
        uid_format(&ev->client, subject.clean);
        alarm_make_id(client ? ALARM_PROCESS_CRASHED : ALARM_SERVICE_FAILED, TEXT(subject),
                      ev->alarm_id);
    }
}

static void tell(struct past_answer *a)
{
    line(a, 9000, EVENT_ALARM_RAISED, 0, "", "infoscreen-simclient.service gave up");
    line(a, 8960, EVENT_ALARM_ACKNOWLEDGED, 0, "berta", "infoscreen-simclient.service gave up");
    line(a, 8950, EVENT_NOTE, 0, "berta", "calling the janitor");
    line(a, 8900, EVENT_COMMAND_QUEUED, 0, "berta", "restart_app for lobby-03 is queued");
    line(a, 8890, EVENT_COMMAND_COMPLETED, 0, "", "restart_app on lobby-03 is completed");
    line(a, 8880, EVENT_ALARM_CLEARED, 0, "", "infoscreen-simclient.service gave up");
    line(a, 62, EVENT_ALARM_RAISED, 1, "", "display_manager crashed");
}

void fleet_incidents(struct fleet *f)
{
    struct past_answer *a = &f->answer[PAST_INCIDENTS];
    struct incident_report *r = &a->incidents;

    a->question = (struct past_question){.kind = PAST_INCIDENTS,
                                         .since_at = FLEET_NOW_WALL - 43200 * S};
    a->serial = 1;
    r->events = calloc(LINES, sizeof *r->events);
    r->logs = calloc(1, sizeof *r->logs);
    assert_true(r->events && r->logs);
    tell(a);
    const struct incident_rows rows = {r->events, r->event_count, NULL, 0, 900 * S};
    assert_true(incidents_make(&rows, &r->set));
    r->handed_over_at = FLEET_NOW_WALL - 20000 * S;
    TEXT_SET(&r->handed_over_by, "clara", 5);
    r->logs[0] = (struct log_line){
        .at = FLEET_NOW_WALL - 9001 * S, .client = fleet_uid(0), .level = {"error"}, .message = {"display lost"}};
    r->set.list[0].logs = r->logs;
    r->set.list[0].log_count = 1;
    f->model.told[PAST_INCIDENTS] = a;
}

void fleet_open(struct fleet *f, unsigned clients, int rows, int cols, bool utf8)
{
    struct err e = {0};

    memset(f, 0, sizeof *f);
    config_init(&f->config);
    f->core = core_new(&f->config, "testhost");
    assert_non_null(f->core);
    f->model = (struct ui_model){.core = f->core,
                                 .link = &f->link,
                                 .store = &f->store,
                                 .now = {FLEET_NOW_MONO, FLEET_NOW_WALL},
                                 .operator_name = TEXT_OURS("anna"),
                                 .account = TEXT_EMPTY,
                                 .rate = 1234};
    f->link =
        (struct link_status){.phase = LINK_UP, .tls = true, .protocol = 5, .journal_up = true};
    TEXT_SET(&f->link.host, "ops-broker:8883", 15);
    f->store = (struct store_status){.phase = STORE_OK, .recorder = true};
    const struct ui_options o = {.config = &f->config, .utf8 = utf8};
    assert_true(desk_init(&f->desk, &o, &e));
    assert_true(cells_resize(&f->cells, rows, cols));
    for (unsigned i = 0; i < clients; i++) {
        char name[32], group[32];
        snprintf(name, sizeof name, "screen-%u", i + 1);
        snprintf(group, sizeof group, "floor-%u", i % 7);
        fleet_client(f, i, name, group, "running");
    }
    fleet_step(f, IN_LINK_UP);
}

void fleet_close(struct fleet *f)
{
    incident_report_fini(&f->answer[PAST_INCIDENTS].incidents);
    desk_fini(&f->desk);
    cells_fini(&f->cells);
    core_free(f->core);
}

void fleet_draw(struct fleet *f)
{
    desk_draw(&f->desk, &f->model, &f->cells);
}

void fleet_type(struct fleet *f, const char *keys, struct intents *out)
{
    static struct intents ignored;
    struct input in = {.n = 0};
    struct key k;

    ignored.count = 0;
    input_take(&in, keys, strlen(keys), 0);
    while (input_next(&in, ESC_WAIT_MS, &k))
        desk_key(&f->desk, &f->model, &k, out ? out : &ignored);
}

const char *fleet_text(const struct fleet *f)
{
    static char out[200 * 61 * CELL_BYTES];
    char *p = out;

    for (int y = 0; y < f->cells.rows; y++) {
        char *end = p;
        for (int x = 0; x < f->cells.cols; x++) {
            const struct cell *c = &f->cells.cell[y * f->cells.cols + x];
            const size_t n = strlen(c->text);
            memcpy(p, c->text, n);
            p += n;
            end = strcmp(c->text, " ") ? p : end;
        }
        p = end;
        *p++ = '\n';
    }
    *p = '\0';
    return out;
}

int fleet_role(const struct fleet *f, const char *text)
{
    for (int i = 0; i < f->cells.rows * f->cells.cols; i++) {
        const char *t = text;
        for (int k = i; k < f->cells.rows * f->cells.cols; k++) {
            const size_t n = strlen(f->cells.cell[k].text);
            if (strncmp(t, f->cells.cell[k].text, n) != 0)
                break;
            t += n;
            if (!*t)
                return f->cells.cell[i].role;
        }
    }
    return -1;
}
