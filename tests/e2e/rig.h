/* rig.h - a real Mosquitto on a random loopback port and a directory of its own, both gone at the end. */
#ifndef E2E_RIG_H
#define E2E_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define RIG_PATH 256

struct rig {
    char dir[RIG_PATH];  /* for databases and files of the test */
    int port;
    pid_t broker;        /* 0: not running */
    pid_t recording;
};

void rig_start(struct rig *r);          /* fails the test where there is no mosquitto */
void rig_stop(struct rig *r);           /* ends the broker, removes the directory */
void rig_broker_start(struct rig *r);   /* again, on the same port */
void rig_broker_kill(struct rig *r, int signo);
void rig_publish(struct rig *r, const char *topic, const char *payload, bool retain);
void rig_publish_bytes(struct rig *r, const char *topic, const void *payload, size_t n, bool retain);
/* The retained payload of a topic into out ("" if there is none). */
void rig_retained(struct rig *r, const char *topic, char *out, size_t size);
/* Everything published on a topic (wildcards allowed) from now on is written down; one at a time. */
void rig_record(struct rig *r, const char *topic);
/* Ends it; the payloads, a line each. What was published before this call is among them. */
void rig_recorded(struct rig *r, char *out, size_t size);
/* Runs the program with arguments; stdout into out. Returns its exit code. */
int rig_run(struct rig *r, char *out, size_t size, const char *const *args);
const char *rig_program(void); /* build/infoscreen-tui */

#endif
