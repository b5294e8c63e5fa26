/* Asio with coroutines of C++20: a client is one function that reads like blocking code.
 *
 * Below it are the same operations as in asio.cpp. At each co_await the function stops, its thread
 * serves other clients, and any thread that runs the io_context resumes it. The end of a client is
 * an exception. */
#include "asio.h"

#include <array>
#include <utility>

using asio::ip::tcp;

static asio::awaitable<void> echo(tcp::socket socket) {
    std::array<char, REFERENCE_BUFFER> buffer;
    try {
        socket.set_option(tcp::no_delay(true));
        for (;;) {
            const std::size_t received =
                co_await socket.async_read_some(asio::buffer(buffer), asio::use_awaitable);
            co_await asio::async_write(socket, asio::buffer(buffer, received), asio::use_awaitable);
        }
    } catch (const std::system_error &) {
        /* the client left */
    }
}

static asio::awaitable<void> accept(tcp::acceptor &acceptor) {
    for (;;) {
        std::error_code error;
        tcp::socket socket =
            co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::operation_aborted)
            co_return;
        if (!error)
            asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
    }
}

int main(int argc, char **argv) {
    reference options{};
    options.program = "reference_asio_coroutines";
    options.framework = "Asio";
    options.version = asio_version;
    options.details = "style=coroutines";
    options.summary = "An echo server on Asio: coroutines of C++20.";
    options.max_threads = 1024;
    reference_options(&options, argc, argv);
    try {
        /* The hint spares a single thread most locks. */
        asio::io_context context(static_cast<int>(options.threads));
        tcp::acceptor acceptor = listen_on(context, options);
        asio::co_spawn(context, accept(acceptor), asio::detached);
        return serve(context, acceptor, options);
    } catch (const std::system_error &error) {
        return reference_failed(&options, "listen", error.what());
    }
}
