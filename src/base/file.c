/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are written whole: readers see the old one or the new one, and so does who starts after a crash. */
#include "steerway/base/file.h"

#include "steerway/base/buf.h"
#include "steerway/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_whole(int fd, struct str text) {
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text = str_skip(text, (size_t)n);
	}
	return fsync(fd);
}

/* Anew: one that is there was left behind by a writer that died, or is a link that leads elsewhere. */
static int create(const char *path, unsigned mode) {
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
	if (fd < 0 && errno == EEXIST && unlink(path) == 0)
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
	return fd;
}

/* The new name is on the disk, too. A folder that can't be opened is none that the file could have been renamed in. */
static void folder_sync(const char *path) {
	char *copy = mem_strdup(str_from(path));
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	mem_free(copy);
}

int file_replace(const char *path, struct str text, unsigned mode, struct err *e) {
	struct buf beside = { 0 };
	buf_printf(&beside, "%s.new", path);
	buf_add_char(&beside, '\0');
	int result = 0, fd = create(beside.p, mode);
	if (fd < 0 || write_whole(fd, text) < 0 || rename(beside.p, path) < 0)
		result = err_errno(e, "%s", path);
	if (fd >= 0)
		close(fd);
	if (result == 0)
		folder_sync(path);
	else if (fd >= 0)
		unlink(beside.p);
	buf_fini(&beside);
	return result;
}
