/* Sending a file: TransmitFile passes the file to the kernel; the other way reads a block, then
 * sends it. */
#ifndef IOMODELS_LAW_SEND_FILE_H
#define IOMODELS_LAW_SEND_FILE_H

#include "laws/law.h"

/* Measures both in turn and adds "send_file" to the line. Every byte is compared on arrival; a wrong
 * one ends the program. */
void send_file_add(struct json *);

#endif
