/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS_RCODE(name, value, text): response codes that steerway sends. Values above 15 take EDNS (RFC 6891 6.1.3). */
DNS_RCODE(NOERROR, 0, "no error")
DNS_RCODE(FORMERR, 1, "the query is malformed")
DNS_RCODE(NXDOMAIN, 3, "the name does not exist")
DNS_RCODE(NOTIMP, 4, "the kind of query is not implemented")
DNS_RCODE(REFUSED, 5, "not a zone of this server, or not for this client")
DNS_RCODE(YXDOMAIN, 6, "below a DNAME record, and the name that it leads to would be too long")
DNS_RCODE(BADVERS, 16, "the EDNS version is not supported")
DNS_RCODE(BADCOOKIE, 23, "the server cookie is missing or not valid")
