/* demo.h - a private hardened Mosquitto, a simulated fleet, both as child processes in a directory
 * of their own; everything is ended and removed again by demo_stop, whatever happened in between.
 */
#ifndef SIM_DEMO_H
#define SIM_DEMO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "broker/provision.h"

#define DEMO_CLIENTS     24 /* without --clients */
#define DEMO_CLIENTS_MAX 2000

struct demo_options {
    int clients; /* 0: DEMO_CLIENTS */
    uint32_t seed;
    const char *script;
    double heartbeat_s; /* 0: 5 */
    double gap_scale;   /* of a reboot's 10–90 s; 0: 0.2 */
    bool calm;          /* no story, no random faults (tests) */
};
struct demo;
/* Before any thread is made (it forks). One line on stderr says what runs and what to try. Errors:
 * EXIT_USAGE (script, number of clients), EXIT_FAILED (no mosquitto, no directory); then nothing is
 * left behind. If this process dies in whatever way, broker and fleet end and the directory goes.
 */
struct demo *demo_start(const struct demo_options *o, struct err *e);
int demo_console_port(const struct demo *d);
int demo_device_port(const struct demo *d);
const char *demo_server_password(const struct demo *d);
const char *demo_dir(const struct demo *d);                        /* for the history database */
const struct account *demo_accounts(const struct demo *d, int *n); /* of the devices */
pid_t demo_supervisor(const struct demo *d);
void demo_stop(struct demo *d); /* at most 5 s; NULL is allowed */

#endif
