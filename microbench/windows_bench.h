/* What the benchmarks of Windows calls share: handles that close themselves, a connected pair of sockets, and
   the system's words for an error. */
#ifndef IOMODELS_WINDOWS_BENCH_H
#define IOMODELS_WINDOWS_BENCH_H

#include "bench.h"

#include <vector>

#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>

/* No wait here is for ever: what has not come by then has failed. */
constexpr DWORD DEADLINE_MS = 10000;

/* fail() with the call's name and the system's words for `error`. */
void fail_call(benchmark::State &state, const char *call, DWORD error);

class Handle {
  public:
    explicit Handle(HANDLE handle = nullptr)
        : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {
    }
    Handle(Handle &&other) noexcept : handle_(other.handle_) {
        other.handle_ = nullptr;
    }
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    Handle &operator=(Handle &&) = delete;
    ~Handle() {
        if (handle_)
            CloseHandle(handle_);
    }
    operator HANDLE() const {
        return handle_;
    }

  private:
    HANDLE handle_;
};

/* An event that resets itself when a wait has seen it. */
inline HANDLE make_event() {
    return CreateEventW(nullptr, FALSE, FALSE, nullptr);
}

inline HANDLE make_port(DWORD concurrency = 0) {
    return CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, concurrency);
}

class Socket {
  public:
    explicit Socket(SOCKET socket = INVALID_SOCKET) : socket_(socket) {
    }
    Socket(Socket &&other) noexcept : socket_(other.release()) {
    }
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    Socket &operator=(Socket &&other) noexcept {
        close();
        socket_ = other.release();
        return *this;
    }
    ~Socket() {
        close();
    }
    void close() {
        if (socket_ != INVALID_SOCKET)
            closesocket(release());
    }
    SOCKET release() {
        SOCKET socket = socket_;
        socket_ = INVALID_SOCKET;
        return socket;
    }
    operator SOCKET() const {
        return socket_;
    }

  private:
    SOCKET socket_;
};

/* A TCP socket that can do overlapped I/O, without Nagle's algorithm. */
Socket make_socket();

/* A blocking call on this socket ends with an error when nothing comes. */
void set_deadlines(SOCKET socket);

/* Listens on 127.0.0.1; the port is the system's choice. */
class Listener {
  public:
    Listener();
    bool ok() const {
        return ok_;
    }
    operator SOCKET() const {
        return socket_;
    }
    Socket connect_client() const; /* INVALID_SOCKET: failed, WSAGetLastError() says why */

  private:
    Socket socket_;
    sockaddr_in address_ = {};
    bool ok_ = false;
};

/* Two ends of one connection over loopback. */
struct Pair {
    Pair();
    explicit Pair(const Listener &listener);
    bool ok() const {
        return ours != INVALID_SOCKET && peer != INVALID_SOCKET;
    }
    Socket ours, peer;
};

/* Blocking, all or nothing. */
bool send_all(SOCKET socket, const char *data, size_t length);
bool receive_all(SOCKET socket, char *data, size_t length);

/* Waits until so many bytes can be received without waiting: on Windows loopback delivers a little later. */
bool await_bytes(SOCKET socket, size_t length);

/* A function of mswsock.dll that a socket's provider implements, e.g. WSAID_ACCEPTEX; nullptr: none. */
template <typename Function> Function extension(SOCKET socket, GUID id) {
    Function function = nullptr;
    DWORD bytes;
    if (WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function,
                 sizeof function, &bytes, nullptr, nullptr) != 0)
        return nullptr;
    return function;
}

/* The other side of the process switch (thread.cpp): answers `pong` to each `ping`, both inherited handles.
 */
int switch_partner(const char *ping, const char *pong);

#endif
