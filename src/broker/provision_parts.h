/* provision_parts.h - what the files of provisioning share. Inside src/broker only. */
#ifndef BROKER_PROVISION_PARTS_H
#define BROKER_PROVISION_PARTS_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "broker/dynsec.h"
#include "broker/probe.h"
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
/* The absolute path of dir, which need not exist, nor its parents; false with e filled. */
bool dir_absolute(const char *dir, char out[PATH_SIZE], struct err *e);
/* Can the owner pass through all parents of the absolute path dir that are there, and does none of
 * them belong to anyone? */
bool dir_parents_fit(const char *dir, const struct owner *o, struct err *e);
/* A folder in which everyone may put another one in the place of one that is in it. */
bool dir_is_anyones(const struct stat *st);
/* Those of an absolute path that are missing. */
bool dir_make_parents(const char *dir, const struct owner *o, struct err *e);
bool file_read(const char *path, struct buf *out, struct err *e);
/* Fills err from errno: "PATH: WORDS". Returns false. */
bool file_error(struct err *e, const char *path);
/* "DIR/NAME" into out. False with e filled if it is too long. */
bool path_join(char out[PATH_SIZE], const char *dir, const char *name, struct err *e);

/* One file to be replaced; one without a path is passed over. A change that was applied can be
 * taken back. */
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
/* Is the file still what was read? */
bool change_unchanged(const struct change *c, struct err *e);
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

struct layout;

/* A directory in the middle of a change. */
struct edit {
    struct layout *l; /* owned */
    struct change c[CHANGES];
    struct dynsec *accounts;     /* the plugin's, owned; NULL: rules and passwords are files */
    struct buf rules, passwords; /* what was there, of either back end as files would say it */
    int devices;                 /* that there will be; set by whoever adds */
    bool moves;                  /* from files to the plugin */
    char nonce[33];
};

struct control;

struct edit_plan {
    /* Changes `after` (which begins as a copy of `before`) of all but the canary's file, and
     * `accounts` in place of rules and passwords where there are any. */
    bool (*edit)(struct edit *d, void *user, struct err *e);
    /* Tells a running plugin what edit did. */
    bool (*live)(struct control *c, void *user, struct err *e);
    int n; /* accounts that are touched */
    void *user;
};

/* Locks, reads, lets the plan edit, validates, writes, reloads or tells or restarts, proves. */
bool directory_edit(const char *dir, const struct edit_plan *plan, const struct provision_reload *r,
                    enum provision_proof *proof, struct err *e);
/* Inside an edit: all accounts go from their files to the plugin, with their passwords. */
bool edit_move_to_plugin(struct edit *d, struct err *e);

/* ---- a running plugin (provision_live.c) ---- */

struct control {
    struct probe p;
    const struct layout *layout;
    const struct provision_reload *reload;
    bool answered, done; /* of the last command */
    char why[200];
};

/* The server account's password as the running broker knows it; NULL without one. */
const char *control_password(const struct provision_reload *r);
bool control_open(struct control *c, const struct layout *l, const struct provision_reload *r,
                  struct err *e);
void control_close(struct control *c);
/* All or none; the first one is proved. */
bool control_add(struct control *c, const struct account *a, int n, const char *group,
                 struct err *e);
/* These stop at the first failure: what was done stays, and e tells how many. */
bool control_remove(struct control *c, const struct account *a, int n, struct err *e);
bool control_rotate(struct control *c, const struct account *a, int n, struct err *e);

/* ---- stopping and starting (provision_restart.c) ---- */

struct revival;

/* Stops it, and remembers how it was started; NULL: it runs on, e says why. */
struct revival *revival_stop(pid_t pid, struct err *e);
bool revival_start(struct revival *v, const struct layout *l, struct err *e);
void revival_free(struct revival *v);

/* ---- mosquitto.conf (provision_conf.c) ---- */

struct listener_part {
    char host[256]; /* "" = all addresses */
    int port;
    bool tls;
    char password_file[PATH_SIZE], acl_file[PATH_SIZE], cafile[PATH_SIZE];
    char dynsec_file[PATH_SIZE]; /* in place of the first two: the plugin's JSON; "" without it */
};

struct layout {
    char dir[PATH_SIZE]; /* absolute */
    char conf[PATH_SIZE], pid_file[PATH_SIZE];
    struct listener_part console, devices;
    char certfile[PATH_SIZE], keyfile[PATH_SIZE]; /* "" without TLS */
    /* Plugins, where they are used: Mosquitto 2.1 wants them for the files of rules and passwords
     * too. */
    char dynsec_plugin[PATH_SIZE], acl_plugin[PATH_SIZE], password_plugin[PATH_SIZE];
};

/* "HOST:PORT", "[V6]:PORT", "HOST" or ":PORT" (all addresses). EXIT_USAGE. */
bool listen_parse(const char *text, const char *default_host, int default_port,
                  struct listener_part *out, struct err *e);
bool host_is_loopback(const char *host);
/* The names of all files below l->dir, from the options. */
bool layout_plan(struct layout *l, const struct provision_init *o, struct err *e);
/* The plugin's file for devices; EXIT_FAILED: it isn't installed. */
bool layout_plan_dynsec(struct layout *l, struct err *e);
bool conf_write(const struct layout *l, struct buf *out);
/* What an existing directory's mosquitto.conf says (provision_conf_read.c). */
bool layout_read(struct layout *l, const char *dir, struct err *e);
/* The same mosquitto.conf with the devices' listener on the plugin in place of their two files.
 * EXIT_FAILED: the lines that are replaced aren't those that were written. */
bool conf_to_dynsec(const struct layout *l, const char *text, struct buf *out, struct err *e);
/* The devices' accounts of either back end, as an acl_file and a password file say them. */
bool layout_accounts(const struct layout *l, struct buf *rules, struct buf *passwords,
                     struct err *e);
/* Copies the text of a mosquitto.conf with autosave_on_changes set as the number of devices wants
 * it. */
bool conf_fit(const char *text, int devices, struct buf *out);

/* ---- the installed Mosquitto (provision_install.c) ---- */

void install_version(int *major, int *minor); /* 2.0 where none is installed */
bool install_is_2_1(void);                    /* or later */
/* What the broker itself says to its files, where it can be asked (2.1). */
bool install_accepts(const char *conf, struct err *e);
/* The path of mosquitto_NAME.so; INFOSCREEN_MOSQUITTO_PLUGINS names another folder. */
bool install_plugin(const char *name, char out[PATH_SIZE]);

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

/* Where each account's rules stand in a text. free(list). */
struct acl_block {
    const char *at;
    size_t n;
    char username[USERNAME_SIZE];
};
struct acl_blocks {
    struct acl_block *list; /* sorted by username */
    size_t n, cap;
};
bool acl_blocks(const char *text, struct acl_blocks *out);
/* Appends all lines of one account's blocks. */
bool acl_block(const struct acl_blocks *b, const char *username, struct buf *out);

/* ---- passwords (provision_passwd.c) ---- */

void password_make(char out[PASSWORD_SIZE]);

/* What Mosquitto keeps of a password: PBKDF2 with SHA-512, in base64. */
struct hashed {
    int rounds;
    char salt[32], hash[96];
};
bool password_hash(const char *password, struct hashed *out);
/* The hash of one line of a password file; false: not of this kind. */
bool passwd_read_hash(const char *line, struct hashed *out);
/* "user:$7$101$salt$hash\n" as mosquitto_passwd writes it. */
bool passwd_write(struct buf *out, const char *username, const char *password);
bool passwd_validate(const char *path, const char *text, struct err *e);
const char *passwd_line(const char *text, const char *username); /* NULL: none */
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
/* How an account connects to that listener of the directory; what it is given is borrowed. */
struct mqtt_options broker_door(const struct layout *l, const struct listener_part *at,
                                const struct provision_reload *r, const char *username,
                                const char *password);
/* The running broker of this directory, 0 if none runs. */
pid_t broker_find(const struct layout *l);
bool broker_alive(pid_t pid);
/* The broker to tell: the process that was given, or without one (0) what broker_find finds. *pid is
 * 0 where it is gone. EXIT_USAGE: another program. */
bool broker_choose(const struct layout *l, pid_t given, pid_t *pid, struct err *e);
/* Does anything listen where the devices connect? */
bool broker_answers(const struct layout *l);
/* Tells the caller how long something will take; format has one %d. */
void tell_seconds(const struct provision_reload *r, const char *format, int seconds);
bool broker_reload(pid_t pid, struct err *e);
/* A publish to the canary must pass and one to a heartbeat topic must be refused. */
bool broker_prove(const struct layout *l, const struct provision_reload *r, const char *nonce,
                  struct err *e);

#endif
