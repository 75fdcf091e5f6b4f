/* format.c - ages, moments, rates. */
#include "ui/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/timefmt.h"
#include "ui/symbols.h"

#define S   INT64_C(1000)
#define MIN (60 * S)
#define H   (60 * MIN)
#define D   (24 * H)

void paint_changes_in(struct paint *p, int64_t in_ms)
{
    const int64_t at = p->m->now.mono_ms + (in_ms < 1 ? 1 : in_ms);

    if (at < p->next_change)
        p->next_change = at;
}

/* Down to a multiple of step; the next one is a change. */
static int64_t coarse(struct paint *p, int64_t ms, int64_t step)
{
    paint_changes_in(p, step - ms % step);
    return ms - ms % step;
}

void format_age(struct paint *p, int64_t ms, char out[FIGURE])
{
    if (ms < 0)
        ms = 0;
    if (ms < 10 * S) {
        paint_changes_in(p, 10 * S - ms);
        snprintf(out, FIGURE, "<10s"); /* the digits would turn each second */
    } else if (ms < MIN)
        snprintf(out, FIGURE, "0:%02d", (int)(coarse(p, ms, 10 * S) / S));
    else if (ms < H)
        snprintf(out, FIGURE, "%dm", (int)(coarse(p, ms, MIN) / MIN));
    else if (ms < D)
        snprintf(out, FIGURE, "%dh%02dm", (int)(ms / H), (int)(coarse(p, ms, MIN) % H / MIN));
    else
        snprintf(out, FIGURE, "%dd%dh", (int)(ms / D), (int)(coarse(p, ms, H) % D / H));
}

void format_span(struct paint *p, int64_t ms, char out[FIGURE])
{
    const int64_t step = p->desk->screen_reader ? 10 * S : S;

    if (ms < 0)
        ms = 0;
    if (ms < H)
        snprintf(out, FIGURE, "%d:%02d", (int)(ms / MIN), (int)(coarse(p, ms, step) % MIN / S));
    else
        format_age(p, ms, out);
}

void format_beat(struct paint *p, int64_t ms, char out[FIGURE])
{
    if (ms == TIME_NONE || p->m->in_past) { /* of signs of life that changed nothing no trace is kept */
        snprintf(out, FIGURE, SYM_NONE);
    } else if (ms < 15 * S) {
        paint_changes_in(p, 15 * S - ms);
        snprintf(out, FIGURE, "%s", _("now"));
    } else if (ms < MIN) {
        const bool early = ms < 30 * S;
        paint_changes_in(p, (early ? 30 * S : MIN) - ms);
        snprintf(out, FIGURE, early ? "15s" : "30s");
    } else if (ms < H) {
        snprintf(out, FIGURE, "%dm", (int)(coarse(p, ms, MIN) / MIN));
    } else if (ms < D) {
        snprintf(out, FIGURE, "%dh", (int)(coarse(p, ms, H) / H));
    } else {
        snprintf(out, FIGURE, "%dd", (int)(coarse(p, ms, H) / D));
    }
}

void format_left(struct paint *p, int64_t ms, char out[FIGURE])
{
    if (ms < 0)
        ms = 0;
    if (ms < 2 * MIN) {
        paint_changes_in(p, ms % (5 * S) + 1);
        snprintf(out, FIGURE, _("%d s"), (int)((ms + 5 * S - 1) / (5 * S) * 5));
    } else {
        paint_changes_in(p, ms % MIN + 1);
        snprintf(out, FIGURE, _("%d min"), (int)((ms + MIN - 1) / MIN));
    }
}

/* time_local() gives a time of day for today only. */
static bool is_of_today(const char *local)
{
    return strlen(local) == 8 && local[2] == ':';
}

void format_when(struct paint *p, int64_t wall_ms, char out[FIGURE])
{
    char local[ISO_SIZE];

    if (wall_ms == TIME_NONE) {
        snprintf(out, FIGURE, SYM_NONE);
        return;
    }
    time_local(wall_ms, p->m->now.wall_ms, local);
    if (is_of_today(local))
        snprintf(out, FIGURE, _("today %.5s"), local);
    else
        snprintf(out, FIGURE, "%.16s", local);
}

void format_clock(int64_t wall_ms, char out[FIGURE])
{
    char local[ISO_SIZE];

    time_local(wall_ms, wall_ms, local);
    snprintf(out, FIGURE, "%.5s", local);
}

void format_moment(const struct ui_model *m, int64_t wall_ms, char out[FIGURE])
{
    char local[ISO_SIZE];

    time_local(wall_ms, m->now.wall_ms, local);
    snprintf(out, FIGURE, "%.16s", local);
}

void format_number(int64_t n, char out[FIGURE])
{
    if (n == NUMBER_NONE)
        snprintf(out, FIGURE, SYM_NONE);
    else
        snprintf(out, FIGURE, "%lld", (long long)n);
}

#define CLEARLY 0.3 /* of the shown rate: what a calm fleet's rate sways by */

double format_rate(double rate, double shown, char out[FIGURE])
{
    const double step = rate >= 1 ? pow(10, floor(log10(rate)) - (rate >= 1000)) : 1;

    if (shown < 0 || fabs(rate - shown) > CLEARLY * (shown > 2 ? shown : 2))
        shown = round(rate / step) * step;
    if (shown >= 1e6)
        snprintf(out, FIGURE, "%.1fM", shown / 1e6);
    else if (shown >= 1000)
        snprintf(out, FIGURE, shown >= 10000 ? "%.0fk" : "%.1fk", shown / 1000);
    else
        snprintf(out, FIGURE, "%.0f", shown);
    return shown;
}
