/* device.c - one simulated infoscreen: its connection, its process and what it reports of both. */
#include "sim/fleet.h"

#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"

#define BACKOFF_MIN 500
#define BACKOFF_MAX 4000
#define MISC_MS     1000
#define RESTART_MS  3000 /* systemd's RestartSec, before gap_scale */

void device_init(struct device *d, struct fleet *f, int index)
{
    const struct sim_options *o = f->o;

    *d = (struct device){.fleet = f, .index = index, .powered = true, .status = "running"};
    sim_name(index, d->name);
    sim_group(index, o->n, d->group);
    if (o->accounts) {
        d->account = &o->accounts[index];
        snprintf(d->uuid, sizeof d->uuid, "%s", d->account->client_uuid);
    } else {
        sim_uuid(o->seed, index, d->uuid);
    }
    d->pid = 900 + (int)fleet_random(f, 30000);
    d->event = d->expected_event = 40 + index % 7;
    d->connect_at =
        f->now + index * 2; /* two milliseconds apart: a fleet doesn't arrive in one packet */
    d->backoff = BACKOFF_MIN;
}

void device_fini(struct device *d)
{
    mqtt_free(d->mqtt);
    d->mqtt = NULL;
}

static bool is_up(const struct device *d)
{
    return d->mqtt && !d->ended && mqtt_is_connected(d->mqtt);
}

static void say(struct device *d, const char *suffix, const char *payload, size_t n, int qos,
                bool retain)
{
    char topic[128];

    snprintf(topic, sizeof topic, "infoscreen/%s/%s", d->uuid, suffix);
    mqtt_publish(d->mqtt, topic, payload, n, qos, retain);
}

/* ---- connection ---- */

static void on_connected(void *user, bool session_present)
{
    struct device *d = user;
    char own[3][96];
    const char *const filters[] = {own[0], own[1], own[2]};

    (void)session_present;
    snprintf(own[0], sizeof own[0], "infoscreen/%s/commands", d->uuid);
    snprintf(own[1], sizeof own[1], "infoscreen/%s/command", d->uuid);
    snprintf(own[2], sizeof own[2], "infoscreen/%s/group_id", d->uuid);
    mqtt_subscribe(d->mqtt, filters, 3, 1, 0);
    if (d->was_connected)
        d->reconnects++;
    d->was_connected = true;
    d->backoff = BACKOFF_MIN;
    d->beats = 0; /* it reports at once, health included */
    d->beat_at = d->fleet->now;
    obey_booted(d);
}

static void on_ended(void *user, enum mqtt_failure why, const struct words *words)
{
    struct device *d = user;

    (void)why, (void)words;
    d->ended = true;
}

static void on_message(void *user, const struct mqtt_message *m)
{
    struct device *d = user;
    const char *last = strrchr(m->topic, '/');

    if (last && strcmp(last, "/group_id") == 0)
        snprintf(d->group, sizeof d->group, "%.*s", (int)m->len, (const char *)m->payload);
    else
        obey_message(d, m);
}

static void on_published(void *user, int mid, int reason)
{
    (void)reason;
    obey_confirmed(user, mid);
}

static void on_subscribed(void *user, int mid, bool refused)
{
    (void)user, (void)mid, (void)refused;
}

static void dial(struct device *d)
{
    static const struct mqtt_handlers handlers = {.connected = on_connected,
                                                  .ended = on_ended,
                                                  .message = on_message,
                                                  .published = on_published,
                                                  .subscribed = on_subscribed};
    const struct mqtt_options o = {.host = d->fleet->o->host,
                                   .port = d->fleet->o->port,
                                   .client_id = d->account ? d->account->username : d->uuid,
                                   .username = d->account ? d->account->username : NULL,
                                   .password = d->account ? d->account->password : NULL,
                                   .protocol = 4, /* what the real clients speak */
                                   .clean = true,
                                   .keepalive_s = 60};
    enum mqtt_failure why;
    struct words words;

    d->ended = false;
    d->misc_at = d->fleet->now + MISC_MS;
    d->mqtt = mqtt_new(&o, &handlers, d, NULL);
    if (d->mqtt && !mqtt_connect(d->mqtt, &why, &words))
        d->ended = true;
}

static void try_later(struct device *d)
{
    d->connect_at = d->fleet->now + fleet_between(d->fleet, d->backoff / 2, d->backoff);
    d->backoff = d->backoff * 2 > BACKOFF_MAX ? BACKOFF_MAX : d->backoff * 2;
}

void device_leave(struct device *d, bool clean)
{
    if (!d->mqtt)
        return;
    if (mqtt_is_connected(d->mqtt)) {
        d->last_disconnect_wall = d->fleet->wall;
        if (clean) {
            mqtt_disconnect(d->mqtt);
            mqtt_write(d->mqtt);
        }
    }
    mqtt_free(d->mqtt);
    d->mqtt = NULL;
    d->ended = false;
    obey_disconnected(d);
    try_later(d);
}

static void connection_tick(struct device *d)
{
    const int64_t now = d->fleet->now;

    if (d->mqtt && d->ended) {
        if (d->was_connected && d->backoff == BACKOFF_MIN)
            d->last_disconnect_wall = d->fleet->wall;
        device_leave(d, false);
    }
    if (d->mqtt && now < d->cut_until)
        device_leave(d, false);
    if (!d->mqtt && d->powered && !d->boot_at && now >= d->cut_until && now >= d->connect_at)
        dial(d);
    if (d->mqtt && !d->ended && now >= d->misc_at) {
        mqtt_misc(d->mqtt);
        d->misc_at = now + MISC_MS;
    }
}

void device_power_off(struct device *d, int64_t back_in)
{
    device_leave(d, true);
    d->powered = back_in > 0;
    d->boot_at = back_in > 0 ? d->fleet->now + back_in : 0;
    d->pid = 0;
    d->restart_at = 0;
}

/* ---- the process ---- */

void device_beat_soon(struct device *d)
{
    d->beats = 0;
    d->beat_at = d->fleet->now;
}

void device_run(struct device *d)
{
    d->status = "running";
    d->pid = 900 + (int)fleet_random(d->fleet, 30000);
    d->event = d->expected_event;
    d->crashes = 0;
    d->crash_loop = false;
    d->restart_at = 0;
    d->hung_until = 0;
    device_beat_soon(d);
}

void device_crash(struct device *d, int64_t restart_in)
{
    d->status = "crashed";
    d->pid = 0;
    d->event = 0;
    d->crashes++;
    d->restart_at = restart_in > 0 ? d->fleet->now + restart_in : 0;
    device_beat_soon(d);
    device_log(d, "error", "display_manager exited with signal 11");
}

void device_give_up(struct device *d, const char *unit)
{
    d->status = "crashed";
    d->pid = 0;
    d->event = 0;
    d->crash_loop = false;
    d->restart_at = 0;
    d->failed_wall = d->fleet->wall;
    snprintf(d->failed_unit, sizeof d->failed_unit, "%s", *unit ? unit : UNIT_DEFAULT);
    device_beat_soon(d);
}

static void process_tick(struct device *d)
{
    const int64_t now = d->fleet->now;

    if (d->mismatch_until && now >= d->mismatch_until) {
        d->mismatch_until = 0;
        d->event = d->expected_event;
    }
    if (!d->restart_at || now < d->restart_at)
        return;
    if (d->crash_loop && d->crashes >= BURST)
        device_give_up(d, UNIT_DEFAULT);
    else if (d->crash_loop)
        device_crash(d, fleet_scaled(d->fleet, RESTART_MS));
    else
        device_run(d);
}

static void flap_tick(struct device *d)
{
    if (d->flaps_left == 0 || d->fleet->now < d->flap_at)
        return;
    d->flaps_left--;
    d->flap_at = d->fleet->now + d->flap_every;
    device_leave(d, false);
    d->connect_at = d->fleet->now + 200;
}

/* ---- reports ---- */

void device_log(struct device *d, const char *level, const char *text)
{
    char suffix[32], payload[400];

    if (!is_up(d))
        return;
    snprintf(suffix, sizeof suffix, "logs/%s", level);
    say(d, suffix, payload, payload_log(d, text, payload, sizeof payload), 0, false);
}

static void report(struct device *d)
{
    const int64_t mean = (int64_t)(d->fleet->o->heartbeat_s * 1000);
    char payload[640];

    d->beat_at = d->fleet->now + fleet_between(d->fleet, mean * 8 / 10, mean * 12 / 10);
    if (d->fleet->now < d->hung_until)
        return;
    say(d, "heartbeat", payload, payload_heartbeat(d, payload, sizeof payload), 0, false);
    if (d->beats++ % 2 == 0)
        say(d, "health", payload, payload_health(d, payload, sizeof payload), 0, false);
}

static void report_failure(struct device *d)
{
    char payload[512];

    say(d, "service_failed", payload, payload_failed(d, payload, sizeof payload), 1, true);
    d->failed_unit[0] = '\0';
}

void device_tick(struct device *d)
{
    if (d->boot_at && d->fleet->now >= d->boot_at) {
        d->boot_at = 0;
        d->connect_at = d->fleet->now;
        device_run(d);
    }
    process_tick(d);
    flap_tick(d);
    connection_tick(d);
    obey_tick(d);
    if (!is_up(d))
        return;
    if (*d->failed_unit)
        report_failure(d);
    if (d->fleet->now >= d->beat_at)
        report(d);
}
