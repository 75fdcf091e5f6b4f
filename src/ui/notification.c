/* notification.c - terminals that are known to notify. Others might print the sequence: they get
 * none. */
#include "ui/notification.h"

#include <stdlib.h>
#include <string.h>

/* Multiplexers come first: they hide what is behind them and pass nothing through unasked. */
static const struct {
    const char *variable, *begins;
    enum notification how;
} known[] = {
    {"TMUX", "", NOTIFICATION_NONE},
    {"STY", "", NOTIFICATION_NONE},
    {"TERM", "tmux", NOTIFICATION_NONE},
    {"TERM", "screen", NOTIFICATION_NONE},
    {"TERM_PROGRAM", "iTerm.app", NOTIFICATION_OSC9},
    {"TERM_PROGRAM", "WezTerm", NOTIFICATION_OSC9},
    {"TERM_PROGRAM", "ghostty", NOTIFICATION_OSC9},
    {"TERM", "xterm-ghostty", NOTIFICATION_OSC9},
    {"TERM", "xterm-kitty", NOTIFICATION_OSC9},
    {"TERM", "foot", NOTIFICATION_OSC777},
    {"TERM", "rxvt-unicode", NOTIFICATION_OSC777},
    {"TERM", "contour", NOTIFICATION_OSC777},
};

static enum notification detect(void)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *value = getenv(known[i].variable);
        if (value && *value && strncmp(value, known[i].begins, strlen(known[i].begins)) == 0)
            return known[i].how;
    }
    return NOTIFICATION_NONE;
}

enum notification notification_of(const char *setting)
{
    if (strcmp(setting, "auto") == 0)
        return detect();
    return strcmp(setting, "osc9") == 0     ? NOTIFICATION_OSC9
           : strcmp(setting, "osc777") == 0 ? NOTIFICATION_OSC777
                                            : NOTIFICATION_NONE;
}
