/* audit_rows.c - every row of the table of topics, tried with a publish, and with a subscriber that
 * must or must not get it. */
#include "broker/audit_live.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/timefmt.h"

#define SETTLE_MS 300

enum { SERVER = 1, DEVICE = 2 };

/* %s: a uuid; in the rows that are of no device it keeps the try apart from real ones. */
static const struct row {
    const char *topic;
    int publish; /* who may */
    bool own;    /* of one device */
} rows[] = {
    {"infoscreen/%s/commands", SERVER, true},
    {"infoscreen/%s/command", SERVER, true},
    {"infoscreen/%s/group_id", SERVER, true},
    {"infoscreen/%s/service_failed", SERVER | DEVICE, true},
    {"infoscreen/%s/commands/ack", DEVICE, true},
    {"infoscreen/%s/command/ack", DEVICE, true},
    {"infoscreen/%s/heartbeat", DEVICE, true},
    {"infoscreen/%s/health", DEVICE, true},
    {"infoscreen/%s/logs/info", DEVICE, true},
    {"infoscreen/events/%s", SERVER, false},
    {"infoscreen/groups/%s/power/intent", SERVER, false},
    {"infoscreen/console/ack/%s", SERVER, false},
    {"infoscreen/console/presence/%s", SERVER, false},
    {"infoscreen/console/canary/%s", 0, false},
    {"infoscreen/%s", 0, false},
    {"$SYS/broker/%s", 0, false},
};
#define ROWS      (sizeof rows / sizeof *rows)
#define ROW_TOPIC 128

static void row_topic(const struct row *row, const char *uuid, char out[ROW_TOPIC])
{
    snprintf(out, ROW_TOPIC, row->topic, uuid); /* NOLINT: each has one %s */
}

/* What a subscriber got of the rows. */
struct received {
    const char *uuid;
    bool row[ROWS];
};

static void on_message(void *user, const struct mqtt_message *m)
{
    struct received *got = user;
    char topic[ROW_TOPIC];

    for (size_t i = 0; i < ROWS; i++) {
        row_topic(&rows[i], got->uuid, topic);
        got->row[i] |= strcmp(topic, m->topic) == 0;
    }
}

/* Exact filters, since a broker may refuse wildcards that reach beyond the rules. */
static void subscribe_rows(struct probe *p, const char *uuid)
{
    char topic[ROW_TOPIC];
    const char *filter = topic;

    for (size_t i = 0; i < ROWS; i++)
        if (strncmp(rows[i].topic, "$", 1) != 0) {
            row_topic(&rows[i], uuid, topic);
            probe_subscribe(p, &filter, 1, 1);
        }
}

static void say_lost(struct audit_run *r, const struct probe *p)
{
    char why[200];

    probe_why(p, why, sizeof why);
    audit_fault(r, _("the connection ended (%s): see the broker's log"), why);
}

/* Publishes to every row below uuid, `own` rows only or all; false: the connection is gone. */
static bool publish_rows(struct audit_run *r, struct probe *p, const char *uuid, int who,
                         bool may_own)
{
    char topic[ROW_TOPIC];

    for (size_t i = 0; i < ROWS; i++) {
        const bool may = (rows[i].publish & who) && may_own;
        int reason;
        row_topic(&rows[i], uuid, topic);
        reason = probe_publish(p, topic);
        if (reason < 0) {
            say_lost(r, p);
            return false;
        }
        if (may && reason != 0 && reason != NO_SUBSCRIBERS)
            audit_fault(r, _("%s is refused (0x%02x): give the account its rule back"), topic,
                        (unsigned)reason);
        else if (!may && reason != NOT_AUTHORIZED)
            audit_fault(r,
                        _("%s is allowed (0x%02x): take the rule out, or see in the broker's "
                          "log which file it couldn't read"),
                        topic, (unsigned)reason);
    }
    return true;
}

static const char *server_name(const struct live *v)
{
    return v->target->username ? v->target->username : SERVER_ACCOUNT;
}

static bool open_server(struct audit_run *r, struct probe *p)
{
    char why[200];

    if (live_open(r->live, p, live_door(r->live, false), server_name(r->live),
                  r->live->target->password))
        return true;
    probe_why(p, why, sizeof why);
    audit_fault(r, _("%s can't connect: %s"), server_name(r->live), why);
    probe_end(p);
    return false;
}

/* What `who` may publish was published: has it come to the server account, which p is? */
static void judge_delivery(struct audit_run *r, struct probe *p, int who)
{
    const struct received *got = p->user;
    char topic[ROW_TOPIC];

    probe_settle(p, SETTLE_MS);
    for (size_t i = 0; i < ROWS; i++) {
        row_topic(&rows[i], got->uuid, topic);
        if ((rows[i].publish & who) && !got->row[i])
            audit_fault(r, _("%s isn't delivered to consoles: give %s its read rule back"), topic,
                        server_name(r->live));
    }
}

/* ---- the server account ---- */

static void look_server_rows(struct audit_run *r)
{
    struct received got = {.uuid = r->live->nobody_text};
    struct probe reader, writer;

    if (live_cannot_tell(r) || !open_server(r, &reader))
        return;
    reader.message = on_message;
    reader.user = &got;
    subscribe_rows(&reader, got.uuid);
    if (open_server(r, &writer) && publish_rows(r, &writer, got.uuid, SERVER, true))
        judge_delivery(r, &reader, SERVER);
    probe_end(&writer);
    probe_end(&reader);
}

static const struct audit_rule server_rules[] = {
    {"broker.server_rows", N_("allows what consoles send, refuses the rest with 0x87"),
     look_server_rows},
    {"broker.retained_commands", N_("none: a retained reboot is a reboot loop"),
     look_retained_commands},
    {"broker.retained_unknown", N_("none of devices without an account"), look_retained_unknown},
    {"broker.sys", N_("the broker's own figures can be read, nothing was dropped"), look_sys},
};

void live_run_server(struct audit_run *r)
{
    audit_run_rules(r, server_rules, sizeof server_rules / sizeof *server_rules);
}

/* ---- a device ---- */

static bool open_device(struct audit_run *r, struct probe *p)
{
    const struct audit_target *t = r->live->target;
    char username[USERNAME_SIZE], why[200];

    snprintf(username, sizeof username, "infoscreen-client-%.8s", t->device);
    if (live_open(r->live, p, live_door(r->live, true), username, t->device_password))
        return true;
    probe_why(p, why, sizeof why);
    audit_fault(r, _("%s can't connect: %s"), username, why);
    probe_end(p);
    return false;
}

static void look_device_own(struct audit_run *r)
{
    struct received got = {.uuid = r->live->target->device};
    struct probe server = {.over = true}, device;

    if (live_cannot_tell(r))
        return;
    const bool heard = r->live->target->password && open_server(r, &server);

    server.message = on_message;
    server.user = &got;
    if (heard)
        subscribe_rows(&server, got.uuid);
    if (open_device(r, &device) && publish_rows(r, &device, got.uuid, DEVICE, true) && heard)
        judge_delivery(r, &server, DEVICE);
    probe_end(&device);
    probe_end(&server);
}

/* Another device's topics: nothing may go out, nothing come in. */
static void look_device_others(struct audit_run *r)
{
    struct received got = {.uuid = r->live->nobody_text};
    struct probe server = {.over = true}, device;
    char topic[ROW_TOPIC];

    if (live_cannot_tell(r) || !open_device(r, &device))
        return;
    device.message = on_message;
    device.user = &got;
    subscribe_rows(&device, got.uuid);
    if (publish_rows(r, &device, got.uuid, DEVICE, false) && r->live->target->password &&
        open_server(r, &server)) {
        for (size_t i = 0; i < ROWS; i++)
            if (rows[i].publish & SERVER) {
                row_topic(&rows[i], got.uuid, topic);
                probe_publish(&server, topic);
            }
        probe_settle(&device, SETTLE_MS);
        for (size_t i = 0; i < ROWS; i++) {
            const bool group =
                strstr(rows[i].topic, "/events/") || strstr(rows[i].topic, "/groups/");
            row_topic(&rows[i], got.uuid, topic);
            if (got.row[i] && group)
                audit_note(r, "%s",
                           _("it reads every group's events: broker add --group bounds "
                             "that"));
            else if (got.row[i])
                audit_fault(r, _("%s is delivered to the device: take its read rule out"), topic);
        }
    }
    probe_end(&server);
    probe_end(&device);
}

/* Under the client id of a console, the device must not end that console's connection. */
static void look_client_id(struct audit_run *r)
{
    const struct live *v = r->live;
    char id[48] = "infoscreen-check-", username[USERNAME_SIZE];
    struct mqtt_options o;
    struct probe console = {.until = clock_mono_ms() + 15000}, thief = console;

    if (!v->target->password) {
        audit_note(r, "%s", _("not tried: MQTT_PASSWORD has no password of the server account"));
        return;
    }
    random_hex(id + strlen(id), 8);
    snprintf(username, sizeof username, "infoscreen-client-%.8s", v->target->device);
    o = live_options(v, live_door(v, false), server_name(v), v->target->password);
    o.client_id = id;
    if (!probe_open(&console, &o)) {
        say_lost(r, &console);
    } else {
        o = live_options(v, live_door(v, true), username, v->target->device_password);
        o.client_id = id;
        probe_open(&thief, &o);
        probe_settle(&console, SETTLE_MS);
        if (console.over)
            audit_fault(r, _("a device took a console's place by its client id: write "
                             "use_username_as_clientid true for the devices' listener"));
    }
    probe_end(&thief);
    probe_end(&console);
}

static const struct audit_rule device_rules[] = {
    {"broker.device_rows", N_("allows what the device sends, refuses the rest with 0x87"),
     look_device_own},
    {"broker.device_others", N_("nothing of other devices"), look_device_others},
    {"broker.client_id", N_("a device can't take a console's place"), look_client_id},
};

void live_run_device(struct audit_run *r)
{
    audit_run_rules(r, device_rules, sizeof device_rules / sizeof *device_rules);
}
