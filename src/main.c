/* main.c - the program: translations, then the command line, which gets what the rooms can do
 * together. */
#include <malloc.h>

#include "app/app.h"
#include "base/i18n.h"
#include "cli/cli.h"
#include "ui/ui.h"

#define LARGE_BYTES (256 * 1024)

/* glibc raises its limit with each large block that is freed, and then cuts the next ones out of the
 * heap, which holes keep from shrinking: after a flood a tenth of the memory would not come back.
 *
 * Its fast bins are merged again with nearly each message: libmosquitto's calloc() passes the
 * thread's cache by, which is soon full of what it frees, and every block freed at the end of the
 * heap has them all merged. Without the bins a message costs the link 4 % less (measured). */
static void set_up_heap(void)
{
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
#endif
#ifdef M_MXFAST
    mallopt(M_MXFAST, 0);
#endif
}

int main(int argc, char **argv)
{
    static const struct cli_host host = {
        .console = app_console,
        .record = app_record,
        .run_job = app_run_job,
        .demo = app_demo,
        .check_keys = ui_check_keys,
        .check_theme = ui_check_theme,
    };

    set_up_heap();
    i18n_init("");
    return cli_main(argc, argv, &host);
}
