#include "laws/shared/send_file.h"

#include "laws/shared/file.h"
#include "laws/shared/stream.h"
#include "laws/verdict/ratios.h"

#include <mswsock.h>
#include <process.h>

enum { FILE_BYTES = 4 * 1048576, BLOCK = 65536 };

static unsigned __stdcall compare_all(void *argument) {
    SOCKET socket = *(SOCKET *)argument;
    char *bytes = file_memory(BLOCK);
    for (uint64_t offset = 0; offset < FILE_BYTES; offset += BLOCK) {
        stream_receive(socket, bytes, BLOCK);
        law_require(file_right(bytes, offset, BLOCK, 0), "a wrong byte of the file arrived");
    }
    VirtualFree(bytes, 0, MEM_RELEASE);
    return 0;
}

static void by_transmit_file(SOCKET socket, HANDLE file) {
    law_require(SetFilePointer(file, 0, NULL, FILE_BEGIN) == 0 &&
                    TransmitFile(socket, file, 0, 0, NULL, NULL, 0),
                "TransmitFile");
}

static void by_read_and_send(SOCKET socket, HANDLE file) {
    static char bytes[BLOCK];
    law_require(SetFilePointer(file, 0, NULL, FILE_BEGIN) == 0, "SetFilePointer");
    for (uint64_t offset = 0; offset < FILE_BYTES; offset += BLOCK) {
        DWORD got = 0;
        law_require(ReadFile(file, bytes, BLOCK, &got, NULL) && got == BLOCK &&
                        send(socket, bytes, BLOCK, 0) == BLOCK,
                    "ReadFile or send");
    }
}

static uint64_t time_until_arrival(void (*send_all)(SOCKET, HANDLE), HANDLE file) {
    SOCKET pair[2];
    stream_pair(pair);
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, compare_all, &pair[1], 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    uint64_t start_ns = clock_now_ns();
    send_all(pair[0], file);
    law_wait(thread);
    uint64_t took_ns = clock_now_ns() - start_ns;
    CloseHandle(thread);
    stream_close(pair);
    return took_ns;
}

static bool has_transmit_packets(void) {
    SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    GUID guid = WSAID_TRANSMITPACKETS;
    LPFN_TRANSMITPACKETS function = NULL;
    DWORD bytes;
    bool found = WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &function,
                          sizeof function, &bytes, NULL, NULL) == 0;
    closesocket(socket);
    return found && function != NULL;
}

void send_file_add(struct json *line) {
    struct file file = file_make(FILE_BYTES);
    HANDLE handle = file_open(&file, FILE_FLAG_SEQUENTIAL_SCAN);
    uint64_t transmit_ns[RATIO_ROUNDS], read_send_ns[RATIO_ROUNDS];
    for (int round = 0; round < RATIO_ROUNDS; round++) {
        transmit_ns[round] = time_until_arrival(by_transmit_file, handle);
        read_send_ns[round] = time_until_arrival(by_read_and_send, handle);
    }
    CloseHandle(handle);
    file_remove(&file);
    struct ratio ratio = ratio_of(transmit_ns, read_send_ns);
    json_object(line, "send_file");
    json_u64(line, "bytes", FILE_BYTES);
    json_u64(line, "transmit_file_us", law_median(transmit_ns, RATIO_ROUNDS) / 1000);
    json_u64(line, "read_send_us", law_median(read_send_ns, RATIO_ROUNDS) / 1000);
    json_double(line, "transmit_to_read_send", ratio.median);
    json_double(line, "low", ratio.low);
    json_double(line, "high", ratio.high);
    json_bool(line, "transmit_packets_exists", has_transmit_packets());
    json_close(line);
}
