/* An arbitrary command line of the load generator: the input's lines are its arguments. An accepted
 * plan respects all limits, so later code need not check them again. */
#include "loadgen/options.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void check_amount(const struct amount *amount, uint32_t limit, uint64_t random) {
    require(amount_most(amount) <= limit && amount_draw(amount, random) <= amount_most(amount));
    require(amount_draw(amount, 0) <= limit && amount_draw(amount, UINT64_MAX) <= limit);
}

static void check_class(const struct class *class, uint64_t random) {
    require(class->connections >= 1 && class->idle < class->connections && class->load.depth >= 1);
    require(class->load.arrivals.count == class->connections - class->idle);
    require(strlen(class->name) >= 1 && strlen(class->name) <= CLASS_NAME_MAX);
    check_amount(&class->load.size, FRAME_PAYLOAD_MAX, random);
    check_amount(&class->load.reply_size, FRAME_PAYLOAD_MAX, random);
    check_amount(&class->load.cpu_us, FRAME_WORK_MAX_US, random);
    check_amount(&class->load.block_us, FRAME_WORK_MAX_US, random);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct plan plan;
    char *text = malloc(size + 1), *argv[36] = {"fuzz"};
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    int argc = 1;
    if (!strstr(text, "--calibrate")) /* excludes --port */
        argv[argc++] = "--port=1";
    for (char *line = text; line && argc < 35; argc++) {
        argv[argc] = line;
        line = strchr(line, '\n');
        if (line)
            *line++ = '\0';
    }
    if (options_read(argc, argv, &plan) == OPTIONS_PARSED) {
        uint64_t random = size > 8 ? (uint64_t)data[size / 2] << 56 : size;
        require(plan.class_count >= 1 && plan.class_count <= CLASSES_MAX &&
                plan.point_count <= POINTS_MAX);
        for (size_t i = 0; i < plan.class_count; i++)
            check_class(&plan.classes[i], random);
    }
    free(text);
    return 0;
}
