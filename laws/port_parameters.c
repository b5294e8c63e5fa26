/* Which parameters CreateIoCompletionPort checks when it creates a port. It ignores an odd key, but
 * not the handle and the existing port. */
#include "laws/law.h"
#include "laws/verdict/ports.h"

static uint64_t error_of(HANDLE port) {
    return port ? 0 : GetLastError();
}

int main(int argc, char **argv) {
    law_start(argc, argv, "port_parameters",
              "The creation of a port ignores the first three parameters.");
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, (ULONG_PTR)0xDEADBEEF, 1);
    struct port_parameters_seen seen = {.odd_key_made_port = port != NULL};
    seen.null_handle_error = error_of(CreateIoCompletionPort(NULL, NULL, 0, 1));
    seen.existing_port_error = error_of(CreateIoCompletionPort(INVALID_HANDLE_VALUE, port, 0, 1));
    struct json line = law_line();
    PORT_PARAMETERS_SEEN(LAW_SEEN)
    struct judged judged = {"B4", judge_port_parameters(&seen)};
    return law_print(&line, &judged, 1);
}
