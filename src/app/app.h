/* app.h - what main hands to the command line: each wires the rooms together in its own way. All return the
 * process's exit code and have reported their errors on stderr. */
#ifndef APP_APP_H
#define APP_APP_H

#include "cli/cli.h"

int app_console(const struct cli_globals *g);
int app_record(const struct cli_globals *g);
int app_run_job(const struct cli_globals *g, struct job *j);
int app_demo(const struct cli_globals *g, const struct cli_demo *d);

#endif
