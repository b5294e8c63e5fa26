/* A server stores what it receives: network 125 MB/s, disk 10 MB/s. Is it faster if receives and
 * writes overlap? Arithmetic says: a longer stream can only be stored as fast as the disk writes,
 * whatever the server does. A burst is different: a server with a queue takes it at the speed of the
 * network, and the sender is free.
 *
 * Nothing depends on this machine's disk or network. The sender is paced, and the disk is a pipe
 * with a reader of known speed. Both sockets have small buffers; with the usual ones the kernel is a
 * queue, too. */
#include "laws/shared/relay_forms.h"
#include "laws/shared/stream.h"
#include "laws/verdict/relay.h"

#include <process.h>

enum { SOCKET_BUFFER = 65536 };

static const struct cell {
    uint32_t blocks, network, disk; /* bytes per µs, which is MB/s */
} cells[] = {{24, 125, 10}, {PUMP_QUEUE, 125, 10}, {16, 25, 25}};
enum { SUSTAINED, BURST, EQUAL_SPEEDS, CELLS };

struct sender {
    SOCKET socket;
    const struct cell *cell;
    uint64_t start_ns, taken_ns;
    volatile LONG64 sent;
};

static unsigned __stdcall send_blocks(void *argument) {
    struct sender *self = argument;
    char *bytes = file_memory(PUMP_BLOCK);
    uint64_t block_ns = (uint64_t)PUMP_BLOCK * 1000 / self->cell->network;
    for (uint32_t i = 0; i < self->cell->blocks; i++) {
        file_fill(bytes, (uint64_t)i * PUMP_BLOCK, PUMP_BLOCK, 0);
        clock_sleep_until_ns(self->start_ns + (i + 1) * block_ns); /* when it is on the wire */
        law_require(send(self->socket, bytes, PUMP_BLOCK, 0) == PUMP_BLOCK, "send");
        InterlockedExchangeAdd64(&self->sent, PUMP_BLOCK);
    }
    self->taken_ns = clock_now_ns() - self->start_ns;
    VirtualFree(bytes, 0, MEM_RELEASE);
    return 0;
}

struct pass {
    uint64_t stored_ns, taken_ns, sent_during_writes;
};

static struct pass run(const struct cell *cell, enum relay_form form, struct relay_seen *seen) {
    SOCKET pair[2];
    struct slow_disk disk;
    int small = SOCKET_BUFFER;
    stream_pair(pair);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, (const char *)&small, sizeof small);
    setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, (const char *)&small, sizeof small);
    disk_start(&disk, form == RELAY_PORT || form == RELAY_POOL, PUMP_BLOCK, cell->blocks,
               cell->disk);
    struct sender sender = {.socket = pair[0], .cell = cell, .start_ns = clock_now_ns()};
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, send_blocks, &sender, 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    struct relay relay = {
        .socket = pair[1], .disk = &disk, .blocks = cell->blocks, .sent = &sender.sent};
    relay_run(&relay, form);
    law_wait(thread);
    CloseHandle(thread);
    disk_stop(&disk);
    stream_close(pair);
    seen->blocks += cell->blocks;
    seen->wrong += (uint64_t)disk.wrong;
    seen->overfull += relay.overfull;
    return (struct pass){(uint64_t)disk.last_block_ns - sender.start_ns, sender.taken_ns,
                         relay.sent_during_writes};
}

static uint64_t kb_per_s(uint64_t ns[RATIO_ROUNDS]) {
    uint64_t bytes = (uint64_t)cells[SUSTAINED].blocks * PUMP_BLOCK;
    return bytes * 1000000 / law_median(ns, RATIO_ROUNDS);
}

static uint64_t stored_ns[CELLS][RELAY_FORMS][RATIO_ROUNDS];
static uint64_t taken_ns[CELLS][RELAY_FORMS][RATIO_ROUNDS];

static void compare(struct relay_seen *seen, enum relay_form form) {
    seen->sustained[form] =
        ratio_of(stored_ns[SUSTAINED][form], stored_ns[SUSTAINED][RELAY_BLOCKING]);
    seen->equal[form] =
        ratio_of(stored_ns[EQUAL_SPEEDS][form], stored_ns[EQUAL_SPEEDS][RELAY_BLOCKING]);
    seen->burst[form] = ratio_of(taken_ns[BURST][form], taken_ns[BURST][RELAY_BLOCKING]);
}

static void add(struct json *line, const struct relay_seen *seen) {
    json_u64(line, "blocks", seen->blocks);
    json_u64(line, "wrong", seen->wrong);
    json_u64(line, "overfull", seen->overfull);
    json_u64(line, "percent_sent_during_writes", seen->percent_sent_during_writes);
    for (int form = 0; form < RELAY_FORMS; form++) {
        json_object(line, relay_names[form]);
        json_u64(line, "kb_per_s", seen->kb_per_s[form]);
        json_u64(line, "taken_us", seen->taken_us[form]);
        json_close(line);
    }
}

int main(int argc, char **argv) {
    law_start(argc, argv, "relay",
              "Asynchronous writes greatly raise the throughput of a server that stores data.");
    static struct relay_seen seen;
    uint64_t during = 0;
    for (int round = 0; round < RATIO_ROUNDS; round++)
        for (int cell = 0; cell < CELLS; cell++)
            for (int form = 0; form < RELAY_FORMS; form++) {
                struct pass pass = run(&cells[cell], (enum relay_form)form, &seen);
                stored_ns[cell][form][round] = pass.stored_ns;
                taken_ns[cell][form][round] = pass.taken_ns;
                during += cell == SUSTAINED ? pass.sent_during_writes : 0;
            }
    for (int form = 0; form < RELAY_FORMS; form++)
        compare(&seen, (enum relay_form)form); /* law_median sorts, so it comes after */
    for (int form = 0; form < RELAY_FORMS; form++) {
        seen.kb_per_s[form] = kb_per_s(stored_ns[SUSTAINED][form]);
        seen.taken_us[form] = law_median(taken_ns[BURST][form], RATIO_ROUNDS) / 1000;
    }
    seen.percent_sent_during_writes =
        during * 100 / ((uint64_t)cells[SUSTAINED].blocks * PUMP_BLOCK * RATIO_ROUNDS);
    struct json line = law_line();
    add(&line, &seen);
    struct judged judged[] = {{"B27", judge_relay(&seen, RELAY_PORT)},
                              {"", judge_relay(&seen, RELAY_POOL)},
                              {"", judge_relay(&seen, RELAY_WRITER_THREAD)}};
    return law_print(&line, judged, 3);
}
