/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads zone files, also those that $INCLUDE names, whole into memory: regular files alone, so that none can stall a reload or never
 * end. Tells later whether a file is still the one that was read.
 */
#include "gslb/zone_text.h"

#include "steerway/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_BYTES_MAX (UINT64_C(1) << 32)
/* A file that was written so shortly before it was read may be written again in the same tick of the file system's clock. */
#define SETTLED_S 2

static bool time_eq(struct timespec a, struct timespec b) {
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool zone_file_is_unchanged(const struct zone_file *f) {
	struct stat st;
	return stat(f->path.p, &st) == 0 && st.st_dev == f->device && st.st_ino == f->inode && st.st_size == f->size &&
	       time_eq(st.st_mtim, f->modified) && time_eq(st.st_ctim, f->changed) && st.st_ctim.tv_sec + SETTLED_S < f->read_s;
}

static int read_whole(int fd, char *to, size_t size, size_t *n) {
	for (*n = 0; *n < size;) {
		ssize_t got = read(fd, to + *n, size - *n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (int)got;
		*n += (size_t)got;
	}
	return 0;
}

static int read_open(struct zone_file *out, int fd, struct arena *arena, struct err *e) {
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_errno(e, "%s", out->path.p);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s: not a regular file; name a zone file", out->path.p);
	if ((uint64_t)st.st_size > FILE_BYTES_MAX)
		return err_set(e, "%s: larger than 4 GiB; split the zone", out->path.p);
	/* A byte more: a file that grows under our hands is not taken for a whole one. */
	size_t size = (size_t)st.st_size, n;
	char *text = arena_alloc(arena, size + 1);
	if (read_whole(fd, text, size + 1, &n) < 0)
		return err_errno(e, "%s", out->path.p);
	if (n != size)
		return err_set(e, "%s: was changed while it was read; reload again, and replace it by renaming", out->path.p);
	out->text = str_slice(text, n);
	out->device = st.st_dev;
	out->inode = st.st_ino;
	out->size = st.st_size;
	out->modified = st.st_mtim;
	out->changed = st.st_ctim;
	out->read_s = time(NULL);
	return 0;
}

int zone_file_read(struct zone_file *out, struct str path, struct arena *arena, struct err *e) {
	*out = (struct zone_file){ .path = path };
	int fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_errno(e, "%s", path.p);
	int result = read_open(out, fd, arena, e);
	close(fd);
	return result;
}
