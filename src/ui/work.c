/* work.c - which rows the list of commands has: what is under way first, then what ended, each the
 * newest first; a rollout is one row unless it is unfolded. With a filter all commands are rows of
 * their own, so that it finds each. */
#include <string.h>

#include "base/array.h"
#include "ui/panel.h"

static bool put(struct list *l, struct work w)
{
    if (!array_make_room(&l->work, l->count, &l->work_room, sizeof *l->work) ||
        !list_reserve(l, l->count + 1))
        return false;
    l->work[l->count] = w;
    l->order[l->count] = l->count;
    l->count++;
    return true;
}

/* ---- rollouts ---- */

static enum role member_role(enum command_status status)
{
    return panel_command_role(&(const struct command){.status = status});
}

static void put_members(struct list *l, const struct ui_model *m, const struct rollout *r)
{
    const struct rollout_member *members = core_rollout_member(m->core, &r->id, 0);

    for (uint32_t k = 0; members && k < r->total; k++) {
        const enum command_status s = members[k].status;
        put(l, (struct work){.kind = WORK_MEMBER,
                             .id = members[k].command,
                             .client = members[k].client,
                             .rollout = r->id,
                             .member = k,
                             .role = s == COMMAND_STATUSES ? ROLE_SCREEN_DIM : member_role(s)});
    }
}

static int place_unfolded(const struct list *l, const struct uid *id)
{
    int k = 0;

    while (k < UNFOLDED && !uid_equal(&l->unfolded[k], id))
        k++;
    return k;
}

static void put_rollout(struct list *l, const struct ui_model *m, const struct rollout *r)
{
    const bool open = place_unfolded(l, &r->id) < UNFOLDED;

    put(l, (struct work){
               .kind = WORK_ROLLOUT, .id = r->id, .open = open, .role = panel_rollout_role(r)});
    if (open)
        put_members(l, m, r);
}

void work_fold(struct list *l, const struct uid *rollout)
{
    const int k = place_unfolded(l, rollout);

    if (k < UNFOLDED) {
        l->unfolded[k] = (struct uid){{0}};
    } else { /* the one that was opened first closes */
        memmove(&l->unfolded[1], &l->unfolded[0], (UNFOLDED - 1) * sizeof l->unfolded[0]);
        l->unfolded[0] = *rollout;
    }
    l->made = false;
}

/* ---- commands ---- */

/* Its rollout has a row. Neighbours mostly belong to the same one. */
static bool is_folded(const struct ui_model *m, const struct command *c, struct text40 *last,
                      bool *known)
{
    struct uid id;

    if (!c->rollout_id.clean[0])
        return false;
    if (strcmp(last->clean, c->rollout_id.clean) != 0) {
        *last = c->rollout_id;
        *known = uid_parse(last->clean, strlen(last->clean), &id) &&
                 core_find_rollout(m->core, &id) != NULL;
    }
    return *known;
}

static void put_command(struct list *l, const struct command *c)
{
    put(l,
        (struct work){
            .kind = WORK_COMMAND, .id = c->id, .client = c->client, .role = panel_command_role(c)});
}

static uint32_t filtered(struct list *l, const struct ui_model *m)
{
    const uint32_t n = core_command_count(m->core);

    for (uint32_t k = 0; k < n; k++) {
        const struct command *c = core_command(m->core, k);
        if (filter_command(l->filter, c, core_find_client(m->core, &c->client)))
            put_command(l, c);
    }
    return l->count;
}

static bool goes_on(const struct rollout *r)
{
    return r->state == ROLLOUT_RUNNING || r->state == ROLLOUT_STOPPING;
}

/* The rollouts from *k on that go on, or that began after `after`. */
static void put_rollouts(struct list *l, const struct ui_model *m, uint32_t *k, bool going_on,
                         int64_t after)
{
    const struct rollout *r;

    while ((r = core_rollout(m->core, *k)) && (going_on ? goes_on(r) : r->began_at >= after)) {
        put_rollout(l, m, r);
        ++*k;
    }
}

uint32_t work_order(struct list *l, const struct ui_model *m)
{
    const uint32_t n = core_command_count(m->core);
    const uint32_t active = core_counts(m->core)->commands_active;
    struct text40 last = {""};
    bool known = false;
    uint32_t rollout = 0;

    l->count = 0;
    if (*l->expression)
        return filtered(l, m);
    put_rollouts(l, m, &rollout, true, 0);
    for (uint32_t k = 0; k < n; k++) {
        const struct command *c = core_command(m->core, k);
        if (is_folded(m, c, &last, &known))
            continue;
        if (k >= active)
            put_rollouts(l, m, &rollout, false, c->issued_at);
        put_command(l, c);
    }
    put_rollouts(l, m, &rollout, false, INT64_MIN);
    return l->count;
}
