/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens zone files, also those that $INCLUDE names: regular files alone, so that none can stall a reload or never end. */
#include "gslb/zone_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int zone_file_open(const char *path, struct err *e) {
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_errno(e, "%s", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(e, "%s: not a regular file; name a zone file", path);
}
