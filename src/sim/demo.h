/* demo.h - a private hardened Mosquitto, a simulated fleet, both as child processes in a directory of
 * their own; everything is ended and removed again by demo_stop, whatever happened in between. */
#ifndef SIM_DEMO_H
#define SIM_DEMO_H

#include <stdint.h>

#include "base/err.h"
#include "broker/provision.h"

struct demo_options { int clients; uint32_t seed; const char *script; double heartbeat_s; };
struct demo;
/* Before any thread is made (it forks). Prints progress on stderr. */
struct demo *demo_start(const struct demo_options *o, struct err *e);
int demo_console_port(const struct demo *d);
const char *demo_server_password(const struct demo *d);
const char *demo_dir(const struct demo *d); /* for the history database */
void demo_stop(struct demo *d);

#endif
