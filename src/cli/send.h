/* send.h - a rollout: one command to each of its targets. send.c decides who and asks whether,
 * rollout.c carries it out. Within the room. */
#ifndef CLI_SEND_H
#define CLI_SEND_H

#include "cli/call.h"
#include "cli/dataset.h"

struct send_target {
    struct uid client;
    char spelling[UID_TEXT];
    struct text64 name; /* for people */
    struct uid command;
    struct command last; /* as last seen */
    bool released, over; /* … and nothing more is waited for */
};

struct sending {
    struct call *call;
    struct dataset *data; /* for printing */
    enum action action;
    struct send_target *targets; /* owned by run_send */
    int count, released;
    int64_t canary, parallel, max_failures; /* 0: no limit */
    bool wait;                              /* until every one has ended */
    bool stopped;
    char id[UID_TEXT]; /* "" for a single command */
    int64_t offline_since; /* mono; 0: connected */
};

/* Runs it and prints the result; the exit code. */
int sending_run(struct sending *r, struct err *e);

#endif
