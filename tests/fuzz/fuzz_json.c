/* Arbitrary calls of the writer of JSON. Each byte of the input is one call, and the bytes after it
 * are its value. A small reader of JSON must accept the line if the calls were right: no level too
 * deep, none closed twice, a key exactly inside an object. */
#include "common/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

/* A reader of JSON: each function moves the cursor behind what it names. */
static bool read_word(const char **at, const char *word) {
    size_t length = strlen(word);
    bool found = strncmp(*at, word, length) == 0;
    *at += found ? length : 0;
    return found;
}

static bool read_string(const char **at) {
    if (!read_word(at, "\""))
        return false;
    for (; **at != '"'; (*at)++) {
        if ((unsigned char)**at < 0x20) /* with the end of the text */
            return false;
        if (**at != '\\')
            continue;
        (*at)++;
        if (**at == 'u' && strspn(*at + 1, "0123456789abcdef") >= 4)
            *at += 4;
        else if (**at != '"' && **at != '\\')
            return false;
    }
    (*at)++;
    return true;
}

static bool read_number(const char **at) {
    char *end;
    if (!strchr("-0123456789", **at))
        return false;
    strtod(*at, &end);
    bool found = end > *at;
    *at = end;
    return found;
}

static bool read_value(const char **at);

static bool read_members(const char **at, const char *closer, bool keys) {
    if (read_word(at, closer))
        return true;
    do {
        if (keys && !(read_string(at) && read_word(at, ":")))
            return false;
        if (!read_value(at))
            return false;
    } while (read_word(at, ","));
    return read_word(at, closer);
}

static bool read_value(const char **at) {
    if (read_word(at, "{"))
        return read_members(at, "}", true);
    if (read_word(at, "["))
        return read_members(at, "]", false);
    return read_word(at, "null") || read_word(at, "true") || read_word(at, "false") ||
           (**at == '"' ? read_string(at) : read_number(at));
}

/* Takes up to `most` bytes of the input. */
static size_t take(const uint8_t **data, size_t *size, void *value, size_t most) {
    size_t count = *size < most ? *size : most;
    memset(value, 0, most);
    if (count > 0)
        memcpy(value, *data, count);
    *data += count;
    *size -= count;
    return count;
}

enum { TEXT_MOST = 12 };

static void write_value(struct json *json, uint8_t kind, const char *key, const uint8_t **data,
                        size_t *size) {
    char text[TEXT_MOST + 1] = {0};
    uint64_t whole;
    double real;
    switch (kind) {
    case 0:
        take(data, size, text, TEXT_MOST);
        json_string(json, key, text);
        break;
    case 1:
        take(data, size, &whole, sizeof whole);
        json_u64(json, key, whole);
        break;
    case 2:
        take(data, size, &real, sizeof real);
        json_double(json, key, real);
        break;
    case 3:
        json_bool(json, key, *size % 2 == 0);
        break;
    case 4:
        json_string(json, key, NULL);
        break;
    default:
        json_null(json, key);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct json json = json_event("fuzz");
    bool right = true;
    uint8_t call;
    while (right && take(&data, &size, &call, 1) == 1) {
        char key[TEXT_MOST + 1] = {0};
        bool keyed = json.depth > 0 && json.closers[json.depth - 1] == '}';
        if (call % 9 == 8 || json.depth == 0) { /* nothing may follow the whole object */
            right = json.depth > 0;
            json_close(&json);
            continue;
        }
        take(&data, &size, key, keyed ? call / 9 % TEXT_MOST : 0);
        if (call % 9 < 6) {
            write_value(&json, call % 9, keyed ? key : NULL, &data, &size);
            continue;
        }
        right = json.depth < JSON_DEPTH_MAX;
        if (call % 9 == 6)
            json_object(&json, keyed ? key : NULL);
        else
            json_array(&json, keyed ? key : NULL);
    }
    require(json.failed == !right);
    while (json.depth > 0)
        json_close(&json);
    if (right) {
        char *line = calloc(1, json.length + 1);
        require(line != NULL);
        memcpy(line, json.text, json.length);
        const char *at = line;
        require(read_value(&at) && at == line + json.length);
        free(line);
    }
    require(json_print(&json) == right);
    return 0;
}
