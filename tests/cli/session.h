/* session.h - see session.c. */
#ifndef TESTS_CLI_SESSION_H
#define TESTS_CLI_SESSION_H

#include "cli/cli.h"

struct job_host {
    struct core *core;
    struct codec *codec;
    struct effects effects;
    int64_t elapsed_ms;
    unsigned published;
    bool unreachable; /* no broker */
    bool deaf;        /* the broker never answers a publish */
    bool mute;        /* it takes them, but nothing of them comes back */
    const char *refusal;
    const char *refused_topic; /* the broker takes nothing there */
};

struct job_host *session_new(const struct config *config);
void session_free(struct job_host *h);
void session_hear(struct job_host *h, const char *topic, const char *payload, bool retained);
int session_run(struct job_host *h, struct job *j);

#endif
