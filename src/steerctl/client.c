/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connects, sends one line, reads one answer. Refuses answers above 256 MiB and waits at most 30 s for one (a daemon that was
 * stopped by a signal accepts connections, but answers none). Every message says what to do about it.
 */
#include "client.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SECONDS 30
#define ANSWER_BYTES_MAX (256u << 20)

static const char *remedy(int error) {
	switch (error) {
	case ENOENT:
		return "is steerway running, and does its admin.socket.path name this file? -s or $STEERCTL_SOCKET gives another";
	case ECONNREFUSED:
		return "the file is there, but no daemon answers behind it: start steerway";
	case EACCES:
		return "only the owner and group of the socket may: run this as root, or join the group that admin.socket.group "
		       "names";
	default:
		return "see steerctl(1)";
	}
}

int client_connect(const char *path) {
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	if (strlen(path) >= sizeof(at.sun_path)) {
		fprintf(stderr, "steerctl: %s: longer than the %zu bytes that a socket's path may have\n", path,
		        sizeof(at.sun_path) - 1);
		return -1;
	}
	strcpy(at.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		fprintf(stderr, "steerctl: can't connect to %s: %s; %s\n", path, strerror(errno), remedy(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* '...' around each word, so that the daemon sees what the shell gave us. */
static char *line_build(char *const *words, size_t n, size_t *length) {
	size_t bytes = 2;
	for (size_t i = 0; i < n; i++)
		bytes += 4 * strlen(words[i]) + 3;
	char *line = malloc(bytes), *to = line;
	if (line == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		*to++ = '\'';
		for (const char *from = words[i]; *from; from++) {
			if (*from == '\'') {
				memcpy(to, "'\\''", 4);
				to += 4;
			} else {
				*to++ = *from;
			}
		}
		*to++ = '\'';
		*to++ = i + 1 < n ? ' ' : '\n';
	}
	*length = (size_t)(to - line);
	return line;
}

static int trouble(const char *what) {
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		fprintf(stderr, "steerctl: the daemon did not answer within %d s; is it stopped or overloaded?\n",
		        ANSWER_SECONDS);
	else
		fprintf(stderr, "steerctl: %s: %s\n", what, strerror(errno));
	return -1;
}

static int send_whole(int fd, const char *p, size_t n) {
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		/* A daemon with all its connections in use says so and closes: the answer tells more than the broken pipe. */
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (sent < 0)
			return trouble("sending the command");
		p += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static int receive_whole(int fd, char *p, size_t n) {
	while (n > 0) {
		ssize_t got = recv(fd, p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return trouble("reading the answer");
		if (got == 0) {
			fprintf(stderr, "steerctl: the daemon closed the connection before its answer was whole; did it stop?\n");
			return -1;
		}
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

/* "ok 123\n" byte by byte: what follows belongs to the body. */
static int receive_head(int fd, struct answer *out) {
	char head[32] = "";
	unsigned long bytes;
	char end;
	for (size_t i = 0; i + 1 < sizeof(head); i++) {
		if (receive_whole(fd, &head[i], 1) < 0)
			return -1;
		if (head[i] == '\n')
			break;
	}
	out->is_ok = strncmp(head, "ok ", 3) == 0;
	if ((!out->is_ok && strncmp(head, "error ", 6) != 0) || sscanf(strchr(head, ' '), " %lu%c", &bytes, &end) != 2 ||
	    end != '\n' || bytes > ANSWER_BYTES_MAX) {
		fprintf(stderr, "steerctl: what answers on this socket is not steerway\n");
		return -1;
	}
	out->n = bytes;
	return 0;
}

int client_ask(int fd, char *const *words, size_t n, struct answer *out) {
	size_t length;
	char *line = line_build(words, n, &length);
	int status = line != NULL ? send_whole(fd, line, length) : trouble("memory");
	free(line);
	if (status < 0 || receive_head(fd, out) < 0)
		return -1;
	out->body = malloc(out->n + 1);
	if (out->body == NULL)
		return trouble("memory");
	out->body[out->n] = '\0';
	if (receive_whole(fd, out->body, out->n) < 0) {
		free(out->body);
		out->body = NULL;
		return -1;
	}
	return 0;
}
