#include "common/json.h"

#include <inttypes.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

void json_start(void) {
#ifdef _WIN32
    _setmode(_fileno(stdout), _O_BINARY);
#endif
}

static void append(struct json *json, const char *text, size_t length) {
    if (json->failed)
        return;
    if (json->capacity - json->length < length) {
        size_t capacity = (json->length + length) * 2 + 256;
        char *grown = realloc(json->text, capacity);
        if (!grown) {
            json->failed = true;
            return;
        }
        json->text = grown;
        json->capacity = capacity;
    }
    memcpy(json->text + json->length, text, length);
    json->length += length;
}

static void append_text(struct json *json, const char *text) {
    append(json, text, strlen(text));
}

static void append_quoted(struct json *json, const char *text) {
    append_text(json, "\"");
    for (const char *c = text; *c; c++) {
        char escaped[8];
        if (*c == '"' || *c == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*c);
        else
            snprintf(escaped, sizeof escaped, "%c", *c);
        append_text(json, escaped);
    }
    append_text(json, "\"");
}

/* Writes the comma and the key before a value. */
static void append_key(struct json *json, const char *key) {
    if (json->length > 0 && json->text[json->length - 1] != '{' &&
        json->text[json->length - 1] != '[')
        append_text(json, ",");
    if (key) {
        append_quoted(json, key);
        append_text(json, ":");
    }
}

static void open_level(struct json *json, const char *opener, char closer) {
    append_text(json, opener);
    if (json->depth == JSON_DEPTH_MAX) {
        json->failed = true;
        return;
    }
    json->closers[json->depth++] = closer;
}

struct json json_event(const char *event) {
    struct json json = {0};
    open_level(&json, "{", '}');
    json_string(&json, "event", event);
    json_u64(&json, "format", JSON_FORMAT);
    return json;
}

void json_string(struct json *json, const char *key, const char *value) {
    append_key(json, key);
    if (value)
        append_quoted(json, value);
    else
        append_text(json, "null");
}

void json_u64(struct json *json, const char *key, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    append_key(json, key);
    append_text(json, text);
}

void json_double(struct json *json, const char *key, double value) {
    char text[40];
    snprintf(text, sizeof text, "%.17g", value);
    append_key(json, key);
    /* some headers' isfinite() narrows to float */
    bool finite = value >= -DBL_MAX && value <= DBL_MAX;
    append_text(json, finite ? text : "null");
}

void json_bool(struct json *json, const char *key, bool value) {
    append_key(json, key);
    append_text(json, value ? "true" : "false");
}

void json_null(struct json *json, const char *key) {
    append_key(json, key);
    append_text(json, "null");
}

void json_object(struct json *json, const char *key) {
    append_key(json, key);
    open_level(json, "{", '}');
}

void json_array(struct json *json, const char *key) {
    append_key(json, key);
    open_level(json, "[", ']');
}

void json_close(struct json *json) {
    if (json->depth == 0) {
        json->failed = true;
        return;
    }
    append(json, &json->closers[--json->depth], 1);
}

bool json_print(struct json *json) {
    while (json->depth > 0)
        json_close(json);
    append_text(json, "\n");
    if (json->failed)
        fputs("a JSON line was lost: out of memory, or nested too deeply\n", stderr);
    bool printed = !json->failed && fwrite(json->text, 1, json->length, stdout) == json->length &&
                   fflush(stdout) == 0;
    free(json->text);
    *json = (struct json){0};
    return printed;
}
