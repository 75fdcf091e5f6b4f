/* provision_rig.h - a provisioned directory, the real Mosquitto on it and clients of it. One at a
 * time. */
#ifndef TESTS_BROKER_PROVISION_RIG_H
#define TESTS_BROKER_PROVISION_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/timefmt.h"
#include "broker/mqtt.h"
#include "broker/provision.h"

#define OWN    "9b8d1856-ff34-4864-a726-12de072d0f77"
#define OTHER  "41aa03c2-0000-4000-8000-000000000002"
#define DENIED 0x87
#define WAIT   10000

extern char prov_base[256], prov_dir[300]; /* the test's own folder, and the directory in it */
extern int prov_console_port, prov_device_port;
extern pid_t prov_broker;
extern struct account prov_server;
extern const struct mqtt_handlers prov_handlers;

struct prov_peer {
    struct mqtt *m;
    bool up, over, subscribed;
    enum mqtt_failure why;
    int waiting, reason;
    char topics[64][128];
    bool retained[64];
    int n;
};

#define UNTIL(p, condition)                                                                        \
    for (const int64_t until_ = clock_mono_ms() + WAIT; !(condition);) {                           \
        assert_true(clock_mono_ms() < until_);                                                     \
        prov_turn(p);                                                                              \
    }

void prov_broker_start(const char *in);
void prov_broker_end(int signo);
/* The one that ran has ended, and another runs in its place: that is the one to end. */
void prov_broker_restarted(void);
void prov_open(struct prov_peer *p, int port, const char *user, const char *password,
               const char *cafile);
void prov_close(struct prov_peer *p);
int prov_publish(struct prov_peer *p, const char *topic, const char *payload, bool retain);
void prov_subscribe(struct prov_peer *p, const char *filter);
bool prov_got(const struct prov_peer *p, const char *topic);
extern enum backend prov_backend; /* of what prov_create makes; each test begins with files */
int prov_setup(void **state);
int prov_setup_plugin(void **state); /* the Dynamic Security plugin keeps the accounts */
int prov_teardown(void **state);
void prov_create(const struct provision_init *more);
void prov_add(const char *uuid, const char *group, struct account *made);
void prov_read(const char *name, struct buf *out);
void prov_append(const char *name, const char *text);
void prov_turn(struct prov_peer *p);
/* All that holds accounts and rules, one behind the other. */
void prov_read_accounts(struct buf *out);

/* A test for each back end. */
#define PROV_BOTH(f)                                                                               \
    cmocka_unit_test_setup_teardown(f, prov_setup, prov_teardown),                                 \
        cmocka_unit_test_setup_teardown(f, prov_setup_plugin, prov_teardown)

#endif
