/* link_live.c - `live`: which broker, when to try again, and everything that is published. */
#include "broker/link_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/timefmt.h"

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

/* A broker with MQTT 5 refuses what it doesn't allow, or says so when it hangs up. */
static bool is_for_want_of_rights(const struct live *v)
{
    return v->conn.why == MQTT_FAIL_NOT_AUTHORIZED ||
           (v->conn.why == MQTT_FAIL_DROPPED && conn_protocol(&v->conn) != 5);
}

/* Mosquitto before 2.0.15 closes a connection that another one replaces without a word, as it does
 * when it ends. But one that ended doesn't take us back within moments, to close again; and it
 * closes all of ours. */
static bool recognise_takeover(struct link *l)
{
    struct live *v = &l->live;
    const bool brief = l->mono - v->conn.up_since < STEADY_MS;
    const bool dropped = v->conn.why == MQTT_FAIL_DROPPED;
    const bool again = dropped && brief && v->dropped_at && !conn_hung_up(&l->journal.conn);

    if (again)
        mqtt_failure_words(MQTT_FAIL_TAKEN_OVER, host_of(l)->name, TEXT_EMPTY, &v->conn.words);
    v->dropped_at = dropped ? l->mono : 0;
    return v->conn.why == MQTT_FAIL_TAKEN_OVER || again;
}

/* Why an established connection ended, and when to come back. */
static void judge_end(struct link *l)
{
    struct live *v = &l->live;

    if (l->mono - v->conn.up_since >= STEADY_MS)
        v->backoff.n = 0;
    const bool blamed = is_for_want_of_rights(v) && hangup_blame(l);
    const bool contest = !blamed && recognise_takeover(l) && contest_lose(&v->contest, l->mono);
    if (contest)
        contest_words(l, host_of(l)->name, l->config.live_id, &v->conn.words);
    inbox_words(l, LINK_ENDED, &v->conn.words);
    wait_for_next(l);
    if (contest) {
        contest_back_off(&v->backoff, l->mono);
        l->status.next_try_mono = v->backoff.next_try;
    }
}

static void forget_flights(struct link *l)
{
    memset(l->live.in_flight, 0, sizeof l->live.in_flight);
    l->live.flying = 0;
    l->window_full = false;
}

static void on_down(struct link *l, bool was_up)
{
    struct live *v = &l->live;

    if (!was_up) {
        forget_flights(l);
        v->dropped_at = 0; /* it is gone rather than ours no more */
        on_try_failed(l);
        return;
    }
    judge_end(l); /* by the protocol that was spoken */
    if (host_of(l)->protocol == HOST_OLD_TRY)
        host_of(l)->protocol = HOST_NEW;
    forget_flights(l);
    snapshot_forget(l);
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
    l->live.tested = false;
    l->status.traits = (struct traits){.tested = false};
    l->status.traits.has[TRAIT_MQTT5] = l->status.protocol == 5 ? KNOWN_YES : KNOWN_NO;
    l->status.tls_expires_at = TIME_NONE;
    l->status.tls_version = (struct text24){""};
    mqtt_tls_facts(l->live.conn.mqtt, &l->status.tls_version, &l->status.tls_expires_at);
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
    snapshot_message(c->link, m);
    if (inbox_blocked(c->link))
        mqtt_pause(c->mqtt);
}

static void on_subscribed(void *user, int mid, bool refused)
{
    struct conn *c = user;
    (void)refused; /* each filter was told of */
    snapshot_suback(c->link, mid);
}

static void on_unsubscribed(void *user, int mid)
{
    struct conn *c = user;
    snapshot_unsuback(c->link, mid);
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
        struct in_flight *f = &v->in_flight[i];
        if (f->mid != mid)
            continue;
        f->mid = 0;
        v->flying--;
        c->link->window_full = false; /* at the end (linger) nobody else looks */
        if (reason >= 0x80)
            inbox_refused(c->link, REFUSED_PUBLISH, f->topic, reason);
        tell_published(c->link, f->token, reason);
        return;
    }
}

static void remember(struct link *l, int mid, const struct request *r, uint64_t key)
{
    struct in_flight *f = l->live.in_flight;

    while (f->mid) /* there is room: live_publish looked */
        f++;
    *f = (struct in_flight){.mid = mid, .token = r->token, .key = key, .since = l->mono};
    snprintf(f->topic, sizeof f->topic, "%s", r->bytes);
    l->live.flying++;
}

/* Where the broker hung up on something, one thing at a time shows on what. */
static bool window_is_full(const struct link *l)
{
    const struct live *v = &l->live;

    if (v->hangups.careful)
        return v->flying > 0 || l->snapshot.step < SNAPSHOT_STEPS || snapshot_awaits_suback(l);
    return v->flying == IN_FLIGHT_MAX;
}

/* The one place where anything leaves for the broker. While it is down nothing is kept: what
 * libmosquitto queues can't be withdrawn, and the asker comes again with LINK_CONNECTED. */
bool live_publish(struct link *l, const struct request *r)
{
    struct live *v = &l->live;
    const char *payload = r->bytes + r->topic_len + 1;
    const uint64_t key = hangup_key(r->bytes, r->topic_len + 1 + r->len);

    if (l->config.read_only) {
        tell_published(l, r->token, LINK_READ_ONLY);
        return true;
    }
    if (!v->conn.up || v->conn.ended)
        return true;
    if (hangup_has_condemned(l, key)) {
        tell_published(l, r->token, LINK_HANGS_UP);
        return true;
    }
    if (window_is_full(l))
        return false;
    const int mid =
        mqtt_publish(v->conn.mqtt, r->bytes, r->len ? payload : NULL, r->len, r->qos, r->retain);
    if (mid == MQTT_LOST)
        return true;
    if (mid < 0)
        tell_published(l, r->token, LINK_UNSENDABLE);
    else if (r->qos == 0)
        tell_published(l, r->token, 0);
    else
        remember(l, mid, r, key);
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

/* ---- what can it do? ---- */

static void start_selftest(struct link *l)
{
    struct live *v = &l->live;
    const struct host *h = host_of(l);
    const struct selftest_options o = {
        .mqtt = {.host = h->name,
                 .address = v->conn.address,
                 .port = h->port,
                 .tls = h->port == 8883,
                 .insecure = l->config.insecure,
                 .username = l->config.username,
                 .password = l->config.password,
                 .cafile = l->config.cafile,
                 .cert = l->config.cert,
                 .key = l->config.key,
                 .protocol = conn_protocol(&v->conn)},
        .presence_topic = l->config.read_only ? NULL : l->config.presence_topic,
        .read_only = l->config.read_only,
    };

    v->tested = true;
    v->selftest = selftest_start(&o);
}

static void end_selftest(struct link *l)
{
    struct traits found;
    struct live *v = &l->live;

    if (!selftest_answer(v->selftest, &found))
        return;
    if (found.has[TRAIT_RETAINED] == KNOWN_NO)
        inbox_refused(l, REFUSED_BY_FILTERING, l->config.presence_topic, 0);
    for (int i = 0; i < TRAITS; i++)
        if (l->status.traits.has[i] == NOT_KNOWN)
            l->status.traits.has[i] = found.has[i];
    if (l->status.traits.has[TRAIT_RETAINED_WILDCARD] == KNOWN_NO) { /* which explains it */
        l->status.traits.has[TRAIT_QUEUES] = NOT_KNOWN;
        l->status.snapshot_cut = false;
    }
    l->status.traits.tested = true;
    selftest_free(v->selftest);
    v->selftest = NULL;
}

/* Once per connection, beside it, when its stored messages are in. */
static void selftest_turn(struct link *l)
{
    struct live *v = &l->live;

    if (v->selftest)
        end_selftest(l);
    else if (l->config.self_test && !v->tested && snapshot_is_in(l) && v->flying == 0)
        start_selftest(l);
}

int live_wake_fd(const struct link *l)
{
    const struct live *v = &l->live;

    if (v->lookup)
        return lookup_fd(v->lookup);
    return v->selftest ? selftest_fd(v->selftest) : -1;
}

/* ---- life ---- */

/* What was suspected is cleared by a connection that stands. */
static void look_at_standing(struct link *l)
{
    struct live *v = &l->live;
    const bool was = v->contest.reported || l->journal.contest.reported;

    l->window_full = l->window_full && window_is_full(l); /* a careful one waits for the snapshot */
    if (v->conn.up && v->flying == 0 && l->mono - v->conn.up_since >= STEADY_MS)
        v->hangups.careful = false;
    if (v->conn.up)
        contest_settle(&v->contest, v->conn.up_since, l->mono);
    if (l->journal.conn.up)
        contest_settle(&l->journal.contest, l->journal.conn.up_since, l->mono);
    if (was && !v->contest.reported && !l->journal.contest.reported)
        l->status.contested = (struct text96){""};
}

static const struct conn_role role = {
    .up = on_up,
    .down = on_down,
    .handlers = {.message = on_message,
                 .published = on_published,
                 .subscribed = on_subscribed,
                 .unsubscribed = on_unsubscribed,
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
    look_at_standing(l);
    selftest_turn(l);
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
    selftest_free(l->live.selftest);
    l->live.selftest = NULL;
    conn_close(&l->live.conn, politely);
    snapshot_forget(l);
}
