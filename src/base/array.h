/* array.h - arrays that grow one item at a time. They belong to the caller, begin as NULL with
 * count and room 0, and end with free(). */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* `array` is the address of the pointer to the items, `size` the bytes of one item. False without
 * memory: the array then stands as it was. Growing moves the items: pointers to them end. */

/* Room for one item more than `count`. */
bool array_make_room(void *array, size_t count, size_t *room, size_t size);
/* One more item, already counted and not yet written, or NULL without memory. */
void *array_add(void *array, size_t *count, size_t *room, size_t size);

#endif
