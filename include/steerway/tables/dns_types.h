/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS_TYPE(name, value, target, compress): types of records that need to be known.
 *
 * target    where in the RDATA a host name stands whose addresses go into the additional section; -1: nowhere
 * compress  whether names in the RDATA may be compressed: those of RFC 1035 alone (RFC 3597 4), of which every one is known
 */
DNS_TYPE(A, 1, -1, false)
DNS_TYPE(NS, 2, 0, true)
DNS_TYPE(CNAME, 5, -1, true)
DNS_TYPE(SOA, 6, -1, true)
DNS_TYPE(PTR, 12, -1, true)
DNS_TYPE(HINFO, 13, -1, false)
DNS_TYPE(MX, 15, 2, true)
DNS_TYPE(TXT, 16, -1, false)
DNS_TYPE(AFSDB, 18, 2, false)
DNS_TYPE(RT, 21, 2, false)
DNS_TYPE(AAAA, 28, -1, false)
DNS_TYPE(SRV, 33, 6, false)
DNS_TYPE(KX, 36, 2, false)
DNS_TYPE(DNAME, 39, -1, false)
DNS_TYPE(OPT, 41, -1, false)
DNS_TYPE(DS, 43, -1, false)
DNS_TYPE(RRSIG, 46, -1, false)
DNS_TYPE(NSEC, 47, -1, false)
DNS_TYPE(DNSKEY, 48, -1, false)
DNS_TYPE(NSEC3, 50, -1, false)
DNS_TYPE(NSEC3PARAM, 51, -1, false)
DNS_TYPE(CDS, 59, -1, false)
DNS_TYPE(CDNSKEY, 60, -1, false)
DNS_TYPE(SVCB, 64, 2, false)
DNS_TYPE(HTTPS, 65, 2, false)
DNS_TYPE(IXFR, 251, -1, false)
DNS_TYPE(AXFR, 252, -1, false)
DNS_TYPE(ANY, 255, -1, false)
