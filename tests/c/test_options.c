/* The load generator's command line: classes inherit, and conflicting options are rejected. */
#include "check.h"
#include "loadgen/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct plan plan;

/* `line`: words separated by blanks. */
static enum option_outcome read_line(const char *line) {
    static char text[4096];
    char *argv[64] = {"loadgen"};
    int argc = 1;
    if (!strstr(line, "--calibrate") && !strstr(line, "--port"))
        argv[argc++] = "--port=1";
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return options_read(argc, argv, &plan);
}

static void one_class_without_classes(void) {
    CHECK(read_line("--connections 9 --idle 4 --rate 100 --arrivals poisson") == OPTIONS_PARSED);
    const struct class *class = &plan.classes[0];
    CHECK(plan.class_count == 1 && plan.connections == 9 && strcmp(class->name, "all") == 0);
    CHECK(class->idle == 4 && class->load.arrivals.count == 5 &&
          (int)class->load.arrivals.rate == 100);
    CHECK(class->load.arrivals.kind == ARRIVALS_POISSON && class->load.reply_as_request);
    CHECK(read_line("") == OPTIONS_PARSED && plan.connections == 1 &&
          !load_open_loop(&plan.classes[0].load));
}

static void classes_inherit_and_keep_to_themselves(void) {
    CHECK(read_line("--depth 3 --size 10 --class a:connections=2,depth=8 --class "
                    "b-2:connections=5,size=7,idle=1 "
                    "--threads 7") == OPTIONS_PARSED);
    const struct class *a = &plan.classes[0], *b = &plan.classes[1];
    CHECK(plan.class_count == 2 && plan.connections == 7);
    CHECK(strcmp(a->name, "a") == 0 && a->load.depth == 8 && amount_most(&a->load.size) == 10 &&
          a->idle == 0);
    CHECK(strcmp(b->name, "b-2") == 0 && b->load.depth == 3 && amount_most(&b->load.size) == 7 &&
          b->idle == 1);
    CHECK(read_line("--class x:") == OPTIONS_PARSED && plan.connections == 1);
}

static void a_stream_has_one_direction(void) {
    CHECK(read_line("--stream download --size 5000") == OPTIONS_PARSED);
    const struct load *load = &plan.classes[0].load;
    CHECK(amount_most(&load->size) == 0 && amount_most(&load->reply_size) == 5000 &&
          !load->reply_as_request);
    CHECK(read_line("--stream upload --size 5000") == OPTIONS_PARSED);
    CHECK(amount_most(&load->size) == 5000 && amount_most(&load->reply_size) == 0 &&
          !load->reply_as_request);
}

static void points_are_a_list(void) {
    CHECK(read_line("--calibrate --size 100 --depth 2 --threads 2 --points 2") == OPTIONS_PARSED);
    CHECK(read_line("--calibrate --points 1,64,1000000") == OPTIONS_PARSED &&
          plan.point_count == 3);
    CHECK(plan.points[0] == 1 && plan.points[1] == 64 && plan.points[2] == 1000000);
}

static void what_does_not_fit_is_refused(void) {
    static const char nine_classes[] = "--class a: --class b: --class c: --class d: --class e: "
                                       "--class f: --class g: --class h: --class i:";
    static const char *const wrong[] = {"--idle 1",
                                        "--connections 3 --idle 3",
                                        "--arrivals poisson",
                                        "--arrivals sometimes",
                                        "--stream download --reply-size 4",
                                        "--size 5x",
                                        "--size 1048577",
                                        "--size 1..1048577",
                                        "--cpu-us exp:250001",
                                        "--threads 2",
                                        "--host 1.2.3",
                                        "--class a",
                                        "--class :connections=1",
                                        "--class A:connections=1",
                                        "--class a:connections=0",
                                        "--class a:port=5",
                                        "--class a:size=5,",
                                        "--class a:connections",
                                        "--class a:help",
                                        "--class a:class=b",
                                        "--class a:size=9x",
                                        "--class a:,",
                                        "--class a:size=1,size=2",
                                        "--class a:connections=1 --class a:connections=2",
                                        "--class abcdefghijklmnopqrstuvwxyz0123456:size=1",
                                        nine_classes,
                                        "--points 1,,2",
                                        "--points 0",
                                        "--points 1,",
                                        "--points 1,2,3,4,5,6,7,8,9",
                                        "--points 1000001",
                                        "--calibrate --rate 5",
                                        "--calibrate --class a:size=4",
                                        "--calibrate --reply-size 4",
                                        "--calibrate --connections 2",
                                        "--calibrate --cpu-us 5",
                                        "--calibrate --block-us 5",
                                        "--calibrate --port 5",
                                        "--port 1 --port 2",
                                        "--sources 2 --host 10.0.0.1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (read_line(wrong[i]) != OPTIONS_WRONG) {
            fprintf(stderr, "accepted: %s\n", wrong[i]);
            exit(EXIT_FAILURE);
        }
    }
}

int main(void) {
    one_class_without_classes();
    classes_inherit_and_keep_to_themselves();
    a_stream_has_one_direction();
    points_are_a_list();
    what_does_not_fit_is_refused();
    return 0;
}
