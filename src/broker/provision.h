/* provision.h - a Mosquitto directory: made by `broker init`, grown by `broker add`.
 * Writes aside, validates, fsyncs, renames; a reload of a broken file would open the
 * broker to all. */
#ifndef BROKER_PROVISION_H
#define BROKER_PROVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "core/uid.h"

#define SERVER_ACCOUNT "infoscreen-server"
#define DEVICE_ACCOUNT "infoscreen-client-" /* and the first 8 characters of its uuid */
#define PASSWORD_SIZE  33 /* 32 characters of 128 random bits and NUL */
#define USERNAME_SIZE  32 /* "infoscreen-client-" + 8 + NUL fits */

/* How a broker keeps the accounts of devices. */
enum backend {
    BACKEND_AUTO,  /* files; the plugin above BACKEND_ACL_MAX devices */
    BACKEND_ACL,   /* acl_file and password_file: simple, and slow to load for many */
    BACKEND_DYNSEC /* Mosquitto's Dynamic Security plugin */
};

/* Loading the rules takes Mosquitto 0.5 s for so many, and grows with the square. */
#define BACKEND_ACL_MAX 5000
/* So many accounts go to a running plugin, which writes its whole file at each. */
#define LIVE_MAX 200

struct provision_init {
    const char *dir;
    enum backend backend;
    const char *listen,
        *device_listen; /* HOST:PORT; NULL: loopback, 1884 and 1883 (TLS 8884 and 8883) */
    const char *cert, *key, *cafile; /* NULL: no TLS */
    bool self_signed, insecure;
};

enum account_fault {
    ACCOUNT_WHOLE,
    ACCOUNT_NO_PASSWORD, /* rules that nobody can use: an add that was killed */
    ACCOUNT_NO_RULES     /* can connect, and is refused everything */
};

struct account {
    char username[USERNAME_SIZE];
    char password[PASSWORD_SIZE]; /* "" where it isn't known (list) */
    char client_uuid[UID_TEXT];   /* "" for the server account, and without rules */
    enum account_fault fault;     /* list */
};

/* Fills *server. dir must be missing or empty. Errors: EXIT_USAGE (an address or port that is
 * none), EXIT_POLICY (dir isn't empty: says what would change; an open address without TLS or
 * `insecure`), EXIT_FAILED (a dir that can't be read, files, certificates, a parent that user
 * mosquitto can't enter or that everyone may write into). What was written before a failure is
 * removed again. Made by root, all belongs to user mosquitto. */
bool provision_create(const struct provision_init *o, struct account *server, struct err *e);

/* How a directory, and a broker that runs on it, take a change over. All may be 0 or NULL. */
struct provision_reload {
    enum backend backend;        /* of an add: BACKEND_DYNSEC moves the accounts to the plugin */
    bool restart;                /* the broker may be stopped and started again */
    void (*tell)(const char *);  /* gets what is going to happen, sentence by sentence */
    pid_t broker_pid;            /* 0: the pid file of the directory; EXIT_USAGE: no mosquitto */
    const char *server_password; /* NULL: the reload can't be proved */
    const char *cafile;          /* NULL: the directory's own */
    bool password_is_new;        /* refused until the broker has come round to reloading */
    const char *old_password;    /* then: the one before, which a running plugin still knows */
};

enum provision_proof {
    PROOF_NOT_RUNNING,    /* files written; no broker runs on them */
    PROOF_NO_CREDENTIALS, /* files written, broker told to reload; nobody looked whether it did */
    PROOF_PASSED          /* canary accepted, forbidden publish refused */
};

/* Adds n accounts at once: one rewrite, one reload, one proof. made[n] is filled in the order of
 * uuids. group: NULL or "" = the device may read every group's events and intent; else that group's
 * only. Errors: EXIT_USAGE (no uuid, a group that can't be a topic level), EXIT_POLICY (a uuid
 * given twice, known already, or whose first 8 characters are taken: both named), EXIT_FAILED
 * (unreadable or broken files; a reload that can't be proved: the old files are back by then).
 * After an error nothing of the call remains. Concurrent calls on one directory wait for each
 * other. r may be NULL. */
bool provision_add_accounts(const char *dir, const char *const *uuids, int n, const char *group,
                            const struct provision_reload *r, struct account *made,
                            enum provision_proof *proof, struct err *e);
/* The same with the server's password from the environment (MQTT_PASSWORD). *proved: PROOF_PASSED.
 */
bool provision_add(const char *dir, const char *const *uuids, int n, const char *group,
                   pid_t broker_pid, struct account *made, bool *proved, struct err *e);
/* Takes accounts away, rules and password; a broker that is told disconnects them. names: a uuid or
 * an account's name each; touched[n] is filled. EXIT_NOT_FOUND: one of them isn't there;
 * EXIT_POLICY: the server account. All or nothing. */
bool provision_remove(const char *dir, const char *const *names, int n,
                      const struct provision_reload *r, struct account *touched,
                      enum provision_proof *proof, struct err *e);
/* New passwords, the server account's too. Mosquitto keeps one password for an account: the old one
 * ends, and with it the connection, at the reload. */
bool provision_rotate(const char *dir, const char *const *names, int n,
                      const struct provision_reload *r, struct account *made,
                      enum provision_proof *proof, struct err *e);
/* The server account first, then the devices in the order of their rules, then accounts without
 * any. free() the list. */
bool provision_list(const char *dir, struct account **list, int *n, struct err *e);
/* Ports of the two listeners as written. */
bool provision_ports(const char *dir, int *console_port, int *device_port, struct err *e);
/* The rest that a connection line needs. */
struct provision_console {
    char host[256]; /* to connect to: "localhost" where the listener is on all addresses or loopback
                     */
    int port;
    char cafile[512]; /* "" without TLS */
};
bool provision_console(const char *dir, struct provision_console *out, struct err *e);

#endif
