/* config.h - every configuration key, declared once. The file, the environment,
 * --set, doctor, the man page check and the tests read this table. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/model.h"
#include "core/rules.h"

enum config_type { CONFIG_TEXT, CONFIG_BOOL, CONFIG_INT, CONFIG_DURATION, CONFIG_CHOICE, CONFIG_PRIORITY /* rules */,
                   CONFIG_QUIET_HOURS };

/* Durations in ms. Texts are owned by the struct; foreign bytes in them are refused when set. */
struct config {
    struct {
        char host[512]; /* "a,b:8883" */
        int64_t port;   /* 0: 1883, or 8883 with TLS */
        char username[256], password_file[512], cafile[512], cert[512], key[512];
        bool insecure;
    } broker;
    struct {
        bool read_only, plain;
        char operator_name[64];
    } console;
    struct {
        char path[512];
        int64_t retention;
    } store;
    struct {
        char theme[64], language[16], color[8]; /* color: auto always never */
        bool mouse, screen_reader;
    } ui;
    struct {
        char command[512], terminal[8]; /* terminal: auto, osc9, osc777, no */
        struct quiet_hours quiet_hours;
        bool bell;
        int64_t escalate_after, timeout, max_per_minute;
    } notify;
    struct {
        int64_t heartbeat_timeout, group_outage_min;
    } fleet;
    struct {
        int64_t flap_reconnects, flap_window, ack_expires, recovered_after;
        bool ask_on_recovery; /* alarms.on_recovery = clear | ask */
        int64_t on_delay[ALARM_KINDS], off_delay[ALARM_KINDS];
        struct priority_rules priority[ALARM_KINDS]; /* none that holds: the kind's own */
    } alarms;
    struct {
        int64_t expires, lockout_window, lockout_max, back_within, incident_after;
        bool alias;
    } commands;
    struct {
        bool enabled;
        char action[24];
        int64_t max_per_hour, settle;
    } recovery;
    char guidance[ALARM_KINDS][200]; /* [guidance]: what to check, whom to call; "" none */
};

struct config_key {
    const char *name;       /* "fleet.heartbeat_timeout"; "alarms.on_delay.KIND" is one row per kind */
    enum config_type type;
    const char *preset;     /* the default, as text */
    const char *choices;    /* CONFIG_CHOICE: "clear ask" */
    const char *doc;        /* one line, N_() */
    size_t offset, size;    /* where in struct config */
    int64_t least, most;    /* numbers and durations */
};

void config_init(struct config *c); /* all defaults */
/* Sets one key by name; errors read `fleet.heartbeat_timeout: "3 parsecs": expected a duration such
 * as 90s` (EXIT_USAGE). Unknown keys name the nearest known one. */
bool config_set(struct config *c, const char *name, const char *value, struct err *e);
const struct config_key *config_keys(unsigned *count);
/* What is shown beside alarms of a kind, from [guidance]; the same rules for the text as above. */
bool config_set_guidance(struct config *c, enum alarm_kind kind, const char *text, struct err *e);
/* The value of a key as text, for doctor and tests. */
void config_get(const struct config *c, const struct config_key *key, char *out, unsigned size);

#endif
