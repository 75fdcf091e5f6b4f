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
    bool over;           /* nothing more is waited for */
};

struct sending {
    struct call *call;
    struct dataset *data; /* for printing */
    enum action action;
    struct send_target *targets; /* owned by run_send */
    int count, over;
    int64_t canary, parallel, max_failures; /* 0: no limit */
    bool wait;                              /* until every one has ended */
    struct uid id;                          /* of the rollout */
    int64_t offline_since;                  /* mono; 0: connected */
    int64_t unstorable_since;               /* mono; 0: it can be stored, or was */
    bool asking;                            /* Ctrl-C: what becomes of the rest? */
    bool leaving, withdrawn;                /* … the recorder's, or withdrawn */
};

/* Runs it and prints the result; the exit code. */
int sending_run(struct sending *r, struct err *e);

#endif
