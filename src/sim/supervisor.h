/* supervisor.h - the process that owns the demo's broker and fleet. Inside src/sim only. */
#ifndef SIM_SUPERVISOR_H
#define SIM_SUPERVISOR_H

#include <sys/types.h>

#include "sim/sim.h"

struct supervision {
    const char *dir;  /* removed at the end */
    const char *conf; /* mosquitto.conf */
    const char *log;  /* where broker and fleet write what they have to say */
    int console_port, device_port;
    struct sim_options sim; /* broker_fd is set by the supervisor */
};

/* Forks it. *control: closing this descriptor ends everything. *report: one line comes there, ""
 * when broker and fleet run, else what went wrong; then it is closed. Returns the process, or -1.
 */
pid_t supervisor_start(const struct supervision *s, int *control, int *report);
/* Removes a directory and all below; silent. */
void supervisor_remove_tree(const char *dir);

#endif
