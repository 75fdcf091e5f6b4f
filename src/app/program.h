/* program.h - one program run beside us: no shell, its input given at once, what it complains about kept,
 * ended when it takes too long. Nothing here waits. */
#ifndef APP_PROGRAM_H
#define APP_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"

struct program {
    pid_t pid;             /* 0: none */
    int errors;            /* what it wrote to its standard error */
    int64_t deadline_mono; /* then it is killed, with all that it started */
    bool overdue;
};

/* Splits `command` at blanks ("…" keeps them), looks along PATH, gives it `input` (at most 60 KiB) and the
 * environment. False: *why says why. */
bool program_start(struct program *p, const char *command, char *const *environment, const char *input,
                   size_t len, struct text160 *why);
/* Has it ended? Then *why says what went wrong, "" nothing. Kills it when its time is over. */
bool program_has_ended(struct program *p, int64_t now_mono, struct text160 *why);

#endif
