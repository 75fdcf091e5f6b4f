/* verbs.c - what a script can do to the fleet: one declared table feeds the parser, the help and
 * the documentation's test. */
#include "sim/fleet.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"

#define FOR_EVER     (INT64_MAX / 4)
#define LOOP_RESTART 1000

static struct device *device_of(struct fleet *f, const struct step *s)
{
    return &f->devices[s->device];
}

static int64_t until(const struct fleet *f, const struct step *s)
{
    return s->duration ? f->now + s->duration : FOR_EVER;
}

static void run_crash(struct fleet *f, const struct step *s)
{
    device_crash(device_of(f, s), s->duration);
}

static void run_crash_loop(struct fleet *f, const struct step *s)
{
    struct device *d = device_of(f, s);

    d->crash_loop = true;
    device_crash(d, fleet_scaled(f, LOOP_RESTART));
}

static void run_give_up(struct fleet *f, const struct step *s)
{
    device_give_up(device_of(f, s), s->text);
}

static void run_hang(struct fleet *f, const struct step *s)
{
    device_of(f, s)->hung_until = until(f, s);
}

static void run_cut(struct fleet *f, const struct step *s)
{
    device_of(f, s)->cut_until = until(f, s);
}

static void run_cut_group(struct fleet *f, const struct step *s)
{
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->devices[i].group, s->name) == 0)
            f->devices[i].cut_until = until(f, s);
}

static void run_flap(struct fleet *f, const struct step *s)
{
    struct device *d = device_of(f, s);

    d->flaps_left = s->times;
    d->flap_every = s->every;
    d->flap_at = f->now;
}

static void run_power_off(struct fleet *f, const struct step *s)
{
    device_power_off(device_of(f, s), s->duration);
}

static void run_mismatch(struct fleet *f, const struct step *s)
{
    struct device *d = device_of(f, s);

    d->event = d->expected_event + 1;
    d->mismatch_until = until(f, s);
    device_beat_soon(d);
}

static void run_helper_fails(struct fleet *f, const struct step *s)
{
    device_of(f, s)->helper_fails = true;
}

static void run_log(struct fleet *f, const struct step *s)
{
    device_log(device_of(f, s), s->level, s->text);
}

static void run_recover(struct fleet *f, const struct step *s)
{
    struct device *d = device_of(f, s);

    d->cut_until = 0;
    d->flaps_left = 0;
    d->helper_fails = false;
    d->powered = true;
    d->boot_at = 0;
    d->mismatch_until = 0;
    device_run(d);
}

static void ask_broker(struct fleet *f, enum sim_broker what)
{
    const char byte = (char)what;

    if (f->o->broker_fd < 0 || write(f->o->broker_fd, &byte, 1) != 1)
        fprintf(stderr, "sim: nobody here can do that to the broker\n");
}

static void run_broker(struct fleet *f, const struct step *s)
{
    if (strcmp(s->level, "start") == 0) {
        ask_broker(f, SIM_BROKER_START);
        return;
    }
    ask_broker(f, strcmp(s->level, "kill") == 0 ? SIM_BROKER_KILL : SIM_BROKER_STOP);
    if (strcmp(s->level, "restart") == 0)
        ask_broker(f, SIM_BROKER_START);
    else if (s->duration)
        f->broker_start_at = f->now + s->duration;
}

static const struct verb verbs[] = {
    {"crash", "df", N_("crash NAME [for TIME]"),
     N_("its process dies; with a time systemd brings it back after that, else restart_app does"),
     run_crash},
    {"crash-loop", "d", N_("crash-loop NAME"),
     N_("its process dies again and again until systemd gives up (service_failed)"),
     run_crash_loop},
    {"give-up", "du", N_("give-up NAME [UNIT]"),
     N_("systemd has given up a unit: a retained service_failed"), run_give_up},
    {"hang", "df", N_("hang NAME [for TIME]"), N_("connected, but not a word"), run_hang},
    {"flap", "dt", N_("flap NAME N times every TIME"), N_("loses its connection again and again"),
     run_flap},
    {"cut", "df", N_("cut NAME [for TIME]"), N_("its network cable is pulled"), run_cut},
    {"cut-group", "gf", N_("cut-group GROUP [for TIME]"), N_("a group loses its switch"),
     run_cut_group},
    {"power-off", "df", N_("power-off NAME [for TIME]"),
     N_("switched off, and on again after a time"), run_power_off},
    {"mismatch", "df", N_("mismatch NAME [for TIME]"), N_("it shows another event than it should"),
     run_mismatch},
    {"helper-fails", "d", N_("helper-fails NAME"), N_("from now on its commands end as failed"),
     run_helper_fails},
    {"log", "dlx", N_("log NAME debug|info|warn|error TEXT"), N_("it logs a line"), run_log},
    {"recover", "d", N_("recover NAME"), N_("all is well with it again"), run_recover},
    {"broker", "b", N_("broker stop|kill [for TIME], broker start|restart"),
     N_("the broker ends properly or is killed, and comes back"), run_broker},
};

const struct verb *verb_at(size_t i)
{
    return i < sizeof verbs / sizeof *verbs ? &verbs[i] : NULL;
}

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; verb_at(i); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

void sim_print_verbs(FILE *out)
{
    for (size_t i = 0; verb_at(i); i++)
        fprintf(out, "%-46s %s\n", _(verbs[i].usage), _(verbs[i].help));
}
