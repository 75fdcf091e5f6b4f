/* console.h - the program on a terminal over a real Mosquitto, begun before a test and quit after
 * it. */
#ifndef E2E_CONSOLE_H
#define E2E_CONSOLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"
#include "term.h"

#define LOBBY "9b8d1856-ff34-4864-a726-12de072d0f77"
#define WAIT  30 /* seconds, at most */

/* What a test finds. */
struct scene {
    struct term_options terminal;
    const char *option;    /* one more on the command line; NULL: none */
    const char *failed_at; /* LOBBY's unit gave up then, which the broker keeps; NULL: it didn't */
    bool lobby;            /* LOBBY was heard and is online as lobby-03 */
};

/* A test whose state is the terminal of the scene's console, which must quit in the end. */
#define IN_SCENE(test, scene)                                                                      \
    cmocka_unit_test_prestate_setup_teardown(test, console_begin, console_end, (void *)(scene))

extern struct rig rig;    /* of the program's tests; the broker is theirs together */
extern char console_db[]; /* of the console begun last: each has its own */

int console_group_begin(void **state);
int console_group_end(void **state);
int console_begin(void **state);
int console_end(void **state);
/* For the caller to end. */
struct term *console_start(const struct term_options *o, const char *option);

void device_beats(const char *uuid, const char *hostname, const char *status);
/* Until the console shows it: what is published before it has subscribed is heard by nobody, as
 * with any device. */
void device_beats_until(struct term *t, const char *uuid, const char *hostname, const char *status,
                        const char *shown);
void device_fails(const char *uuid, const char *at); /* its unit gave up */

#endif
