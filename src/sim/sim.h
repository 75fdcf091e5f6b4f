/* sim.h - a simulated fleet that behaves as the seed says devices do, and the scripts that make it
 * suffer. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "broker/provision.h"

#define SIM_NAME 32

struct sim_options {
    const char *host;
    int port; /* the device listener */
    const struct account
        *accounts; /* one per device; devices = n. NULL: anonymous, generated uuids */
    int n;
    uint32_t seed;
    const char *script;           /* path; NULL: the built-in story and random minor faults */
    bool calm;                    /* neither story nor random faults unless a script says so */
    double heartbeat_s;           /* mean interval */
    double gap_scale;             /* of a reboot's 10–90 s and of other pauses; 0: 1 */
    int console_port;             /* 0: no groups and events are published */
    const struct account *server; /* … with this account; NULL: anonymous */
    int broker_fd; /* takes enum sim_broker bytes for who owns the broker; -1: lines that need it
                      fail */
};

/* What a script asks of the broker's owner. */
enum sim_broker { SIM_BROKER_STOP = 's', SIM_BROKER_KILL = 'k', SIM_BROKER_START = 'b' };

/* Runs until SIGTERM; for the child process of `demo`. Returns an exit code. */
int sim_run(const struct sim_options *o);
/* Checks a script for a fleet of n (0: names of devices aren't looked at) without running it:
 * "story.txt:7: unknown verb …" (EXIT_USAGE). */
bool sim_check_script_for(const char *path, int n, struct err *e);
bool sim_check_script(const char *path, struct err *e);
/* The verbs of scripts with what they do, one a line. */
void sim_print_verbs(FILE *out);

/* Device i of a fleet of n: the same for the same arguments, everywhere. */
void sim_name(int i, char out[SIM_NAME]);
void sim_group(int i, int n, char out[SIM_NAME]);
void sim_uuid(uint32_t seed, int i,
              char out[UID_TEXT]); /* the first 8 characters differ for each i */

#endif
