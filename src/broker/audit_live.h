/* audit_live.h - what the files of the live audit share. Inside src/broker only. */
#ifndef BROKER_AUDIT_LIVE_H
#define BROKER_AUDIT_LIVE_H

#include "broker/audit_parts.h"
#include "broker/probe.h"

struct door {
    char host[256];
    int port;
    bool tls, device;
    char cafile[PATH_SIZE];
};

struct live {
    const struct audit_target *target;
    struct door door[LISTENERS_MAX];
    int doors;
    int protocol;      /* 5, or 4 where the broker knows no other */
    struct uid nobody; /* a uuid that no device has: uid_probe */
    char nobody_text[UID_TEXT];
};

struct mqtt_options live_options(const struct live *v, const struct door *d, const char *username,
                                 const char *password);
bool live_open(struct live *v, struct probe *p, const struct door *d, const char *username,
               const char *password);
/* The devices' or the consoles' listener; the only one where there is one. */
const struct door *live_door(const struct live *v, bool device);

/* Without MQTT 5 a broker doesn't say what it refuses: notes that, true. */
bool live_cannot_tell(struct audit_run *r);

/* audit_rows.c: the rows of the table of topics. */
void live_run_server(struct audit_run *r);
void live_run_device(struct audit_run *r);
/* audit_kept.c: what the broker keeps. */
void look_retained_commands(struct audit_run *r);
void look_retained_unknown(struct audit_run *r);
void look_sys(struct audit_run *r);
/* audit_tls.c: the versions and the certificate of a listener. */
void tls_try(struct audit_run *r, const struct door *d, const char *name);

#endif
