#include "os.h"

#include <process.h>
#include <ws2tcpip.h>

#include "system.h"

#ifndef SOMAXCONN_HINT
#define SOMAXCONN_HINT(b) (-(b)) /* Windows 8: the form for a backlog above 200 */
#endif

static SRWLOCK lock = SRWLOCK_INIT;
static os_flag *stopping_flag;
static void (*commands)(void);

long os_exchange(os_flag *flag, long value) {
    return InterlockedExchange(flag, value);
}

bool os_replace(void *volatile *pointer, void *expected, void *fresh) {
    return InterlockedCompareExchangePointer(pointer, fresh, expected) == expected;
}

void os_lock(void) {
    AcquireSRWLockExclusive(&lock);
}

void os_unlock(void) {
    ReleaseSRWLockExclusive(&lock);
}

void os_start(void) {
    system_start();
}

uint32_t os_processors(void) {
    return system_processors();
}

uint64_t os_process_id(void) {
    return GetCurrentProcessId();
}

void os_report(struct json *line) {
    system_report(line);
}

void server_spread(HANDLE thread) {
    if (thread)
        system_spread(thread);
}

bool server_reuses_sockets(void) {
    return system_reuses_sockets();
}

socket_handle os_listen(const struct sockaddr_in *address, uint32_t backlog, uint32_t flags,
                        bool shared, system_error *error) {
    (void)shared; /* Windows has no such option */
    SOCKET listener =
        WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED | flags);
    if (listener != INVALID_SOCKET)
        system_avoid_fast_path(listener);
    BOOL on = TRUE; /* keeps other processes from binding the same port */
    if (listener != INVALID_SOCKET &&
        setsockopt(listener, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&on, sizeof on) == 0 &&
        bind(listener, (const struct sockaddr *)address, sizeof *address) == 0 &&
        listen(listener, SOMAXCONN_HINT((int)backlog)) == 0)
        return listener;
    *error = (DWORD)WSAGetLastError();
    if (listener != INVALID_SOCKET)
        closesocket(listener);
    return INVALID_SOCKET;
}

const char *os_extend(struct server *server, system_error *error) {
    server->accept_ex = (LPFN_ACCEPTEX)system_extension(server->listener, (GUID)WSAID_ACCEPTEX);
    server->disconnect_ex =
        (LPFN_DISCONNECTEX)system_extension(server->listener, (GUID)WSAID_DISCONNECTEX);
    if (server->accept_ex && server->disconnect_ex)
        return NULL;
    *error = (DWORD)WSAGetLastError();
    return "WSAIoctl(AcceptEx, DisconnectEx)";
}

static BOOL WINAPI on_console_event(DWORD event) {
    (void)event;
    os_exchange(stopping_flag, 1);
    return TRUE;
}

static unsigned __stdcall read_commands_in_thread(void *unused) {
    (void)unused;
    commands();
    return 0;
}

const char *os_control(void (*read_commands)(void), os_flag *stopping, system_error *error) {
    commands = read_commands;
    stopping_flag = stopping;
    SetConsoleCtrlHandler(on_console_event, TRUE);
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, read_commands_in_thread, NULL, 0, NULL);
    if (thread) {
        CloseHandle(thread); /* the thread ends with the process */
        return NULL;
    }
    *error = GetLastError();
    return "_beginthreadex";
}

/* It uses ReadFile, because a CRT stream would hold its lock meanwhile. */
bool os_read_stdin(char *byte) {
    DWORD count;
    return ReadFile(GetStdHandle(STD_INPUT_HANDLE), byte, 1, &count, NULL) && count == 1;
}

bool os_has_input(socket_handle socket) {
    u_long available = 0;
    return ioctlsocket(socket, (long)FIONREAD, &available) == 0 && available > 0;
}

void os_cancel(socket_handle socket) {
    CancelIoEx((HANDLE)socket, NULL);
}

/* A completion reports a reset as ERROR_NETNAME_DELETED, a status from network file systems. */
bool os_is_reset(system_error error) {
    return error == WSAECONNRESET || error == WSAECONNABORTED || error == ERROR_NETNAME_DELETED ||
           error == ERROR_CONNECTION_ABORTED;
}

/* Not connected: the client left before the socket got its properties. Unexpected: Wine's word for
 * a client that left before the accept. */
bool os_left_early(system_error error) {
    return os_is_reset(error) || error == WSAENOTCONN || error == ERROR_UNEXP_NET_ERR;
}
