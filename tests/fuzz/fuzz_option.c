/* An arbitrary command line: the input's lines are its arguments. */
#include "common/option.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1), *argv[34] = {"fuzz"};
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    int argc = 1;
    for (char *line = text; line && argc < 33; argc++) {
        argv[argc] = line;
        line = strchr(line, '\n');
        if (line)
            *line++ = '\0';
    }
    uint32_t number = 5, wide = 0;
    const char *name = "";
    bool flag = false;
    const struct option options[] = {
        OPTION_NUMBER("number", number, 3, 7, "", ""),
        OPTION_NUMBER("wide", wide, 0, UINT32_MAX, "", ""),
        OPTION_TEXT("name", name, ""),
        OPTION_FLAG("flag", flag, ""),
        OPTION_END,
    };
    const struct option *tables[] = {options, NULL};
    option_parse("fuzz", tables, argc, argv);
    if (number < 3 || number > 7)
        abort();
    free(text);
    return 0;
}
