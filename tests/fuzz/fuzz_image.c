/* Any bytes as after-images: what is read writes the same image again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool write_image(const struct image *image, struct buf *out)
{
    switch (image->kind) {
    case IMAGE_CLIENT:
        return image_of_client(&image->u.client, out);
    case IMAGE_ALARM:
        return image_of_alarm(&image->u.alarm, out);
    default:
        return image_of_command(&image->u.command, out);
    }
}

static void check(const struct image *image)
{
    struct buf first = BUF_INIT, second = BUF_INIT;
    static struct image again;
    size_t used;

    if (!write_image(image, &first) || !image_read(first.data, first.len, &again, &used) ||
        used != first.len || !write_image(&again, &second) || first.len != second.len ||
        memcmp(first.data, second.data, first.len) != 0)
        abort();
    buf_fini(&first);
    buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct image image;
    size_t used;

    for (; size > 0 && image_read(data, size, &image, &used); data += used, size -= used)
        check(&image);
    return 0;
}
