/* fleet.h - what the files of the simulated fleet share. Inside src/sim only. All times in
 * milliseconds of clock_mono_ms() unless they say wall. */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include "base/err.h"
#include "broker/mqtt.h"
#include "core/codec.h"
#include "sim/sim.h"

#define UNIT_DEFAULT "infoscreen-simclient.service"
#define ACKS_MAX     24
#define JOBS_MAX     4
#define SEEN_MAX     64
#define BURST        5 /* StartLimitBurst: so many crashes in a row and systemd gives up */

/* An acknowledgement on its way to both topics; kept until both were confirmed. */
struct sim_ack {
    char command[UID_TEXT];
    const char *status, *code, *message; /* literals; code and message may be NULL */
    int64_t expires_wall;
    int mid[2]; /* 0 not sent, MID_CONFIRMED, else in flight */
};
#define MID_CONFIRMED (-1)

enum job_step { JOB_NONE, JOB_ACCEPTED, JOB_STARTED, JOB_LEAVING, JOB_REBOOTING, JOB_FAILING };

struct sim_job {
    enum job_step step;
    enum action action;
    char command[UID_TEXT];
    int64_t at, expires_wall;
};

struct sim_seen {
    struct uid id;
    int64_t until;
};

struct device {
    struct fleet *fleet;
    const struct account *account; /* NULL: anonymous */
    char uuid[UID_TEXT], name[SIM_NAME], group[SIM_NAME];
    int index;

    struct mqtt *mqtt; /* NULL: not connected and not trying */
    bool ended;        /* mqtt is to be freed */
    bool was_connected;
    int64_t connect_at, backoff, misc_at;
    bool powered;       /* off after shutdown_host */
    int64_t boot_at;    /* 0: not booting */
    int64_t cut_until;  /* its network is away */
    int64_t hung_until; /* connected, but says nothing */
    int reconnects;
    int64_t last_disconnect_wall;

    const char *status; /* of the process: running crashed failed */
    int pid, expected_event, event;
    int crashes; /* in a row */
    bool crash_loop, helper_fails;
    int64_t restart_at; /* systemd's; 0: none due */
    int64_t mismatch_until;
    char failed_unit[96]; /* waits to be published as service_failed */
    int64_t failed_wall;
    int flaps_left;
    int64_t flap_every, flap_at;

    int64_t beat_at;
    unsigned beats;
    struct sim_ack acks[ACKS_MAX];
    int n_acks;
    struct sim_job jobs[JOBS_MAX];
    struct sim_seen seen[SEEN_MAX];
    int next_seen;
};

struct script;

struct fleet {
    const struct sim_options *o;
    struct device *devices;
    int n;
    struct codec *codec;
    uint64_t random;
    struct mqtt *server; /* at the console listener, for groups and events */
    bool server_up, server_ended, published;
    int64_t server_at;
    struct script *script;
    size_t next_step;
    int64_t began, now, wall;
    int64_t next_fault;
    int64_t broker_start_at; /* a script's "broker stop for 6s" */
};

/* ---- random (fleet.c) ---- */
uint32_t fleet_random(struct fleet *f, uint32_t below);
int64_t fleet_between(struct fleet *f, int64_t least, int64_t most);
int64_t fleet_scaled(const struct fleet *f, int64_t ms); /* by gap_scale */

/* ---- one device (device.c) ---- */
void device_init(struct device *d, struct fleet *f, int index);
void device_fini(struct device *d);
void device_tick(struct device *d);
void device_crash(struct device *d, int64_t restart_in); /* 0: stays down */
void device_run(struct device *d);                       /* the process is up again */
void device_give_up(struct device *d, const char *unit);
void device_leave(struct device *d, bool clean);          /* drops its connection */
void device_power_off(struct device *d, int64_t back_in); /* 0: for good */
void device_log(struct device *d, const char *level, const char *text);
void device_beat_soon(struct device *d);

/* ---- commands and acknowledgements (obey.c) ---- */
void obey_message(struct device *d, const struct mqtt_message *m);
void obey_tick(struct device *d);
void obey_confirmed(struct device *d, int mid);
void obey_disconnected(struct device *d); /* what was in flight is sent again */
void obey_booted(struct device *d);

/* ---- payloads (payload.c) ---- */
void payload_stamp(int64_t wall, char out[48]);
size_t payload_heartbeat(const struct device *d, char *out, size_t size);
size_t payload_health(const struct device *d, char *out, size_t size);
size_t payload_log(const struct device *d, const char *text, char *out, size_t size);
size_t payload_failed(const struct device *d, char *out, size_t size);
size_t payload_ack(const struct sim_ack *a, char *out, size_t size);

/* ---- scripts (script.c, verbs.c) ---- */

struct step {
    int64_t at;
    const struct verb *verb;
    int line, device, times;
    char name[64], level[16], text[160];
    int64_t every, duration; /* 0: none */
};

struct verb {
    const char *name;
    const char *args; /* a letter each: d device, g group, u unit, f [for T], t N times every T, l
                       * level, x text to the end of the line, b stop/kill/start/restart */
    const char *usage, *help; /* N_() */
    void (*run)(struct fleet *f, const struct step *s);
};

struct script {
    struct step *steps;
    size_t n, cap;
};

const struct verb *verb_find(const char *name);
const struct verb *verb_at(size_t i); /* NULL past the last */
/* n = 0: names of devices aren't resolved. `lenient`: steps for devices that don't exist are left
 * out. */
bool script_parse(struct script *s, const char *shown, const char *text, int n, bool lenient,
                  struct err *e);
bool script_load(struct script *s, const char *path, int n, struct err *e);
void script_fini(struct script *s);

/* ---- what happens by itself (story.c) ---- */
extern const char story_text[];
void story_minor_faults(struct fleet *f);

#endif
