/* The allocator of HdrHistogram_c: the C library's own. The distribution's copy of the sources leaves this header out. */
#ifndef HDR_MALLOC_H__
#define HDR_MALLOC_H__

#include <stdlib.h>

#define hdr_malloc malloc
#define hdr_calloc calloc
#define hdr_realloc realloc
#define hdr_free free

#endif
