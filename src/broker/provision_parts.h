/* provision_parts.h - what the files of provisioning share. Inside src/broker only. */
#ifndef BROKER_PROVISION_PARTS_H
#define BROKER_PROVISION_PARTS_H

#include <sys/types.h>

#include "base/buf.h"
#include "broker/provision.h"

#define PATH_SIZE 512

/* Above this many devices the broker saves once a second instead of at each change: rewriting its
 * whole database at every retained message took 169 s instead of 1.6 s for 20,000 of them. */
#define SAVE_ON_CHANGES_MAX 5000

/* ---- files (provision_file.c) ---- */

/* Who owns what is written: user mosquitto where root does it, since Mosquitto drops to that user.
 */
struct owner {
    bool change; /* chown to uid and gid */
    uid_t uid;
    gid_t gid;
};

bool owner_find(struct owner *o, struct err *e);
/* The absolute path of dir, which need not exist (its parents are made); false with e filled. */
bool dir_absolute(const char *dir, char out[PATH_SIZE], struct err *e);
/* Can the owner pass through all parents of the absolute path dir? */
bool dir_reachable(const char *dir, const struct owner *o, struct err *e);
bool file_read(const char *path, struct buf *out, struct err *e);
/* Fills err from errno: "PATH: WORDS". Returns false. */
bool file_error(struct err *e, const char *path);
/* "DIR/NAME" into out. False with e filled if it is too long. */
bool path_join(char out[PATH_SIZE], const char *dir, const char *name, struct err *e);

/* One file to be replaced. A change that was applied can be taken back. */
struct change {
    char path[PATH_SIZE];
    struct buf before, after;
    mode_t mode;        /* of a file that is new */
    struct owner owner; /* of a file that is new; an old one keeps its own */
    bool is_new;
};

/* Reads what is there (a missing file: is_new). */
bool change_begin(struct change *c, const char *path, mode_t mode, const struct owner *o,
                  struct err *e);
/* Writes all aside, fsyncs, then renames one after the other in the order given: a kill at any
 * moment leaves each file whole, old or new. On failure those already renamed are put back. */
bool changes_apply(struct change *c, int n, struct err *e);
bool changes_revert(struct change *c, int n, struct err *e);
void changes_fini(struct change *c, int n);

/* ---- one change of a directory (provision_edit.c) ---- */

/* The order in which files take their place. A kill between two leaves rules without an account,
 * which is harmless; an account without rules would be refused everything. The console's rules,
 * which hold the canary, come last: it passes only if all before it is in place. */
enum {
    CHANGE_RULES,
    CHANGE_PASSWORDS,
    CHANGE_CONSOLE_PASSWORDS,
    CHANGE_CONF,
    CHANGE_CANARY,
    CHANGES
};

/* Changes `after` (which begins as a copy of `before`) of all but the canary's file. */
typedef bool (*edit_fn)(struct change c[CHANGES], void *user, struct err *e);
/* Locks, reads, lets fn edit, validates, writes, reloads, proves. */
bool directory_edit(const char *dir, edit_fn fn, void *user, const struct provision_reload *r,
                    enum provision_proof *proof, struct err *e);

/* ---- mosquitto.conf (provision_conf.c) ---- */

struct listener_part {
    char host[256]; /* "" = all addresses */
    int port;
    bool tls;
    char password_file[PATH_SIZE], acl_file[PATH_SIZE], cafile[PATH_SIZE];
};

struct layout {
    char dir[PATH_SIZE]; /* absolute */
    char conf[PATH_SIZE], pid_file[PATH_SIZE];
    struct listener_part console, devices;
    char certfile[PATH_SIZE], keyfile[PATH_SIZE]; /* "" without TLS */
};

/* "HOST:PORT", "[V6]:PORT", "HOST" or ":PORT" (all addresses). EXIT_USAGE. */
bool listen_parse(const char *text, const char *default_host, int default_port,
                  struct listener_part *out, struct err *e);
bool host_is_loopback(const char *host);
/* The names of all files below l->dir, from the options. */
bool layout_plan(struct layout *l, const struct provision_init *o, struct err *e);
bool conf_write(const struct layout *l, struct buf *out);
/* What an existing directory's mosquitto.conf says. */
bool layout_read(struct layout *l, const char *dir, struct err *e);
/* Copies the text of a mosquitto.conf with autosave_on_changes set as the number of devices wants
 * it. */
bool conf_fit(const char *text, int devices, struct buf *out);

/* ---- access rules (provision_acl.c) ---- */

bool acl_write_server(struct buf *out, const char *nonce);
bool acl_write_device(struct buf *out, const struct account *a, const char *group);
/* Copies the server's rules with a fresh canary in place of the one before. */
bool acl_replace_canary(const char *text, const char *nonce, struct buf *out);
/* What Mosquitto would refuse (and then let everyone in) is refused here: "PATH:12: …". */
bool acl_validate(const char *path, const char *text, struct err *e);
/* Exactly one topic below console/canary. */
bool acl_is_canary(const char *filter);
bool group_valid(const char *group);

/* An account and the client that it belongs to, in the order of the rules. */
typedef bool (*account_fn)(void *user, const char *username, const char *uuid);
bool acl_each_account(const char *text, account_fn fn, void *user);

/* ---- passwords (provision_passwd.c) ---- */

void password_make(char out[PASSWORD_SIZE]);
/* "user:$7$101$salt$hash\n" as mosquitto_passwd writes it. */
bool passwd_write(struct buf *out, const char *username, const char *password);
bool passwd_validate(const char *path, const char *text, struct err *e);
bool passwd_has(const char *text, const char *username);
/* Every account of the file, in its order; a username that is too long is cut. */
bool passwd_each(const char *text, bool (*fn)(void *user, const char *username), void *user);

/* A set of usernames; names_add is of the kind that passwd_each wants. free(list). */
struct names {
    char (*list)[USERNAME_SIZE];
    size_t n, cap;
};
bool names_add(void *user, const char *username);
void names_sort(struct names *s);
bool names_have(const struct names *s, const char *username); /* sorted */

/* ---- TLS (provision_tls.c) ---- */

/* Brings server.crt, server.key and ca.crt into the directory. */
bool tls_install(const struct layout *l, const struct provision_init *o, const struct owner *owner,
                 struct err *e);

/* ---- reload and proof (provision_prove.c) ---- */

/* Where to connect to: the listener's host, loopback where it listens on all addresses. */
const char *listener_host(const struct listener_part *p);
/* The running broker of this directory, 0 if none runs. */
pid_t broker_find(const struct layout *l);
bool broker_reload(pid_t pid, struct err *e);
/* A publish to the canary must pass and one to a heartbeat topic must be refused. */
bool broker_prove(const struct layout *l, const struct provision_reload *r, const char *nonce,
                  struct err *e);

#endif
