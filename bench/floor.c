/* SPDX-License-Identifier: BSD-2-Clause
 * The floor of DNS measurements: what an answer costs when nobody thinks. One blocking recvmmsg, one sendmmsg, both of at most 64
 * datagrams; what came goes back as a response of the size that real answers have.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, ROOM = 1500 };

static struct mmsghdr messages[BATCH];
static struct iovec iov[BATCH];
static struct sockaddr_in from[BATCH];
static unsigned char bytes[BATCH][ROOM];

static void serve(int fd, size_t answer_bytes) {
	for (;;) {
		for (unsigned i = 0; i < BATCH; i++) {
			iov[i].iov_len = ROOM;
			messages[i].msg_hdr.msg_namelen = sizeof(from[i]);
		}
		int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			bytes[i][2] |= 0x80; /* QR, and two answer records that nobody looks at */
			bytes[i][7] = 2;
			iov[i].iov_len = answer_bytes;
		}
		if (n > 0)
			sendmmsg(fd, messages, (unsigned)n, 0);
	}
}

int main(int argc, char **argv) {
	if (argc != 4) {
		fputs("usage: floor ip port answer_bytes\n", stderr);
		return 2;
	}
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])) };
	size_t answer_bytes = strtoul(argv[3], NULL, 10);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 4 << 20;
	if (inet_pton(AF_INET, argv[1], &at.sin_addr) != 1 || answer_bytes < 12 || answer_bytes > ROOM || fd < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		perror("floor");
		return 1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	for (unsigned i = 0; i < BATCH; i++) {
		iov[i].iov_base = bytes[i];
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &from[i], .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	serve(fd, answer_bytes);
}
