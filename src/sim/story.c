/* story.c - what a fleet suffers without a script: a story in the script's own words, and now and
 * then one of the small things that happen to real fleets. */
#include "sim/fleet.h"

#define FAULT_MIN 9000
#define FAULT_MAX 24000

/* Everything an operator will meet, in four minutes. For the smallest fleets lines are left out. */
const char story_text[] = "at 2s  log lobby-01 info player started\n"
                          "at 3s  give-up lobby-01 infoscreen-simclient.service\n"
                          "at 5s  crash kitchen-1\n"
                          "at 7s  mismatch foyer-1 for 60s\n"
                          "at 8s  flap hall-1 7 times every 2s\n"
                          "at 10s crash-loop gate-1\n"
                          "at 12s log platform-1 error HDMI: no signal\n"
                          "at 13s hang canteen-1 for 50s\n"
                          "at 30s cut-group vienna-2 for 45s\n"
                          "at 100s broker stop for 8s\n"
                          "at 130s crash kitchen-2 for 20s\n"
                          "at 150s give-up platform-2 infoscreen-display.service\n"
                          "at 180s cut-group graz-1 for 40s\n"
                          "at 240s broker kill for 5s\n";

static void short_crash(struct fleet *f, struct device *d)
{
    device_crash(d, fleet_between(f, 6000, 15000));
}

static void short_cut(struct fleet *f, struct device *d)
{
    d->cut_until = f->now + fleet_between(f, 500, 4000);
}

static void wrong_event(struct fleet *f, struct device *d)
{
    d->event = d->expected_event + 1 + (int)fleet_random(f, 5);
    d->mismatch_until = f->now + fleet_between(f, 8000, 25000);
    device_beat_soon(d);
}

static void complain(struct fleet *f, struct device *d)
{
    static const struct {
        const char *level, *text;
    } lines[] = {
        {"warn", "slide 3 took 4.1 s to load"},
        {"info", "content synchronised, 12 files"},
        {"warn", "temperature 78 C, throttling"},
        {"error", "video decoder restarted"},
        {"info", "schedule unchanged"},
        {"warn", "disk 91 % full"},
        {"error", "image 2026-04.png: not found (404)"},
        {"debug", "heartbeat sent in 3 ms"},
    };
    const uint32_t i = fleet_random(f, sizeof lines / sizeof *lines);

    device_log(d, lines[i].level, lines[i].text);
}

void story_minor_faults(struct fleet *f)
{
    static void (*const faults[])(struct fleet * f, struct device * d) = {
        complain, complain, complain, complain, short_cut, short_cut, wrong_event, short_crash,
    };
    struct device *d;

    if (f->now < f->next_fault)
        return;
    f->next_fault = f->now + fleet_between(f, FAULT_MIN, FAULT_MAX) / (1 + f->n / 50);
    d = &f->devices[fleet_random(f, (uint32_t)f->n)];
    if (d->pid > 0 && d->mqtt) /* who has trouble already is left alone */
        faults[fleet_random(f, sizeof faults / sizeof *faults)](f, d);
}
