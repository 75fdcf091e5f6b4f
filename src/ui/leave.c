/* leave.c - the end of the console, and what would be lost by it. */
#include <stdio.h>

#include "base/i18n.h"
#include "ui/act.h"

/* Another recorder of this database sends them in our stead. A demo's fleet ends with it. */
static unsigned count_unsent(const struct ui_model *m)
{
    const uint32_t active = core_counts(m->core)->commands_active;
    unsigned unsent = 0;

    if (m->store->other_recorder || m->demo || m->in_past)
        return 0;
    for (uint32_t k = 0; k < active; k++)
        unsent += core_command(m->core, k)->status == COMMAND_QUEUED;
    for (uint32_t k = 0; k < core_rollout_count(m->core); k++) {
        const struct rollout *r = core_rollout(m->core, k);
        unsent += r->state == ROLLOUT_RUNNING ? r->total - r->released : 0;
    }
    return unsent;
}

static bool history_waits(const struct ui_model *m)
{
    const enum store_phase phase = m->store->phase;

    return phase == STORE_FULL || phase == STORE_LOCKED || phase == STORE_FAILING;
}

void leave_begin(struct desk *d, const struct ui_model *m, struct intents *out)
{
    if (history_waits(m) || count_unsent(m))
        prompt_open(d, PROMPT_QUIT);
    else
        act_send(out, INTENT_QUIT);
}

void leave_label(const struct ui_model *m, char *out, size_t size)
{
    const unsigned unsent = count_unsent(m);

    if (history_waits(m))
        snprintf(out, size, "%s",
                 _("quit? the latest history is not written yet and would be lost. y/n"));
    else if (unsent)
        snprintf(out, size,
                 P_("quit? %u command was not sent yet and waits for the next console. y/n",
                    "quit? %u commands were not sent yet and wait for the next console. y/n",
                    unsent),
                 unsent);
    else
        snprintf(out, size, "%s", _("quit? y/n")); /* it was sent meanwhile */
}
