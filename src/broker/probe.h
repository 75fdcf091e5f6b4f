/* probe.h - one short connection to a broker, step by step: for the proof after a reload and for
 * the audit. Each step waits until it is done or its time is up. Inside src/broker only. */
#ifndef BROKER_PROBE_H
#define BROKER_PROBE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/mqtt.h"

#define NOT_AUTHORIZED 0x87
#define NO_SUBSCRIBERS 0x10

/* A message for which nobody waits is dropped. */
typedef void (*probe_message_fn)(void *user, const struct mqtt_message *m);

struct probe {
    struct mqtt *m;
    bool up, over, session_present;
    enum mqtt_failure failure;
    struct words why;
    int waiting, reason;          /* a publish: mid (0: none), its PUBACK */
    int subscribing;              /* mid; 0: none */
    bool refused;                 /* the last subscription */
    int64_t heard_at;             /* the last message; mono */
    int64_t until;                /* when every step gives up; mono */
    const atomic_bool *cancelled; /* by another thread; NULL: never */
    probe_message_fn message;
    void *user;
};

/* Connects; false: p->failure and p->why say why (the handle is there, end it all the same). */
bool probe_open(struct probe *p, const struct mqtt_options *o);
void probe_end(struct probe *p);
bool probe_is_done(const struct probe *p); /* over, out of time, or cancelled */
bool probe_turn(struct probe *p, int ms);  /* false: over, or out of time */
/* The PUBACK's reason for a message that isn't retained; -1: none came. */
int probe_send(struct probe *p, const char *topic, const void *payload, size_t n);
/* The PUBACK's reason for an empty, not retained message; -1: none came. */
int probe_publish(struct probe *p, const char *topic);
bool probe_subscribe(struct probe *p, const char *const *filters, int n, int qos);
/* Until nothing came for quiet_ms. */
void probe_settle(struct probe *p, int quiet_ms);
/* p->why as a sentence; "?" without one. */
void probe_why(const struct probe *p, char *out, size_t size);

#endif
