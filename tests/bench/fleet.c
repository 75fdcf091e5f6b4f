/* fleet.c - the demo's hardened broker and simulated fleet without the console, for the soak run:
 * fleet CLIENTS BEAT_SECONDS SCRIPT. Prints the console's port, account and password in one line and
 * lives until its standard input ends. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/demo.h"

int main(int argc, char **argv)
{
    struct err e = {0};

    if (argc != 4) {
        fprintf(stderr, "usage: fleet CLIENTS BEAT_SECONDS SCRIPT\n");
        return 2;
    }
    const struct demo_options o = {
        .clients = atoi(argv[1]), .heartbeat_s = atof(argv[2]), .script = argv[3]};
    struct demo *d = demo_start(&o, &e);
    if (!d) {
        fprintf(stderr, "fleet: %s\n", e.text);
        return 1;
    }
    printf("%d %s %s\n", demo_console_port(d), SERVER_ACCOUNT, demo_server_password(d));
    fflush(stdout);
    while (getchar() != EOF)
        ;
    demo_stop(d);
    return 0;
}
