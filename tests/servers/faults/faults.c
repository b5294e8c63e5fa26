/* Makes system calls fail in an otherwise unchanged server. The linker's --wrap redirects the calls
 * below to this file.
 *
 *     IOMODELS_FAULT=memory:3      the third allocation fails
 *     IOMODELS_FAULT=memory:3-5    the third to the fifth
 *     IOMODELS_FAULT=memory:3-     the third and every later one
 *     IOMODELS_FAULT=inline        nothing fails; at exit, stderr gets the number of overlapped
 *                                  transfers that completed inline
 *
 * Calls count over all threads. Calls inside the C library and inside Windows do not count. */
#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kind {
    const char *name;
    LONG first, last;
    volatile LONG calls;
};

static struct kind memory = {.name = "memory"}, thread = {.name = "thread"},
                   event = {.name = "event"}, opened = {.name = "socket"}, port = {.name = "port"},
                   transfer = {.name = "transfer"};

static BOOL tells_inline;
static volatile LONG ended_inline;

static void parse(struct kind *kind, const char *fault) {
    size_t length = strlen(kind->name);
    if (strncmp(fault, kind->name, length) != 0 || fault[length] != ':')
        return;
    char *rest;
    kind->first = kind->last = strtol(fault + length + 1, &rest, 10);
    if (*rest == '-')
        kind->last = rest[1] ? strtol(rest + 1, NULL, 10) : LONG_MAX;
}

/* Runs before main(), hence before any thread. */
__attribute__((constructor)) static void read_fault(void) {
    const char *fault = getenv("IOMODELS_FAULT");
    struct kind *kinds[] = {&memory, &thread, &event, &opened, &port, &transfer};
    for (size_t i = 0; fault && i < sizeof kinds / sizeof *kinds; i++)
        parse(kinds[i], fault);
    tells_inline = fault && strcmp(fault, "inline") == 0;
}

__attribute__((destructor)) static void tell_inline(void) {
    if (tells_inline)
        fprintf(stderr, "completed inline: %ld\n", ended_inline);
}

static int noted(int result, const WSAOVERLAPPED *overlapped) {
    if (result == 0 && overlapped)
        InterlockedIncrement(&ended_inline);
    return result;
}

/* Returns whether this call fails; `error` is then the reported error. */
static BOOL fails(struct kind *kind, DWORD error) {
    LONG call = InterlockedIncrement(&kind->calls);
    if (call < kind->first || call > kind->last)
        return FALSE;
    SetLastError(error); /* WSAGetLastError() reads the same value */
    return TRUE;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

void *__wrap_malloc(size_t bytes) {
    return fails(&memory, ERROR_NOT_ENOUGH_MEMORY) ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes) {
    return fails(&memory, ERROR_NOT_ENOUGH_MEMORY) ? NULL : __real_calloc(count, bytes);
}

/* A function of a DLL is called through the pointer __imp_NAME, and --wrap redirects that
 * pointer. */
#define IMPORTED(result, name, parameters)                                                         \
    typedef result(WINAPI *name##_type) parameters;                                                \
    extern const name##_type __real___imp_##name;                                                  \
    extern const name##_type __wrap___imp_##name;                                                  \
    static result WINAPI faulty_##name parameters;                                                 \
    const name##_type __wrap___imp_##name = faulty_##name;                                         \
    static result WINAPI faulty_##name parameters

IMPORTED(uintptr_t, _beginthreadex,
         (void *security, unsigned stack, unsigned(__stdcall *start)(void *), void *argument,
          unsigned flags, unsigned *id)) {
    return fails(&thread, ERROR_NOT_ENOUGH_MEMORY)
               ? 0
               : __real___imp__beginthreadex(security, stack, start, argument, flags, id);
}

IMPORTED(HANDLE, CreateEventW,
         (SECURITY_ATTRIBUTES * security, BOOL manual, BOOL signalled, const WCHAR *name)) {
    return fails(&event, ERROR_NO_SYSTEM_RESOURCES)
               ? NULL
               : __real___imp_CreateEventW(security, manual, signalled, name);
}

IMPORTED(SOCKET, WSASocketW,
         (int family, int type, int protocol, WSAPROTOCOL_INFOW *info, GROUP group, DWORD flags)) {
    return fails(&opened, WSAEMFILE)
               ? INVALID_SOCKET
               : __real___imp_WSASocketW(family, type, protocol, info, group, flags);
}

/* The connection exists, but without a handle: the client sees it closed. */
IMPORTED(SOCKET, accept, (SOCKET listener, struct sockaddr *address, int *length)) {
    SOCKET socket = __real___imp_accept(listener, address, length);
    if (socket == INVALID_SOCKET || !fails(&opened, WSAEMFILE))
        return socket;
    closesocket(socket);
    SetLastError(WSAEMFILE);
    return INVALID_SOCKET;
}

IMPORTED(HANDLE, CreateIoCompletionPort,
         (HANDLE file, HANDLE existing, ULONG_PTR key, DWORD threads)) {
    return fails(&port, ERROR_NO_SYSTEM_RESOURCES)
               ? NULL
               : __real___imp_CreateIoCompletionPort(file, existing, key, threads);
}

IMPORTED(TP_IO *, CreateThreadpoolIo,
         (HANDLE file, PTP_WIN32_IO_CALLBACK callback, void *context,
          TP_CALLBACK_ENVIRON *environment)) {
    return fails(&port, ERROR_NO_SYSTEM_RESOURCES)
               ? NULL
               : __real___imp_CreateThreadpoolIo(file, callback, context, environment);
}

IMPORTED(int, WSARecv,
         (SOCKET socket, WSABUF *buffers, DWORD count, DWORD *bytes, DWORD *flags,
          WSAOVERLAPPED *overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)) {
    return fails(&transfer, WSAENOBUFS) ? SOCKET_ERROR
                                        : noted(__real___imp_WSARecv(socket, buffers, count, bytes,
                                                                     flags, overlapped, routine),
                                                overlapped);
}

IMPORTED(int, WSASend,
         (SOCKET socket, WSABUF *buffers, DWORD count, DWORD *bytes, DWORD flags,
          WSAOVERLAPPED *overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)) {
    return fails(&transfer, WSAENOBUFS) ? SOCKET_ERROR
                                        : noted(__real___imp_WSASend(socket, buffers, count, bytes,
                                                                     flags, overlapped, routine),
                                                overlapped);
}

IMPORTED(int, recv, (SOCKET socket, char *bytes, int length, int flags)) {
    return fails(&transfer, WSAENOBUFS) ? SOCKET_ERROR
                                        : __real___imp_recv(socket, bytes, length, flags);
}

IMPORTED(int, send, (SOCKET socket, const char *bytes, int length, int flags)) {
    return fails(&transfer, WSAENOBUFS) ? SOCKET_ERROR
                                        : __real___imp_send(socket, bytes, length, flags);
}
