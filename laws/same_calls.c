/* ReadFile and WriteFile work on a socket as on a file, with the same OVERLAPPED and the same ways
 * of notification. The likeness has one direction: WSARecv rejects the handle of a file. */
#include "laws/shared/file.h"
#include "laws/shared/stream.h"
#include "laws/verdict/overlapped.h"

#include <string.h>

enum { MESSAGES = 16, BYTES = 1024 };

/* A handle, and the port that its completions go to; by an event if the port is NULL. */
struct end {
    HANDLE handle, port;
    bool winsock;
    OVERLAPPED overlapped;
    char bytes[BYTES];
};

static void start(struct end *end, bool write) {
    SOCKET socket = (SOCKET)end->handle;
    WSABUF buffer = {BYTES, end->bytes};
    DWORD flags = 0;
    bool good;
    if (end->winsock)
        good = (write ? WSASend(socket, &buffer, 1, NULL, 0, &end->overlapped, NULL)
                      : WSARecv(socket, &buffer, 1, NULL, &flags, &end->overlapped, NULL)) == 0;
    else
        good = write ? WriteFile(end->handle, end->bytes, BYTES, NULL, &end->overlapped)
                     : ReadFile(end->handle, end->bytes, BYTES, NULL, &end->overlapped);
    law_require(good || GetLastError() == ERROR_IO_PENDING, "an overlapped call");
}

/* Blocks until the operation is complete. Returns its bytes. */
static DWORD complete(struct end *end) {
    DWORD bytes = 0;
    if (end->port) {
        ULONG_PTR key;
        OVERLAPPED *overlapped = NULL;
        BOOL good =
            GetQueuedCompletionStatus(end->port, &bytes, &key, &overlapped, LAW_DEADLINE_MS);
        law_require(good && overlapped == &end->overlapped, "GetQueuedCompletionStatus");
        return bytes;
    }
    law_wait(end->overlapped.hEvent);
    law_require(GetOverlappedResult(end->handle, &end->overlapped, &bytes, FALSE),
                "GetOverlappedResult");
    return bytes;
}

static struct end open_end(HANDLE handle, bool winsock, bool by_port) {
    struct end end = {.handle = handle, .winsock = winsock};
    if (by_port)
        end.port = CreateIoCompletionPort(handle, NULL, 1, 0);
    else
        end.overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(end.port || end.overlapped.hEvent, "CreateIoCompletionPort or CreateEventW");
    return end;
}

/* Its handle must be closed before. */
static void close_end(struct end *end) {
    CloseHandle(end->port ? end->port : end->overlapped.hEvent);
}

/* Returns how many of MESSAGES arrived with the right bytes. A stream may split a message. */
static uint64_t exchange(bool send_winsock, bool receive_winsock, bool by_port) {
    SOCKET pair[2];
    stream_pair(pair);
    struct end from = open_end((HANDLE)pair[0], send_winsock, by_port);
    struct end to = open_end((HANDLE)pair[1], receive_winsock, by_port);
    uint64_t right = 0;
    for (uint64_t i = 0; i < MESSAGES; i++) {
        static char whole[BYTES];
        file_fill(from.bytes, i * BYTES, BYTES, 7);
        start(&from, true);
        bool sent = complete(&from) == BYTES;
        for (DWORD got = 0, part; got < BYTES; got += part) {
            start(&to, false);
            part = complete(&to);
            law_require(part > 0 && part <= BYTES - got, "the connection ended");
            memcpy(whole + got, to.bytes, part);
        }
        right += sent && file_right(whole, i * BYTES, BYTES, 7);
    }
    stream_close(pair);
    close_end(&from);
    close_end(&to);
    return right;
}

static uint64_t read_file(const struct file *file, bool by_port) {
    HANDLE handle = file_open(file, FILE_FLAG_OVERLAPPED);
    struct end end = open_end(handle, false, by_port);
    uint64_t right = 0;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        end.overlapped.Offset = i * BYTES; /* a file has places; on a socket the field is ignored */
        start(&end, false);
        right += complete(&end) == BYTES && file_right(end.bytes, i * BYTES, BYTES, 0);
    }
    CloseHandle(handle);
    close_end(&end);
    return right;
}

static uint64_t error_of_winsock(const struct file *file) {
    char byte;
    WSABUF buffer = {1, &byte};
    DWORD flags = 0, bytes;
    int result = WSARecv((SOCKET)file->handle, &buffer, 1, &bytes, &flags, NULL, NULL);
    return result == 0 ? 0 : (uint64_t)WSAGetLastError();
}

int main(int argc, char **argv) {
    law_start(argc, argv, "same_calls",
              "A socket is like a file handle; the same overlapped calls work.");
    struct file file = file_make(FILE_PROBE_BYTES);
    struct same_calls_seen seen = {.winsock_on_file_error = error_of_winsock(&file)};
    for (int by_port = 0; by_port < 2; by_port++) {
        seen.on_sockets += MESSAGES;
        seen.on_sockets_right += exchange(false, false, by_port);
        seen.mixed += 2 * MESSAGES;
        seen.mixed_right += exchange(true, false, by_port) + exchange(false, true, by_port);
        seen.on_files += MESSAGES;
        seen.on_files_right += read_file(&file, by_port);
    }
    file_remove(&file);
    struct json line = law_line();
    SAME_CALLS_SEEN(LAW_SEEN)
    struct judged judged = {"C5", judge_same_calls(&seen)};
    return law_print(&line, &judged, 1);
}
