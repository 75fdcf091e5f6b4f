/* audit_parts.h - what the files of the audit share. Inside src/broker only. */
#ifndef BROKER_AUDIT_PARTS_H
#define BROKER_AUDIT_PARTS_H

#include <openssl/x509.h>

#include "broker/audit.h"
#include "broker/provision_parts.h"

#define LISTENERS_MAX 16
#define GLOBAL        (-1)

/* A line of mosquitto.conf that says something. */
struct conf_line {
    int number, listener;    /* listener: GLOBAL before the first */
    const char *key, *value; /* in conf->text or constant; value may be "" */
};

struct conf {
    char path[PATH_SIZE];
    struct buf text; /* cut into words */
    struct conf_line *line;
    size_t n, cap;
    int listeners; /* the ones behind LISTENERS_MAX are counted with the last */
    bool per_listener;
};

bool conf_load(struct conf *c, const char *path, struct err *e);
void conf_unload(struct conf *c);
/* The last line with that key: of the listener itself. */
const struct conf_line *conf_own(const struct conf *c, int listener, const char *key);
/* … and for what per_listener_settings rules over: anywhere unless it is on. */
const struct conf_line *conf_security(const struct conf *c, int listener, const char *key);
const struct conf_line *conf_global(const struct conf *c, const char *key);
const struct conf_line *conf_listener(const struct conf *c, int listener); /* "listener 1883 …" */
bool conf_is(const struct conf_line *l, const char *value);
bool conf_is_device(const struct conf *c, int listener); /* use_username_as_clientid */

struct audit_run;
struct live;
struct acl_line;
struct kept;
/* One row of the declared table: a name, what is right, and who looks. */
struct audit_rule {
    const char *name;
    const char *expected; /* N_() */
    void (*look)(struct audit_run *r);
};

#define FAULTS_EACH 20 /* of one rule are told; the rest is counted */

struct audit_run {
    struct audit *audit;
    const struct audit_rule *rule;
    size_t faults;
    char note[256]; /* what is worth saying though it is no fault */
    char dir[PATH_SIZE];
    struct conf conf;
    struct live *live; /* NULL: the files */
    /* of the walk that is on */
    void (*each_line)(struct audit_run *r, const struct acl_line *l);
    const struct kept *looking;
    unsigned canaries;
    /* of audit_plugin */
    bool plugin_read;
    struct dynsec *plugin;
    struct buf plugin_rules;
    struct err plugin_error;
};

/* Runs every rule; one without faults gets one row that is ok. */
void audit_run_rules(struct audit_run *r, const struct audit_rule *rules, size_t n);
void audit_fault(struct audit_run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void audit_note(struct audit_run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "mosquitto.conf" of "/etc/…/mosquitto.conf", for messages. */
const char *base_name(const char *path);

/* Of each distinct file that a key names, once. */
void audit_each_file(struct audit_run *r, const char *key,
                     void (*fn)(struct audit_run *r, const char *path));

/* The accounts of the Dynamic Security plugin, and its rules as an acl_file says them: read once.
 * NULL: r->plugin_error says why. */
struct dynsec *audit_plugin(struct audit_run *r, const char *path);

/* audit_rules.c */
void look_plugin(struct audit_run *r);
void look_device_rules(struct audit_run *r);
void look_server_rules(struct audit_run *r);
void look_everyone(struct audit_run *r);
void look_prefixes(struct audit_run *r);
void look_canary(struct audit_run *r);
/* audit_disk.c */
void look_accounts(struct audit_run *r);
void look_modes(struct audit_run *r);
void look_owners(struct audit_run *r);
void look_certificate(struct audit_run *r);
/* A fault if it isn't good for another month. */
void judge_certificate(struct audit_run *r, const X509 *x, const char *name);

#endif
