/* console.h - the console for callers that report its error themselves (the demo). */
#ifndef APP_CONSOLE_H
#define APP_CONSOLE_H

#include "cli/cli.h"

int app_console_with(const struct cli_globals *g, struct err *e);

#endif
