/* link_live.c - `live`: which broker, when to try again, and everything that is published. */
#include "broker/link_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"

#define TRY_MS       10000 /* TCP, TLS and CONNACK together */
#define TRY_OTHER_MS 3000  /* while the name has further addresses */
#define LOOKUP_MS    10000
#define STEADY_MS    10000 /* a connection that lasted so long starts the back-off over */
#define PUBACK_MS    30000 /* a broker that answers nothing for so long is of no use */

static struct host *host_of(struct link *l)
{
    return &l->hosts.host[l->live.host];
}

static void show_host(struct link *l, enum link_phase phase)
{
    struct host *h = host_of(l);
    const struct link_config *c = &l->config;
    char shown[HOST_NAME + 16];

    host_show(h, shown, sizeof shown);
    TEXT_SET(&l->status.host, shown, strlen(shown));
    l->status.phase = phase;
    l->status.tls = c->cafile || c->cert || c->key || h->port == 8883;
    l->status.next_try_mono = phase == LINK_WAITING ? l->live.backoff.next_try : 0;
}

/* ---- trying ---- */

static void try_address(struct link *l)
{
    struct live *v = &l->live;
    const bool last = v->address + 1 >= v->addresses.n;
    struct mqtt_options o = {
        .client_id = l->config.live_id,
        .clean = true,
        .will_topic = l->config.read_only ? NULL : l->config.presence_topic,
    };

    conn_try(&v->conn, host_of(l), v->addresses.text[v->address], &o, last ? TRY_MS : TRY_OTHER_MS);
}

static void wait_for_next(struct link *l)
{
    struct live *v = &l->live;

    v->tried++;
    if (l->hosts.n > 1)
        v->host = (v->host + 1) % l->hosts.n;
    if (v->tried >= l->hosts.n) {
        v->tried = 0;
        backoff_fail(&v->backoff, l->mono);
    } else {
        v->backoff.next_try = l->mono; /* the next of the list at once */
    }
    l->status.phase = LINK_WAITING;
    l->status.next_try_mono = v->backoff.next_try;
}

static void fail_host(struct link *l, const struct words *words)
{
    inbox_words(l, LINK_TRY_FAILED, words);
    wait_for_next(l);
}

static void fail_lookup(struct link *l, enum mqtt_failure why)
{
    struct words words;

    mqtt_failure_words(why, host_of(l)->name, TEXT_EMPTY, &words);
    fail_host(l, &words);
}

static void try_host(struct link *l)
{
    struct live *v = &l->live;

    v->address = 0;
    v->backoff.next_try = 0;
    show_host(l, LINK_CONNECTING);
    if (address_parse(host_of(l)->name, &v->addresses)) {
        try_address(l);
        return;
    }
    v->lookup = lookup_start(host_of(l)->name);
    v->lookup_deadline = l->mono + LOOKUP_MS;
    if (!v->lookup)
        fail_lookup(l, MQTT_FAIL_RESOLVE);
}

static void lookup_turn(struct link *l)
{
    struct live *v = &l->live;
    struct addresses found = {.n = 0};

    if (!v->lookup)
        return;
    const bool answered = lookup_answer(v->lookup, &found);
    if (!answered && l->mono < v->lookup_deadline)
        return;
    lookup_abandon(v->lookup);
    v->lookup = NULL;
    v->addresses = found;
    if (found.n > 0) {
        try_address(l);
        return;
    }
    fail_lookup(l, answered ? MQTT_FAIL_RESOLVE : MQTT_FAIL_TIMEOUT);
}

/* MQTT 3.1.1 where the broker says that it lacks MQTT 5, and once where it hung up on the CONNECT
 * without a word, as RabbitMQ 3.10 does. A guess is not remembered past its connection. */
static bool fall_back(struct link *l)
{
    struct host *h = host_of(l);
    const enum mqtt_failure why = l->live.conn.why;

    if (h->protocol == HOST_OLD_TRY)
        h->protocol = HOST_NEW;
    else if (h->protocol == HOST_NEW && why == MQTT_FAIL_PROTOCOL_VERSION)
        h->protocol = HOST_OLD;
    else if (h->protocol == HOST_NEW && why == MQTT_FAIL_CLOSED)
        h->protocol = HOST_OLD_TRY;
    else
        return false;
    return h->protocol != HOST_NEW;
}

static bool is_about_address(enum mqtt_failure why)
{
    return why == MQTT_FAIL_REFUSED || why == MQTT_FAIL_UNREACHABLE || why == MQTT_FAIL_TIMEOUT;
}

static void on_try_failed(struct link *l)
{
    struct live *v = &l->live;

    if (fall_back(l)) {
        try_address(l);
    } else if (is_about_address(v->conn.why) && v->address + 1 < v->addresses.n) {
        v->address++;
        try_address(l);
    } else {
        fail_host(l, &v->conn.words);
    }
}

/* Mosquitto before 2.0.15 closes a connection that another one replaces without a word, as it does
 * when it ends. But one that ended doesn't take us back within moments, to close again. */
static void recognise_takeover(struct link *l)
{
    struct live *v = &l->live;
    const bool brief = l->mono - v->conn.up_since < STEADY_MS;

    if (v->conn.why == MQTT_FAIL_DROPPED && brief && v->dropped_before)
        mqtt_failure_words(MQTT_FAIL_TAKEN_OVER, host_of(l)->name, TEXT_EMPTY, &v->conn.words);
    v->dropped_before = v->conn.why == MQTT_FAIL_DROPPED;
}

static void on_down(struct link *l, bool was_up)
{
    struct live *v = &l->live;

    memset(v->in_flight, 0, sizeof v->in_flight);
    v->flying = 0;
    l->window_full = false;
    if (!was_up) {
        v->dropped_before = false; /* it is gone rather than ours no more */
        on_try_failed(l);
        return;
    }
    snapshot_forget(l);
    if (host_of(l)->protocol == HOST_OLD_TRY)
        host_of(l)->protocol = HOST_NEW;
    if (l->mono - v->conn.up_since >= STEADY_MS)
        v->backoff.n = 0;
    recognise_takeover(l);
    inbox_words(l, LINK_ENDED, &v->conn.words);
    wait_for_next(l);
}

static void on_up(struct link *l, bool session_present)
{
    static const char *const names[] = {[4] = "3.1.1", [5] = "5"};
    struct words words = {.id = N_("connected to {1} over MQTT {2}")};
    const char *name = names[conn_protocol(&l->live.conn)];
    (void)session_present; /* always clean */

    show_host(l, LINK_UP);
    l->live.tried = 0;
    l->status.protocol = conn_protocol(&l->live.conn);
    l->status.snapshot_cut = false;
    TEXT_COPY(&words.arg[0], TEXT(l->status.host));
    TEXT_SET(&words.arg[1], name, strlen(name));
    inbox_words(l, LINK_CONNECTED, &words);
    snapshot_begin(l);
}

/* ---- messages ---- */

static void on_message(void *user, const struct mqtt_message *m)
{
    struct conn *c = user;
    const bool rap = conn_protocol(c) == 5 && topic_has_rap(m->topic);

    inbox_message(c->link, m, false, rap);
    if (m->retained)
        snapshot_retained(c->link, m->topic);
    if (inbox_blocked(c->link))
        mqtt_pause(c->mqtt);
}

static void on_subscribed(void *user, int mid, bool refused)
{
    struct conn *c = user;
    (void)refused; /* each filter was told of */
    snapshot_suback(c->link, mid);
}

static void on_filter_refused(void *user, int mid, int index)
{
    struct conn *c = user;
    snapshot_refused(c->link, mid, index);
}

/* ---- publishing ---- */

static void tell_published(struct link *l, uint64_t token, int reason)
{
    struct link_record *r = token ? inbox_begin(l, LINK_PUBLISHED, 0) : NULL;

    if (!r)
        return;
    r->token = token;
    r->reason = reason;
    inbox_end(l);
}

static void on_published(void *user, int mid, int reason)
{
    struct conn *c = user;
    struct live *v = &c->link->live;

    for (int i = 0; i < IN_FLIGHT_MAX; i++) {
        if (v->in_flight[i].mid != mid)
            continue;
        v->in_flight[i].mid = 0;
        v->flying--;
        c->link->window_full = false;
        tell_published(c->link, v->in_flight[i].token, reason);
        return;
    }
}

static void remember(struct link *l, int mid, uint64_t token)
{
    struct in_flight *f = l->live.in_flight;

    while (f->mid) /* there is room: live_publish looked */
        f++;
    *f = (struct in_flight){.mid = mid, .token = token, .since = l->mono};
    l->live.flying++;
}

/* The one place where anything leaves for the broker. While it is down nothing is kept: what
 * libmosquitto queues can't be withdrawn, and the asker comes again with LINK_CONNECTED. */
bool live_publish(struct link *l, const struct request *r)
{
    struct live *v = &l->live;
    const char *payload = r->bytes + r->topic_len + 1;

    if (l->config.read_only) {
        tell_published(l, r->token, LINK_READ_ONLY);
        return true;
    }
    if (!v->conn.up || v->conn.ended)
        return true;
    if (v->flying == IN_FLIGHT_MAX)
        return false;
    const int mid =
        mqtt_publish(v->conn.mqtt, r->bytes, r->len ? payload : NULL, r->len, r->qos, r->retain);
    if (mid < 0)
        tell_published(l, r->token, LINK_UNSENDABLE);
    else if (r->qos == 0)
        tell_published(l, r->token, 0);
    else
        remember(l, mid, r->token);
    return true;
}

static void check_pubacks(struct link *l)
{
    for (int i = 0; i < IN_FLIGHT_MAX; i++) {
        const struct in_flight *f = &l->live.in_flight[i];
        if (f->mid && l->mono - f->since >= PUBACK_MS) {
            conn_fail(&l->live.conn, MQTT_FAIL_TIMEOUT);
            return;
        }
    }
}

/* ---- life ---- */

static const struct conn_role role = {
    .up = on_up,
    .down = on_down,
    .handlers = {.message = on_message,
                 .published = on_published,
                 .subscribed = on_subscribed,
                 .filter_refused = on_filter_refused},
};

void live_init(struct link *l)
{
    l->live.conn = (struct conn){.link = l, .role = &role};
    l->live.backoff.next_try = l->mono;
    show_host(l, LINK_CONNECTING);
}

void live_turn(struct link *l, short revents)
{
    struct live *v = &l->live;

    if (v->conn.mqtt)
        conn_turn(&v->conn, revents, true, true);
    if (l->emit.lost) {
        l->emit.lost = false;
        conn_fail(&v->conn, MQTT_FAIL_OTHER);
    }
    if (v->conn.up)
        check_pubacks(l);
    lookup_turn(l);
    if (!v->conn.mqtt && !v->lookup && v->backoff.next_try && l->mono >= v->backoff.next_try)
        try_host(l);
}

int64_t live_due(const struct link *l)
{
    const struct live *v = &l->live;

    if (v->conn.mqtt)
        return conn_due(&v->conn);
    return v->lookup ? v->lookup_deadline : v->backoff.next_try;
}

void live_retry_now(struct link *l)
{
    struct live *v = &l->live;

    if (v->conn.mqtt || v->lookup)
        return;
    v->backoff = (struct backoff){.next_try = l->mono};
}

void live_fini(struct link *l, bool politely)
{
    lookup_abandon(l->live.lookup);
    l->live.lookup = NULL;
    conn_close(&l->live.conn, politely);
    snapshot_forget(l);
}
