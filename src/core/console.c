/* console.c - the other consoles: who they are. What they acknowledge is in sharing.c. */
#include <string.h>

#include "core/core_internal.h"

static uint32_t console_find(const struct core *c, const struct msg *m)
{
    uint32_t i = 0;

    while (i < c->console_count && !text_equal(TEXT(c->consoles[i].key), TEXT(m->u.presence.key)))
        i++;
    return i;
}

void console_presence(struct core *c, const struct msg *m)
{
    const uint32_t i = console_find(c, m);

    if (i == CONSOLES_KEPT)
        return;
    if (i == c->console_count || c->consoles[i].recovery != m->u.presence.recovery ||
        !text_equal(TEXT(c->consoles[i].role), TEXT(m->u.presence.role)))
        c->presence_mono = c->now.mono_ms;
    if (i == c->console_count)
        c->console_count++;
    c->consoles[i] = (struct console_seen){
        .key = m->u.presence.key,
        .host = m->u.presence.host,
        .operator_name = m->u.presence.operator_name,
        .role = m->u.presence.role,
        .recovery = m->u.presence.recovery,
        .since_at = m->u.presence.since_at,
    };
    c->counts.generation++;
}

void console_presence_gone(struct core *c, const struct msg *m)
{
    const uint32_t i = console_find(c, m);

    if (i == c->console_count)
        return;
    c->consoles[i] = c->consoles[--c->console_count];
    c->presence_mono = c->now.mono_ms;
    c->counts.generation++;
}

const struct console_seen *core_console(const struct core *c, uint32_t k)
{
    return k < c->console_count ? &c->consoles[k] : NULL;
}
