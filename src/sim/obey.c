/* obey.c - a device's side of a command: taken once, executed, acknowledged on both topics, with
 * the acknowledgement tried again after a disconnect until the command expires. */
#include "sim/fleet.h"

#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"

#define DEDUP_MS   (24 * 3600 * (int64_t)1000)
#define LEAVE_MS   1000 /* a host waits so long for its last acknowledgements to leave */
#define REBOOT_MIN 10000
#define REBOOT_MAX 90000

static const char *const ack_suffix[2] = {"commands/ack", "command/ack"};

/* ---- acknowledgements ---- */

static void ack_queue(struct device *d, const struct sim_job *j, const char *status,
                      const char *code, const char *message)
{
    struct sim_ack *a;

    if (d->n_acks == ACKS_MAX) /* nobody took them for long: the oldest is of no use any more */
        memmove(d->acks, d->acks + 1, sizeof *d->acks * (size_t)--d->n_acks);
    a = &d->acks[d->n_acks++];
    *a = (struct sim_ack){
        .status = status, .code = code, .message = message, .expires_wall = j->expires_wall};
    snprintf(a->command, sizeof a->command, "%s", j->command);
}

static void ack_send(struct device *d, struct sim_ack *a)
{
    char topic[96], payload[512];

    for (int i = 0; i < 2; i++) {
        if (a->mid[i] != 0)
            continue;
        snprintf(topic, sizeof topic, "infoscreen/%s/%s", d->uuid, ack_suffix[i]);
        const int mid = mqtt_publish(d->mqtt, topic, payload,
                                     payload_ack(a, payload, sizeof payload), 1, false);
        if (mid > 0)
            a->mid[i] = mid;
    }
}

static bool ack_over(const struct device *d, const struct sim_ack *a)
{
    return (a->mid[0] == MID_CONFIRMED && a->mid[1] == MID_CONFIRMED) ||
           (a->expires_wall != TIME_NONE && d->fleet->wall > a->expires_wall);
}

static void acks_tick(struct device *d)
{
    int kept = 0;

    for (int i = 0; i < d->n_acks; i++)
        if (!ack_over(d, &d->acks[i]))
            d->acks[kept++] = d->acks[i];
    d->n_acks = kept;
    if (d->mqtt && !d->ended && mqtt_is_connected(d->mqtt))
        for (int i = 0; i < d->n_acks; i++)
            ack_send(d, &d->acks[i]);
}

void obey_confirmed(struct device *d, int mid)
{
    for (int i = 0; i < d->n_acks; i++)
        for (int t = 0; t < 2; t++)
            if (d->acks[i].mid[t] == mid)
                d->acks[i].mid[t] = MID_CONFIRMED;
}

void obey_disconnected(struct device *d)
{
    for (int i = 0; i < d->n_acks; i++)
        for (int t = 0; t < 2; t++)
            if (d->acks[i].mid[t] != MID_CONFIRMED)
                d->acks[i].mid[t] = 0;
}

/* ---- taking a command ---- */

static bool seen_before(struct device *d, const struct uid *id)
{
    for (int i = 0; i < SEEN_MAX; i++)
        if (d->seen[i].until > d->fleet->now && uid_equal(&d->seen[i].id, id))
            return true;
    d->seen[d->next_seen] = (struct sim_seen){.id = *id, .until = d->fleet->now + DEDUP_MS};
    d->next_seen = (d->next_seen + 1) % SEEN_MAX;
    return false;
}

static struct sim_job *job_free(struct device *d)
{
    for (int i = 0; i < JOBS_MAX; i++)
        if (d->jobs[i].step == JOB_NONE)
            return &d->jobs[i];
    return NULL;
}

static void job_begin(struct device *d, const struct command *c)
{
    struct sim_job refused = {0}, *j = job_free(d);
    const bool known = c->action != ACTION_OTHER;

    if (!j || !known)
        j = &refused;
    *j = (struct sim_job){.action = c->action, .expires_wall = c->expires_at};
    uid_format(&c->id, j->command);
    if (!known) {
        ack_queue(d, j, "failed", "unsupported_action", "this action isn't known here");
    } else if (j == &refused) {
        ack_queue(d, j, "failed", "busy", "too many commands at a time");
    } else {
        ack_queue(d, j, "accepted", NULL, NULL);
        j->step = JOB_ACCEPTED;
        j->at = d->fleet->now + fleet_between(d->fleet, 20, 120);
    }
}

void obey_message(struct device *d, const struct mqtt_message *m)
{
    const struct wire_message in = {.topic = m->topic,
                                    .payload = m->payload,
                                    .len = m->len,
                                    .retained = m->retained,
                                    .snapshot = m->retained};
    struct msg out;

    if (m->retained) /* a stored reboot would come again after each boot */
        return;
    if (codec_decode(d->fleet->codec, &in, &out) != REJECT_NONE || out.kind != MSG_COMMAND_SEEN)
        return;
    const struct command *c = &out.u.seen.command;
    if (seen_before(d, &c->id))
        return;
    if (c->expires_at != TIME_NONE && c->expires_at < d->fleet->wall) {
        device_log(d, "warn", "a command came after it had expired and was left alone");
        return;
    }
    job_begin(d, c);
    acks_tick(d);
}

/* ---- doing it ---- */

static void job_start(struct device *d, struct sim_job *j)
{
    ack_queue(d, j, "execution_started", NULL, NULL);
    j->step = JOB_STARTED;
    j->at = d->fleet->now + fleet_between(d->fleet, 150, 600);
    if (d->helper_fails)
        j->step = JOB_FAILING;
    else if (j->action == ACTION_RESTART_APP) {
        j->at = d->fleet->now + fleet_scaled(d->fleet, fleet_between(d->fleet, 2000, 8000));
        d->status = "restarting";
        d->pid = 0;
    }
}

static void job_act(struct device *d, struct sim_job *j)
{
    if (j->action == ACTION_RESTART_APP) {
        device_run(d);
        ack_queue(d, j, "completed", NULL, NULL);
        j->step = JOB_NONE;
        return;
    }
    if (j->action == ACTION_SHUTDOWN_HOST) /* who is off can't say so afterwards */
        ack_queue(d, j, "completed", NULL, NULL);
    j->step = JOB_LEAVING;
    j->at = d->fleet->now + LEAVE_MS;
}

static void job_leave(struct device *d, struct sim_job *j)
{
    const int64_t gap = fleet_between(d->fleet, REBOOT_MIN, REBOOT_MAX);

    if (d->n_acks > 0 && d->fleet->now < j->at)
        return;
    if (j->action == ACTION_SHUTDOWN_HOST) {
        j->step = JOB_NONE;
        device_power_off(d, 0);
    } else {
        j->step = JOB_REBOOTING;
        device_power_off(d, fleet_scaled(d->fleet, gap));
    }
}

static void job_tick(struct device *d, struct sim_job *j)
{
    const bool due = d->fleet->now >= j->at;

    if (j->step == JOB_ACCEPTED && due)
        job_start(d, j);
    else if (j->step == JOB_STARTED && due)
        job_act(d, j);
    else if (j->step == JOB_LEAVING)
        job_leave(d, j);
    else if (j->step == JOB_FAILING && due) {
        ack_queue(d, j, "failed", "helper_failed", "sudo: a password is required");
        j->step = JOB_NONE;
    }
}

void obey_booted(struct device *d)
{
    for (int i = 0; i < JOBS_MAX; i++)
        if (d->jobs[i].step == JOB_REBOOTING) {
            ack_queue(d, &d->jobs[i], "completed", NULL, NULL);
            d->jobs[i].step = JOB_NONE;
        }
}

void obey_tick(struct device *d)
{
    for (int i = 0; d->powered && !d->boot_at && i < JOBS_MAX; i++)
        if (d->jobs[i].step != JOB_NONE)
            job_tick(d, &d->jobs[i]);
    if (d->n_acks)
        acks_tick(d);
}
