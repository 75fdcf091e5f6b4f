/* act_incident.c - incidents, the past, and the files made of them. */
#include "base/i18n.h"
#include "ui/act.h"

void act_incident(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    desk_seek_incident(d, m);
    if (!d->seek.wanted)
        desk_say(d, m, "%s", _("select an alarm or a client first"));
    else
        act_show_view(d, m, VIEW_INCIDENTS);
}

void act_hand_over(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    if (!d->layers || d->layer[d->layers - 1].kind != LAYER_HANDOVER)
        desk_push(d, LAYER_HANDOVER);
}

void act_export_view(struct desk *d, const struct ui_model *m, struct intents *out)
{
    char name[LINE_BYTES] = "";

    (void)out;
    act_incident_here(d, m);
    prompt_open(d, PROMPT_EXPORT);
    desk_default_name(d, m, name, sizeof name);
    line_set(&d->prompt.line, name);
}

void act_past(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    prompt_open(d, PROMPT_PAST);
}

void act_jump(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    if (!act_shows_lines(d))
        act_show_view(d, m, VIEW_HISTORY);
    prompt_open(d, PROMPT_JUMP);
}
