#include "check.h"
#include "common/json.h"

#include <float.h>
#include <string.h>

static void expect(struct json *json, const char *text) {
    while (json->depth > 0)
        json_close(json);
    CHECK(!json->failed);
    CHECK(json->length == strlen(text) && memcmp(json->text, text, json->length) == 0);
    free(json->text);
}

static void values_of_every_kind(void) {
    volatile double most_double = DBL_MAX; /* a constant would overflow in the compiler */
    struct json json = json_event("e");
    json_string(&json, "s", "x");
    json_string(&json, "none", NULL);
    json_u64(&json, "most", UINT64_MAX);
    json_double(&json, "half", 0.5);
    json_double(&json, "least", -DBL_MAX);
    json_double(&json, "infinite", most_double * 2);
    json_bool(&json, "yes", true);
    json_null(&json, "n");
    expect(&json,
           "{\"event\":\"e\",\"format\":1,\"s\":\"x\",\"none\":null,\"most\":18446744073709551615,"
           "\"half\":0.5,\"least\":-1.7976931348623157e+308,\"infinite\":null,\"yes\":true,\"n\":"
           "null}");
}

static void nesting(void) {
    struct json json = json_event("e");
    json_object(&json, "o");
    json_close(&json);
    json_array(&json, "a");
    json_u64(&json, NULL, 1);
    json_array(&json, NULL);
    json_u64(&json, NULL, 2);
    json_u64(&json, NULL, 3);
    json_close(&json);
    json_close(&json);
    json_u64(&json, "after", 4);
    expect(&json, "{\"event\":\"e\",\"format\":1,\"o\":{},\"a\":[1,[2,3]],\"after\":4}");
}

static void strings_are_escaped(void) {
    struct json json = json_event("e");
    json_string(&json, "s", "a\"b\\c\n\t\x01z\xc3\xa9");
    expect(&json,
           "{\"event\":\"e\",\"format\":1,\"s\":\"a\\\"b\\\\c\\u000a\\u0009\\u0001z\xc3\xa9\"}");
}

static void misuse_fails_the_line(void) {
    struct json deep = json_event("e");
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_object(&deep, "o");
    CHECK(deep.failed);
    free(deep.text);
    struct json closed = json_event("e");
    json_close(&closed);
    json_close(&closed);
    CHECK(closed.failed);
    CHECK(!json_print(&closed));
}

int main(void) {
    values_of_every_kind();
    nesting();
    strings_are_escaped();
    misuse_fails_the_line();
    return 0;
}
