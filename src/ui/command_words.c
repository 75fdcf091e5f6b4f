/* command_words.c - how far a command or a rollout got, in signs and in words. "Sent" is not
 * "delivered": before the device has answered, only the broker has it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/panel.h"
#include "ui/symbols.h"

#define STEPS          4 /* published, accepted, started, completed */
#define REBOOT_MOST_MS 90000

/* ---- signs ---- */

enum role panel_command_role(const struct command *c)
{
    switch (c->status) {
    case COMMAND_COMPLETED:
        return ROLE_COMMAND_DONE;
    case COMMAND_FAILED:
    case COMMAND_EXPIRED:
    case COMMAND_BLOCKED:
        return ROLE_COMMAND_FAILED;
    case COMMAND_CANCELLED:
        return ROLE_SCREEN_DIM;
    default:
        return ROLE_COMMAND_RUNNING;
    }
}

enum role panel_rollout_role(const struct rollout *r)
{
    if (rollout_failures(r))
        return ROLE_COMMAND_FAILED;
    return r->state == ROLLOUT_DONE ? ROLE_COMMAND_DONE : ROLE_COMMAND_RUNNING;
}

void panel_progress(const struct command *c, char *out, size_t size)
{
    static const int steps[COMMAND_STATUSES] = {
        [COMMAND_PUBLISHED] = 1,
        [COMMAND_ACCEPTED] = 2,
        [COMMAND_EXECUTION_STARTED] = 3,
        [COMMAND_COMPLETED] = STEPS,
    };

    if (panel_command_role(c) == ROLE_COMMAND_FAILED)
        snprintf(out, size, "%s", SYM_CRASHED);
    else
        panel_share((uint32_t)steps[c->status], STEPS, out, size);
}

/* Full only when all is done. */
void panel_share(uint32_t done, uint32_t of, char *out, size_t size)
{
    const uint32_t full = of ? (uint32_t)((uint64_t)done * STEPS / of) : 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < STEPS; i++)
        strncat(out, i < full ? SYM_DONE : SYM_TO_DO, size - strlen(out) - 1);
}

/* ---- words: the longest that fit ---- */

#define WORDINGS 4

struct wordings {
    char text[WORDINGS][640]; /* the longest first */
    int count;
};

static void word(struct wordings *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void word(struct wordings *w, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(w->text[w->count++], sizeof w->text[0], format, ap);
    va_end(ap);
}

static void choose(const struct wordings *w, int cols, char *out, size_t size)
{
    int k = 0;

    while (cols > 0 && k + 1 < w->count && text_width(TEXT_OURS(w->text[k])) > cols)
        k++;
    snprintf(out, size, "%s", w->text[k]);
}

/* What this says of the device comes from the device, or is one of our own sentences. */
static void error_words(struct wordings *w, const struct command *c)
{
    const char *code = c->error_code.clean, *message = c->error_message.clean;
    const char *label = _(command_statuses[c->status].label), *late = c->late ? _(", late") : "";

    if (c->status == COMMAND_EXPIRED && *message)
        word(w, "%s: %s%s", label, _(message), late);
    else if (*code || *message)
        word(w, "%s%s%s%s", code, *code && *message ? ": " : "", message, late);
    else
        word(w, "%s%s", label, late);
}

/* A reboot is silence: it is said to be expected, as long as it is. */
static void reboot_words(struct paint *p, const struct command *c, const char *left,
                         struct wordings *w)
{
    const bool dated = c->execution_started_at != TIME_NONE;
    const int64_t ms = dated ? p->m->now.wall_ms - c->execution_started_at : 0;
    char span[FIGURE];

    format_span(p, ms, span);
    if (ms <= REBOOT_MOST_MS) {
        paint_changes_in(p, REBOOT_MOST_MS - ms + 1);
        word(w, _("waiting for reboot %s, 10-90 s is normal; %s left"), span, left);
    } else {
        word(w, _("waiting for reboot %s, longer than the usual 90 s; %s left"), span, left);
    }
    word(w, _("waiting for reboot %s, %s left"), span, left);
    word(w, _("reboot %s, %s left"), span, left);
}

/* The broker has it: no word of a device that has. */
static void published_words(const struct command *c, const char *span, const char *left,
                            struct wordings *w)
{
    if (c->not_connected) {
        word(w, _("the device is not connected %s, %s left"), span, left);
        word(w, _("not connected %s, %s left"), span, left);
    } else {
        word(w, _("at the broker %s, no answer yet; %s left"), span, left);
        word(w, _("at the broker %s, no answer yet"), span);
    }
}

static void running_words(struct paint *p, const struct command *c, struct wordings *w)
{
    const int64_t now = p->m->now.wall_ms;
    const char *label = _(command_statuses[c->status].label);
    char left[FIGURE] = SYM_NONE, span[FIGURE];

    if (c->expires_at != TIME_NONE)
        format_span(p, c->expires_at - now, left);
    format_span(p, c->issued_at == TIME_NONE ? 0 : now - c->issued_at, span);
    if (c->status == COMMAND_EXECUTION_STARTED && c->action == ACTION_REBOOT_HOST) {
        reboot_words(p, c, left, w);
        return;
    }
    if (c->status == COMMAND_QUEUED && !core_link_is_up(p->m->core))
        word(w, _("waits for the broker %s, %s left"), span, left);
    else if (c->status == COMMAND_PUBLISHED)
        published_words(c, span, left, w);
    word(w, _("%s %s, %s left"), label, span, left);
    word(w, "%s %s", label, span);
}

static void ended_words(struct paint *p, const struct command *c, struct wordings *w)
{
    const char *label = _(command_statuses[c->status].label), *late = c->late ? _(", late") : "";
    char span[FIGURE];

    if (c->status == COMMAND_BLOCKED && c->allowed_at != TIME_NONE) {
        format_moment(p->m, c->allowed_at, span);
        word(w, _("blocked by the lockout until %s"), span);
        word(w, _("blocked until %s"), span);
    } else if (c->status == COMMAND_COMPLETED && c->finished_at != TIME_NONE &&
               c->issued_at != TIME_NONE && c->finished_at >= c->issued_at) {
        const int64_t s = (c->finished_at - c->issued_at) / 1000;
        word(w, _("%s after %lld:%02lld%s"), label, (long long)s / 60, (long long)s % 60, late);
    }
    if (w->count < WORDINGS)
        word(w, "%s%s", label, late);
}

void panel_command_state(struct paint *p, const struct command *c, int cols, char *out, size_t size)
{
    struct wordings w = {.count = 0};

    if (c->status == COMMAND_FAILED || c->status == COMMAND_EXPIRED)
        error_words(&w, c);
    else if (panel_command_role(c) == ROLE_COMMAND_RUNNING)
        running_words(p, c, &w);
    else
        ended_words(p, c, &w);
    choose(&w, cols, out, size);
}

void panel_rollout_state(const struct rollout *r, int cols, char *out, size_t size)
{
    const uint32_t done = r->by_status[COMMAND_COMPLETED], failed = rollout_failures(r);
    const uint32_t withheld = r->by_status[COMMAND_CANCELLED] + r->by_status[COMMAND_BLOCKED];
    const uint32_t running = rollout_in_flight(r), left = r->total - r->released;
    const char *state = _(rollout_states[r->state].label);
    struct wordings w = {.count = 0};

    word(&w, _("%s: %u of %u done, %u failed, %u not sent, %u under way, %u left"), state, done,
         r->total, failed, withheld, running, left);
    word(&w, _("%u of %u done, %u failed, %u left"), done, r->total, failed, running + left);
    word(&w, _("%u/%u, %u failed"), done, r->total, failed);
    choose(&w, cols, out, size);
}

void panel_command_action(const struct command *c, char *out, size_t size)
{
    snprintf(out, size, "%s",
             c->action == ACTION_OTHER && c->action_text.clean[0] ? c->action_text.clean
                                                                  : _(actions[c->action].label));
}

void panel_command_by(const struct command *c, char *out, size_t size)
{
    const char *by = c->requested_by.clean;

    snprintf(out, size, c->foreign ? _("%s, elsewhere") : "%s", *by ? by : SYM_NONE);
}
