/* audit.h - is a broker as closed as it should be? The files of a directory, line by line, and the
 * running broker by trying. Everything that isn't right says what to do. */
#ifndef BROKER_AUDIT_H
#define BROKER_AUDIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/text.h"
#include "core/uid.h"

/* One finding. A check may have several faults: then it stands there several times. */
struct audit_check {
    const char *name;     /* "files.anonymous": the same in every language */
    const char *expected; /* translated */
    struct text512 actual;
    bool ok;
};

struct audit {
    struct audit_check *list; /* owned */
    size_t n, cap;
    bool failed; /* out of memory: not everything is here */
};

void audit_fini(struct audit *a);
bool audit_ok(const struct audit *a);
/* name and expected must outlive a; actual is cleaned. */
void audit_add(struct audit *a, const char *name, const char *expected, bool ok,
               const char *actual);

/* The files. False: there is no such directory, e says so. Everything else becomes a finding. */
bool audit_files(struct audit *a, const char *dir, struct err *e);

/* The running broker. */
struct audit_target {
    const char *dir;  /* NULL: host and port are given, one listener for all */
    const char *host; /* NULL: the directory's */
    int port;
    const char *username; /* NULL: the server account */
    const char *password; /* NULL: only what anyone could try */
    const char *cafile, *cert, *key;
    bool insecure;
    const char *device; /* a uuid whose rows are tried, which takes its connection; NULL none */
    const char *device_password;
    const atomic_bool *cancelled; /* by another thread: ends within moments; NULL never */
};

/* False: no broker answers, e (EXIT_BROKER) says why. */
bool audit_broker(struct audit *a, const struct audit_target *t, struct err *e);

#endif
