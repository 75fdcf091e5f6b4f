/* fleet.c - the clients: a dense array in chunks that never move, and an index by uuid. */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"
#include "core/topic.h"

#define CACHE_LINE 64

/* ---- array and index ---- */

struct device *fleet_device(const struct core *c, uint32_t index)
{
    return &c->chunks[index / CHUNK_CLIENTS][index % CHUNK_CLIENTS];
}

/* A message reads and compares nearly all of its device: the misses of the cache all at once
 * instead of one after the other. */
static void device_prefetch(const struct device *d)
{
    for (size_t at = 0; at < sizeof(*d); at += CACHE_LINE)
        __builtin_prefetch((const char *)d + at);
}

static bool slot_is(const struct core *c, const struct index_slot *s, uint32_t hash,
                    const struct uid *id)
{
    if (s->hash != hash)
        return false;
    const struct device *d = fleet_device(c, s->number - 1);
    device_prefetch(d);
    return uid_equal(&d->row.id, id);
}

static struct index_slot *index_slot(const struct core *c, const struct uid *id, uint32_t hash)
{
    uint32_t i = hash & (c->index_size - 1);

    while (c->index[i].number && !slot_is(c, &c->index[i], hash, id))
        i = (i + 1) & (c->index_size - 1);
    return &c->index[i];
}

static uint32_t hash_of(const struct uid *id)
{
    return (uint32_t)hash_bytes(id->b, sizeof(id->b));
}

struct device *fleet_find(const struct core *c, const struct uid *id)
{
    if (c->index_size == 0)
        return NULL;
    const uint32_t at = index_slot(c, id, hash_of(id))->number;
    return at ? fleet_device(c, at - 1) : NULL;
}

void core_expect(const struct core *c, const char *topic)
{
    struct uid id;

    if (c->index_size > 0 && topic_client(topic, &id))
        __builtin_prefetch(&c->index[hash_of(&id) & (c->index_size - 1)]);
}

/* At most two thirds full: open addressing gets slow beyond. */
static bool index_make_room(struct core *c)
{
    if (3 * (c->counts.clients + 1) <= 2 * c->index_size)
        return true;
    const uint32_t size = c->index_size ? 2 * c->index_size : 256;
    struct index_slot *index = calloc(size, sizeof(*index));
    if (!index)
        return false;
    for (uint32_t k = 0; k < c->index_size; k++) {
        uint32_t i = c->index[k].hash & (size - 1);
        if (!c->index[k].number)
            continue;
        while (index[i].number) /* no two are the same client */
            i = (i + 1) & (size - 1);
        index[i] = c->index[k];
    }
    free(c->index);
    c->index = index;
    c->index_size = size;
    return true;
}

static bool chunk_make_room(struct core *c)
{
    if (c->counts.clients < c->chunk_count * CHUNK_CLIENTS)
        return true;
    struct device **chunks = realloc(c->chunks, (c->chunk_count + 1) * sizeof(struct device *));
    if (!chunks)
        return false;
    c->chunks = chunks;
    chunks[c->chunk_count] = calloc(CHUNK_CLIENTS, sizeof(struct device));
    if (!chunks[c->chunk_count])
        return false;
    c->chunk_count++;
    return true;
}

static void device_init(struct device *d, const struct uid *id, const char *spelling)
{
    d->row = (struct client){
        .id = *id,
        .state = CLIENT_UNKNOWN,
        .pid = NUMBER_NONE,
        .current_event_id = NUMBER_NONE,
        .expected_event_id = NUMBER_NONE,
        .reconnect_count = NUMBER_NONE,
        .first_seen_at = TIME_NONE,
        .last_heartbeat_at = TIME_NONE,
        .last_health_at = TIME_NONE,
        .last_disconnect_at = TIME_NONE,
        .state_since_at = TIME_NONE,
        .broker_reachable = TRI_UNKNOWN,
    };
    memcpy(d->row.spelling, spelling, sizeof(d->row.spelling));
    d->silence.kind = TIMER_SILENCE;
    d->heard_mono = d->ill_mono = INT64_MIN;
}

static struct device *device_add(struct core *c, const struct uid *id, const char *spelling)
{
    if (c->counts.clients >= CLIENTS_MAX || !index_make_room(c) || !chunk_make_room(c) ||
        !heap_promise(&c->air)) {
        c->counts.no_memory++;
        return NULL;
    }
    struct device *d = fleet_device(c, c->counts.clients);
    device_init(d, id, spelling);
    d->row.index = c->counts.clients++;
    const uint32_t hash = hash_of(id);
    *index_slot(c, id, hash) = (struct index_slot){.number = device_number(d), .hash = hash};
    c->counts.by_state[CLIENT_UNKNOWN]++;
    return d;
}

struct device *fleet_find_or_add(struct core *c, const struct uid *id, const char *spelling)
{
    struct device *d = fleet_find(c, id);

    if (d)
        return d;
    d = device_add(c, id, spelling);
    if (d) {
        d->row.state_since_at = c->now.wall_ms;
        fleet_touch(c, d);
    }
    return d;
}

void fleet_fini(struct core *c)
{
    for (uint32_t i = 0; i < c->counts.clients; i++) {
        struct device *d = fleet_device(c, i);
        if (d->failure)
            core_free_now(d->failure->payload);
        core_free_now(d->failure);
        core_free_now(d->reconnects);
    }
    for (uint32_t i = 0; i < c->chunk_count; i++)
        free(c->chunks[i]);
    free(c->chunks);
    free(c->index);
}

/* ---- what changed ---- */

void fleet_touch(struct core *c, struct device *d)
{
    c->counts.fleet_generation++;
    c->counts.generation++;
    if (d->put_step == c->step)
        return;
    struct effect *e = emit(c, OUT_CLIENT);
    if (e) {
        e->u.client = &d->row;
        d->put_step = c->step;
    }
}

void fleet_image(struct core *c, struct device *d)
{
    if (d->image_step != c->step)
        emit_history(c, &(struct history_note){.kind = EVENT_IMAGE, .device = d});
}

void fleet_count_alarm(struct core *c, const struct uid *client, int by)
{
    struct device *d = by && !uid_is_zero(client) ? fleet_find(c, client) : NULL;

    if (!d)
        return;
    d->row.alarms += by;
    if (c->out)
        fleet_touch(c, d);
}

void fleet_count_command(struct core *c, const struct uid *client, int by)
{
    struct device *d = by ? fleet_find(c, client) : NULL;

    if (!d)
        return;
    d->row.commands_in_flight += by;
    if (c->out)
        fleet_touch(c, d);
}

/* ---- state: the worst that holds ---- */

bool fleet_was_heard(const struct device *d)
{
    return d->row.last_heartbeat_at != TIME_NONE || d->row.last_health_at != TIME_NONE;
}

static enum client_state worst(const struct device *d)
{
    if (d->row.failed)
        return CLIENT_SERVICE_FAILED;
    if (d->row.crashed)
        return CLIENT_CRASHED;
    if (d->row.silent)
        return CLIENT_SILENT;
    return fleet_was_heard(d) ? CLIENT_ONLINE : CLIENT_UNKNOWN;
}

static const char *const became[CLIENT_STATES] = {
    [CLIENT_UNKNOWN] = N_("{1} is unknown"),
    [CLIENT_ONLINE] = N_("{1} is online"),
    [CLIENT_SILENT] = N_("{1} is silent"),
    [CLIENT_CRASHED] = N_("{1} has crashed"),
    [CLIENT_SERVICE_FAILED] = N_("{1} has given up: {2}"),
};

void fleet_update_state(struct core *c, struct device *d)
{
    const enum client_state state = worst(d);
    struct text64 name;

    if (state == d->row.state)
        return;
    c->counts.by_state[d->row.state]--;
    c->counts.by_state[state]++;
    d->row.state = state;
    d->row.state_since_at = c->now.wall_ms;
    fleet_touch(c, d);
    struct words summary =
        words_of(became[state], client_name(&d->row, &name), TEXT(d->row.failed_unit));
    if (state == CLIENT_SERVICE_FAILED && !d->row.failed_unit.clean[0])
        summary.id = N_("{1} has given up"); /* and did not say what of it */
    emit_history(
        c, &(struct history_note){.kind = EVENT_STATE_CHANGED, .device = d, .summary = &summary});
}

void fleet_first_seen(struct core *c, struct device *d)
{
    if (d->row.first_seen_at != TIME_NONE)
        return;
    d->row.first_seen_at = c->now.wall_ms;
    fleet_touch(c, d);
}

/* ---- restoring and reading ---- */

/* The state is stored, and with it what it was made of; an older row may lack the latter. */
static void restore_conditions(struct client *row)
{
    row->failed |= row->state == CLIENT_SERVICE_FAILED;
    row->crashed |= row->state == CLIENT_CRASHED;
    row->silent |= row->state == CLIENT_SILENT;
}

bool core_restore_client(struct core *c, const struct client *row)
{
    struct device *d = fleet_find(c, &row->id);

    if (!d)
        d = device_add(c, &row->id, row->spelling);
    if (!d)
        return false;
    const struct client before = d->row;
    c->counts.by_state[d->row.state]--;
    d->row = *row;
    d->row.index = before.index;
    d->row.alarms = before.alarms; /* counted from the alarms and commands themselves */
    d->row.commands_in_flight = before.commands_in_flight;
    restore_conditions(&d->row);
    d->row.state = worst(d);
    c->counts.by_state[d->row.state]++;
    c->counts.fleet_generation++;
    c->counts.generation++;
    group_join(c, d);
    silence_restore(c, d);
    if (d->row.failed)
        return failure_restore(c, d, NULL, NULL, 0);
    if (d->failure)
        d->failure->standing = false;
    return true;
}

uint32_t core_client_count(const struct core *c)
{
    return c->counts.clients;
}

const struct client *core_client(const struct core *c, uint32_t index)
{
    return index < c->counts.clients ? &fleet_device(c, index)->row : NULL;
}

const struct client *core_find_client(const struct core *c, const struct uid *id)
{
    const struct device *d = fleet_find(c, id);
    return d ? &d->row : NULL;
}
