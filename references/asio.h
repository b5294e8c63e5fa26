/* What both programs on Asio share: version, listener, threads, and the end. */
#ifndef IOMODELS_REFERENCE_ASIO_H
#define IOMODELS_REFERENCE_ASIO_H

#include <asio.hpp>

#include <system_error>
#include <thread>
#include <vector>

#include "reference.h"

/* ASIO_VERSION is 102201 for 1.22.1. */
inline const char *asio_version() {
    static const std::string text = std::to_string(ASIO_VERSION / 100000) + "." +
                                    std::to_string(ASIO_VERSION / 100 % 1000) + "." +
                                    std::to_string(ASIO_VERSION % 100);
    return text.c_str();
}

/* Throws std::system_error. The constructor of an acceptor would allow a second server on the same
 * port on Windows (SO_REUSEADDR), so the steps are made one by one. */
inline asio::ip::tcp::acceptor listen_on(asio::io_context &context, const reference &options) {
    const asio::ip::tcp::endpoint endpoint(asio::ip::make_address_v4(options.host),
                                           static_cast<std::uint16_t>(options.port));
    asio::ip::tcp::acceptor acceptor(context, endpoint.protocol());
#ifndef _WIN32
    acceptor.set_option(asio::socket_base::reuse_address(true));
#endif
    acceptor.bind(endpoint);
    acceptor.listen(REFERENCE_BACKLOG);
    return acceptor;
}

/* Runs the context on --threads threads until stdin is closed. Returns the exit code. */
inline int serve(asio::io_context &context, const asio::ip::tcp::acceptor &acceptor,
                 const reference &options) {
    const auto stop = [](void *stopped) { static_cast<asio::io_context *>(stopped)->stop(); };
    if (!reference_ready(&options, acceptor.local_endpoint().port(), stop, &context))
        return EXIT_FAILURE;
    std::vector<std::thread> helpers;
    for (std::uint32_t i = 1; i < options.threads; i++)
        helpers.emplace_back([&context] { context.run(); });
    context.run();
    for (std::thread &helper : helpers)
        helper.join();
    return EXIT_SUCCESS;
}

#endif
