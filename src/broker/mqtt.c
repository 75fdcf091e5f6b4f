#include "broker/mqtt.h"

#include <assert.h>
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "broker/hosts.h"
#include "broker/mqtt_failure.h"
#include "broker/mqtt_tls.h"

#define MAX_PACKET    (1024 * 1024) /* what is longer the broker withholds (MQTT 5) */
#define KEEPALIVE_MIN 5             /* libmosquitto refuses less */

struct mqtt {
    struct mosquitto *mosq;
    struct mqtt_handlers on;
    void *user;
    char *host, *address;
    int port, protocol, keepalive_s;
    bool clean;
    uint32_t session_expiry_s;
    struct mqtt_tls tls;
    bool tcp_up;    /* the TCP connect has succeeded */
    bool connected; /* CONNACKed */
    bool leaving;   /* we disconnect: no failure */
    bool ended;     /* `ended` was or is about to be called */
    bool told;      /* … was called */
    bool pause;
    bool log_watched;
    unsigned activity; /* callbacks so far: tells whether a read found a packet */
    int messages;
    enum mqtt_failure why; /* the first that was found out */
    struct text96 detail;
};

/* ---- failures ---- */

/* The first finding stands: what follows it are consequences. */
static void note(struct mqtt *m, enum mqtt_failure why, const char *detail)
{
    m->ended = true;
    if (m->why != MQTT_FAIL_NONE)
        return;
    m->why = why;
    if (detail && !m->detail.clean[0])
        TEXT_SET(&m->detail, detail, strlen(detail));
}

static void note_errno(struct mqtt *m, int error)
{
    note(m, mqtt_failure_of_errno(error), strerror(error));
}

static void note_library(struct mqtt *m, int rc, int error)
{
    if (rc == MOSQ_ERR_ERRNO)
        note_errno(m, error);
    else
        note(m, mqtt_failure_of_library(rc), mosquitto_strerror(rc));
}

/* A listener without TLS hangs up on our greeting: how OpenSSL calls that depends on the moment. */
static void note_tls_hangup(struct mqtt *m)
{
    const char *words = strerror(ECONNRESET);

    m->why = MQTT_FAIL_TLS;
    TEXT_SET(&m->detail, words, strlen(words));
}

/* The certificate's check knows better than what libmosquitto makes of it; and bytes that are no
 * TLS fail inside OpenSSL before any check. */
static void refine(struct mqtt *m)
{
    const enum mqtt_failure tls = mqtt_tls_failure(&m->tls, &m->detail);

    if (m->leaving)
        m->why = MQTT_FAIL_NONE;
    else if (m->tls.context && !m->tls.done && m->why == MQTT_FAIL_CLOSED && tls == MQTT_FAIL_NONE)
        note_tls_hangup(m);
    else if (tls != MQTT_FAIL_NONE && !m->connected)
        m->why = tls;
    else if (m->connected && (m->why == MQTT_FAIL_CLOSED || m->why == MQTT_FAIL_TLS))
        m->why = MQTT_FAIL_DROPPED; /* OpenSSL 3 calls an end without a word an error */
    else if (m->connected && m->why == MQTT_FAIL_PASSWORD)
        m->why = MQTT_FAIL_NOT_AUTHORIZED; /* the password was right */
}

/* Tells of the end, once and outside of libmosquitto's own callbacks. */
static bool still_up(struct mqtt *m)
{
    if (!m->ended)
        return true;
    if (!m->told) {
        struct words words;
        m->told = true;
        refine(m);
        m->connected = false;
        mqtt_failure_words(m->why, m->host, TEXT(m->detail), &words);
        if (m->on.ended)
            m->on.ended(m->user, m->why, &words);
    }
    return false;
}

/* ---- libmosquitto's callbacks ---- */

static void on_connect(struct mosquitto *mosq, void *user, int rc, int flags,
                       const mosquitto_property *properties)
{
    struct mqtt *m = user;
    (void)mosq, (void)properties;

    m->activity++;
    if (rc == 0) {
        m->connected = true;
        if (m->on.connected)
            m->on.connected(m->user, flags & 1);
        return;
    }
    note(m, mqtt_failure_of_reason(rc), rc < 0x80 ? mosquitto_connack_string(rc) : mosquitto_reason_string(rc));
}

static void on_disconnect(struct mosquitto *mosq, void *user, int rc,
                          const mosquitto_property *properties)
{
    struct mqtt *m = user;
    const int error = errno;
    (void)mosq, (void)properties;

    if (rc >= 0x80)
        note(m, mqtt_failure_of_reason(rc), mosquitto_reason_string(rc));
    else if (rc == 0)
        note(m, m->leaving ? MQTT_FAIL_NONE : MQTT_FAIL_CLOSED, NULL);
    else
        note_library(m, rc, error);
}

static void on_message(struct mosquitto *mosq, void *user, const struct mosquitto_message *in)
{
    struct mqtt *m = user;
    (void)mosq;

    m->activity++;
    m->messages++;
    const struct mqtt_message out = {
        .topic = in->topic,
        .payload = in->payload,
        .len = in->payloadlen > 0 ? (size_t)in->payloadlen : 0,
        .qos = in->qos,
        .retained = in->retain,
    };
    if (m->on.message)
        m->on.message(m->user, &out);
}

static void on_publish(struct mosquitto *mosq, void *user, int mid, int reason,
                       const mosquitto_property *properties)
{
    struct mqtt *m = user;
    (void)mosq, (void)properties;

    m->activity++;
    if (m->on.published)
        m->on.published(m->user, mid, reason);
}

static void on_subscribe(struct mosquitto *mosq, void *user, int mid, int n, const int *granted)
{
    struct mqtt *m = user;
    bool refused = n < 1;
    (void)mosq;

    m->activity++;
    for (int i = 0; i < n; i++) {
        if (granted[i] < 0x80)
            continue;
        refused = true;
        if (m->on.filter_refused)
            m->on.filter_refused(m->user, mid, i);
    }
    if (m->on.subscribed)
        m->on.subscribed(m->user, mid, refused);
}

static void on_unsubscribe(struct mosquitto *mosq, void *user, int mid)
{
    struct mqtt *m = user;
    (void)mosq;

    m->activity++;
    if (m->on.unsubscribed)
        m->on.unsubscribed(m->user, mid);
}

/* Only until the CONNACK: with a log callback libmosquitto formats a line per message. */
static void on_log(struct mosquitto *mosq, void *user, int level, const char *line)
{
    struct mqtt *m = user;
    const char *reason = strrchr(line, ':');
    (void)mosq;

    if (level != MOSQ_LOG_ERR || strncmp(line, "OpenSSL Error", 13) != 0 || !reason)
        return;
    reason += strspn(reason, ": ");
    TEXT_SET(&m->detail, reason, strlen(reason));
}

/* ---- life ---- */

static void init_library(void)
{
    mosquitto_lib_init();
}

static bool copy_options(struct mqtt *m, const struct mqtt_options *o)
{
    m->host = strdup(o->host);
    const bool local = !o->address && address_is_localhost(o->host);
    m->address = local ? strdup("127.0.0.1") : o->address ? strdup(o->address) : NULL;
    m->port = o->port;
    m->protocol = o->protocol == MQTT_PROTOCOL_V311 ? MQTT_PROTOCOL_V311 : MQTT_PROTOCOL_V5;
    m->keepalive_s = o->keepalive_s < KEEPALIVE_MIN ? KEEPALIVE_MIN : o->keepalive_s;
    m->clean = o->clean;
    m->session_expiry_s = o->session_expiry_s;
    return m->host && (m->address || !o->address);
}

static struct mosquitto *make_handle(struct mqtt *m, const char *client_id)
{
    char id[64] = "infoscreen-";

    if (!client_id)
        random_hex(id + strlen(id), 16);
    return mosquitto_new(client_id ? client_id : id, m->clean, m);
}

static bool set_options(struct mqtt *m, const struct mqtt_options *o)
{
    int rc = mosquitto_int_option(m->mosq, MOSQ_OPT_PROTOCOL_VERSION, m->protocol);

    mosquitto_int_option(m->mosq, MOSQ_OPT_TCP_NODELAY, 1);
    if (!rc && o->username)
        rc = mosquitto_username_pw_set(m->mosq, o->username, o->password);
    if (!rc && o->will_topic)
        rc = mosquitto_will_set(m->mosq, o->will_topic, 0, NULL, 1, true);
    if (!rc && m->tls.context)
        rc = mosquitto_void_option(m->mosq, MOSQ_OPT_SSL_CTX, m->tls.context);
    if (!rc && m->tls.context) /* ours is complete */
        rc = mosquitto_int_option(m->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
    if (!rc && o->delay_puback)
        rc = mosquitto_threaded_set(m->mosq, true);
    return rc == MOSQ_ERR_SUCCESS;
}

static void set_callbacks(struct mqtt *m)
{
    mosquitto_connect_v5_callback_set(m->mosq, on_connect);
    mosquitto_disconnect_v5_callback_set(m->mosq, on_disconnect);
    mosquitto_message_callback_set(m->mosq, on_message);
    mosquitto_publish_v5_callback_set(m->mosq, on_publish);
    mosquitto_subscribe_callback_set(m->mosq, on_subscribe);
    mosquitto_unsubscribe_callback_set(m->mosq, on_unsubscribe);
    mosquitto_log_callback_set(m->mosq, on_log);
    m->log_watched = true;
}

struct mqtt *mqtt_new(const struct mqtt_options *o, const struct mqtt_handlers *h, void *user,
                      struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct mqtt *m = calloc(1, sizeof *m);

    pthread_once(&once, init_library);
    if (!m || !copy_options(m, o)) {
        err_set(e, EXIT_FAILED, _("out of memory: the broker cannot be connected to"));
        goto failed;
    }
    if (!mqtt_tls_init(&m->tls, o, e))
        goto failed;
    m->on = *h;
    m->user = user;
    m->mosq = make_handle(m, o->client_id);
    if (!m->mosq || !set_options(m, o)) {
        err_set(e, EXIT_USAGE,
                _("libmosquitto refuses the connection's options: check user name and client id"));
        goto failed;
    }
    set_callbacks(m);
    return m;
failed:
    mqtt_free(m);
    return NULL;
}

void mqtt_free(struct mqtt *m)
{
    if (!m)
        return;
    if (m->mosq)
        mosquitto_destroy(m->mosq);
    mqtt_tls_fini(&m->tls);
    free(m->host);
    free(m->address);
    free(m);
}

/* ---- connecting ---- */

static bool add_properties(const struct mqtt *m, mosquitto_property **list)
{
    return mosquitto_property_add_int32(list, MQTT_PROP_MAXIMUM_PACKET_SIZE, MAX_PACKET) == 0 &&
           (m->clean || mosquitto_property_add_int32(list, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                                     m->session_expiry_s) == 0);
}

/* libmosquitto has no asynchronous connect with properties. But its blocking one keeps them before
 * it refuses a keepalive of 1 s, and the asynchronous one then sends them. */
static int put_properties(struct mqtt *m, const char *where)
{
    mosquitto_property *list = NULL;
    int rc = MOSQ_ERR_NOMEM;

    if (add_properties(m, &list))
        rc = mosquitto_connect_bind_v5(m->mosq, where, m->port, 1, NULL, list);
    mosquitto_property_free_all(&list);
    return rc == MOSQ_ERR_INVAL ? MOSQ_ERR_SUCCESS : rc;
}

bool mqtt_connect(struct mqtt *m, enum mqtt_failure *why, struct words *words)
{
    const char *where = m->address ? m->address : m->host;
    int rc = m->protocol == MQTT_PROTOCOL_V5 ? put_properties(m, where) : MOSQ_ERR_SUCCESS;
    int error = 0;

    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_connect_async(m->mosq, where, m->port, m->keepalive_s);
        error = errno;
    }
    if (rc == MOSQ_ERR_SUCCESS && !m->ended)
        return true;
    note_library(m, rc, error);
    refine(m);
    m->told = true;
    *why = m->why;
    mqtt_failure_words(m->why, m->host, TEXT(m->detail), words);
    return false;
}

bool mqtt_is_connected(const struct mqtt *m)
{
    return m->connected && !m->ended;
}

int mqtt_fd(const struct mqtt *m)
{
    return mosquitto_socket(m->mosq);
}

short mqtt_events(const struct mqtt *m)
{
    const bool write = !m->tcp_up || mosquitto_want_write(m->mosq);
    return (short)(POLLIN | (write ? POLLOUT : 0));
}

bool mqtt_has_pending(const struct mqtt *m)
{
    const SSL *ssl = m->tls.context && !m->ended ? mosquitto_ssl_get(m->mosq) : NULL;
    return ssl && SSL_pending(ssl) > 0;
}

bool mqtt_tls_facts(const struct mqtt *m, struct text24 *version, int64_t *expires_at)
{
    SSL *ssl = m->tls.context && m->connected ? mosquitto_ssl_get(m->mosq) : NULL;

    if (ssl)
        mqtt_tls_describe(ssl, version, expires_at);
    return ssl != NULL;
}

/* The kernel's own verdict on the connect, which libmosquitto would only report as a lost
 * connection. */
static bool check_tcp(struct mqtt *m)
{
    int error = 0;
    struct pollfd p = {.fd = mqtt_fd(m), .events = POLLOUT};
    socklen_t n = sizeof error;

    if (m->tcp_up || p.fd < 0)
        return true;
    if (poll(&p, 1, 0) <= 0)
        return false;
    if (getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0) {
        m->tcp_up = true;
        return true;
    }
    note_errno(m, error);
    return false;
}

/* ---- driving ---- */

static void settle(struct mqtt *m, int rc, int error)
{
    if (rc != MOSQ_ERR_SUCCESS && !m->ended)
        note_library(m, rc, error);
    if (m->connected && m->log_watched) {
        m->log_watched = false;
        mosquitto_log_callback_set(m->mosq, NULL);
    }
}

int mqtt_read(struct mqtt *m, int packets)
{
    m->messages = 0;
    m->pause = false;
    if (m->ended || !check_tcp(m))
        return still_up(m) ? 0 : -1;
    for (int i = 0; i < packets && !m->ended && !m->pause; i++) {
        const unsigned before = m->activity;
        const int rc = mosquitto_loop_read(m->mosq, 1);
        settle(m, rc, errno);
        if (m->activity == before && !mqtt_has_pending(m))
            break;
        if (m->messages >= packets)
            break;
    }
    return still_up(m) ? m->messages : -1;
}

void mqtt_pause(struct mqtt *m)
{
    m->pause = true;
}

bool mqtt_write(struct mqtt *m)
{
    if (!m->ended && check_tcp(m)) {
        const int rc = mosquitto_loop_write(m->mosq, 1);
        settle(m, rc, errno);
    }
    return still_up(m);
}

bool mqtt_misc(struct mqtt *m)
{
    if (!m->ended && m->tcp_up) {
        const int rc = mosquitto_loop_misc(m->mosq);
        settle(m, rc, errno);
    }
    return still_up(m);
}

void mqtt_hurry(struct mqtt *m)
{
    const int on = 1;

    setsockopt(mqtt_fd(m), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void mqtt_disconnect(struct mqtt *m)
{
    if (m->ended)
        return;
    m->leaving = true;
    mosquitto_disconnect(m->mosq);
}

/* ---- talking ---- */

int mqtt_subscribe(struct mqtt *m, const char *const *filters, int n, int qos, int options)
{
    int mid = -1;
    int bits = 0;

    if (m->protocol == MQTT_PROTOCOL_V5) {
        bits |= options & MQTT_RETAIN_AS_PUBLISHED ? MQTT_SUB_OPT_RETAIN_AS_PUBLISHED : 0;
        bits |= options & MQTT_NO_RETAINED ? MQTT_SUB_OPT_SEND_RETAIN_NEVER : 0;
    }
    /* The library's prototype lacks a const; it doesn't write. */
    const int rc = mosquitto_subscribe_multiple(m->mosq, &mid, n, (char *const *)(uintptr_t)filters,
                                                qos, bits, NULL);
    return rc == MOSQ_ERR_SUCCESS ? mid : -1;
}

int mqtt_unsubscribe(struct mqtt *m, const char *const *filters, int n)
{
    int mid = -1;
    const int rc =
        mosquitto_unsubscribe_multiple(m->mosq, &mid, n, (char *const *)(uintptr_t)filters, NULL);
    return rc == MOSQ_ERR_SUCCESS ? mid : -1;
}

static bool is_about_message(int rc)
{
    return rc == MOSQ_ERR_INVAL || rc == MOSQ_ERR_PAYLOAD_SIZE || rc == MOSQ_ERR_OVERSIZE_PACKET ||
           rc == MOSQ_ERR_MALFORMED_UTF8 || rc == MOSQ_ERR_QOS_NOT_SUPPORTED ||
           rc == MOSQ_ERR_RETAIN_NOT_SUPPORTED;
}

/* It is written at once: that a connection was reset may show here before anybody reads it. */
int mqtt_publish(struct mqtt *m, const char *topic, const void *payload, size_t len, int qos,
                 bool retain)
{
    int mid = -1;

    if (!mqtt_is_connected(m))
        return MQTT_LOST;
    if (len > MAX_PACKET)
        return MQTT_UNSENDABLE;
    const int rc = mosquitto_publish_v5(m->mosq, &mid, topic, (int)len, payload, qos, retain, NULL);
    if (rc == MOSQ_ERR_SUCCESS)
        return mid;
    if (is_about_message(rc))
        return MQTT_UNSENDABLE;
    note_library(m, rc, errno);
    return MQTT_LOST;
}

const char *mqtt_library_version(void)
{
    static char text[32];
    int major, minor, revision;

    mosquitto_lib_version(&major, &minor, &revision);
    snprintf(text, sizeof text, "%d.%d.%d", major, minor, revision);
    return text;
}
