/* link_conn.c - one connection from its try to its end. Each try has a fresh handle: what
 * libmosquitto queued on the one before can't be withdrawn, and after a protocol error its state is
 * unknown. */
#include "broker/link_impl.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/timefmt.h"

#define KEEPALIVE_S   15
#define MISC_EVERY_MS 1000

static void on_connected(void *user, bool session_present)
{
    struct conn *c = user;

    c->up = true;
    c->up_since = c->link->mono;
    c->role->up(c->link, session_present);
}

static void on_ended(void *user, enum mqtt_failure why, const struct words *words)
{
    struct conn *c = user;

    if (c->ended)
        return;
    c->ended = true;
    c->why = why;
    c->words = *words;
}

static void reset(struct conn *c)
{
    mqtt_free(c->mqtt);
    c->mqtt = NULL;
    c->up = c->ended = c->full = false;
    c->nap_until = 0;
}

static void finish(struct conn *c)
{
    const bool was_up = c->up;

    reset(c);
    c->role->down(c->link, was_up);
}

static void set_account(struct mqtt_options *o, const struct link_config *config)
{
    o->username = config->username;
    o->password = config->password;
    o->cafile = config->cafile;
    o->cert = config->cert;
    o->key = config->key;
    o->insecure = config->insecure;
}

void conn_try(struct conn *c, struct host *h, const char *address, struct mqtt_options *o,
              int64_t limit_ms)
{
    struct mqtt_handlers handlers = c->role->handlers;
    struct err e = {0};

    handlers.connected = on_connected;
    handlers.ended = on_ended;
    set_account(o, &c->link->config);
    c->host = h;
    if (address != c->address)
        memcpy(c->address, address, strlen(address) + 1);
    o->host = h->name;
    o->address = c->address;
    o->port = h->port;
    o->tls = h->port == 8883; /* the port says so, as with mosquitto_sub */
    o->protocol = h->protocol == HOST_NEW ? 5 : 4;
    o->keepalive_s = KEEPALIVE_S;
    c->deadline = c->link->mono + limit_ms;
    c->misc_at = c->link->mono + MISC_EVERY_MS;
    c->mqtt = mqtt_new(o, &handlers, c, &e);
    if (!c->mqtt) {
        struct text96 detail = {{0}};
        TEXT_SET(&detail, e.text, strlen(e.text));
        c->why = MQTT_FAIL_OTHER;
        mqtt_failure_words(c->why, h->name, TEXT(detail), &c->words);
        finish(c);
    } else if (!mqtt_connect(c->mqtt, &c->why, &c->words)) {
        finish(c);
    }
}

int conn_protocol(const struct conn *c)
{
    return c->host && c->host->protocol != HOST_NEW ? 4 : 5;
}

bool conn_hung_up(const struct conn *c)
{
    char byte;

    return c->mqtt && mqtt_fd(c->mqtt) >= 0 &&
           recv(mqtt_fd(c->mqtt), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void conn_fail(struct conn *c, enum mqtt_failure why)
{
    if (!c->mqtt)
        return;
    c->why = why;
    mqtt_failure_words(why, c->host->name, TEXT_EMPTY, &c->words);
    finish(c);
}

void conn_close(struct conn *c, bool politely)
{
    if (c->mqtt && c->up && politely) {
        mqtt_disconnect(c->mqtt);
        mqtt_write(c->mqtt);
    }
    reset(c);
}

static bool napping(const struct conn *c)
{
    return c->nap_until > c->link->mono;
}

short conn_events(const struct conn *c)
{
    if (!c->mqtt)
        return 0;
    const short events = mqtt_events(c->mqtt);
    return napping(c) || inbox_blocked(c->link) ? (short)(events & ~POLLIN) : events;
}

/* Network drivers do the same under load. Not after a full slice: more is waiting already; not when
 * it is quiet: a single message is shown at once; not while stored messages come in: each of their
 * steps waits for the end of the one before. */
static void choose_nap(struct conn *c, int messages)
{
    c->full = messages >= SLICE_PACKETS;
    const bool nap = messages >= 2 && !c->full && snapshot_is_in(c->link);
    c->nap_until = nap ? clock_mono_ms() + NAP_MS : 0; /* from the end of the slice */
}

static bool should_read(struct conn *c, short revents)
{
    if (inbox_blocked(c->link))
        return false;
    const bool woken = c->nap_until && !napping(c);
    return woken || (revents & (POLLIN | POLLERR | POLLHUP)) ||
           (!c->nap_until && mqtt_has_pending(c->mqtt));
}

int conn_turn(struct conn *c, short revents, bool may_read, bool may_write)
{
    const int64_t now = c->link->mono;
    int messages = 0;

    if (!c->mqtt)
        return 0;
    if (may_write && (revents & POLLOUT))
        mqtt_write(c->mqtt);
    if (may_read && should_read(c, revents)) {
        messages = mqtt_read(c->mqtt, SLICE_PACKETS);
        choose_nap(c, messages);
    }
    if (may_write && now >= c->misc_at) {
        c->misc_at = now + MISC_EVERY_MS;
        mqtt_misc(c->mqtt);
    }
    if (c->ended)
        finish(c);
    else if (!c->up && now >= c->deadline)
        conn_fail(c, MQTT_FAIL_TIMEOUT);
    return messages;
}

int64_t conn_due(const struct conn *c)
{
    if (!c->mqtt)
        return INT64_MAX;
    if (!inbox_blocked(c->link) && !c->nap_until && mqtt_has_pending(c->mqtt))
        return c->link->mono;
    int64_t due = c->misc_at;
    if (!inbox_blocked(c->link) && c->nap_until && c->nap_until < due)
        due = c->nap_until;
    if (!c->up && c->deadline < due)
        due = c->deadline;
    return due;
}

/* Between 1 s and a limit that doubles up to 30 s, evenly spread: a fleet of consoles that lost one
 * broker must not come back in step. */
void backoff_fail(struct backoff *b, int64_t now)
{
    uint32_t random;
    int64_t limit = (int64_t)BACKOFF_MIN_MS << (b->n < 5 ? b->n + 1 : 5);

    if (limit > BACKOFF_MAX_MS)
        limit = BACKOFF_MAX_MS;
    random_bytes(&random, sizeof random);
    b->next_try = now + BACKOFF_MIN_MS + (int64_t)(random % (uint32_t)(limit - BACKOFF_MIN_MS + 1));
    b->n++;
}
