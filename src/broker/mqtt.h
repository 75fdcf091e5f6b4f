/* mqtt.h - all of libmosquitto: one connection, driven from outside. No policy, no thread, no
 * retry. The caller polls mqtt_fd() for mqtt_events(), then calls mqtt_read/mqtt_write/mqtt_misc.
 * Callbacks run inside these calls. Never mosquitto_loop_start: its thread dies for good on some
 * errors. A handle serves one connection: after it ended, free it and make a new one, since what
 * libmosquitto has queued can't be withdrawn and would go out at the next connect. The thread that
 * drives handles blocks or ignores SIGPIPE (libmosquitto writes with write(2)). */
#ifndef BROKER_MQTT_H
#define BROKER_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/words.h"

struct mqtt;

struct mqtt_options {
    const char *host; /* the name that certificates are checked against */
    const char
        *address; /* host's address as digits, so that no lookup blocks; NULL: look host up */
    int port;
    const char *client_id; /* NULL: random */
    const char *username, *password;
    const char *cafile, *cert, *key; /* any of them, or tls: TLS 1.2 at least */
    bool tls, insecure;              /* insecure: a certificate's chain is checked, its name isn't */
    int protocol;                    /* 5 or 4 (MQTT 3.1.1) */
    bool clean;                      /* a new session */
    uint32_t session_expiry_s;       /* MQTT 5 */
    int keepalive_s;                 /* >= 5 */
    bool delay_puback;      /* PUBACKs wait for mqtt_write (mosquitto_threaded_set): write-ahead */
    const char *will_topic; /* NULL: none; empty retained payload (clears presence) */
};

/* Why a connection or a try ended, told apart for the operator. */
enum mqtt_failure {
    MQTT_FAIL_NONE,
    MQTT_FAIL_RESOLVE,
    MQTT_FAIL_REFUSED,
    MQTT_FAIL_UNREACHABLE,
    MQTT_FAIL_TIMEOUT,
    MQTT_FAIL_TLS,
    MQTT_FAIL_TLS_NAME,
    MQTT_FAIL_PASSWORD /* CONNACK 4, 5, 0x86, 0x87 */,
    MQTT_FAIL_NOT_AUTHORIZED,
    MQTT_FAIL_PROTOCOL_VERSION /* try 3.1.1 */,
    MQTT_FAIL_TAKEN_OVER,
    MQTT_FAIL_PROTOCOL /* malformed: make a fresh handle */,
    MQTT_FAIL_CLOSED,
    MQTT_FAIL_KEEPALIVE,
    MQTT_FAIL_DROPPED /* closed without a word after the CONNACK */,
    MQTT_FAIL_OTHER,
    MQTT_FAILURES
};

struct mqtt_message {
    const char *topic;
    const void *payload;
    size_t len;
    int qos;
    bool retained;
};

/* Any of them may be NULL. `ended` comes once, from inside mqtt_read, mqtt_write or mqtt_misc. A
 * handler may subscribe and publish, but not free the handle. */
struct mqtt_handlers {
    void (*connected)(void *user, bool session_present);
    void (*ended)(void *user, enum mqtt_failure why, const struct words *words);
    void (*message)(void *user, const struct mqtt_message *m);
    void (*published)(void *user, int mid, int reason); /* PUBACK; reason 0 with 3.1.1 */
    void (*subscribed)(void *user, int mid,
                       bool refused); /* SUBACK; refused: at least one filter */
    void (*unsubscribed)(void *user, int mid); /* UNSUBACK */
    /* Before `subscribed`, for each filter of that mqtt_subscribe that was refused. */
    void (*filter_refused)(void *user, int mid, int index);
};

struct mqtt *mqtt_new(const struct mqtt_options *o, const struct mqtt_handlers *h, void *user,
                      struct err *e);
void mqtt_free(struct mqtt *m); /* drops whatever was queued; never call inside a callback */
/* Starts to connect; there is no time limit in here. Without an address the name lookup blocks
 * (seconds at worst), the TCP connect does not. */
bool mqtt_connect(struct mqtt *m, enum mqtt_failure *why, struct words *words);
bool mqtt_is_connected(const struct mqtt *m); /* CONNACKed */
int mqtt_fd(const struct mqtt *m);            /* -1: none */
short mqtt_events(
    const struct mqtt *m); /* POLLIN, and POLLOUT while something waits to be written */
/* Reads about `packets` packets at most (libmosquitto may take a TLS record's worth more). Returns
 * how many messages were delivered, or -1: ended. */
int mqtt_read(struct mqtt *m, int packets);
void mqtt_pause(struct mqtt *m); /* inside a handler: mqtt_read returns after this packet */
bool mqtt_has_pending(
    const struct mqtt *m); /* decrypted bytes wait that poll() can't see: read again */
bool mqtt_write(struct mqtt *m);
bool mqtt_misc(struct mqtt *m); /* keepalive; at least once a second */
/* What has arrived is confirmed to the broker's TCP now, not 40 ms later: one that sends small
 * packets without TCP_NODELAY, as Mosquitto does unless told otherwise, waits for it with the next. */
void mqtt_hurry(struct mqtt *m);
void mqtt_disconnect(struct mqtt *m);

enum { MQTT_RETAIN_AS_PUBLISHED = 1, MQTT_NO_RETAINED = 2 /* Retain Handling 2 */ };
/* Returns the mid, or -1. */
int mqtt_subscribe(struct mqtt *m, const char *const *filters, int n, int qos, int options);
int mqtt_unsubscribe(struct mqtt *m, const char *const *filters, int n);
/* Only while connected (what libmosquitto queues can't be withdrawn): returns the mid, or what
 * kept it. */
enum { MQTT_UNSENDABLE = -1 /* no broker takes it */, MQTT_LOST = -2 /* the connection is over */ };
int mqtt_publish(struct mqtt *m, const char *topic, const void *payload, size_t len, int qos,
                 bool retain);

/* Of a connection over TLS: the version, and when the broker's certificate ends (wall ms; TIME_NONE
 * unknown). False without TLS. */
bool mqtt_tls_facts(const struct mqtt *m, struct text24 *version, int64_t *expires_at);

/* The sentence for a failure; detail (may be empty) is shown where the failure alone says too
 * little. */
void mqtt_failure_words(enum mqtt_failure why, const char *host, struct text detail,
                        struct words *out);
const char *mqtt_library_version(void);

#endif
