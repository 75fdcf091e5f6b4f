/* main.c - the program: translations, then the command line, which gets what the rooms can do
 * together. */
#include "app/app.h"
#include "base/i18n.h"
#include "cli/cli.h"

int main(int argc, char **argv)
{
    static const struct cli_host host = {
        .console = app_console,
        .record = app_record,
        .run_job = app_run_job,
        .demo = app_demo,
    };

    i18n_init("");
    return cli_main(argc, argv, &host);
}
