/* A server sends a file in three ways: TransmitFile and TransmitPackets pass the file to Windows;
 * the third reads a block, then sends it. Each has three forms: one thread that blocks, a completion
 * port, and callbacks of the thread pool. The last two read and send concurrently.
 *
 * The clock stops when the client has the whole file. It compares every byte. The file is in the
 * cache, so no disk limits any way. The fastest of VISITS passes counts per round, because other
 * programs only add time. */
#include "laws/shared/file.h"
#include "laws/shared/pump.h"
#include "laws/shared/rounds.h"
#include "laws/shared/stream.h"
#include "laws/verdict/relay.h"

#include <mswsock.h>
#include <process.h>
#include <string.h>

enum { BLOCKS = 64, FILE_BYTES = BLOCKS * PUMP_BLOCK, VISITS = 4 };
enum way { READ_SEND, TRANSMIT_FILE, TRANSMIT_PACKETS, WAYS };
enum form { BLOCKING, PORT, POOL, FORMS };

static const char *const names[WAYS][FORMS] = {
    {"read and send, one thread", "read and send, port", "read and send, pool"},
    {"TransmitFile, one thread", "TransmitFile, port", "TransmitFile, pool"},
    {"TransmitPackets, one thread", "TransmitPackets, port", "TransmitPackets, pool"}};

static LPFN_TRANSMITPACKETS transmit_packets; /* NULL if the platform lacks it */
static uint64_t arrived, wrong;               /* bytes */

static void find_transmit_packets(void) {
    GUID id = WSAID_TRANSMITPACKETS;
    DWORD bytes;
    SOCKET socket = law_socket();
    if (WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &transmit_packets,
                 sizeof transmit_packets, &bytes, NULL, NULL) != 0)
        transmit_packets = NULL;
    closesocket(socket);
}

/* The client. */
static unsigned __stdcall compare_all(void *argument) {
    SOCKET socket = *(SOCKET *)argument;
    static char bytes[PUMP_BLOCK];
    for (uint64_t offset = 0; offset < FILE_BYTES; offset += PUMP_BLOCK) {
        stream_receive(socket, bytes, PUMP_BLOCK);
        arrived += PUMP_BLOCK;
        if (!file_right(bytes, offset, PUMP_BLOCK, 0))
            wrong += PUMP_BLOCK;
    }
    return 0;
}

static void read_and_send(SOCKET socket, HANDLE file) {
    for (int block = 0; block < BLOCKS; block++) {
        DWORD got = 0;
        law_require(ReadFile(file, pump_slot(0), PUMP_BLOCK, &got, NULL) && got == PUMP_BLOCK &&
                        send(socket, pump_slot(0), PUMP_BLOCK, 0) == PUMP_BLOCK,
                    "ReadFile or send");
    }
}

static void read_and_send_by(enum form form, SOCKET socket, HANDLE file) {
    struct pump pump = {.source = file, .sink = (HANDLE)socket, .sends = true, .blocks = BLOCKS};
    if (form == BLOCKING)
        read_and_send(socket, file);
    else if (form == PORT)
        pump_by_port(&pump);
    else
        pump_by_pool(&pump);
}

/* Passes the file to Windows. Without `overlapped` it blocks until the transfer is complete. */
static void transmit(enum way way, SOCKET socket, HANDLE file, OVERLAPPED *overlapped) {
    TRANSMIT_PACKETS_ELEMENT element = {.dwElFlags = TP_ELEMENT_FILE, .cLength = FILE_BYTES};
    element.hFile = file;
    BOOL good = way == TRANSMIT_FILE ? TransmitFile(socket, file, 0, 0, overlapped, NULL, 0)
                                     : transmit_packets(socket, &element, 1, 0, overlapped, 0);
    law_require(good || (overlapped && WSAGetLastError() == WSA_IO_PENDING),
                "TransmitFile or TransmitPackets");
}

static void CALLBACK on_transmitted(PTP_CALLBACK_INSTANCE instance, void *done, void *overlapped,
                                    ULONG error, ULONG_PTR bytes, PTP_IO io) {
    (void)instance, (void)overlapped, (void)io;
    law_require(error == 0 && bytes == FILE_BYTES, "a transfer by the thread pool");
    SetEvent(done);
}

static void transmit_by_port(enum way way, SOCKET socket, HANDLE file) {
    OVERLAPPED overlapped = {0};
    struct law_packet packet;
    HANDLE port = CreateIoCompletionPort((HANDLE)socket, NULL, 0, 0);
    law_require(port != NULL, "CreateIoCompletionPort");
    transmit(way, socket, file, &overlapped);
    law_require(law_take(port, &packet, LAW_DEADLINE_MS) && packet.error == 0 &&
                    packet.bytes == FILE_BYTES,
                "the packet of a transfer");
    CloseHandle(port);
}

static void transmit_by_pool(enum way way, SOCKET socket, HANDLE file) {
    OVERLAPPED overlapped = {0};
    HANDLE done = CreateEventW(NULL, TRUE, FALSE, NULL);
    PTP_IO io = CreateThreadpoolIo((HANDLE)socket, on_transmitted, done, NULL);
    law_require(done && io, "CreateThreadpoolIo");
    StartThreadpoolIo(io);
    transmit(way, socket, file, &overlapped);
    law_wait(done);
    WaitForThreadpoolIoCallbacks(io, FALSE);
    CloseThreadpoolIo(io);
    CloseHandle(done);
}

static void send_all(enum way way, enum form form, SOCKET socket, HANDLE file) {
    if (way == READ_SEND)
        read_and_send_by(form, socket, file);
    else if (form == BLOCKING)
        transmit(way, socket, file, NULL);
    else if (form == PORT)
        transmit_by_port(way, socket, file);
    else
        transmit_by_pool(way, socket, file);
}

/* Returns the time until the whole file has arrived. */
static uint64_t pass_ns(enum way way, enum form form, const struct file *file) {
    SOCKET pair[2];
    bool overlapped = way == READ_SEND && form != BLOCKING;
    HANDLE handle = file_open(file, overlapped ? FILE_FLAG_OVERLAPPED : FILE_FLAG_SEQUENTIAL_SCAN);
    stream_pair(pair);
    HANDLE client = (HANDLE)_beginthreadex(NULL, 0, compare_all, &pair[1], 0, NULL);
    law_require(client != NULL, "_beginthreadex");
    uint64_t start_ns = clock_now_ns();
    send_all(way, form, pair[0], handle);
    law_wait(client);
    uint64_t took_ns = clock_now_ns() - start_ns;
    CloseHandle(client);
    CloseHandle(handle);
    stream_close(pair);
    return took_ns;
}

static uint64_t ns[WAYS][FORMS][RATIO_ROUNDS], bytes_of[WAYS][FORMS], wrong_of[WAYS][FORMS];

static void measure(const struct file *file) {
    for (int visit = 0; visit < VISITS * RATIO_ROUNDS; visit++)
        for (int way = 0; way < (transmit_packets ? WAYS : TRANSMIT_PACKETS); way++)
            for (int form = 0; form < FORMS; form++) {
                arrived = wrong = 0;
                rounds_keep(&ns[way][form][visit / VISITS],
                            pass_ns((enum way)way, (enum form)form, file));
                bytes_of[way][form] += arrived;
                wrong_of[way][form] += wrong;
            }
}

static struct judgement judge(enum way way, enum form form) {
    bool exists = way != TRANSMIT_PACKETS || transmit_packets;
    struct send_file_seen seen = {.name = names[way][form], .exists = exists};
    if (exists) {
        uint64_t own[RATIO_ROUNDS], base[RATIO_ROUNDS];
        memcpy(own, ns[way][form], sizeof own);
        memcpy(base, ns[READ_SEND][BLOCKING], sizeof base);
        seen.to_read_send = ratio_of(own, base);
        seen.bytes = bytes_of[way][form];
        seen.wrong = wrong_of[way][form];
        seen.us = law_median(own, RATIO_ROUNDS) / 1000;
        seen.read_send_us = law_median(base, RATIO_ROUNDS) / 1000;
    }
    return judge_send_file(&seen);
}

int main(int argc, char **argv) {
    law_start(argc, argv, "send_file",
              "A file is sent faster than by one thread that reads and sends in turn.");
    struct file file = file_make(FILE_BYTES);
    find_transmit_packets();
    measure(&file);
    file_remove(&file);
    struct json line = law_line();
    json_u64(&line, "file_bytes", FILE_BYTES);
    json_bool(&line, "transmit_packets_exists", transmit_packets != NULL);
    struct judged judged[WAYS * FORMS];
    int count = 0;
    for (int way = 0; way < WAYS; way++) {
        static const char *const keys[WAYS] = {"read_send_ns", "transmit_file_ns",
                                               "transmit_packets_ns"};
        rounds_seen(&line, keys[way], ns[way], FORMS);
        for (int form = 0; form < FORMS; form++)
            if (way != READ_SEND || form != BLOCKING)
                judged[count++] = (struct judged){"", judge((enum way)way, (enum form)form)};
    }
    return law_print(&line, judged, count);
}
