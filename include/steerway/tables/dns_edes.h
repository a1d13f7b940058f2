/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS_EDE(name, code, text): extended DNS errors (RFC 8914) that steerway sends; the text goes with them where the code alone would not
 * say it. A fallback is "other": the codes of stale data (3) and of unreachable servers (22) tell of a resolver's trouble with
 * authorities, and would send an operator to look in the wrong place.
 */
DNS_EDE(FALLBACK, 0, "no site is usable; this is the fallback")
DNS_EDE(NOT_AUTHORITATIVE, 20, "")
DNS_EDE(NOT_SUPPORTED, 21, "")
