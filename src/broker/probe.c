#include "broker/probe.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/timefmt.h"

#define TURN_MS 50

static void on_connected(void *user, bool session_present)
{
    struct probe *p = user;

    p->session_present = session_present;
    p->up = true;
}

static void on_ended(void *user, enum mqtt_failure why, const struct words *words)
{
    struct probe *p = user;

    p->over = true;
    p->failure = why;
    if (words)
        p->why = *words;
}

static void on_message(void *user, const struct mqtt_message *m)
{
    struct probe *p = user;

    p->heard_at = clock_mono_ms();
    if (p->message)
        p->message(p->user, m);
}

static void on_published(void *user, int mid, int reason)
{
    struct probe *p = user;

    if (mid == p->waiting) {
        p->waiting = 0;
        p->reason = reason;
    }
}

static void on_subscribed(void *user, int mid, bool refused)
{
    struct probe *p = user;

    if (mid == p->subscribing) {
        p->subscribing = 0;
        p->refused = refused;
    }
}

static const struct mqtt_handlers handlers = {.connected = on_connected,
                                              .ended = on_ended,
                                              .message = on_message,
                                              .published = on_published,
                                              .subscribed = on_subscribed};

bool probe_is_done(const struct probe *p)
{
    return p->over || clock_mono_ms() > p->until || (p->cancelled && atomic_load(p->cancelled));
}

bool probe_turn(struct probe *p, int ms)
{
    struct pollfd f = {.fd = mqtt_fd(p->m), .events = mqtt_events(p->m)};

    if (probe_is_done(p))
        return false;
    if (f.fd < 0)
        poll(NULL, 0, 10);
    else if (poll(&f, 1, mqtt_has_pending(p->m) ? 0 : ms) > 0 || mqtt_has_pending(p->m)) {
        if ((f.revents & (POLLIN | POLLERR | POLLHUP)) || mqtt_has_pending(p->m))
            mqtt_read(p->m, 64);
        if (!p->over && (f.revents & POLLOUT))
            mqtt_write(p->m);
    }
    if (!p->over)
        mqtt_misc(p->m);
    return true;
}

bool probe_open(struct probe *p, const struct mqtt_options *o)
{
    struct err e = {0};

    p->m = mqtt_new(o, &handlers, p, &e);
    if (!p->m) {
        p->why = (struct words){.id = "{1}"};
        TEXT_SET(&p->why.arg[0], e.text, strlen(e.text));
    }
    if (!p->m || !mqtt_connect(p->m, &p->failure, &p->why)) {
        p->over = true;
        return false;
    }
    while (!p->up && probe_turn(p, TURN_MS))
        ;
    return p->up && !p->over;
}

void probe_end(struct probe *p)
{
    if (p->m && p->up && !p->over)
        mqtt_disconnect(p->m);
    if (p->m)
        mqtt_free(p->m);
    p->m = NULL;
    p->over = true;
}

int probe_send(struct probe *p, const char *topic, const void *payload, size_t n)
{
    const int mid = p->over ? -1 : mqtt_publish(p->m, topic, payload, n, 1, false);

    if (mid < 0)
        return -1;
    for (p->waiting = mid; p->waiting;)
        if (!probe_turn(p, TURN_MS))
            return -1;
    return p->reason;
}

int probe_publish(struct probe *p, const char *topic)
{
    return probe_send(p, topic, "", 0);
}

bool probe_subscribe(struct probe *p, const char *const *filters, int n, int qos)
{
    const int mid = p->over ? -1 : mqtt_subscribe(p->m, filters, n, qos, 0);

    if (mid < 0)
        return false;
    for (p->subscribing = mid; p->subscribing;)
        if (!probe_turn(p, TURN_MS))
            return false;
    return !p->refused;
}

void probe_settle(struct probe *p, int quiet_ms)
{
    const int64_t begun = clock_mono_ms();

    for (int64_t last = begun; clock_mono_ms() - last < quiet_ms && probe_turn(p, TURN_MS);)
        last = p->heard_at > begun ? p->heard_at : begun;
}

void probe_why(const struct probe *p, char *out, size_t size)
{
    snprintf(out, size, "?");
    if (p->why.id)
        words_render(&p->why, i18n_translate, out, size);
}
