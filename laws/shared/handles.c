#include "laws/shared/handles.h"

#include "laws/law.h"

#include <stdlib.h>
#include <winternl.h>

static const SYSTEM_INFORMATION_CLASS EXTENDED_HANDLES = (SYSTEM_INFORMATION_CLASS)64;
static const NTSTATUS TOO_SHORT = (NTSTATUS)0xC0000004;
enum { LIST_BYTES = 1 << 20, LIST_BYTES_MAX = 1 << 28 };

struct handle {
    void *object;
    ULONG_PTR pid, value;
    ULONG access;
    USHORT trace, type;
    ULONG attributes, reserved;
};

struct handles {
    ULONG_PTR count, reserved;
    struct handle list[];
};

typedef NTSTATUS(NTAPI *query_system)(SYSTEM_INFORMATION_CLASS, void *, ULONG, ULONG *);

/* Wine answers GetProcessHandleCount with 0, but it has Windows' list of all handles. */
static uint64_t handles_in_the_list(void) {
    HMODULE library = GetModuleHandleW(L"ntdll.dll");
    query_system query =
        library ? (query_system)(uintptr_t)GetProcAddress(library, "NtQuerySystemInformation")
                : NULL;
    NTSTATUS status = TOO_SHORT;
    struct handles *all = NULL;
    for (ULONG bytes = LIST_BYTES; query && status == TOO_SHORT && bytes <= LIST_BYTES_MAX;
         bytes *= 2) {
        free(all);
        all = malloc(bytes);
        law_require(all != NULL, "malloc");
        status = query(EXTENDED_HANDLES, all, bytes, NULL);
    }
    uint64_t own = 0;
    for (ULONG_PTR i = 0; status == 0 && all && i < all->count; i++)
        own += all->list[i].pid == GetCurrentProcessId();
    free(all);
    return own;
}

uint64_t law_handles(void) {
    DWORD handles = 0;
    if (GetProcessHandleCount(GetCurrentProcess(), &handles) && handles > 0)
        return handles;
    return handles_in_the_list();
}
