/* ReadFile of zero bytes completes immediately and sets the event. */
#include "laws/law.h"
#include "laws/verdict/sockets_and_handles.h"

int main(int argc, char **argv) {
    law_start(argc, argv, "zero_read",
              "A read of zero bytes completes immediately and sets the event.");
    wchar_t folder[MAX_PATH], path[MAX_PATH];
    law_require(GetTempPathW(MAX_PATH, folder) > 0 && GetTempFileNameW(folder, L"law", 0, path) > 0,
                "GetTempFileNameW");
    HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                              FILE_FLAG_OVERLAPPED | FILE_FLAG_DELETE_ON_CLOSE, NULL);
    OVERLAPPED overlapped = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    law_require(file != INVALID_HANDLE_VALUE && overlapped.hEvent, "CreateFileW");
    char byte;
    DWORD bytes = 0;
    BOOL good = ReadFile(file, &byte, 0, NULL, &overlapped);
    struct zero_read_seen seen = {
        .error = good || GetLastError() == ERROR_IO_PENDING ? 0 : GetLastError()};
    seen.event_set = WaitForSingleObject(overlapped.hEvent, LAW_ABSENT_MS) == WAIT_OBJECT_0;
    if (seen.error == 0 && seen.event_set && !GetOverlappedResult(file, &overlapped, &bytes, FALSE))
        seen.error = GetLastError();
    seen.bytes = bytes;
    CloseHandle(file);
    struct json line = law_line();
    ZERO_READ_SEEN(LAW_SEEN)
    struct judged judged = {"C7", judge_zero_read(&seen)};
    return law_print(&line, &judged, 1);
}
