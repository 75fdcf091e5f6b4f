/* port.h - a TCP port of the loopback for each broker of a test, and whether it is there yet. */
#ifndef TESTS_PORT_H
#define TESTS_PORT_H

#include <stdbool.h>

int port_free(void); /* nobody listens on it; the kernel doesn't give it out again soon */
bool port_answers(int port);

#endif
