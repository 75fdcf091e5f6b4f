/* outage.c - how soon a hush of everything is named, how soon its end, and how often without one:
 * over many seeds and kinds of fleets. Prints the table of docs/outage.md. */
#include <stdio.h>
#include <stdlib.h>

#include "../core/world.h"

#define S         INT64_C(1000)
#define SEEDS_MAX 10000

struct row {
    enum habit habit;
    unsigned clients;
    int64_t period;
    unsigned group_size; /* 0: the fleet falls silent, else one group of that size */
    int64_t calm;        /* before the hush; a false alarm is one within it */
};

static const struct row rows[] = {
    {HABIT_EVEN, 3, 5 * S, 0, 1200 * S},       {HABIT_EVEN, 10, 1 * S, 0, 600 * S},
    {HABIT_EVEN, 10, 5 * S, 0, 1800 * S},      {HABIT_EVEN, 10, 60 * S, 0, 7200 * S},
    {HABIT_EVEN, 100, 5 * S, 0, 600 * S},      {HABIT_EVEN, 100, 60 * S, 0, 3600 * S},
    {HABIT_EVEN, 1000, 5 * S, 0, 120 * S},     {HABIT_EXACT, 10, 5 * S, 0, 1800 * S},
    {HABIT_EXACT, 10, 60 * S, 0, 7200 * S},    {HABIT_CHORUS, 10, 5 * S, 0, 1800 * S},
    {HABIT_CHORUS, 100, 60 * S, 0, 3600 * S},  {HABIT_POISSON, 10, 5 * S, 0, 1800 * S},
    {HABIT_POISSON, 100, 60 * S, 0, 3600 * S}, {HABIT_LOSSY, 10, 5 * S, 0, 1800 * S},
    {HABIT_LOSSY, 100, 60 * S, 0, 3600 * S},   {HABIT_BURSTS, 10, 5 * S, 0, 1800 * S},
    {HABIT_BURSTS, 10, 60 * S, 0, 7200 * S},   {HABIT_MIXED, 12, 5 * S, 0, 3600 * S},
    {HABIT_MIXED, 99, 5 * S, 0, 1800 * S},     {HABIT_RAMP, 10, 5 * S, 0, 4000 * S},
    {HABIT_RAMP, 100, 10 * S, 0, 4000 * S},    {HABIT_STALLING, 10, 5 * S, 0, 1800 * S},
    {HABIT_STALLING, 300, 5 * S, 0, 300 * S},  {HABIT_EVEN, 100, 5 * S, 10, 600 * S},
    {HABIT_EVEN, 100, 60 * S, 10, 3600 * S},   {HABIT_POISSON, 100, 5 * S, 10, 600 * S},
    {HABIT_LOSSY, 100, 5 * S, 10, 600 * S},    {HABIT_CHORUS, 100, 5 * S, 10, 600 * S},
};

struct figures {
    double detect[SEEDS_MAX], end[SEEDS_MAX];
    unsigned n, false_alarms, missed, extra;
    double calm_hours;
};

static void run(const struct row *r, uint64_t seed, struct figures *f)
{
    const struct world_plan plan = {.habit = r->habit,
                                    .clients = r->clients,
                                    .group_size = r->group_size,
                                    .period = r->period,
                                    .seed = seed};
    const enum alarm_kind kind = r->group_size ? ALARM_GROUP_OUTAGE : ALARM_BROKER_OUTAGE;
    const int64_t slowest = r->period * (r->habit == HABIT_RAMP ? 6 : 1);
    struct world s;

    if (!world_begin(&s, &plan))
        exit(1);
    const int64_t begin = r->calm + (int64_t)(world_random(&s) * (double)r->period);
    world_run(&s, begin);
    f->false_alarms += s.raised[ALARM_BROKER_OUTAGE] + s.raised[ALARM_GROUP_OUTAGE];
    f->calm_hours += (double)begin / 3600000;
    const unsigned before = s.raised[kind];
    if (r->group_size)
        s.hushed_group = 1;
    else
        s.hush = true;
    const int64_t back = begin + 20 * slowest;
    world_run(&s, back);
    if (s.raised[kind] == before) {
        f->missed++;
    } else {
        f->detect[f->n] = (double)(s.raised_at[kind] - begin) / 1000;
        s.hush = false;
        s.hushed_group = 0;
        world_run(&s, back + 20 * slowest);
        f->end[f->n++] = (double)(s.ended_at[kind] - back) / 1000;
        f->extra += s.raised[kind] - before - 1;
    }
    world_end(&s);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const struct row *r, struct figures *f)
{
    qsort(f->detect, f->n, sizeof *f->detect, by_size);
    qsort(f->end, f->n, sizeof *f->end, by_size);
    const double t = (double)r->period / 1000 * (r->habit == HABIT_RAMP ? 6 : 1);
    const double worst = f->n ? f->detect[f->n - 1] : 0, last = f->n ? f->end[f->n - 1] : 0;
    printf("| %s | %s%u | %g | %.1f | %u | %.1f / %.1f / %.1f | %.1f T | %.1f | %u |\n",
           habit_names[r->habit], r->group_size ? "10 of " : "", r->clients, t, f->calm_hours,
           f->false_alarms, f->n ? f->detect[f->n / 2] : 0, f->n ? f->detect[f->n * 95 / 100] : 0,
           worst, worst / t, last, f->missed + f->extra);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct figures f;
    const unsigned seeds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 300;

    printf(
        "| fleet | clients | T, s | calm hours | false alarms | named after, s: median / 95 %% / "
        "worst | worst | ended after, s, worst | missed or twice |\n|---|---|---|---|---|---|---|"
        "---|---|\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        f = (struct figures){.n = 0};
        for (unsigned seed = 1; seed <= seeds && seed <= SEEDS_MAX; seed++)
            run(&rows[i], seed, &f);
        print(&rows[i], &f);
    }
    return 0;
}
