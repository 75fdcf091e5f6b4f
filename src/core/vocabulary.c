/* vocabulary.c - the words of the wire, the command line and the database, each with the label that
 * people read. One table per enum; everything else looks words up here. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "core/model.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

const struct vocabulary client_states[CLIENT_STATES] = {
    [CLIENT_UNKNOWN] = {"unknown", N_("unknown")},
    [CLIENT_ONLINE] = {"online", N_("online")},
    [CLIENT_SILENT] = {"silent", N_("silent")},
    [CLIENT_CRASHED] = {"crashed", N_("crashed")},
    [CLIENT_SERVICE_FAILED] = {"service_failed", N_("service failed")},
};

const struct vocabulary alarm_states[ALARM_STATES] = {
    [ALARM_NORMAL] = {"normal", N_("normal")},
    [ALARM_UNACKNOWLEDGED] = {"unacknowledged", N_("unacknowledged")},
    [ALARM_ACKNOWLEDGED] = {"acknowledged", N_("acknowledged")},
    [ALARM_RETURNED] = {"returned", N_("returned")},
    [ALARM_SHELVED] = {"shelved", N_("shelved")},
    [ALARM_SUPPRESSED] = {"suppressed", N_("suppressed")},
};

const struct vocabulary alarm_kinds[ALARM_KINDS] = {
    [ALARM_SERVICE_FAILED] = {"service_failed", N_("SERVICE FAILED")},
    [ALARM_PROCESS_CRASHED] = {"process_crashed", N_("CRASHED")},
    [ALARM_CLIENT_SILENT] = {"client_silent", N_("SILENT")},
    [ALARM_CLIENT_FLAPPING] = {"client_flapping", N_("FLAPPING")},
    [ALARM_COMMAND_FAILED] = {"command_failed", N_("COMMAND FAILED")},
    [ALARM_DEVICE_NOT_BACK] = {"device_not_back", N_("NOT BACK")},
    [ALARM_GROUP_OUTAGE] = {"group_outage", N_("GROUP OUTAGE")},
    [ALARM_BROKER_OUTAGE] = {"broker_outage", N_("BROKER OUTAGE")},
    [ALARM_BROKER_UNREACHABLE] = {"broker_unreachable", N_("NO BROKER")},
};

const struct vocabulary priorities[PRIORITIES] = {
    [PRIORITY_DEFAULT] = {"", N_("by kind")},           [PRIORITY_LOW] = {"low", N_("low")},
    [PRIORITY_MEDIUM] = {"medium", N_("medium")},       [PRIORITY_HIGH] = {"high", N_("high")},
    [PRIORITY_CRITICAL] = {"critical", N_("critical")},
};

const struct vocabulary command_statuses[COMMAND_STATUSES] = {
    [COMMAND_QUEUED] = {"queued", N_("queued")},
    [COMMAND_CANCELLED] = {"cancelled", N_("cancelled")},
    [COMMAND_PUBLISHED] = {"published", N_("published")},
    [COMMAND_ACCEPTED] = {"accepted", N_("accepted")},
    [COMMAND_EXECUTION_STARTED] = {"execution_started", N_("started")},
    [COMMAND_EXPIRED] = {"expired", N_("expired")},
    [COMMAND_COMPLETED] = {"completed", N_("completed")},
    [COMMAND_FAILED] = {"failed", N_("failed")},
    [COMMAND_BLOCKED] = {"blocked", N_("blocked")},
};

const struct vocabulary rollout_states[ROLLOUT_STATES] = {
    [ROLLOUT_RUNNING] = {"running", N_("running")},
    [ROLLOUT_STOPPING] = {"stopping", N_("stopping")},
    [ROLLOUT_STOPPED] = {"stopped", N_("stopped")},
    [ROLLOUT_DONE] = {"done", N_("done")},
};

const struct vocabulary actions[ACTIONS] = {
    [ACTION_REBOOT_HOST] = {"reboot_host", N_("reboot")},
    [ACTION_SHUTDOWN_HOST] = {"shutdown_host", N_("shutdown")},
    [ACTION_RESTART_APP] = {"restart_app", N_("restart app")},
    [ACTION_OTHER] = {"other", N_("other")},
};

const struct vocabulary event_kinds[EVENT_KINDS] = {
    [EVENT_IMAGE] = {"image", N_("image")},
    [EVENT_ALARM_RAISED] = {"alarm_raised", N_("alarm raised")},
    [EVENT_ALARM_ACKNOWLEDGED] = {"alarm_acknowledged", N_("alarm acknowledged")},
    [EVENT_ALARM_SHELVED] = {"alarm_shelved", N_("alarm shelved")},
    [EVENT_ALARM_UNSHELVED] = {"alarm_unshelved", N_("alarm unshelved")},
    [EVENT_ALARM_RETURNED] = {"alarm_returned", N_("alarm returned")},
    [EVENT_ALARM_CLEARED] = {"alarm_cleared", N_("alarm cleared")},
    [EVENT_NOTE] = {"note", N_("note")},
    [EVENT_STATE_CHANGED] = {"state_changed", N_("state changed")},
    [EVENT_COMMAND_QUEUED] = {"command_queued", N_("command queued")},
    [EVENT_COMMAND_CANCELLED] = {"command_cancelled", N_("command cancelled")},
    [EVENT_COMMAND_PUBLISHED] = {"command_published", N_("command published")},
    [EVENT_COMMAND_ACCEPTED] = {"command_accepted", N_("command accepted")},
    [EVENT_COMMAND_EXECUTION_STARTED] = {"command_execution_started", N_("command started")},
    [EVENT_COMMAND_EXPIRED] = {"command_expired", N_("command expired")},
    [EVENT_COMMAND_COMPLETED] = {"command_completed", N_("command completed")},
    [EVENT_COMMAND_FAILED] = {"command_failed", N_("command failed")},
    [EVENT_COMMAND_BLOCKED] = {"command_blocked", N_("command blocked")},
    [EVENT_RECONNECT] = {"reconnect", N_("reconnect")},
    [EVENT_GROUP_CHANGED] = {"group_changed", N_("group changed")},
    [EVENT_LINK_UP] = {"link_up", N_("broker connected")},
    [EVENT_LINK_DOWN] = {"link_down", N_("broker lost")},
    [EVENT_RECORDER] = {"recorder", N_("recorder")},
    [EVENT_RECOVERY] = {"recovery", N_("recovery")},
    [EVENT_CLOCK_JUMP] = {"clock_jump", N_("clock jump")},
};

int vocabulary_find(const struct vocabulary *table, int n, const char *word)
{
    for (int i = 0; i < n; i++)
        if (strcmp(table[i].word, word) == 0)
            return i;
    return -1;
}

/* What is wider than one device first; what stops a screen before what only delays one. */
static const enum priority kind_priorities[] = {
    [ALARM_SERVICE_FAILED] = PRIORITY_HIGH,         [ALARM_PROCESS_CRASHED] = PRIORITY_HIGH,
    [ALARM_CLIENT_SILENT] = PRIORITY_MEDIUM,        [ALARM_CLIENT_FLAPPING] = PRIORITY_LOW,
    [ALARM_COMMAND_FAILED] = PRIORITY_MEDIUM,       [ALARM_DEVICE_NOT_BACK] = PRIORITY_HIGH,
    [ALARM_GROUP_OUTAGE] = PRIORITY_CRITICAL,       [ALARM_BROKER_OUTAGE] = PRIORITY_CRITICAL,
    [ALARM_BROKER_UNREACHABLE] = PRIORITY_CRITICAL,
};
static_assert(COUNT(kind_priorities) == ALARM_KINDS, "an alarm kind without a priority");

enum priority alarm_kind_priority(enum alarm_kind kind)
{
    return kind_priorities[kind];
}

void alarm_make_id(enum alarm_kind kind, struct text subject, char out[ALARM_ID])
{
    const char *word = alarm_kinds[kind].word;
    char hashed[256], digest[SHA256_HEX];
    const size_t k = strlen(word) + 1, s = strlen(subject.clean);
    const size_t n = s < sizeof hashed - k ? s : sizeof hashed - k;

    memcpy(hashed, word, k); /* with its NUL, which parts kind and subject */
    memcpy(hashed + k, subject.clean, n);
    hash_sha256_hex(hashed, k + n, digest);
    snprintf(out, ALARM_ID, "%s-%.16s", word, digest);
}

struct text client_name(const struct client *c, struct text64 *scratch)
{
    char digits[UID_TEXT];

    if (!text_is_empty(TEXT(c->hostname)))
        return TEXT(c->hostname);
    uid_format(&c->id, digits);
    scratch->clean[0] = '\0';
    TEXT_SET(scratch, c->spelling[0] ? c->spelling : digits, 8);
    return TEXT(*scratch);
}
