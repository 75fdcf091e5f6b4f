/* sim.h - a simulated fleet that behaves as the seed says devices do, and the scripts that make it suffer. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "broker/provision.h"

struct sim_options {
    const char *host;
    int port;                /* the device listener */
    const struct account *accounts; /* one per device; devices = n. NULL: anonymous, generated uuids */
    int n;
    uint32_t seed;
    const char *script;      /* path; NULL: the built-in story */
    double heartbeat_s;      /* mean interval */
    const char *broker_dir;  /* for script lines that stop or kill the broker; NULL: they are refused */
    int console_port;        /* retained group_id and events are published with the server account there */
    const struct account *server;
    pid_t broker_pid;
};

/* Runs until SIGTERM; for the child process of `demo`. Returns an exit code. */
int sim_run(const struct sim_options *o);
/* Checks a script without running it: "story.txt:7: unknown verb …". */
bool sim_check_script(const char *path, struct err *e);

#endif
