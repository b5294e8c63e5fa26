#include "laws/shared/threads.h"

#include "laws/law.h"

#include <tlhelp32.h>

uint32_t threads_count(void) {
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    law_require(snapshot != INVALID_HANDLE_VALUE, "CreateToolhelp32Snapshot");
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    uint32_t count = 0;
    for (BOOL more = Thread32First(snapshot, &entry); more; more = Thread32Next(snapshot, &entry))
        count += entry.th32OwnerProcessID == GetCurrentProcessId();
    CloseHandle(snapshot);
    return count;
}

void threads_pin(bool client) {
    DWORD_PTR usable, all;
    law_require(GetProcessAffinityMask(GetCurrentProcess(), &usable, &all),
                "GetProcessAffinityMask");
    if (usable == 0)
        return; /* the process has threads in several processor groups: Windows spreads them */
    DWORD_PTR first = usable & (~usable + 1), others = usable & ~first;
    law_require(SetThreadAffinityMask(GetCurrentThread(), client || !others ? first : others) != 0,
                "SetThreadAffinityMask");
}
