/* rig.h - what the tests of the link share: a real Mosquitto on a port and in a folder of its own,
 * a plain client, and a reader of the link's records that waits for conditions, never for time. */
#ifndef TESTS_BROKER_RIG_H
#define TESTS_BROKER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "broker/link.h"
#include "broker/mqtt.h"

#define WAIT_MS 15000

/* ---- Mosquitto ---- */

struct broker {
    char dir[64];
    int port;
    pid_t pid;
    char conf[2048];
};

/* conf: further lines; "%d" in it stands for the folder. NULL: anonymous, memory only. */
void broker_start(struct broker *b, const char *conf);
void broker_prepare(struct broker *b, const char *conf); /* the folder only, to put files into */
void broker_spawn(struct broker *b);                     /* after broker_prepare or broker_end */
void broker_end(struct broker *b, int signo);
void broker_stop(struct broker *b); /* and its folder is removed */
void rig_run(const char *format, ...) __attribute__((format(printf, 1, 2))); /* a shell command */

/* ---- a client ---- */

struct peer {
    struct mqtt *mqtt;
    bool up, ended, session_present;
    enum mqtt_failure why;
    struct words words;
    int sent, acked, subscribed, refused, last_reason, messages;
    char topic[256], payload[256]; /* of the last message */
};

struct peer *peer_try(const struct mqtt_options *o); /* until it is up or has ended */
struct peer *peer_open(int port, const char *id);    /* clean, must succeed */
void peer_turn(struct peer *c, int ms);
#define peer_until(c, condition)                                                                   \
    do {                                                                                           \
        const int64_t until_ = clock_mono_ms() + WAIT_MS;                                          \
        while (!(condition)) {                                                                     \
            assert_true(clock_mono_ms() < until_);                                                 \
            peer_turn((c), 100);                                                                   \
        }                                                                                          \
    } while (0)
void peer_subscribe(struct peer *c, const char *filter, int qos);
/* Waits for PUBACKs so that at most 15 are in the air; peer_settle() for the last ones. */
void peer_publish(struct peer *c, const char *topic, const char *payload, int qos, bool retain);
void peer_settle(struct peer *c);
void peer_close(struct peer *c);

/* ---- the link's records ---- */

struct seen {
    enum link_record_kind kind;
    bool journal, retained, rap, oversize, complete, session_present;
    uint64_t token;
    int reason;
    uint32_t payload_len;
    char *topic, *payload; /* owned, with a NUL each */
    char words[400];       /* English */
    struct link_status status;
};

struct watch {
    struct link *link;
    struct seen *seen;
    size_t n, cap;
    size_t next; /* what watch_* has not yet looked at */
    size_t count[LINK_STATUS + 1];
    struct link_status status; /* the last */
    bool hold;                 /* slices are not said to be durable */
};

struct link_options link_options_of(const struct broker *b);
void watch_start(struct watch *w, const struct link_options *o);
void watch_stop(struct watch *w);
void watch_drain(struct watch *w);        /* takes what is there */
bool watch_wait(struct watch *w, int ms); /* until the inbox has something, then takes it */
/* The next record of that kind (of that topic) after the one returned last; fails the test in time.
 */
struct seen *watch_kind(struct watch *w, enum link_record_kind kind);
struct seen *watch_message(struct watch *w, const char *topic);
struct seen *watch_try(struct watch *w, enum link_record_kind kind, int ms); /* or NULL */
#define watch_until(w, condition)                                                                  \
    do {                                                                                           \
        const int64_t until_ = clock_mono_ms() + WAIT_MS;                                          \
        while (!(condition)) {                                                                     \
            assert_true(clock_mono_ms() < until_);                                                 \
            watch_wait((w), 50);                                                                   \
        }                                                                                          \
    } while (0)

#endif
