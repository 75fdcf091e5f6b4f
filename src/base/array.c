/* array.c - arrays double their room, so that adding n items moves fewer than 2n. */
#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 16

/* A struct thing * is no void *: the pointer is copied in and out, not read through a cast. */
bool array_make_room(void *array, size_t count, size_t *room, size_t size)
{
    const size_t more = *room ? 2 * *room : ROOM_FIRST;
    void *items;

    if (count < *room)
        return true;
    if (*room > SIZE_MAX / 2 / size)
        return false;
    memcpy(&items, array, sizeof items);
    items = realloc(items, more * size);
    if (!items)
        return false;
    memcpy(array, &items, sizeof items);
    *room = more;
    return true;
}

void *array_add(void *array, size_t *count, size_t *room, size_t size)
{
    char *items;

    if (!array_make_room(array, *count, room, size))
        return NULL;
    memcpy(&items, array, sizeof items);
    return items + (*count)++ * size;
}
