/* fleet.c - all devices in one poll loop, and the server's part: groups and events. */
#include "sim/fleet.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/timefmt.h"

#define TURN_MS         20
#define PACKETS         32 /* read from one device before the next has its turn */
#define SERVER_RETRY_MS 1000
#define FDS_PER_DEVICE  4 /* libmosquitto's socket and its pair for waking up */

/* ---- who is who ---- */

void sim_name(int i, char out[SIM_NAME])
{
    static const char *const rooms[] = {"lobby", "kitchen", "platform", "hall",
                                        "foyer", "gate",    "canteen",  "studio"};
    const int kinds = (int)(sizeof rooms / sizeof *rooms);

    snprintf(out, SIM_NAME, i % kinds == 0 ? "%s-%02d" : "%s-%d", rooms[i % kinds], i / kinds + 1);
}

void sim_group(int i, int n, char out[SIM_NAME])
{
    static const char *const cities[] = {"vienna", "graz", "linz", "salzburg"};
    const int groups = n < 40 ? 4 : n / 10;
    const int g = (i + i / 8) % groups; /* shifted, or all lobbies would be in one group */

    snprintf(out, SIM_NAME, "%s-%d", cities[g / 2 % 4], g / 8 * 2 + g % 2 + 1);
}

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void sim_uuid(uint32_t seed, int i, char out[UID_TEXT])
{
    const uint32_t first =
        ((uint32_t)i * 2654435761u) ^ (uint32_t)mix(seed); /* differs for each i */
    const uint64_t a = mix(((uint64_t)seed << 32) ^ first), b = mix(a);

    snprintf(out, UID_TEXT, "%08x-%04x-4%03x-%04x-%012llx", first, (unsigned)(a & 0xffff),
             (unsigned)(a >> 16 & 0xfff), (unsigned)(0x8000 | (a >> 32 & 0x3fff)),
             (unsigned long long)(b & 0xffffffffffffu));
}

uint32_t fleet_random(struct fleet *f, uint32_t below)
{
    f->random = mix(f->random);
    return (uint32_t)(f->random >> 32) % below;
}

int64_t fleet_between(struct fleet *f, int64_t least, int64_t most)
{
    return most <= least ? least : least + (int64_t)fleet_random(f, (uint32_t)(most - least + 1));
}

int64_t fleet_scaled(const struct fleet *f, int64_t ms)
{
    return f->o->gap_scale > 0 ? (int64_t)((double)ms * f->o->gap_scale) : ms;
}

/* ---- the server's part ---- */

static void server_connected(void *user, bool session_present)
{
    (void)session_present;
    ((struct fleet *)user)->server_up = true;
}

static void server_ended(void *user, enum mqtt_failure why, const struct words *words)
{
    (void)why, (void)words;
    ((struct fleet *)user)->server_ended = true;
}

static void server_message(void *user, const struct mqtt_message *m)
{
    (void)user, (void)m;
}

static void server_published(void *user, int mid, int reason)
{
    (void)user, (void)mid, (void)reason;
}

static void server_subscribed(void *user, int mid, bool refused)
{
    (void)user, (void)mid, (void)refused;
}

static void server_dial(struct fleet *f)
{
    static const struct mqtt_handlers handlers = {.connected = server_connected,
                                                  .ended = server_ended,
                                                  .message = server_message,
                                                  .published = server_published,
                                                  .subscribed = server_subscribed};
    const struct account *a = f->o->server;
    const struct mqtt_options o = {.host = f->o->host,
                                   .port = f->o->console_port,
                                   .username = a ? a->username : NULL,
                                   .password = a ? a->password : NULL,
                                   .protocol = 5,
                                   .clean = true,
                                   .keepalive_s = 60};
    enum mqtt_failure why;
    struct words words;

    f->server_up = f->server_ended = false;
    f->server = mqtt_new(&o, &handlers, f, NULL);
    if (f->server && !mqtt_connect(f->server, &why, &words))
        f->server_ended = true;
}

static void publish_group(struct fleet *f, const struct device *d)
{
    char topic[128], payload[256];

    snprintf(topic, sizeof topic, "infoscreen/%s/group_id", d->uuid);
    mqtt_publish(f->server, topic, d->group, strlen(d->group), 1, true);
    snprintf(topic, sizeof topic, "infoscreen/events/%s", d->group);
    snprintf(payload, sizeof payload,
             "{\"event_id\":%d,\"title\":\"Departures\",\"group_id\":\"%s\"}", d->expected_event,
             d->group);
    if (d->index <
        64) /* enough to meet each group of a small fleet; large ones repeat themselves */
        mqtt_publish(f->server, topic, payload, strlen(payload), 1, true);
}

static void server_tick(struct fleet *f)
{
    if (f->o->console_port == 0)
        return;
    if (f->server && f->server_ended) {
        mqtt_free(f->server);
        f->server = NULL;
        f->server_at = f->now + SERVER_RETRY_MS;
        f->published = false; /* a killed broker may have lost what it was told last */
    }
    if (!f->server && f->now >= f->server_at)
        server_dial(f);
    if (f->server && f->server_up && !f->server_ended && !f->published) {
        for (int i = 0; i < f->n; i++)
            publish_group(f, &f->devices[i]);
        f->published = true;
    }
    if (f->server && !f->server_ended)
        mqtt_misc(f->server);
}

/* ---- the loop ---- */

static volatile sig_atomic_t stopped;

static void on_stop(int signo)
{
    (void)signo;
    stopped = 1;
}

static void serve(struct mqtt *m, const bool *ended, short revents)
{
    if (revents & (POLLIN | POLLERR | POLLHUP))
        mqtt_read(m, PACKETS);
    if (!*ended && (revents & POLLOUT))
        mqtt_write(m);
}

/* Slot n is the server's. A negative descriptor is passed over by poll. */
static void wait_and_serve(struct fleet *f, struct pollfd *fds)
{
    for (int i = 0; i < f->n; i++) {
        const struct device *d = &f->devices[i];
        const bool live = d->mqtt && !d->ended;
        fds[i].fd = live ? mqtt_fd(d->mqtt) : -1;
        fds[i].events = live ? mqtt_events(d->mqtt) : 0;
    }
    fds[f->n].fd = f->server && !f->server_ended ? mqtt_fd(f->server) : -1;
    fds[f->n].events = f->server && !f->server_ended ? mqtt_events(f->server) : 0;
    if (poll(fds, (nfds_t)f->n + 1, TURN_MS) <= 0)
        return;
    f->now = clock_mono_ms();
    f->wall = clock_wall_ms();
    for (int i = 0; i < f->n; i++)
        if (fds[i].fd >= 0 && fds[i].revents)
            serve(f->devices[i].mqtt, &f->devices[i].ended, fds[i].revents);
    if (fds[f->n].fd >= 0 && fds[f->n].revents)
        serve(f->server, &f->server_ended, fds[f->n].revents);
}

static void play(struct fleet *f)
{
    while (f->next_step < f->script->n && f->now - f->began >= f->script->steps[f->next_step].at) {
        const struct step *s = &f->script->steps[f->next_step++];
        s->verb->run(f, s);
    }
    if (f->broker_start_at && f->now >= f->broker_start_at) {
        static const struct step start = {.level = "start"};
        f->broker_start_at = 0;
        verb_find("broker")->run(f, &start);
    }
}

static void turn(struct fleet *f, struct pollfd *fds, bool faults)
{
    f->now = clock_mono_ms();
    f->wall = clock_wall_ms();
    play(f);
    if (faults)
        story_minor_faults(f);
    server_tick(f);
    for (int i = 0; i < f->n; i++)
        device_tick(&f->devices[i]);
    wait_and_serve(f, fds);
}

static void allow_descriptors(int n)
{
    struct rlimit l;
    const rlim_t want = (rlim_t)n * FDS_PER_DEVICE + 64;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < want) {
        l.rlim_cur = l.rlim_max == RLIM_INFINITY || l.rlim_max > want ? want : l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

static bool prepare(struct fleet *f, struct script *s, struct err *e)
{
    const struct sim_options *o = f->o;

    f->script = s;
    f->began = f->now = clock_mono_ms();
    f->wall = clock_wall_ms();
    f->random = o->seed;
    f->next_fault = f->now + 6000;
    f->codec = codec_new();
    f->devices = calloc((size_t)o->n, sizeof *f->devices);
    if (!f->codec || !f->devices)
        return err_set(e, EXIT_FAILED, "out of memory");
    f->n = o->n;
    for (int i = 0; i < o->n; i++)
        device_init(&f->devices[i], f, i);
    if (o->script)
        return script_load(s, o->script, o->n, e);
    return script_parse(s, "story", o->calm ? "" : story_text, o->n, true, e);
}

int sim_run(const struct sim_options *o)
{
    struct fleet f = {.o = o};
    struct script script = {0};
    struct pollfd *fds = calloc((size_t)o->n + 1, sizeof *fds);
    const struct sigaction stop = {.sa_handler = on_stop};
    struct err e = {0};

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    allow_descriptors(o->n);
    if (fds && prepare(&f, &script, &e))
        while (!stopped)
            turn(&f, fds, !o->script && !o->calm);
    if (e.code)
        fprintf(stderr, "sim: %s\n", e.text);
    for (int i = 0; i < f.n; i++)
        device_fini(&f.devices[i]);
    mqtt_free(f.server);
    codec_free(f.codec);
    script_fini(&script);
    free(f.devices);
    free(fds);
    return e.code;
}
