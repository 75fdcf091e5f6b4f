/* effects.c - what a step asks for, in order. Pointers in effects are read after the step, so one
 * effect per thing and step says it all. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "core/core_internal.h"

void effects_clear(struct effects *e)
{
    e->count = 0;
}

void effects_fini(struct effects *e)
{
    free(e->list);
    *e = (struct effects){0};
}

struct effect *emit(struct core *c, enum effect_kind kind)
{
    struct effects *e = c->out;

    struct effect *made = array_add(&e->list, &e->count, &e->cap, sizeof(*made));

    if (!made) {
        c->counts.no_memory++;
        return NULL;
    }
    memset(made, 0, sizeof(*made));
    made->kind = kind;
    made->durable = c->durable;
    return made;
}

struct words words_of(const char *id, struct text a, struct text b)
{
    struct words w = {.id = id};

    TEXT_COPY(&w.arg[0], a);
    TEXT_COPY(&w.arg[1], b);
    return w;
}

/* An argument holds less than a note may be long. Cut between characters. */
struct words words_of_note(struct text note)
{
    struct words w = {.id = N_("{1}{2}{3}")};
    const char *s = note.clean;

    for (int i = 0; i < WORDS_ARGS; i++) {
        const size_t room = sizeof(w.arg[i].clean) - 1;
        size_t n = strlen(s);
        if (n > room && i < WORDS_ARGS - 1)
            for (n = room; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
                n--;
        text_clean(w.arg[i].clean, sizeof(w.arg[i].clean), s, n);
        s += n;
    }
    return w;
}

void emit_message(struct core *c, const char *id, struct text a, struct text b)
{
    struct effect *e = emit(c, OUT_MESSAGE);

    if (e)
        e->u.message = words_of(id, a, b);
}

static void keep(struct core *c, const struct history_event *event)
{
    c->history[c->history_total++ % HISTORY_KEPT] = *event;
    c->counts.generation++;
}

void emit_history(struct core *c, const struct history_note *note)
{
    struct history_event event = {.at = c->now.wall_ms, .kind = note->kind};
    const struct device *device = note->device;

    if (note->alarm) {
        memcpy(event.alarm_id, note->alarm->row.id, sizeof(event.alarm_id));
        if (!device && !uid_is_zero(&note->alarm->row.client))
            device = fleet_find(c, &note->alarm->row.client);
        event.client = note->alarm->row.client;
    }
    if (note->command) {
        event.command = note->command->row.id;
        event.client = note->command->row.client;
    }
    if (device)
        event.client = device->row.id;
    if (note->by.clean)
        TEXT_COPY(&event.by, note->by);
    if (note->summary)
        event.summary = *note->summary;
    if (note->kind != EVENT_IMAGE)
        keep(c, &event);

    struct effect *e = emit(c, OUT_HISTORY);
    if (!e)
        return;
    e->u.history.event = event;
    e->u.history.client = device ? &device->row : NULL;
    e->u.history.alarm = note->alarm ? &note->alarm->row : NULL;
    e->u.history.command = note->command ? &note->command->row : NULL;
    e->durable = c->durable || note->alarm || note->command;
    if (device)
        ((struct device *)(uintptr_t)device)->image_step = c->step;
}
