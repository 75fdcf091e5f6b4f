/* selftest.h - what can this broker do? Tried on connections of its own, beside the console's, so
 * that nothing is disturbed: no device subscribes to what is published, and nothing is retained. It
 * needs no right but those of a console: to read infoscreen/console/presence/+. */
#ifndef BROKER_SELFTEST_H
#define BROKER_SELFTEST_H

#include <stdbool.h>

#include "broker/mqtt.h"
#include "core/status.h"

struct selftest_options {
    struct mqtt_options mqtt;   /* host, address, port, TLS, account, protocol */
    const char *presence_topic; /* a retained message that stands there; NULL: any will do */
    bool read_only;             /* publishes nothing, keeps no session: little is found out */
};

/* In a thread of its own. NULL: out of memory. */
struct selftest *selftest_start(const struct selftest_options *o); /* copies o */
int selftest_fd(const struct selftest *s);                         /* readable when it is over */
bool selftest_answer(struct selftest *s, struct traits *out);      /* false: not yet */
void selftest_free(struct selftest *s); /* cuts it short; NULL is legal */

/* The same, waiting (seconds at most). False: no connection came about; e says why. */
bool selftest_run(const struct selftest_options *o, struct traits *out, struct err *e);

#endif
